"""Casework gives the same numbers and samples however a scan's file was written."""

from __future__ import annotations

import numpy as np
import pytest
import SimpleITK as sitk

from spinefx.api import oriented, reorient
from spinefx.phantom import draw_patient, grid_around, image_of, render, rotation
from spinefx.plan import Plan
from spinefx.work.cases.casework import Casework
from spinefx.work.cases.outcome import Task
from spinefx.work.cases.roster import loader_of

PLAN = {
    "data": {"use": "folder", "root": "data", "images": "{id}_{modality:t2}.nrrd", "masks": "{id}_mask.nrrd", "scheme": "spider"},
    "geometry": [{"use": "disc"}, {"use": "vertebra"}],
    "preprocess": [{"use": "resample"}],
    "sample": {"shape": [8, 12, 12], "spacing": 4.0, "channels": ["mask", "t2"]},
}  # fmt: skip


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, np.ndarray]]:
    """Every array that casework left of one spine, written in three orders of axes."""
    spine = draw_patient(4, 2, levels=3).spine
    rendering = render(spine, grid_around(spine, spacing_mm=(3.0, 1.6, 1.4), turn=rotation(sagittal_deg=7.0)))
    image, mask = image_of(rendering, "t2", np.random.default_rng(0)), rendering.labels()
    out = []
    for order in ("LPS", "PIR", "RAS"):
        folder = tmp_path_factory.mktemp(order)
        (folder / "data").mkdir()
        for name, data in (("t2", image.data), ("mask", mask.labels.astype(np.int16))):
            turned, grid = reorient(data, mask.grid, order)
            itk = sitk.GetImageFromArray(turned)
            itk.SetSpacing(grid.spacing[::-1])
            itk.SetOrigin(grid.origin)
            itk.SetDirection(grid.direction.ravel())
            sitk.WriteImage(itk, str(folder / "data" / f"a_{name}.nrrd"))
        work = Casework(Plan.of(PLAN, folder), folder / "cache")
        (case,) = loader_of(work.plan).cases()
        result = work(Task(case))
        assert result.failure is None
        arrays = {}
        for number, key in enumerate((*result.keys.features, result.keys.samples)):
            arrays |= {f"{number} {name}": array for name, array in work.cache.require(key).arrays.items()}
        out.append(arrays)
    return out


def test_features_and_samples_are_the_same_numbers(done):
    first, *others = done
    assert len(first) > 3
    for other in others:
        assert other.keys() == first.keys()
        for name, values in first.items():
            np.testing.assert_allclose(other[name], values, rtol=1e-3, atol=1e-3, err_msg=name)


def test_a_scan_that_lies_as_wanted_is_passed_on(small_scan):
    assert oriented(small_scan) is small_scan
    turned = oriented(small_scan, "RAS")
    assert turned.mask is not small_scan.mask
    back = oriented(turned)
    assert np.array_equal(back.mask.labels, small_scan.mask.labels)
    assert back.mask.grid == small_scan.mask.grid


@pytest.fixture
def small_scan():
    from spinefx.api import SCHEMES, Case, Grid, LabelMap, Scan

    labels = np.arange(24, dtype=np.uint16).reshape(2, 3, 4) % 3
    return Scan(Case("a", "a"), {}, LabelMap(labels, Grid((2, 3, 4), (4.0, 1.0, 2.0)), SCHEMES["spider"]))
