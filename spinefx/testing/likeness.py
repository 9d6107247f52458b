"""Whether two results are the same to the last bit, and where they first differ."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Set
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any

import numpy as np


def _parts(value: Any, at: str) -> Iterator[tuple[str, bytes]]:
    """(place, content) of everything in a value, in an order that hangs on the value alone."""
    if value is None or isinstance(value, str | bytes | bool | int | float | complex | Path):
        yield at, f"{type(value).__name__} {value!r}".encode()
    elif isinstance(value, np.ndarray | np.generic):
        array = np.ascontiguousarray(value)
        yield at, f"{array.dtype} {array.shape} ".encode() + array.tobytes()
    elif isinstance(value, Mapping):
        yield at, f"{len(value)} keys".encode()
        for key in sorted(value, key=repr):
            yield from _parts(value[key], f"{at}[{key!r}]")
    elif isinstance(value, Set):
        yield from _parts(sorted(map(repr, value)), at)
    elif is_dataclass(value) and not isinstance(value, type):
        for field in fields(value):
            if field.compare or field.repr:
                yield from _parts(getattr(value, field.name), f"{at}.{field.name}")
    elif isinstance(value, list | tuple):
        yield at, f"{len(value)} items".encode()
        for number, item in enumerate(value):
            yield from _parts(item, f"{at}[{number}]")
    else:
        yield at, type(value).__qualname__.encode()


def digests(value: Any) -> dict[str, str]:
    """Place in the value -> digest of what stands there; equal for equal values, in any process."""
    return {at: hashlib.sha256(content).hexdigest()[:16] for at, content in _parts(value, "")}


def difference(one: Mapping[str, str], other: Mapping[str, str]) -> str:
    """Where two values first differ, by their `digests`; "" where they do not."""
    for at in [*one, *(at for at in other if at not in one)]:
        if one.get(at) != other.get(at):
            return at.lstrip(".") or "its type"
    return ""
