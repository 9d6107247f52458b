"""Artefacts by content key: arrays plus a little JSON, one safetensors file each.

Shared between runs; an entry that is damaged counts as absent and is made again.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from spinefx.contract.errors import StoreError
from spinefx.store.files import atomic_write_bytes, jsonable

_META = "spinefx"


@dataclass(frozen=True)
class Artefact:
    """What one step left: named arrays, and JSON beside them."""

    arrays: Mapping[str, NDArray[Any]]
    meta: Any


def _sum(arrays: Mapping[str, NDArray[Any]]) -> str:
    """Checksum over names, types, shapes and bytes."""
    whole = hashlib.sha256()
    for name in sorted(arrays):
        array = np.ascontiguousarray(arrays[name])
        whole.update(f"{name}|{array.dtype.str}|{array.shape}|".encode())
        whole.update(array.reshape(-1).view(np.uint8).data if array.size else b"")
    return whole.hexdigest()


@dataclass(frozen=True)
class Cache:
    """Artefacts below `root`, found by key."""

    root: Path

    def path(self, key: str) -> Path:
        """Where the artefact of `key` lies, or would lie."""
        return self.root / "steps" / key[:2] / f"{key}.safetensors"

    def fit_folder(self, key: str) -> Path:
        """Where the fit of `key` keeps its workspace and its model."""
        return self.root / "fits" / key

    def __contains__(self, key: str) -> bool:
        return self.path(key).is_file()

    def put(self, key: str, arrays: Mapping[str, NDArray[Any]], meta: Any = None) -> None:
        """Store an artefact; equal content gives equal bytes."""
        packed = {name: np.ascontiguousarray(array) for name, array in sorted(arrays.items())}
        text = json.dumps(
            {"key": key, "sum": _sum(packed), "meta": jsonable(meta)}, sort_keys=True, separators=(",", ":")
        )
        atomic_write_bytes(self.path(key), save(packed, metadata={_META: text}))

    def get(self, key: str) -> Artefact | None:
        """The artefact, checked; None where it is absent or damaged (a damaged one is removed)."""
        path = self.path(key)
        if not path.is_file():
            return None
        try:
            with safe_open(path, framework="numpy") as file:
                head = json.loads((file.metadata() or {})[_META])
                arrays = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
            if head["key"] != key or head["sum"] != _sum(arrays):
                raise ValueError("checksum")
        except (SafetensorError, ValueError, KeyError, OSError):
            path.unlink(missing_ok=True)
            return None
        return Artefact(arrays, head["meta"])

    def require(self, key: str) -> Artefact:
        """The artefact; StoreError where it is absent or damaged."""
        found = self.get(key)
        if found is None:
            raise StoreError(
                f"{self.path(key)}: the cached artefact is gone or damaged; run again, it will be made anew"
            )
        return found

    def meta(self, key: str) -> Any:
        """The JSON beside the arrays, without reading them; StoreError where the artefact is absent or damaged."""
        try:
            with safe_open(self.path(key), framework="numpy") as file:
                return json.loads((file.metadata() or {})[_META])["meta"]
        except (SafetensorError, ValueError, KeyError, OSError) as error:
            raise StoreError(f"{self.path(key)}: the cached artefact is gone or damaged; run again") from error

    def arrays(self, key: str, names: list[str]) -> list[NDArray[Any]]:
        """Some arrays of an artefact, read alone; StoreError where it is absent or damaged."""
        try:
            with safe_open(self.path(key), framework="numpy") as file:
                return [file.get_tensor(name) for name in names]
        except (SafetensorError, OSError) as error:
            raise StoreError(f"{self.path(key)}: the cached artefact is gone or damaged; run again") from error
