"""The same spine mirrored, turned, on permuted axes, in another scheme or format, or on a grid twice as coarse: the same numbers.

Nothing here is brought to one orientation first, as casework does: the measures themselves must hold.
"""

from __future__ import annotations

import numpy as np
import pytest
import SimpleITK as sitk
from made_spines import made_spine, scanned
from measured_spines import SPACING, drawn, read_mask, regridded
from scipy.spatial.transform import Rotation
from tables import panel

from spinefx import kernels
from spinefx.api import Case, Grid, LabelMap, Scan, reorient, scheme
from spinefx.phantom import draw_patient

COUNTED = ("slices", "touches_border", "residual_mm")
SIGNED = ("disc.bulge_mm", "spine.slip_mm", "spine.slip_percent")
"""Lengths around zero: compared in mm and in percent of a depth, not by their ratio."""
WORLD = ("tilt_deg", "tilt_coronal_deg", "rotation_deg", "lordosis_deg", "cobb_deg", "segmental_deg")
"""Angles in the world's planes, which turn with the patient."""


def assert_same(one, other, *, percent=1.0, deg=0.5, mm=0.3, but=(), mirrored=False):
    """Every number is there in both or in neither, lengths within `percent`, angles within `deg`."""
    again, wrong = other.at(one.rows), {}
    for name, values in one.columns.items():
        column = name.split(".")[1]
        if column in (*COUNTED, *but):
            continue
        theirs = again[name] * (-1 if mirrored and column.endswith(("coronal_deg", "rotation_deg")) else 1)
        np.testing.assert_array_equal(np.isnan(theirs), np.isnan(values), err_msg=name)
        signed = column.endswith("_deg") or name in SIGNED
        most = deg if column.endswith("_deg") else mm * (3 if column == "slip_percent" else 1) if signed else percent
        off = np.abs(theirs - values) if signed else 100 * np.abs(theirs / values - 1)
        if np.nanmax(off, initial=0.0) > most:
            wrong[name] = off.round(3).tolist()
    assert wrong == {}


@pytest.fixture(scope="module", params=[*SPACING, "slipped", "1_t1"])
def seen(request):
    """A scan and its panel: drawn ones oblique to 10 degrees, a slipped one, a real scoliosis where it is at hand."""
    if request.param in SPACING:
        scan = drawn(request.param, 3, 3)[0]
    elif request.param == "slipped":
        rng = np.random.default_rng(3)
        scan = scanned(made_spine("slipped", rng), "slipped", (4.0, 0.6, 0.6), rng)[0]
    else:
        folder = request.getfixturevalue("shared")
        scan = Scan(Case("1_t1", "1"), {}, read_mask(folder / "spider" / "masks" / "1_t1.mha"))
    return scan, panel(scan)


@pytest.mark.parametrize("code", ["RAI", "PIR", "ASL"])
def test_mirrored_and_permuted_axes_change_no_number(seen, code):
    scan, one = seen
    labels, grid = reorient(scan.mask.labels, scan.mask.grid, code)
    other = panel(scan.replace(mask=LabelMap(labels, grid, scan.mask.scheme)))
    assert_same(one, other, percent=0.2, deg=0.05, mm=0.02)


def test_a_turned_direction_matrix_changes_no_number_of_the_patient_itself(seen):
    scan, one = seen
    grid = scan.mask.grid
    turn = Rotation.from_euler("xyz", (-9, 6, -14), degrees=True).as_matrix()
    turned = Grid(grid.shape, grid.spacing, tuple(turn @ grid.origin + [30, -40, 50]), turn @ grid.direction)
    assert_same(one, panel(regridded(scan, turned)), but=WORLD)


def test_a_mirrored_patient_has_mirrored_coronal_angles_and_the_same_lengths(seen):
    scan, one = seen
    grid = scan.mask.grid
    flip = np.diag([-1.0, 1.0, 1.0])
    mirrored = Grid(grid.shape, grid.spacing, tuple(flip @ grid.origin), flip @ grid.direction)
    assert_same(one, panel(regridded(scan, mirrored)), mirrored=True)


def test_another_scheme_changes_no_number():
    scan, _ = drawn("4 mm sagittal", 2)
    mask, other = scan.mask, scheme("totalspineseg")
    table = np.zeros(int(mask.labels.max()) + 1, np.uint16)
    for structure in mask.structures():
        table[mask.scheme.value_of(structure)] = other.value_of(structure)
    one, two = panel(scan), panel(scan.replace(mask=LabelMap(table[mask.labels], mask.grid, other)))
    assert set(one.rows) == set(two.rows)
    for name, values in two.at(one.rows).items():
        np.testing.assert_allclose(values, one.columns[name], atol=1e-9, err_msg=name)


def test_another_format_changes_no_number(tmp_path):
    scan, _ = drawn("4 mm sagittal", 3, 3)
    grid = scan.mask.grid
    image = sitk.GetImageFromArray(scan.mask.labels)
    image.SetSpacing(grid.spacing[::-1])
    image.SetOrigin(grid.origin)
    image.SetDirection(grid.direction.ravel().tolist())
    sitk.WriteImage(image, str(tmp_path / "a.nii.gz"))
    one, two = panel(scan), panel(scan.replace(mask=read_mask(tmp_path / "a.nii.gz")))
    for name, values in two.at(one.rows).items():
        np.testing.assert_allclose(values, one.columns[name], rtol=1e-3, atol=1e-2, err_msg=name)


@pytest.mark.parametrize("how", ["drawn again", "every second voxel"])
def test_half_a_millimetre_and_one_differ_by_less_than_three_percent(how):
    spine = draw_patient(11, 4, levels=3).spine
    fine, coarse = (scanned(spine, "a", (s, s, s), np.random.default_rng(1))[0] for s in (0.5, 1.0))
    if how == "every second voxel":
        grid = fine.mask.grid
        half = Grid(tuple(n // 2 for n in grid.shape), (1.0,) * 3, tuple(grid.to_world((0.5,) * 3)), grid.direction)
        coarse = fine.replace(
            mask=LabelMap(kernels.resample(fine.mask.labels, grid, half, method="nearest"), half, fine.mask.scheme)
        )
    assert_same(panel(fine), panel(coarse), percent=3.0, deg=1.5, mm=1.0, but=("rotation_deg",))
