"""Volumes off the disk: the gate's checks and the voxels, against SimpleITK and Python's zlib. Real masks where they are."""

from __future__ import annotations

import gzip
import tempfile
import zlib
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import numpy as np
import SimpleITK as sitk
from spinefx_io.gate import inspect, read_voxels

from spinefx.phantom import Scanner, draw_patient, scan_of
from tests.bench.case import Case, share_unlike

SHARED = Path(__file__).resolve().parents[3] / "shared" / "data"
REAL = {
    "SPIDER mask (mha)": "spider/masks/1_t1.mha",
    "T2 image (mha)": "discs_iso1mm/images/ivd11_t2.mha",
    "CT (nii.gz)": "petct/STS_018/CT_image.nii.gz",
    "VerSe mask (nii.gz)": "verse/sub-verse010_seg-vert_msk.nii.gz",
}


def cases() -> Iterator[Callable[[], Case]]:
    """One row per file."""
    files = {name: SHARED / path for name, path in REAL.items() if (SHARED / path).is_file()}
    for name, path in (files or _phantoms()).items():
        make = partial(_case, name, path)
        make.__name__ = f"read {name}"  # type: ignore[attr-defined]
        yield make


def _case(name: str, path: Path) -> Case:
    header = inspect(path, root=path.parent, budget_bytes=1 << 33)
    packed = path.read_bytes()[0 if header.packing == "gzip-whole" else header.offset :]
    inflate = gzip.decompress if header.packing == "gzip-whole" else zlib.decompress

    def ours() -> np.ndarray:
        return read_voxels(inspect(path, root=path.parent, budget_bytes=1 << 33), root=path.parent)

    peers = {
        "SimpleITK": lambda: sitk.GetArrayFromImage(sitk.ReadImage(str(path))),
        "zlib, inflating alone": lambda: inflate(packed),
    }
    return Case(f"read {name}, {header.nbytes / 1e6:.1f} MB", ours, peers, agreement=share_unlike)


def _phantoms() -> dict[str, Path]:
    folder = Path(tempfile.mkdtemp(prefix="spinefx-bench-"))
    images, mask = scan_of(draw_patient(0, 1), seed=0, scanner=Scanner(), modalities=("t2",))
    out = {}
    for name, data in (("phantom mask", mask.labels.astype(np.int16)), ("phantom image", images["t2"].data)):
        for ending in (".mha", ".nii.gz"):
            out[f"{name} ({ending[1:]})"] = folder / f"{name}{ending}"
            sitk.WriteImage(sitk.GetImageFromArray(data), str(folder / f"{name}{ending}"), useCompression=True)
    return out
