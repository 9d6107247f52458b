"""The same spine in another label scheme, in another file format, or on a grid twice as coarse gives the same numbers."""

from __future__ import annotations

import numpy as np
import SimpleITK as sitk
from made_spines import scanned
from measured_spines import drawn, read_mask
from tables import panel

from spinefx.api import LabelMap, scheme
from spinefx.phantom import draw_patient


def test_another_scheme_changes_no_number():
    scan, _ = drawn("4 mm sagittal", 2)
    mask, verse = scan.mask, scheme("verse")
    table = np.zeros(int(mask.labels.max()) + 1, np.uint16)
    for structure in mask.structures("vertebra"):
        table[mask.scheme.value_of(structure)] = verse.value_of(structure)
    bones = scan.replace(mask=LabelMap(np.where(mask.labels < 100, mask.labels, 0), mask.grid, mask.scheme))
    other = scan.replace(mask=LabelMap(table[bones.mask.labels], mask.grid, verse))
    one, two = panel(bones), panel(other)
    assert len(one.rows) == len(two.rows) == 6
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


def test_half_a_millimetre_and_one_differ_by_less_than_three_percent():
    spine = draw_patient(11, 4, levels=3).spine
    fine, coarse = (panel(scanned(spine, "a", (s, s, s), np.random.default_rng(1))[0]) for s in (0.5, 1.0))
    other = coarse.at(fine.rows)
    for name in ("disc.height_mm", "disc.depth_mm", "disc.width_mm", "vertebra.height_mm", "vertebra.depth_mm"):
        change = np.abs(other[name] / fine.columns[name] - 1)
        assert np.nanmean(change) < 0.03, (name, change)
