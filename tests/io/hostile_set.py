"""Broken and evil files in SPIDER's layout, as DICOM, as label tables and as TOML, each with what it must be told.

python tests/io/hostile_set.py FOLDER      writes them, reads each, and prints the table of docs/data-in.md
"""

from __future__ import annotations

import gzip
import os
import sys
import time
import zipfile
import zlib
from collections.abc import Iterator
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


def nifti(voxels: bytes = IMAGE.tobytes(), **changes: tuple[int, str, object]) -> bytes:
    """A NIfTI-1 file on GRID; `changes` are (byte, type, values) put into its header."""
    fields = {
        "size": (0, "<i4", 348), "dim": (40, "<i2", [3, 5, 4, 3, 1, 1, 1, 1]), "kind": (70, "<i2", [4, 16]),
        "pixdim": (76, "<f4", [1, 1, 1, 4]), "offset": (108, "<f4", [352, 1, 0]), "units": (123, "u1", 2),
        "codes": (252, "<i2", [0, 1]), "sform": (280, "<f4", [-1, 0, 0, 0, 0, -1, 0, 0, 0, 0, 4, 0]), "magic": (344, "u1", list(b"n+1\0")),
    }  # fmt: skip
    raw = bytearray(352)
    for at, kind, values in (fields | changes).values():
        data = np.asarray(values, kind).tobytes()
        raw[at : at + len(data)] = data
    return bytes(raw) + voxels


def nrrd(voxels: bytes = IMAGE.tobytes(), **changes: str) -> bytes:
    fields = {
        "type": "short", "dimension": "3", "space": "left-posterior-superior", "sizes": "5 4 3", "encoding": "raw",
        "space directions": "(1,0,0) (0,1,0) (0,0,4)", "endian": "little", "space origin": "(0,0,0)",
    }  # fmt: skip
    named = {key.replace("_", " "): value for key, value in changes.items()}
    text = "".join(f"{key}: {value}\n" for key, value in (fields | named).items() if value)
    return b"NRRD0004\n" + text.encode() + b"\n" + voxels


EMPTY = gzip.compress(b"")
OTHERS: dict[str, tuple[bytes, str]] = {
    "packed.nii.gz": (b"".join(gzip.compress(nifti()[i : i + 200]) for i in range(0, 472, 200)), ""),
    "big-endian.nrrd": (nrrd(IMAGE.astype(">i2").tobytes(), endian="big"), ""),
    "gz-empties.nii.gz": (EMPTY * 1_000_000 + gzip.compress(nifti()), "very many small gzip members"),
    "gz-name.nii.gz": (b"\x1f\x8b\x08\x08" + bytes(6) + b"n" * 40_000_000 + b"\0" + gzip.compress(nifti())[10:], ""),
    "gz-bomb.nii.gz": (gzip.compress(nifti(bytes(100_000_000)), 1), "holds more than the 120 bytes"),
    "gz-sum.nii.gz": (gzip.compress(nifti())[:-8] + b"12345678", "does not inflate"),
    "gz-cut.nii.gz": (gzip.compress(nifti())[:-9], "cut off"),
    "gz-not.nii.gz": (nifti(), "does not inflate"),
    "nifti-2.nii.gz": (gzip.compress(nifti(size=(0, "<i4", 540))), "NIfTI-2"),
    "nifti-minus.nii.gz": (gzip.compress(nifti(dim=(40, "<i2", [3, -5, 4, 3]))), "size must be positive"),
    "nifti-nan.nii.gz": (gzip.compress(nifti(pixdim=(76, "<f4", [1, np.nan, 1, 4]))), "pixdim must be finite"),
    "nifti-two.nii.gz": (
        gzip.compress(nifti(codes=(252, "<i2", [1, 1]), turn=(256, "<f4", [0, 0, 0]))),
        "sform and qform",
    ),
    "nifti-none.nii.gz": (gzip.compress(nifti(codes=(252, "<i2", [0, 0]))), "nothing about orientation"),
    "nifti-time.nii.gz": (gzip.compress(nifti(dim=(40, "<i2", [4, 5, 4, 3, 7]))), "one volume of 3"),
    "nifti-rgb.nii.gz": (gzip.compress(nifti(kind=(70, "<i2", [128, 24]))), "RGB"),
    "nifti-far.nii.gz": (gzip.compress(nifti(offset=(108, "<f4", [1e30, 1, 0]))), "vox_offset"),
    "nifti-scale.nii.gz": (gzip.compress(nifti(offset=(108, "<f4", [352, np.inf, 0]))), "scl_slope"),
    "nrrd-away.nrrd": (nrrd(b"", data_file="/etc/passwd"), "points to other data"),
    "nrrd-list.nrrd": (nrrd(b"/etc/passwd\n", data_file="LIST"), "points to other data"),
    "nrrd-skip.nrrd": (nrrd(byte_skip="-1"), "skips bytes"),
    "nrrd-rgb.nrrd": (nrrd(space_directions="none (1,0,0) (0,1,0)"), "axis without direction"),
    "nrrd-order.nrrd": (nrrd(endian=""), "endian is"),
    "nrrd-nan.nrrd": (nrrd(space_origin="(nan,0,0)"), "must be finite"),
}
"""File of an image -> its content, what is said ("" where it is good)."""

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
    for name, (content, said) in OTHERS.items():
        stem, _, ending = name.partition(".")
        mha(root / "masks" / f"{stem}_t2.mha", MASK.tobytes())
        (root / "images" / f"{stem}_t2.{ending}").write_bytes(content)
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


def write_tables(root: Path) -> dict[str, str]:
    """Label tables; file -> what is said ("" for those that are read, with whatever is odd in them named)."""
    from openpyxl import Workbook

    root.mkdir(parents=True)
    wanted = {"good.xlsx": ""}
    book = Workbook()
    for row in (["Who", "Level", "G"], [1, "L5-S1", 3], [2, "L5-S1", 4]):
        book.active.append(row)
    book.save(root / "good.xlsx")
    with zipfile.ZipFile(root / "good.xlsx") as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    page, styles, laughs = (
        "xl/worksheets/sheet1.xml",
        "xl/styles.xml",
        b'<!DOCTYPE a [<!ENTITY b "ha"><!ENTITY c "&b;&b;">]>',
    )
    end = b"</sheetData>"
    formula = b'<row r="4"><c r="A4"><f>cmd|"/c calc"!A0</f><v>9</v></c><c r="B4" t="inlineStr"><is><t>L4-L5</t></is></c></row>'
    for name, part, old, new, said in (
        ("formula", page, end, formula + end, ""),
        ("laughs", page, b"<worksheet", laughs + b"<worksheet", "XML entities"),
        ("bomb", page, end, end + b" " * (64 << 20), "inflates to"),
        ("far", page, end, b'<row r="4"><c r="XFD4"><v>9</v></c></row>' + end, "column 16384"),
        ("rows", page, end, b'<row r="9"/>' * 500_000 + end, "more than 100000 rows"),
        ("cells", page, end, b'<row r="9">' + b"<c/>" * 600_000 + b"</row>" + end, "more than 500000 cells"),
        ("order", page, end, b'<row r="2"><c r="A2"><v>7</v></c></row>' + end, "comes after"),
        ("styles", styles, b"</styleSheet>", b"<xf/>" * 500_000 + b"</styleSheet>", "tags"),
        ("sheets", "xl/workbook.xml", b"</sheets>", b'<sheet name="s"/>' * 20_000 + b"</sheets>", "more than 64 sheets"),
        ("away", "xl/_rels/workbook.xml.rels", b'Target="/xl/worksheets/sheet1.xml"', b'TargetMode="External" Target="file:///etc/passwd"', "no sheet"),
    ):  # fmt: skip
        with zipfile.ZipFile(root / f"{name}.xlsx", "w", zipfile.ZIP_DEFLATED) as archive:
            for one, data in parts.items():
                archive.writestr(one, data.replace(old, new) if one == part else data)
        wanted[f"{name}.xlsx"] = said
    for name, content, said in (
        ("formula", b'Who,Level,G\n"=cmd|calc",L5-S1,1\n', ""),
        ("utf-16", "Who;Level;G\n1;L5-S1;3,5\n".encode("utf-16"), ""),
        ("nul", b"Who,Level,G\n1,L5-S1,\0\n", "NUL bytes"),
        ("quotes", b'Who,Level,G\n1,"L5-S1,3\n', "check the quotes"),
        ("rows", b"Who,Level,G\n" + b"1,L5-S1,2\n" * 200_000, "more than"),
    ):
        (root / f"{name}.csv").write_bytes(content)
        wanted[f"{name}.csv"] = said
    os.mkfifo(root / "pipe.csv")
    return wanted | {"pipe.csv": "not a regular file"}


TOMLS = {
    "dots": (b"a" + b".a" * 20_000 + b" = 1\n", "dotted parts"),
    "nested": (b"a = " + b"[" * 60_000, "nested too deep"),
    "digits": (b"a = " + b"9" * 100_000 + b"\n", "cannot be read"),
    "bytes": (b"a = '\xff'\n", "not UTF-8"),
    "large": (b"# " + b"x" * 300_000 + b"\n", "larger than"),
}
"""Pipelines, and what is said of them."""


def told(root: Path) -> Iterator[tuple[str, str, float]]:
    """(file, what spinefx says of it, seconds) for the whole set."""
    from spinefx.contract.errors import SpinefxError
    from spinefx.engine import Engine
    from spinefx.labels import LabelKey, LabelOptions, read_labels
    from spinefx.plan import Plan
    from spinefx.plan.source import read_source
    from spinefx.work.cases.verdict import Judging

    write_spider(root / "spider")
    write_dicom(root / "dicom")
    for loader in ("spider", "dicom"):
        plan = Plan.of({"data": {"use": loader, "root": str(root / loader)}, "run": {"executor": "serial"}}, root)
        judge = Judging(plan)
        for case in Engine(plan).check().cases:
            begun = time.perf_counter()
            verdict = judge(case)
            what = "; ".join(verdict.said).replace(str(root), "") or verdict.outcome
            yield f"{loader} {case.id}", what, time.perf_counter() - begun
    for name in write_tables(root / "tables"):
        begun = time.perf_counter()
        try:
            labels = read_labels(LabelOptions(table=root / "tables" / name, key=LabelKey(patient="Who", level="Level")))
            what = f"read: {len(labels.rows)} rows"
        except SpinefxError as error:
            what = str(error).replace(str(root / "tables") + "/", "")
        yield f"labels {name}", what, time.perf_counter() - begun
    for name, (content, _) in TOMLS.items():
        (root / f"{name}.toml").write_bytes(content)
        begun = time.perf_counter()
        try:
            read_source(root / f"{name}.toml")
            what = "read"
        except SpinefxError as error:
            what = str(error).replace(str(root) + "/", "")
        yield f"TOML {name}", what, time.perf_counter() - begun


def table(root: Path) -> tuple[str, float]:
    """The set and what is said of it as Markdown, and the longest time that one file took, in seconds."""
    lines, longest = ["| file | what is said of it |", "|---|---|"], 0.0
    for file, what, seconds in told(root):
        shown = what.replace("|", "\\|").replace("<", "&lt;").replace("\n", " ")
        lines.append(f"| `{file}` | {shown[:160]}{' ...' if len(shown) > 160 else ''} |")
        longest = max(longest, seconds)
    return "\n".join(lines) + "\n", longest


if __name__ == "__main__":
    lines, longest = table(Path(sys.argv[1]))
    print(lines)
    print(f"{longest:.2f} s at most", file=sys.stderr)
