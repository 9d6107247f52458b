"""NRRD headers (.nrrd with its data inside), read by ourselves and strictly."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Literal

import numpy as np

from spinefx.api import DataError, GridError
from spinefx_io.header import Header, numbers, whole_numbers

_LIMIT = 65_536
_TYPES = {
    "i1": ("signed char", "int8", "int8_t"), "u1": ("uchar", "unsigned char", "uint8", "uint8_t"),
    "i2": ("short", "short int", "signed short", "signed short int", "int16", "int16_t"),
    "u2": ("ushort", "unsigned short", "unsigned short int", "uint16", "uint16_t"),
    "i4": ("int", "signed int", "int32", "int32_t"), "u4": ("uint", "unsigned int", "uint32", "uint32_t"),
    "f4": ("float",), "f8": ("double",),
}  # fmt: skip
_CODES = {name: code for code, names in _TYPES.items() for name in names}
_SIGNS = {
    "left-posterior-superior": (1, 1, 1), "lps": (1, 1, 1), "right-anterior-superior": (-1, -1, 1), "ras": (-1, -1, 1),
    "left-anterior-superior": (1, -1, 1), "las": (1, -1, 1),
}  # fmt: skip
_PACKING: dict[str, Literal["none", "gzip"]] = {"raw": "none", "gzip": "gzip", "gz": "gzip"}


def parse_nrrd(path: Path, start: bytes) -> Header:
    """The header of a .nrrd file from its first 64 KiB.

    Raises
    ------
    DataError
        For anything but one 3-D scalar image with raw or gzip voxels in the same file.
    GridError
        Where space, directions or origin are missing or not finite.
    """
    fields, offset = _fields(start)
    for key in ("data file", "datafile"):
        if key in fields:
            raise DataError(
                f"points to other data (data file: {fields[key][:80]!r}); keep the voxels in the .nrrd itself"
            )
    if fields.get("dimension") != "3":
        raise DataError(f"has {fields.get('dimension', 'no')} dimensions, wanted one scalar volume of 3")
    for key in ("line skip", "lineskip", "byte skip", "byteskip"):
        if fields.get(key, "0") != "0":
            raise DataError(f"skips bytes before its voxels ({key}: {fields[key][:20]}); write the file anew")
    code = _CODES.get(fields.get("type", "").lower())
    if code is None:
        raise DataError(f"has type {fields.get('type', 'nothing')!r}, wanted plain numbers")
    packing = _PACKING.get(fields.get("encoding", "").lower())
    if packing is None:
        raise DataError(f"is encoded as {fields.get('encoding', 'nothing')!r}, wanted raw or gzip")
    endian = fields.get("endian", "" if code[1:] != "1" else "little").lower()
    if endian not in ("little", "big"):
        raise DataError(f"endian is {endian[:20] or 'not given'!r}, wanted little or big")
    signs = _SIGNS.get(fields.get("space", "").lower())
    if signs is None:
        raise GridError(f"space is {fields.get('space', 'not given')!r}, wanted one of {', '.join(list(_SIGNS)[::2])}")
    if fields.get("space directions", "").count("none"):
        raise DataError("has an axis without direction (RGB or a vector image), wanted one scalar volume of 3")
    vectors = re.findall(r"\(([^()]*)\)", fields.get("space directions", ""))
    if len(vectors) != 3:
        raise GridError("space directions must be three vectors; spinefx does not guess geometry")
    turn = np.diag(np.array(signs, np.float64))
    columns = turn @ np.array([_vector(v, "space directions") for v in vectors], np.float64).T
    with np.errstate(over="ignore"):  # of huge numbers: refused below
        spacing = np.linalg.norm(columns, axis=0)
    if (spacing <= 0).any():
        raise GridError(f"spacing must be positive, header says {spacing.tolist()}")
    origin = turn @ np.array(_vector(fields.get("space origin", "").strip("() "), "space origin"))
    x, y, z = whole_numbers(_three(fields.get("sizes", "").split(), "sizes"), "sizes")
    sx, sy, sz = (float(s) for s in spacing)
    return Header(
        path, (x, y, z), (sx, sy, sz), (float(origin[0]), float(origin[1]), float(origin[2])), columns / spacing,
        np.dtype(("<" if endian == "little" else ">") + code), path, offset, packing,
    )  # fmt: skip


def _fields(start: bytes) -> tuple[dict[str, str], int]:
    if not re.match(rb"NRRD000[1-5]\r?\n", start):
        raise DataError("is not a NRRD file (its first line is not NRRD0001 .. NRRD0005)")
    end = re.search(rb"\n\r?\n", start[:_LIMIT])
    if end is None:
        raise DataError("has no NRRD header that ends in a blank line within 64 KiB")
    fields: dict[str, str] = {}
    for line in start[: end.start()].decode("latin-1").splitlines()[1:]:
        key, colon, value = line.partition(":")
        if line.startswith("#") or not colon or value.startswith("="):
            continue
        key = key.strip().lower()
        if key in fields:
            raise DataError(f"gives {key!r} twice")
        fields[key] = value.strip()
    return fields, end.end()


def _three(parts: list[str], what: str) -> list[str]:
    if len(parts) != 3:
        raise GridError(f"{what} must be three numbers, got {' '.join(parts)[:60]!r}")
    return parts


def _vector(text: str, what: str) -> tuple[float, ...]:
    return numbers(_three([part.strip() for part in text.split(",")], what), what)
