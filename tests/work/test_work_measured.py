"""A case as it was measured: marks are drawn where they are, and a run keeps the picture."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from spinefx.api import Case, Mark, Scan
from spinefx.engine import Engine
from spinefx.phantom import Scanner, draw_patient, scan_of
from spinefx.plan import Plan
from spinefx.work.pictures.measured import measured_picture


@pytest.fixture(scope="module")
def scan() -> Scan:
    images, mask = scan_of(draw_patient(0, 1, levels=3), seed=0, scanner=Scanner())
    return Scan(Case("1_t2", "1"), images, mask)


def disc_ends(scan: Scan, axis: int) -> np.ndarray:
    points = scan.mask.grid.to_world(np.argwhere(scan.mask.labels == 202))
    middle = points.mean(axis=0)
    return middle + np.array([[-1.0], [1.0]]) * 10 * np.eye(3)[axis]


@pytest.mark.parametrize(("view", "axis"), [("sagittal", 1), ("coronal", 0)])
def test_a_line_is_as_long_across_as_down_and_lies_where_it_was_put(scan, view, axis):
    ends = disc_ends(scan, axis)
    plain = measured_picture(scan, [Mark("sagittal", ends[:1], "", "text")])

    def drawn_at(points):
        drawn = measured_picture(scan, [Mark(view, points, "", "length")])
        return np.nonzero(np.abs(drawn.astype(int) - plain).max(axis=-1) > 60)

    rows, columns = drawn_at(ends)
    mm = 20.0 / np.ptp(columns)
    assert 0.1 < mm < 0.4
    higher, same = drawn_at(ends + np.array([0, 0, 15.0]))
    assert (rows.mean() - higher.mean()) * mm == pytest.approx(15.0, abs=1.0)
    assert same.mean() == pytest.approx(columns.mean(), abs=2)
    beside = [plain[round(rows.mean()) + k, round(columns.mean())] for k in (-4, 4)]
    assert all(np.ptp(pixel) > 3 for pixel in beside)  # amber: the disc's tint


def test_the_same_marks_give_the_same_picture_and_none_gives_none(scan):
    marks = [Mark("sagittal", disc_ends(scan, 1), "8.1 mm", "angle")]
    one, two = measured_picture(scan, marks), measured_picture(scan, marks)
    assert np.array_equal(one, two)
    assert measured_picture(scan, []) is None
    assert measured_picture(scan.replace(mask=None), marks) is None


def test_a_run_keeps_the_picture_beside_the_case(tmp_path):
    tables = {
        "run": {"out": str(tmp_path / "run")},
        "data": {"use": "phantom", "patients": 4, "levels": 3},
        "labels": {},
        "sample": {"shape": [8, 16, 16]},
        "encode": {"use": "pca", "latent_dim": 1},
        "geometry": [{"use": "disc"}],
    }
    run = Engine(Plan.of(tables)).run()
    found = sorted((run.folder / "qc").glob("*-measured.png"))
    assert len(found) == 4
    with Image.open(found[0]) as picture:
        assert picture.height == 720
    steps = {step.step: step.cached for step in Engine(Plan.of(tables)).preview()}
    assert steps["picture measured"]
