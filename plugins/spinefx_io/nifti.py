"""NIfTI-1 headers (.nii, .nii.gz), read by ourselves and strictly.

Readers differ in what they do with files whose sform and qform disagree, and some replace broken numbers by ones; here
such files are refused.
"""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from spinefx.api import DataError, GridError
from spinefx_io.header import Header

BYTES = 348
"""Size of a NIfTI-1 header."""

AGREE_MM = 0.05
"""sform and qform may put a corner voxel this far apart, and as far more as the quaternion's own rounding turns it."""

_ROUNDING = 3 * float(np.finfo(np.float32).eps)

_TYPES = {
    2: "u1", 4: "i2", 8: "i4", 16: "f4", 64: "f8", 256: "i1", 512: "u2", 768: "u4", 1024: "i8", 1280: "u8",
}  # fmt: skip
_COLOURS = {32: "complex", 128: "RGB", 1792: "complex", 2304: "RGBA"}
_LPS = np.diag([-1.0, -1.0, 1.0])

Floats = NDArray[np.float64]


def parse_nifti(path: Path, start: bytes) -> Header:
    """The header of a NIfTI-1 file from its first 348 (inflated) bytes.

    Raises
    ------
    DataError
        For anything but one 3-D scalar image with its voxels in the same file.
    GridError
        Where neither sform nor qform is set, both are and disagree, or a number in them is not finite.
    """
    order = _byte_order(start)
    dim = struct.unpack_from(f"{order}8h", start, 40)
    if not 3 <= dim[0] <= 7 or any(n != 1 for n in dim[4 : dim[0] + 1]):
        raise DataError(f"has {dim[0]} dimensions {dim[1 : max(dim[0], 0) + 1]}, wanted one volume of 3")
    kind, bits = struct.unpack_from(f"{order}2h", start, 70)
    if kind not in _TYPES:
        raise DataError(f"holds {_COLOURS.get(kind, f'datatype {kind}')} voxels, wanted plain numbers")
    dtype = np.dtype(order + _TYPES[kind])
    if bits != 8 * dtype.itemsize:
        raise DataError(f"says {bits} bits a voxel for a datatype of {8 * dtype.itemsize}")
    pixdim = np.array(struct.unpack_from(f"{order}8f", start, 76), np.float64)
    offset, slope, intercept = struct.unpack_from(f"{order}3f", start, 108)
    if not np.isfinite(pixdim[:4]).all():
        raise GridError(f"pixdim must be finite, got {pixdim[:4].tolist()}; write the file anew with its true spacing")
    if not np.isfinite(offset) or offset < BYTES + 4 or offset > 1 << 20 or offset != int(offset):
        raise DataError(f"vox_offset must be a whole number from {BYTES + 4} on, got {offset}")
    if start[123] & 7 not in (0, 2):
        raise GridError("gives lengths in metres or micrometres, wanted millimetres; write the file anew in mm")
    if not (np.isfinite(slope) and np.isfinite(intercept)):
        raise DataError(f"scl_slope and scl_inter must be finite, got {slope} and {intercept}")
    size = (int(dim[1]), int(dim[2]), int(dim[3]))
    matrix, origin = _placement(start, order, pixdim, size)
    with np.errstate(over="ignore"):  # of huge numbers: refused below
        spacing = np.linalg.norm(matrix, axis=0)
    if (spacing <= 0).any():
        raise GridError(f"spacing must be positive, header says {spacing.tolist()}")
    sx, sy, sz = (float(s) for s in spacing)
    ox, oy, oz = (float(o) for o in _LPS @ origin)
    gzipped = path.name.lower().endswith(".gz")
    return Header(
        path, size, (sx, sy, sz), (ox, oy, oz), _LPS @ (matrix / spacing), dtype, path, int(offset),
        "gzip-whole" if gzipped else "none", float(slope) or 1.0, float(intercept) if slope else 0.0,
    )  # fmt: skip


def _byte_order(start: bytes) -> str:
    if len(start) < BYTES:
        raise DataError("is shorter than a NIfTI header")
    for order in "<>":
        (size,) = struct.unpack_from(f"{order}i", start)
        if size == 540:
            raise DataError("is NIfTI-2; write it as NIfTI-1")
        if size == BYTES:
            if start[344:348] == b"n+1\0":
                return order
            raise DataError("keeps its voxels in another file (.hdr and .img); write it as one .nii file")
    raise DataError("is not a NIfTI file (its first number is not 348)")


def _placement(start: bytes, order: str, pixdim: Floats, size: tuple[int, int, int]) -> tuple[Floats, Floats]:
    """(3, 3) steps along the file's axes and (3,) origin, both in NIfTI's world (RAS), mm."""
    q_code, s_code = struct.unpack_from(f"{order}2h", start, 252)
    quaternion = np.array(struct.unpack_from(f"{order}6f", start, 256), np.float64)
    rows = np.array(struct.unpack_from(f"{order}12f", start, 280), np.float64).reshape(3, 4)
    sform = (rows[:, :3], rows[:, 3]) if s_code > 0 else None
    qform = _qform(quaternion, pixdim) if q_code > 0 else None
    for name, form in (("sform", sform), ("qform", qform)):
        if form is not None and not (np.isfinite(form[0]).all() and np.isfinite(form[1]).all()):
            raise GridError(f"{name} holds numbers that are not finite; write the file anew with its true geometry")
    if sform is None and qform is None:
        raise GridError("says nothing about orientation (sform and qform codes are 0); spinefx does not guess it")
    if sform is not None and qform is not None:
        ends = np.array(np.meshgrid(*[(0, n - 1) for n in size], indexing="ij"), np.float64).reshape(3, -1).T
        apart = ends @ (sform[0] - qform[0]).T + (sform[1] - qform[1])
        worst = float(np.linalg.norm(apart, axis=1).max())
        reach = float(np.linalg.norm(sform[0] @ (np.array(size, np.float64) - 1)))
        if worst > AGREE_MM + _turn_by_rounding(quaternion) * reach:
            raise GridError(f"sform and qform put a corner {worst:.2f} mm apart; keep the true one only")
    chosen = sform if sform is not None else qform
    assert chosen is not None  # noqa: S101  (one of them is there, see above)
    return chosen


def _turn_by_rounding(values: Floats) -> float:
    """Radians by which a qform may be off for its numbers' rounding: much near half a turn, where a is the root of almost 0."""
    rest = 1.0 - float(values[:3] @ values[:3])
    return 2.0 * _ROUNDING / float(np.sqrt(max(rest, _ROUNDING)))


def _qform(values: Floats, pixdim: Floats) -> tuple[Floats, Floats]:
    b, c, d = values[:3]
    rest = 1.0 - (b * b + c * c + d * d)
    if not np.isfinite(rest) or rest < -1e-4:
        raise GridError(f"qform's quaternion ({b:g}, {c:g}, {d:g}) is no rotation")
    if (pixdim[1:4] <= 0).any():
        raise GridError(f"pixdim must be positive, got {pixdim[1:4].tolist()}")
    a = np.sqrt(max(rest, 0.0))
    rotation = np.array(
        [
            [a * a + b * b - c * c - d * d, 2 * (b * c - a * d), 2 * (b * d + a * c)],
            [2 * (b * c + a * d), a * a + c * c - b * b - d * d, 2 * (c * d - a * b)],
            [2 * (b * d - a * c), 2 * (c * d + a * b), a * a + d * d - b * b - c * c],
        ]
    )
    flip = -1.0 if pixdim[0] < 0 else 1.0
    return rotation * np.array([pixdim[1], pixdim[2], flip * pixdim[3]]), values[3:6]
