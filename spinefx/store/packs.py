"""Many artefacts in few files: a pack is artefacts one after the other, with an index of keys beside it.

A pack never changes. Its index is written last, whole or not at all, so a pack without one does not count; a later pack
outranks an earlier one. Any number of processes may read, and add packs, at once.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from spinefx.store.files import atomic_write, atomic_write_bytes, make_folder
from spinefx.store.tensors import Span, packed, verified

LARGEST = 1 << 30
"""Bytes after which the next artefact starts a new pack."""

_PACK, _INDEX = ".pack", ".index"
_TICK_NS = 100_000_000
"""A folder's time of change tells two changes apart only if they lie further apart than this."""


@dataclass
class _Known:
    """Every packed artefact, sorted by the head of its key; the later of two equal keys stands first."""

    heads: NDArray[np.uint64]
    keys: NDArray[np.uint8]
    spans: NDArray[np.uint64]
    packs: NDArray[np.uint32]
    names: list[str]


@dataclass
class Packs:
    """The packs in one folder.

    root : the folder; need not exist.
    """

    root: Path
    _known: _Known | None = None
    _seen: int = field(default=-1)

    def find(self, key: str) -> Span | None:
        """Where the artefact of `key` lies, or None."""
        known = self._read()
        if known is None:
            return None
        wanted = np.frombuffer(bytes.fromhex(key), np.uint8)
        head = _words(wanted[None])[0, 0]
        place = int(np.searchsorted(known.heads, head))
        while place < len(known.heads) and known.heads[place] == head:
            if (known.keys[place] == wanted).all():
                start, length = (int(value) for value in known.spans[place])
                return Span(self.root / f"{known.names[known.packs[place]]}{_PACK}", start, length)
            place += 1
        return None

    def keys(self) -> Iterator[str]:
        """Every packed key, each once."""
        known = self._read()
        before = b""
        for key in known.keys if known else ():
            if (now := key.tobytes()) != before:
                yield now.hex()
            before = now

    def spans(self) -> Iterator[tuple[str, Span]]:
        """Every packed key, each once, with where its artefact lies."""
        for key in self.keys():
            if (span := self.find(key)) is not None:
                yield key, span

    def files(self) -> list[Path]:
        """Every pack."""
        return sorted(self.root.glob(f"*{_PACK}"))

    def remove(self, pack: Path) -> None:
        """Remove a pack; what it held counts as absent."""
        pack.with_suffix(_INDEX).unlink(missing_ok=True)
        pack.unlink(missing_ok=True)

    def add(self, artefacts: Iterable[tuple[str, Span]]) -> None:
        """Copy artefacts into new packs; one that cannot be read is left out."""
        waiting = iter(artefacts)
        while (first := next(waiting, None)) is not None:
            self._write(first, waiting)

    def _write(self, first: tuple[str, Span], more: Iterator[tuple[str, Span]]) -> None:
        make_folder(self.root)
        name = f"{time.time_ns():020d}-{os.getpid()}"
        keys: list[bytes] = []
        spans: list[tuple[int, int]] = []

        def write(temporary: Path) -> None:
            item: tuple[str, Span] | None = first
            with temporary.open("wb") as pack:
                while item is not None:
                    if content := _whole(*item):
                        keys.append(bytes.fromhex(item[0]))
                        spans.append((pack.tell(), len(content)))
                        pack.write(content)
                    item = next(more, None) if pack.tell() < LARGEST else None

        atomic_write(self.root / f"{name}{_PACK}", write)
        rows = np.frombuffer(b"".join(keys), np.uint8).reshape(-1, 32)
        index = packed(name, {"keys": rows, "spans": np.array(spans, np.uint64)}, None)
        atomic_write_bytes(self.root / f"{name}{_INDEX}", index)

    def _read(self) -> _Known | None:
        """The indexes, read again where packs have come or gone."""
        try:
            stamp = self.root.stat().st_mtime_ns
        except FileNotFoundError:
            return None
        if stamp != self._seen:
            settled = time.time_ns() - stamp > _TICK_NS
            self._known, self._seen = _known(self.root), stamp if settled else -1
        return self._known


def _known(root: Path) -> _Known | None:
    """All indexes of `root` as one; a damaged one counts as absent, and what it held is made again."""
    tables, names = [], []
    for path in sorted(root.glob(f"*{_INDEX}"), reverse=True):
        try:
            _, table = verified(Span(path, 0, path.stat().st_size), path.stem)
        except (ValueError, OSError):
            continue
        tables.append(table)
        names.append(path.stem)
    if not tables:
        return None
    keys = np.concatenate([table["keys"] for table in tables])
    packs = np.repeat(np.arange(len(tables), dtype=np.uint32), [len(table["keys"]) for table in tables])
    order = np.lexsort((packs, *_words(keys).T[::-1]))
    spans = np.concatenate([table["spans"].reshape(-1, 2) for table in tables])
    return _Known(_words(keys)[order, 0], keys[order], spans[order], packs[order], names)


def _words(keys: NDArray[np.uint8]) -> NDArray[np.uint64]:
    """(n, 32) bytes of keys as (n, 4) numbers of the same order."""
    return np.ascontiguousarray(keys).view(">u8").astype(np.uint64)


def _whole(key: str, span: Span) -> bytes:
    """The artefact's bytes, checked; none where it is gone or damaged."""
    try:
        verified(span, key)
        with span.path.open("rb") as file:
            file.seek(span.start)
            return file.read(span.length)
    except (ValueError, OSError):
        return b""
