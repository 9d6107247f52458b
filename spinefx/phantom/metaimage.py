"""MetaImage files (.mha) written by ourselves: a text header, then zlib-compressed voxels in the same file."""

from __future__ import annotations

import os
import tempfile
import zlib
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spinefx.contract.errors import StoreError
from spinefx.contract.grid import Grid

_TYPES = {"i2": "MET_SHORT", "u2": "MET_USHORT", "u1": "MET_UCHAR", "f4": "MET_FLOAT"}


def metaimage_bytes(data: NDArray[Any], grid: Grid) -> bytes:
    """The whole .mha file of `data` (z, y, x), int16, uint16, uint8 or float32, on `grid`; equal for equal input."""
    code = data.dtype.str[1:]
    voxels = zlib.compress(np.ascontiguousarray(data, dtype=f"<{code}").tobytes(), 1)

    def numbers(values: Any) -> str:
        return " ".join(repr(float(value)) for value in values)

    header = {
        "ObjectType": "Image",
        "NDims": "3",
        "BinaryData": "True",
        "BinaryDataByteOrderMSB": "False",
        "CompressedData": "True",
        "CompressedDataSize": str(len(voxels)),
        "TransformMatrix": numbers(grid.direction.T.ravel()),
        "Offset": numbers(grid.origin),
        "CenterOfRotation": "0 0 0",
        "ElementSpacing": numbers(grid.spacing[::-1]),
        "DimSize": " ".join(str(n) for n in grid.shape[::-1]),
        "ElementType": _TYPES[code],
        "ElementDataFile": "LOCAL",
    }
    return "".join(f"{key} = {value}\n" for key, value in header.items()).encode("ascii") + voxels


def write_whole(path: Path, content: bytes) -> None:
    """`content` at `path`, whole or not at all: temporary file beside it, then renamed. StoreError if that fails."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            Path(name).chmod(0o644)
            Path(name).replace(path)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise
    except OSError as error:
        raise StoreError(f"{path} could not be written: {error.strerror or error}") from error
