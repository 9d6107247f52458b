"""MetaImage headers (.mha, and .mhd with its data beside it), read by ourselves and strictly.

ITK's own reader follows any path in `ElementDataFile`, lists of files and pipes included; this one knows LOCAL in a
.mha, and a plain file name beside a .mhd.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from spinefx.api import DataError, GridError
from spinefx_io.header import Header, numbers, whole_numbers

_LIMIT = 65_536
_TYPES = {
    "MET_CHAR": "i1", "MET_UCHAR": "u1", "MET_SHORT": "i2", "MET_USHORT": "u2", "MET_INT": "i4", "MET_UINT": "u4",
    "MET_LONG_LONG": "i8", "MET_ULONG_LONG": "u8", "MET_FLOAT": "f4", "MET_DOUBLE": "f8",
}  # fmt: skip
_SAME = {"Rotation": "TransformMatrix", "Orientation": "TransformMatrix", "Position": "Offset", "Origin": "Offset"}


def parse_metaimage(path: Path, start: bytes) -> Header:
    """The header of a MetaImage file.

    start : the file's first 64 KiB (or all of it).

    Raises
    ------
    DataError
        For anything but one 3-D scalar image whose voxels lie in this file (.mha) or beside it (.mhd).
    GridError
        For spacing, origin or direction that are missing, not finite, or given twice and differing.
    """
    fields, offset = _fields(start)
    dims = fields.get("NDims", "")
    if dims != "3":
        raise DataError(f"has NDims = {dims or 'nothing'}, wanted 3: one volume a file")
    if fields.get("ObjectType", "Image") != "Image":
        raise DataError(f"ObjectType is {fields['ObjectType']!r}, wanted Image")
    if fields.get("ElementNumberOfChannels", "1") != "1":
        raise DataError(f"has {fields['ElementNumberOfChannels']} channels a voxel (RGB or a vector image), wanted 1")
    if not _flag(fields, "BinaryData", default=False):
        raise DataError("BinaryData is not True; write it as binary")
    code = _TYPES.get(fields.get("ElementType", ""))
    if code is None:
        raise DataError(f"ElementType {fields.get('ElementType', 'nothing')!r} is none of {', '.join(_TYPES)}")
    big = _flag(fields, "BinaryDataByteOrderMSB", default=False) or _flag(fields, "ElementByteOrderMSB", default=False)
    if fields.get("HeaderSize", "0") not in ("0", "-1"):
        raise DataError(f"HeaderSize = {fields['HeaderSize']} is not supported; write the file anew")
    data, offset = _data_file(path, fields["ElementDataFile"], offset)
    transform = numbers(_parts(fields, "TransformMatrix", 9), "TransformMatrix")
    x, y, z = whole_numbers(_parts(fields, "DimSize", 3), "DimSize")
    sx, sy, sz = numbers(_parts(fields, "ElementSpacing", 3), "ElementSpacing")
    ox, oy, oz = numbers(_parts(fields, "Offset", 3), "Offset")
    return Header(
        path, (x, y, z), (sx, sy, sz), (ox, oy, oz), np.array(transform).reshape(3, 3).T,
        np.dtype((">" if big else "<") + code), data, offset,
        "zlib" if _flag(fields, "CompressedData", default=False) else "none",
    )  # fmt: skip


def _fields(start: bytes) -> tuple[dict[str, str], int]:
    """Key -> value up to ElementDataFile, aliases resolved, and where the voxels begin."""
    fields: dict[str, str] = {}
    place = 0
    while True:
        end = start.find(b"\n", place, _LIMIT)
        if end < 0:
            raise DataError("has no MetaImage header that ends in ElementDataFile within 64 KiB")
        try:
            line = start[place:end].decode("ascii").strip()
        except UnicodeDecodeError:
            raise DataError("has a header that is not plain text; is it a MetaImage file?") from None
        place = end + 1
        if not line:
            continue
        key, equals, value = (part.strip() for part in line.partition("="))
        if not equals:
            raise DataError(f"has a header line without '=': {line[:60]!r}; is it a MetaImage file?")
        key = _SAME.get(key, key)
        if key in fields and fields[key].split() != value.split():
            raise GridError(f"gives {key} twice, {fields[key][:60]!r} and {value[:60]!r}")
        fields[key] = value
        if key == "ElementDataFile":
            return fields, place


def _data_file(path: Path, value: str, offset: int) -> tuple[Path, int]:
    if path.suffix.lower() == ".mha":
        if value != "LOCAL":
            raise DataError(
                f"points to other data (ElementDataFile = {value[:80]!r}); a .mha must hold its own (LOCAL)"
            )
        return path, offset
    if value == "LOCAL":
        return path, offset
    if not value or value.startswith("LIST") or "%" in value or Path(value).name != value or "\\" in value:
        raise DataError(f"points to {value[:80]!r}; a .mhd may only name one plain file beside itself")
    return path.with_name(value), 0


def _flag(fields: dict[str, str], key: str, *, default: bool) -> bool:
    value = fields.get(key, str(default))
    if value.lower() not in ("true", "false"):
        raise DataError(f"{key} must be True or False, got {value[:40]!r}")
    return value.lower() == "true"


def _parts(fields: dict[str, str], key: str, count: int) -> list[str]:
    if key not in fields:
        raise GridError(f"has no {key}; spinefx does not guess geometry, write the file anew with it")
    parts = fields[key].split()
    if len(parts) != count:
        raise GridError(f"{key} must be {count} numbers, got {fields[key][:80]!r}")
    return parts
