"""A folder of broken and evil files in SPIDER's layout and as DICOM, each with what it must be told.

python tests/io/hostile_set.py FOLDER
"""

from __future__ import annotations

import os
import sys
import zlib
from pathlib import Path

import numpy as np
from dicom_writing import one_slice, write_series

from spinefx.api import Grid

GRID = Grid((3, 4, 5), (4.0, 1.0, 1.0))
FIELDS = {
    "ObjectType": "Image", "NDims": "3", "BinaryData": "True", "BinaryDataByteOrderMSB": "False",
    "CompressedData": "False", "TransformMatrix": "1 0 0 0 1 0 0 0 1", "Offset": "0 0 0", "ElementSpacing": "1 1 4",
    "DimSize": "5 4 3", "ElementType": "MET_SHORT", "ElementDataFile": "LOCAL",
}  # fmt: skip
IMAGE = np.arange(60, dtype="<i2")
MASK = np.where(np.arange(60) % 7 == 0, 201, 0).astype("<i2")


def mha(path: Path, voxels: bytes, **changes: str) -> None:
    fields = FIELDS | changes
    fields["ElementDataFile"] = fields.pop("ElementDataFile")
    path.write_bytes("".join(f"{k} = {v}\n" for k, v in fields.items()).encode() + voxels)


def nan_voxels() -> bytes:
    return np.where(np.arange(60) == 3, np.nan, 1).astype("<f4").tobytes()


IMAGES: dict[str, tuple[dict[str, str], bytes, str]] = {
    "redirect": ({"ElementDataFile": "/etc/passwd"}, b"", "must hold its own"),
    "climb": ({"ElementDataFile": "../../secret.raw"}, b"", "must hold its own"),
    "list": ({"ElementDataFile": "LIST"}, b"/etc/passwd\n", "must hold its own"),
    "bomb": ({"CompressedData": "True"}, zlib.compress(bytes(100_000_000), 9), "holds more than the 120 bytes"),
    "claim": (
        {"CompressedData": "True", "DimSize": "700 700 700", "ElementSpacing": "1 1 1"},
        zlib.compress(IMAGE.tobytes()),
        "cannot hold them",
    ),
    "giant": ({"DimSize": "20000 20000 20000", "ElementSpacing": ".1 .1 .1"}, IMAGE.tobytes(), "budget"),
    "overflow": ({"DimSize": "99999999999999999999 4 3"}, IMAGE.tobytes(), "field of view|budget"),
    "short": ({"DimSize": "50 4 3"}, IMAGE.tobytes(), "cut off"),
    "nan-spacing": ({"ElementSpacing": "nan 1 4"}, IMAGE.tobytes(), "must be finite"),
    "inf-origin": ({"Offset": "inf 0 0"}, IMAGE.tobytes(), "must be finite"),
    "negative": ({"ElementSpacing": "-1 1 4"}, IMAGE.tobytes(), "spacing must lie"),
    "tilted": ({"TransformMatrix": "1 0 0 0 1 0 0 0.3 1"}, IMAGE.tobytes(), "tilted gantry"),
    "singular": ({"TransformMatrix": "1 0 0 1 0 0 0 0 1"}, IMAGE.tobytes(), "not orthonormal"),
    "rgb": ({"ElementNumberOfChannels": "3"}, IMAGE.tobytes() * 3, "RGB"),
    "four-d": ({"NDims": "4", "DimSize": "5 4 3 1"}, IMAGE.tobytes(), "NDims = 4"),
    "slice": ({"DimSize": "20 3 1"}, IMAGE.tobytes(), "one slice"),
    "constant": ({}, bytes(120), "constant"),
    "nan-voxels": ({"ElementType": "MET_FLOAT"}, nan_voxels(), "NaN or infinite"),
    "off": ({"Offset": "0 0 4"}, IMAGE.tobytes(), r"4.00 mm \(1 slice\) off along z"),
    "junk": ({"NDims": "3"}, b"", "cut off"),
}
"""Name of the image -> changes to a good header, voxels, what is said."""

MASKS = {
    "stranger": (np.where(MASK, 999, 0).astype("<i2").tobytes(), r"mask values \[999\] are not in scheme"),
    "minus": ((MASK - 300).astype("<i2").tobytes(), "mask values run from"),
    "empty": (bytes(120), "mask is empty"),
}
NAMES = [b"=cmd|calc_t2.mha", b"a b_t2.mha", b"\xff\xfe_t2.mha", b"x\ny_t2.mha", b"$(reboot)_t2.mha", b"-rf_t2.mha", "‮x_t2.mha".encode()]  # fmt: skip


def write_spider(root: Path) -> dict[str, str]:
    """Write the tree; case -> what must be said of it ("" for the good one)."""
    for kind in ("images", "masks"):
        (root / kind).mkdir(parents=True)
    (root.parent / "secret.raw").write_bytes(IMAGE.tobytes())
    wanted = {"good_t2": ""}
    for stem in ("good", *IMAGES, *MASKS, "fifo", "dir", "link"):
        voxels = MASKS[stem][0] if stem in MASKS else MASK.tobytes()
        mha(root / "masks" / f"{stem}_t2.mha", voxels)
        changes, content, said = IMAGES.get(stem, ({}, IMAGE.tobytes(), MASKS.get(stem, ("", ""))[1]))
        if stem not in ("fifo", "dir", "link"):
            mha(root / "images" / f"{stem}_t2.mha", content, **changes)
            wanted[f"{stem}_t2"] = said
    os.mkfifo(root / "images" / "fifo_t2.mha")
    (root / "images" / "dir_t2.mha").mkdir()
    mha(root.parent / "outside.mha", IMAGE.tobytes())
    (root / "images" / "link_t2.mha").symlink_to(root.parent / "outside.mha")
    wanted |= {
        "fifo_t2": "not a regular file",
        "dir_t2": "not a regular file",
        "link_t2": "leads out of the data folder",
    }
    for name in NAMES:
        Path(os.fsdecode(os.fsencode(root / "images") + b"/" + name)).write_bytes(b"x")
    return wanted


def write_dicom(root: Path) -> None:
    """DICOM files that nest, claim, redirect and lie, beside one good series."""
    data = np.arange(60, dtype=np.int16).reshape(GRID.shape)
    write_series(root / "good", data, GRID)
    bad = root / "bad"
    bad.mkdir()
    good = next((root / "good").iterdir()).read_bytes()
    nested = b"\x08\x00\x15\x11SQ\0\0\xff\xff\xff\xff\xfe\xff\x00\xe0\xff\xff\xff\xff" * 20_000
    (bad / "nested.dcm").write_bytes(good[: good.index(b"\x08\x00\x16\x00")] + nested)
    (bad / "length.dcm").write_bytes(
        good[: good.index(b"\x08\x00\x16\x00")] + b"\x08\x00\x16\x00UT\0\0\xf0\xff\xff\xff" + b"1"
    )
    os.mkfifo(bad / "pipe.dcm")
    (bad / "away.dcm").symlink_to("/etc/passwd")
    (bad / "loop").symlink_to(bad / "loop")
    wide = root / "wide"
    write_series(wide, data, GRID, PatientID="W", Rows=65535, Columns=65535)
    evil = root / "evil"
    write_series(evil, data, GRID, PatientID="../../etc/<script>=1+1")
    one_slice(data[0], GRID, 0, "MR", PatientID="S").save_as(root / "single.dcm", enforce_file_format=True)


if __name__ == "__main__":
    write_spider(Path(sys.argv[1]) / "spider")
    write_dicom(Path(sys.argv[1]) / "dicom")
