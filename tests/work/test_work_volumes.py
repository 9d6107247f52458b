"""The viewer's volumes lie where the scan lies, are small, and hold every structure."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import SimpleITK

from spinefx import kernels, phantom
from spinefx.contract.case import Case
from spinefx.contract.scan import LabelMap, Scan
from spinefx.work.pictures.volumes import small_volumes


@pytest.fixture(scope="module")
def scan() -> Scan:
    patient = phantom.draw_patient(0, 3)
    return Scan(Case("3_t2", "3"), *phantom.scan_of(patient, seed=0, scanner=phantom.Scanner()))


def read(content: np.ndarray, path: Path) -> SimpleITK.Image:
    path.write_bytes(content.tobytes())
    return SimpleITK.ReadImage(str(path))


def test_image_and_mask_lie_where_the_scan_lies(scan: Scan, tmp_path: Path) -> None:
    files, names = small_volumes(scan)
    mask, image = read(files["mask"], tmp_path / "mask.mha"), read(files["image"], tmp_path / "image.mha")
    assert mask.GetSize() == image.GetSize()
    assert 100_000 < mask.GetNumberOfPixels() <= 400_000
    shapes = SimpleITK.LabelShapeStatisticsImageFilter()
    shapes.Execute(mask)
    stats = kernels.label_statistics(scan.require_mask().labels, scan.require_mask().grid)
    assert list(shapes.GetLabels()) == list(range(1, len(stats.value) + 1))
    for number, (centre, size) in enumerate(zip(stats.centroid_mm, stats.volume_mm3, strict=True), 1):
        assert shapes.GetCentroid(number) == pytest.approx(centre.tolist(), abs=0.5)
        assert shapes.GetPhysicalSize(number) == pytest.approx(size, rel=0.05)
    assert {"disc L4-L5", "vertebra L3"} <= {entry["name"] for entry in names}
    assert len(names) == len(stats.value)


def test_a_scan_without_image_or_without_structures_has_what_it_has(scan: Scan) -> None:
    mask = scan.require_mask()
    assert set(small_volumes(Scan(scan.case, {}, mask))[0]) == {"mask"}
    nothing = LabelMap(np.zeros_like(mask.labels), mask.grid, mask.scheme)
    files, names = small_volumes(scan.replace(mask=nothing))
    assert set(files) == {"image", "mask"}
    assert names == []
    assert small_volumes(Scan(scan.case, {}, None)) == ({}, [])
