"""Compressed voxels, inflated no further than asked, in time that the bytes asked for and the file's size bound.

ISA-L inflates (1.6 to 4.5 times as fast as zlib on real masks). Python's own gzip reader walks names and members byte by
byte: a file of empty members, or with one long name, holds it for minutes. Here names cost nothing and members count.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import cast

from isal import isal_zlib

from spinefx.api import DataError

_CHUNK, _SLICE = 1 << 22, 1 << 16
_SMALL_BYTES, _SMALL_MEMBERS = 1 << 14, 64
_ZLIB, _GZIP = 15, 31
_DamagedError = cast(type[Exception], isal_zlib.error)  # its stub takes the class for an instance


def inflated(path: Path, *, offset: int, most: int, gzipped: bool) -> bytes:
    """What the file holds from byte `offset` on, inflated: all of it, or its first `most` bytes.

    gzipped : one or several gzip members, perhaps with zeros after the last; otherwise one zlib stream.

    Raises
    ------
    DataError
        If the stream is damaged, cut off, followed by something else, or made of very many small members.
    OSError
        If the file cannot be read.
    """
    parts: list[bytes] = []
    left, small = most, 0
    with path.open("rb") as file:
        file.seek(offset)
        chunk = file.read(_CHUNK)
        engine, got = _engine(gzipped), 0
        while left and chunk:
            try:
                out = engine.decompress(chunk, left)
            except _DamagedError as error:
                raise DataError(f"does not inflate ({error}): damaged, or not packed as it says") from error
            parts.append(out)
            left, got = left - len(out), got + len(out)
            if not engine.eof:
                chunk = engine.unconsumed_tail or file.read(_CHUNK)
                continue
            if not gzipped:
                break
            small += got < _SMALL_BYTES
            if small > _SMALL_MEMBERS:
                raise DataError("is packed into very many small gzip members; compress it anew")
            file.seek(-len(engine.unused_data), os.SEEK_CUR)
            chunk = file.read(_SLICE).lstrip(b"\0")
            if chunk:
                engine, got = _engine(gzipped), 0
        if left and not engine.eof:
            raise DataError("is cut off: its compressed voxels end too early")
    return b"".join(parts)


def _engine(gzipped: bool) -> isal_zlib.Decompress:
    return isal_zlib.decompressobj(_GZIP if gzipped else _ZLIB)
