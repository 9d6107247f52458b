"""A fit's folder in the cache: the model's files, and a seal that tells whether they are still what was fitted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from spinefx.contract.errors import StoreError
from spinefx.store.files import atomic_write_json, digests, read_json

MODEL = "model"
_SEAL = "seal.json"


def seal(folder: Path, history: Sequence[Mapping[str, float]]) -> None:
    """Close a fit whose model lies in `folder`: its losses by epoch and the digests of its files."""
    atomic_write_json(folder / _SEAL, {"files": digests(folder / MODEL), "history": list(history)})


def sealed(folder: Path) -> tuple[Mapping[str, float], ...] | None:
    """The losses by epoch of a whole fit; None where it is not finished, or a file of it is gone or damaged."""
    try:
        record: Any = read_json(folder / _SEAL)
        whole = record["files"] == digests(folder / MODEL)
        return tuple(dict(losses) for losses in record["history"]) if whole else None
    except (StoreError, OSError, TypeError, KeyError, ValueError):
        return None
