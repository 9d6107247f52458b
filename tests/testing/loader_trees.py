"""The bench's phantoms on disk, laid out as each loader of the packs expects them."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import SimpleITK as sitk

from spinefx.phantom import Scanner, write_cohort
from spinefx.testing import phantom_scan

sys.path.append(str(Path(__file__).parents[1] / "io"))
from dicom_writing import write_series

COARSE = Scanner((6.0, 2.0, 2.0), pir_share=0.0)


def _write(path: Path, number: int, what: str) -> None:
    scan = phantom_scan(number)
    mask = scan.require_mask()
    labels = mask.labels.astype(np.int16)
    if what == "vertebrae":  # SPIDER counts from L5 upwards, VerSe from C1 downwards
        data = np.where((labels > 0) & (labels <= 25), 25 - labels, 0).astype(np.int16)
    else:
        data = labels if what == "mask" else np.asarray(scan.images[what].data)
    image = sitk.GetImageFromArray(data)
    image.SetSpacing(mask.grid.spacing[::-1])
    image.SetOrigin(mask.grid.origin)
    image.SetDirection(np.asarray(mask.grid.direction).ravel().tolist())
    path.parent.mkdir(parents=True, exist_ok=True)
    sitk.WriteImage(image, path)


def spider(folder: Path) -> Mapping[str, Any]:
    write_cohort(folder, patients=2, levels=3, scanner=COARSE)
    return {"root": str(folder)}


def folders(folder: Path) -> Mapping[str, Any]:
    for number in (1, 2):
        _write(folder / "images" / f"p{number}_t2.nii.gz", number, "t2")
        _write(folder / "masks" / f"p{number}.nii.gz", number, "mask")
    named = {"images": "images/{id}_{modality}.nii.gz", "masks": "masks/{id}.nii.gz"}
    return {"root": str(folder), "scheme": "spider", **named}


def manifest(folder: Path) -> Mapping[str, Any]:
    folders(folder)
    rows = [f"p{n},images/p{n}_t2.nii.gz,masks/p{n}.nii.gz" for n in (1, 2)]
    (folder / "table.csv").write_text("\n".join(["id,t2,mask", *rows]) + "\n")
    return {"table": str(folder / "table.csv"), "images": ["t2"], "mask": "mask", "scheme": "spider"}


def bids(folder: Path) -> Mapping[str, Any]:
    (folder / "dataset_description.json").write_text('{"Name": "bench", "BIDSVersion": "1.9.0"}')
    for number in (1, 2):
        place = Path(f"sub-{number:02d}") / "anat"
        _write(folder / place / f"sub-{number:02d}_T2w.nii.gz", number, "t2")
        _write(folder / "derivatives" / "masks" / place / f"sub-{number:02d}_T2w_dseg.nii.gz", number, "mask")
    return {"root": str(folder), "scheme": "spider"}


def verse(folder: Path) -> Mapping[str, Any]:
    for number in (1, 2):
        name = f"sub-verse{number:03d}"
        _write(folder / "rawdata" / name / f"{name}_ct.nii.gz", number, "ct")
        _write(folder / "derivatives" / name / f"{name}_seg-vert_msk.nii.gz", number, "vertebrae")
    return {"root": str(folder)}


def dicom(folder: Path) -> Mapping[str, Any]:
    for number in (1, 2):
        volume = phantom_scan(number).images["ct"]
        data = np.ascontiguousarray(volume.data[::6].astype(np.int16))
        grid = volume.grid.crop((0, 0, 0), data.shape)
        thick = grid.__class__(data.shape, (6.0, *grid.spacing[1:]), grid.origin, grid.direction)
        write_series(folder / f"P{number}", data, thick, "CT", PatientID=f"P{number}")
    return {"root": str(folder)}


LOADERS: Mapping[str, Callable[[Path], Mapping[str, Any]]] = {
    "spider": spider, "folder": folders, "manifest": manifest, "bids": bids, "verse": verse, "dicom": dicom,
}  # fmt: skip
