"""Artefacts by content key: arrays plus a little JSON.

A new one is a file of its own; those of many finished cases are moved into packs, so that files do not grow with the
cohort. Shared between runs; an entry that is damaged counts as absent and is made again.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from spinefx.contract.errors import StoreError
from spinefx.store.files import atomic_write_bytes
from spinefx.store.packs import Packs
from spinefx.store.tensors import Span, packed, read, verified

PACK_AFTER = 4096
"""So many new artefacts of finished cases are moved into a pack."""
_LOOSE = ".safetensors"


@dataclass(frozen=True)
class Artefact:
    """What one step left: named arrays, and JSON beside them."""

    arrays: Mapping[str, NDArray[Any]]
    meta: Any


@dataclass(frozen=True)
class Cache:
    """Artefacts below `root`, found by key (64 hex digits)."""

    root: Path

    @cached_property
    def packs(self) -> Packs:
        """The packed ones."""
        return Packs(self.root / "packs")

    def path(self, key: str) -> Path:
        """Where the artefact of `key` lies as a file of its own, or would lie."""
        return self.root / "steps" / key[:2] / f"{key}{_LOOSE}"

    def fit_folder(self, key: str) -> Path:
        """Where the fit of `key` keeps its workspace and its model."""
        return self.root / "fits" / key

    def span(self, key: str) -> Span | None:
        """Where the artefact of `key` lies, unread; None where there is none."""
        path = self.path(key)
        try:
            return Span(path, 0, path.stat().st_size)
        except FileNotFoundError:
            return self.packs.find(key)

    def __contains__(self, key: str) -> bool:
        return self.span(key) is not None

    def loose(self) -> Iterator[str]:
        """The keys of the artefacts that are files of their own."""
        return (path.stem for path in self.root.glob(f"steps/??/[0-9a-f]*{_LOOSE}"))

    def put(self, key: str, arrays: Mapping[str, NDArray[Any]], meta: Any = None) -> None:
        """Store an artefact; equal content gives equal bytes.

        It is not synced: what a power cut takes counts as damaged by its checksum and is made again. Packs are synced.
        """
        atomic_write_bytes(self.path(key), packed(key, arrays, meta), synced=False)

    def pack(self, keys: Iterable[str]) -> None:
        """Move the artefacts of these keys, where they are files of their own, into packs."""
        moved = [(key, Span(path, 0, path.stat().st_size)) for key in keys if (path := self.path(key)).is_file()]
        if moved:
            self.packs.add(moved)
            for _, span in moved:
                span.path.unlink(missing_ok=True)

    def get(self, key: str) -> Artefact | None:
        """The artefact, checked; None where it is absent or damaged (a damaged file is removed)."""
        span = self.span(key)
        if span is None:
            return None
        try:
            meta, arrays = verified(span, key)
        except FileNotFoundError:  # packed since, or removed
            return self.get(key)
        except (ValueError, OSError):
            self.path(key).unlink(missing_ok=True)
            return None
        return Artefact(arrays, meta)

    def require(self, key: str) -> Artefact:
        """The artefact; StoreError where it is absent or damaged."""
        found = self.get(key)
        if found is None:
            raise self._gone(key)
        return found

    def meta(self, key: str) -> Any:
        """The JSON beside the arrays, without reading them; StoreError where the artefact is absent or damaged."""
        return self._part(key, [])[0]["meta"]

    def content(self, key: str) -> tuple[Any, str]:
        """The JSON beside the arrays and the checksum of the arrays, without reading them; StoreError as from `meta`."""
        head = self._part(key, [])[0]
        return head["meta"], str(head["sum"])

    def some(self, key: str, names: list[str]) -> tuple[Any, list[NDArray[Any]]]:
        """The JSON and some arrays of an artefact, without reading the others; StoreError as from `meta`."""
        head, found = self._part(key, names)
        return head["meta"], [found[name] for name in names]

    def _part(self, key: str, names: list[str]) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
        span = self.span(key)
        if span is None:
            raise self._gone(key)
        try:
            return read(span, names)
        except FileNotFoundError:  # packed since
            return self._part(key, names)
        except (ValueError, KeyError, OSError) as error:
            raise self._gone(key) from error

    def _gone(self, key: str) -> StoreError:
        return StoreError(f"{self.path(key)}: the cached artefact is gone or damaged; run again, it will be made anew")
