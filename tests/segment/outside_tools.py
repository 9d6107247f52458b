"""Stand-ins for the command lines of others: they take the arguments that the real ones take, and no others.

Each is a small program that writes a mask of the brightest voxels of the file it got, on its grid. They prove the contract of
arguments and files, and say nothing of what the real tools draw.
"""

from __future__ import annotations

import json
import os
import stat
import sys
from pathlib import Path

_PROGRAM = '''#!{python} -ISB
import argparse, gzip, json, os, pathlib, struct, sys, time

def mask_of(image, out, value, share=2/3):
    """The brightest third (or another share) as `value` in an 8-bit NIfTI with the header of the image."""
    value = int(os.environ.get("STANDIN_VALUE", value))
    raw = gzip.open(image).read()
    size = struct.unpack_from("<8h", raw, 40)[1:4]
    kind, start = struct.unpack_from("<h", raw, 70)[0], int(struct.unpack_from("<f", raw, 108)[0])
    count = size[0] * size[1] * size[2]
    data = struct.unpack_from("<%d%s" % (count, {{4: "h", 16: "f"}}[kind]), raw, start)
    low, high = min(data), max(data)
    rest = 5 if os.environ.get("STANDIN") == "organs" else 0
    edge = low + (high - low) * share
    head = bytearray(raw[:start])
    struct.pack_into("<2h", head, 70, 2, 8)
    if os.environ.get("STANDIN") == "shifted":
        struct.pack_into("<f", head, 292, struct.unpack_from("<f", head, 292)[0] + 1.0)
        struct.pack_into("<f", head, 268, struct.unpack_from("<f", head, 268)[0] + 1.0)
    out = pathlib.Path(out)
    out.parent.mkdir(parents=True, exist_ok=True)
    with gzip.open(out, "wb", 1) as file:
        file.write(bytes(head) + bytes(value if v > edge else rest for v in data))

how = os.environ.get("STANDIN", "")
if how == "fails":
    sys.exit("no weights were found; run the download")
if how == "hangs":
    time.sleep(60)
if how == "quiet":
    print("nothing was drawn")
    sys.exit(0)
parser = argparse.ArgumentParser(allow_abbrev=False)
'''
_TOTALSEGMENTATOR = """
parser.add_argument("-i", required=True)
parser.add_argument("-o", required=True)
parser.add_argument("-ml", "--ml", action="store_true")
parser.add_argument("-ta", "--task", choices=["total", "total_mr", "vertebrae_mr"])
parser.add_argument("-d", "--device", choices=["cpu", "gpu", "gpu:1"])
parser.add_argument("-f", "--fast", action="store_true")
asked = parser.parse_args()
assert asked.ml
mask_of(asked.i, asked.o, {"total": 27, "total_mr": 19, "vertebrae_mr": 2}[asked.task])
"""
_SPINEPS = """
one = parser.add_subparsers(dest="cmd", required=True).add_parser("sample")
for short, name in (("-i", "-input"), ("-ms", "-model_semantic"), ("-mv", "-model_instance"), ("-ml", "-model_labeling")):
    one.add_argument(name, short, required=True)
one.add_argument("-der_name", "-dn", default="derivatives_seg")
one.add_argument("-cpu", action="store_true")
asked = parser.parse_args()
image = pathlib.Path(asked.input)
stem, contrast = image.name.removesuffix(".nii.gz").rsplit("_", 1)
out = image.parent.parent / asked.der_name
mask_of(image, out / f"{stem}_mod-{contrast}_seg-vert_msk.nii.gz", 20)
mask_of(image, out / f"{stem}_mod-{contrast}_seg-spine_msk.nii.gz", 61, 1/3)
mask_of(image, out / f"output_raw_{contrast}" / f"{stem}_mod-{contrast}_seg-vert-raw_msk.nii.gz", 3)
"""
_NNUNET = """
parser.add_argument("-i", required=True)
parser.add_argument("-o", required=True)
parser.add_argument("-m", required=True)
parser.add_argument("-f", nargs="+", required=True)
for name in ("-chk", "-npp", "-nps", "-device"):
    parser.add_argument(name)
for name in ("--disable_tta", "--disable_progress_bar"):
    parser.add_argument(name, action="store_true")
asked = parser.parse_args()
model = pathlib.Path(asked.m)
assert all((model / f"fold_{fold}" / asked.chk).is_file() for fold in asked.f)
(image,) = sorted(pathlib.Path(asked.i).glob("*_0000.nii.gz"))
mask_of(image, pathlib.Path(asked.o) / image.name.replace("_0000", ""), 1)
"""


def programs(folder: Path) -> Path:
    """A folder with all three."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, own in (
        ("TotalSegmentator", _TOTALSEGMENTATOR), ("spineps", _SPINEPS), ("nnUNetv2_predict_from_modelfolder", _NNUNET)
    ):  # fmt: skip
        path = folder / name
        path.write_text(_PROGRAM.format(python=sys.executable) + own)
        path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return folder


def nnunet_model(folder: Path, **facts: object) -> Path:
    """What a trained folder of nnU-Net looks like from outside."""
    (folder / "fold_0").mkdir(parents=True)
    labels = {"background": 0, "vertebra": 1, "disc": 2, "canal": 3}
    told = {"channel_names": {"0": "T2"}, "labels": labels, "file_ending": ".nii.gz"} | facts
    (folder / "dataset.json").write_text(json.dumps(told))
    (folder / "plans.json").write_text("{}")
    (folder / "fold_0" / "checkpoint_final.pth").write_bytes(os.urandom(8))
    return folder
