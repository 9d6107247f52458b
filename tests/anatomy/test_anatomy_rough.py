"""Masks as they come: without arches, with a level missing, with thick slices, in pieces, or hardly anything."""

from __future__ import annotations

import numpy as np
import pytest
from made_spines import made_spine, scanned
from measured_spines import analyser, drawn
from tables import PANEL, panel

from spinefx.api import Case, Grid, LabelMap, Scan, scheme
from spinefx.phantom import Points, draw_patient


def with_labels(scan, labels):
    return scan.replace(mask=LabelMap(labels.astype(np.uint16), scan.mask.grid, scan.mask.scheme))


def slices_of(scan, axis, first, count):
    """Some slices of a scan along one axis of its array."""
    start, shape = np.zeros(3, int), np.array(scan.mask.grid.shape)
    start[axis], shape[axis] = first, count
    part = scan.mask.labels[tuple(slice(a, a + n) for a, n in zip(start, shape, strict=True))]
    return scan.replace(mask=LabelMap(part, scan.mask.grid.crop(start, shape), scan.mask.scheme))


def at(features, level, column):
    """The number of a column at a level, whatever its structure."""
    name, values = column.split(".")[0], features.columns[column]
    kind = {"vertebra": "vertebra"}.get(name, "disc")
    return float(values[[(row.structure, row.level) for row in features.rows].index((kind, level))])


def assert_explained(features, truth):
    """Every number that a phantom has is there, or its absence has a reason."""
    for i, row in enumerate(features.rows):
        for column in truth.get((row.structure, row.level), {}):
            if column in features.columns and np.isnan(features.columns[column][i]):
                assert features.reasons[row, column], (row.id, column)


@pytest.mark.parametrize("kind", ["4 mm sagittal", "1 mm isotropic"])
def test_a_mask_without_arches_gives_the_same_bodies(kind):
    scan, truth = drawn(kind, 2, 3)
    spine, labels, grid = draw_patient(11, 2, levels=3).spine, scan.mask.labels.copy(), scan.mask.grid
    for vertebra in spine.labelled_vertebrae:
        value = next(
            scan.mask.scheme.value_of(s) for s in scan.mask.structures("vertebra") if s.level == vertebra.level
        )
        index = np.argwhere(labels == value)
        arch = index[vertebra.body_depth(Points(grid.to_world(index))) <= 0]
        labels[tuple(arch.T)] = 0
    one, two = panel(scan), panel(with_labels(scan, labels))
    for column, most in {"height_mm": 0.2, "height_posterior_mm": 0.3, "depth_mm": 1.0, "width_mm": 1.5}.items():
        for level in ("L5", "L4", "L3"):
            assert abs(at(one, level, f"vertebra.{column}") - at(two, level, f"vertebra.{column}")) < most, (
                level,
                column,
            )
            far = 3.0 if column == "width_mm" else 1.0  # the ends of a body lie between thick slices
            assert abs(at(two, level, f"vertebra.{column}") - truth["vertebra", level][f"vertebra.{column}"]) < far
    assert abs(at(two, "L4-L5", "spine.slip_mm") - truth["disc", "L4-L5"]["spine.slip_mm"]) < 1


def test_a_missing_level_in_the_middle_leaves_the_others_as_they_are():
    scan, truth = drawn("4 mm sagittal", 2)
    values = {s.level: scan.mask.scheme.value_of(s) for s in scan.mask.structures()}
    gone = [values["L3"], values["L3-L4"]]
    one, two = panel(scan), panel(with_labels(scan, np.where(np.isin(scan.mask.labels, gone), 0, scan.mask.labels)))
    assert_explained(two, truth)
    assert [row.level for row in two.rows if row.structure == "vertebra"] == ["L5", "L4", "L2", "L1"]
    for level in ("L5", "L4", "L2", "L1"):
        assert at(two, level, "vertebra.height_mm") == pytest.approx(at(one, level, "vertebra.height_mm"), rel=0.01)
    row = next(row for row in two.rows if (row.structure, row.level) == ("disc", "L2-L3"))
    assert "L3: not in the mask" in two.reasons[row, "spine.slip_mm"]
    lordosis = two.columns["spine.lordosis_deg"][[row.structure for row in two.rows].index("spine")]
    assert abs(lordosis - truth["spine", ""]["spine.lordosis_deg"]) < 2


@pytest.mark.parametrize("apart", [4.0, 5.0])
def test_thick_slices_of_a_scoliosis_are_measured(apart):
    rng = np.random.default_rng(7)
    scan, truth = scanned(made_spine("scoliotic", rng), "thick", (apart, 0.5, 0.5), rng)
    features = panel(scan)
    assert_explained(features, truth)
    i = [row.structure for row in features.rows].index("spine")
    assert abs(features.columns["spine.cobb_deg"][i] - truth["spine", ""]["spine.cobb_deg"]) < 2
    assert abs(features.columns["spine.lordosis_deg"][i] - truth["spine", ""]["spine.lordosis_deg"]) < 1.5
    off = [at(features, level, "disc.height_mm") - numbers["disc.height_mm"]
           for (kind, level), numbers in truth.items() if kind == "disc" and "disc.height_mm" in numbers]  # fmt: skip
    assert len(off) >= 5
    assert np.abs(off).max() < 0.3


def test_one_slice_is_refused_by_name_by_every_analyser():
    scan, _ = drawn("4 mm sagittal", 1, 3)
    axis = int(np.argmax(scan.mask.grid.spacing))
    flat = slices_of(scan, axis, scan.mask.grid.shape[axis] // 2, 1)
    for name, column in (
        ("disc", "height_mm"),
        ("vertebra", "height_mm"),
        ("canal", "area_mm2"),
        ("spine", "height_index"),
    ):
        features = analyser(name).measure(flat)
        for row in features.rows:
            if row.structure != "spine":
                assert "slice" in features.reasons[row, column], (name, row.id)
    assert np.isnan(analyser("vertebra").measure(flat).columns["height_mm"]).all()


def odd_masks():
    """Small and strange masks in SPIDER's numbering."""
    rng = np.random.default_rng(5)
    for shape in ((1, 1, 1), (1, 40, 40), (40, 1, 40), (2, 2, 2), (3, 30, 3), (60, 4, 4)):
        yield "full", np.full(shape, 100)
        yield "noise", rng.choice([0, 1, 2, 100, 201, 202], shape)
    for size in (8, 24, 60):
        labels = np.zeros((size, 24, 24), np.uint16)
        labels[:, 14:18, 10:14] = 100
        labels[size // 2 : size // 2 + 3, 3:12, 4:20] = 201
        yield "canal and a slab", labels
        labels = labels.copy()
        labels[: size // 2 - 1, 3:12, 4:20] = 1
        labels[size // 2 + 4 :, 3:12, 4:20] = 2
        yield "blocks", labels
        yield "canal in crumbs", np.where((labels == 100) & (rng.random(labels.shape) < 0.9), 0, labels)
    line = np.zeros((80, 12, 12), np.uint16)
    line[:, 6, 6] = 100
    line[40, 2:6, 2:10] = 201
    yield "canal one voxel wide", line


def assert_measured_or_explained(scan):
    for name in PANEL:
        features = analyser(name).measure(scan)
        for i, row in enumerate(features.rows):
            for column, values in features.columns.items():
                if (row.structure == "spine") == (column in ("lordosis_deg", "cobb_deg")):
                    assert np.isfinite(values[i]) or features.reasons[row, column], (name, row.id, column)
        list(analyser(name).marks(scan))


@pytest.mark.parametrize("labels", [pytest.param(labels, id=f"{name} {labels.shape}") for name, labels in odd_masks()])
def test_odd_masks_give_numbers_or_reasons_but_no_failure(labels):
    for spacing in ((1.0, 1.0, 1.0), (4.0, 0.6, 0.6)):
        grid = Grid(labels.shape, spacing)
        assert_measured_or_explained(
            Scan(Case("odd", "odd"), {}, LabelMap(labels.astype(np.uint16), grid, scheme("spider")))
        )


@pytest.mark.parametrize("count", [2, 3, 4])
def test_two_to_four_slices_give_numbers_or_reasons_but_no_failure(count):
    scan, _ = drawn("4 mm sagittal", 1, 3)
    axis = int(np.argmax(scan.mask.grid.spacing))
    for first in range(3, scan.mask.grid.shape[axis] - count, 2):
        assert_measured_or_explained(slices_of(scan, axis, first, count))
