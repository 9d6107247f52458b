"""One artefact as bytes: named arrays and a little JSON in safetensors' format, wherever in a file it starts."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import save

from spinefx.store.files import jsonable

_META = "spinefx"
_LONGEST_HEAD = 64 << 20
_TYPES = {
    "BOOL": "?", "U8": "u1", "I8": "i1", "U16": "<u2", "I16": "<i2", "U32": "<u4", "I32": "<i4", "U64": "<u8",
    "I64": "<i8", "F16": "<f2", "F32": "<f4", "F64": "<f8",
}  # fmt: skip


@dataclass(frozen=True)
class Span:
    """Where an artefact lies: `length` bytes of a file from `start` on."""

    path: Path
    start: int
    length: int


def packed(key: str, arrays: Mapping[str, NDArray[Any]], meta: Any) -> bytes:
    """The artefact of `key` as bytes; equal content gives equal bytes."""
    ready = {name: np.ascontiguousarray(array) for name, array in sorted(arrays.items())}
    head = {"key": key, "sum": checksum(ready), "meta": jsonable(meta)}
    text = json.dumps(head, sort_keys=True, separators=(",", ":"))
    return save(ready, metadata={_META: text})


def read(span: Span, names: Collection[str] | None = None) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
    """What `packed` was given as {key, sum, meta}, and its arrays: all of them, or those named.

    Raises
    ------
    ValueError
        If the bytes are no artefact. OSError, KeyError as they come.
    """
    with span.path.open("rb") as file:
        table, base = _head(file, span)
        head: dict[str, Any] = json.loads(table.pop("__metadata__")[_META])
        return head, {name: _array(file, span, base, table[name]) for name in (table if names is None else names)}


def verified(span: Span, key: str) -> tuple[Any, dict[str, NDArray[Any]]]:
    """The JSON and the arrays of `key`'s artefact; ValueError where they are another's, or damaged."""
    try:
        head, arrays = read(span)
        whole = head["key"] == key and head["sum"] == checksum(arrays)
    except (KeyError, TypeError, OverflowError, RecursionError) as error:
        raise ValueError("damaged") from error
    if not whole:
        raise ValueError("damaged")
    return head["meta"], arrays


def checksum(arrays: Mapping[str, NDArray[Any]]) -> str:
    """SHA-256 over names, types, shapes and bytes."""
    whole = hashlib.sha256()
    for name in sorted(arrays):
        array = np.ascontiguousarray(arrays[name])
        whole.update(f"{name}|{array.dtype.str}|{array.shape}|".encode())
        whole.update(array.reshape(-1).view(np.uint8).data if array.size else b"")
    return whole.hexdigest()


def _head(file: BinaryIO, span: Span) -> tuple[dict[str, Any], int]:
    """The table of tensors, and where their bytes start."""
    file.seek(span.start)
    size = int.from_bytes(file.read(8), "little")
    if not 2 <= size <= min(span.length - 8, _LONGEST_HEAD):
        raise ValueError("no header")
    table = json.loads(file.read(size))
    if not isinstance(table, dict):
        raise ValueError("no header")
    return table, span.start + 8 + size


def _array(file: BinaryIO, span: Span, base: int, entry: Mapping[str, Any]) -> NDArray[Any]:
    first, last = entry["data_offsets"]
    if not 0 <= first <= last or base + last > span.start + span.length:
        raise ValueError("data beyond the end")
    file.seek(base + first)
    array: NDArray[Any] = np.frombuffer(file.read(last - first), _TYPES[entry["dtype"]])
    return array.reshape(entry["shape"])
