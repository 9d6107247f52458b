"""Which artefacts a run stands on: told to the cache by the run, so that what no run needs can be told apart."""

from __future__ import annotations

import hashlib
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from spinefx.store.files import atomic_write_bytes
from spinefx.store.tensors import Span, packed, verified


@dataclass(frozen=True)
class Claim:
    """What the run in the folder `out` stands on: keys of artefacts and of fits; none while it has never ended."""

    out: Path
    keys: frozenset[str]


def _name(out: Path) -> str:
    return hashlib.sha256(str(out.absolute()).encode()).hexdigest()


def claim(root: Path, out: Path, keys: Collection[str]) -> None:
    """Tell the cache at `root` that the run in `out` stands on these keys, and on no others."""
    name = _name(out)
    table = np.frombuffer(b"".join(bytes.fromhex(key) for key in sorted(set(keys))), np.uint8).reshape(-1, 32)
    atomic_write_bytes(root / "claims" / name, packed(name, {"keys": table}, {"out": str(out.absolute())}))


def claimed(root: Path, out: Path) -> frozenset[str] | None:
    """What the run in `out` stands on; None where it has told the cache nothing yet."""
    path = root / "claims" / _name(out)
    found = _read(path) if path.is_file() else None
    return found.keys if found else None


def claims(root: Path) -> list[Claim]:
    """Every run that told the cache of itself and whose folder is still there."""
    found = (_read(path) for path in sorted(root.glob("claims/*")))
    return [claim for claim in found if claim is not None and claim.out.is_dir()]


def _read(path: Path) -> Claim | None:
    try:
        meta, arrays = verified(Span(path, 0, path.stat().st_size), path.name)
    except (ValueError, OSError):
        return None
    return Claim(Path(meta["out"]), frozenset(key.tobytes().hex() for key in arrays["keys"]))
