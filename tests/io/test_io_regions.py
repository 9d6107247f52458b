"""Masks out of RTSTRUCT contours and SEG segments: on the grid of the series they belong to, or refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import SimpleITK as sitk
from dicom_writing import write_series
from pydicom import Dataset
from region_writing import around, segmentation, structure_set
from spinefx_io import DicomOptions
from spinefx_io.dicom import DicomLoader

from spinefx.api import DataError, Grid, GridError, Scan
from spinefx.phantom import direction_of, rotation

TURN = rotation(sagittal_deg=9.0, coronal_deg=-5.0, axial_deg=4.0)
GRID = Grid((6, 20, 24), (4.0, 0.7, 0.9), (12.5, -30.25, 100.0), TURN @ direction_of("PIR"))
DATA = np.random.default_rng(0).integers(-900, 2000, GRID.shape).astype(np.int16)
WANTED = {"L5": "vertebra L5", "disc*": "disc L5-S1"}
BOX = np.zeros(GRID.shape, bool)
BOX[1:4, 4:11, 5:15] = True
OTHER = np.zeros(GRID.shape, bool)
OTHER[2:5, 10:16, 5:15] = True


def loaded(root: Path, *headers: Dataset, **options: Any) -> Scan:
    write_series(root, DATA, GRID)
    for number, header in enumerate(headers):
        header.save_as(root / f"regions{number}.dcm", enforce_file_format=True)
    loader = DicomLoader(DicomOptions(root=root, **({"regions": WANTED} | options)))
    (case,) = loader.cases()
    return loader.load(case)


def test_contours_fill_the_voxels_whose_centres_they_enclose(tmp_path):
    scan = loaded(
        tmp_path,
        structure_set({"l5": around(BOX, GRID), "Disc L5/S1": around(OTHER & ~BOX, GRID), "body": around(BOX, GRID)}),
    )
    assert [(s.kind, s.level) for s in scan.mask.structures()] == [("vertebra", "L5"), ("disc", "L5-S1")]
    assert np.array_equal(scan.mask.labels == 1, BOX)
    assert scan.mask.grid is scan.images["mr"].grid
    assert scan.notes == ("1 regions that `regions` does not name are left out",)


def test_a_contour_inside_another_cuts_a_hole_and_overlaps_are_counted(tmp_path):
    hole = np.zeros_like(BOX)
    hole[1:4, 6:9, 8:12] = True
    rings = [points for pair in zip(around(BOX, GRID), around(hole, GRID), strict=True) for points in pair]
    scan = loaded(tmp_path, structure_set({"L5": rings, "disc": around(OTHER, GRID)}))
    assert np.array_equal(scan.mask.labels == 1, BOX & ~hole)
    assert np.array_equal(scan.mask.labels == 2, OTHER & ~BOX)
    assert scan.notes == (f"regions overlap in {(BOX & OTHER).sum()} voxels; the one named first keeps them",)


@pytest.mark.parametrize("kind", ["BINARY", "FRACTIONAL", "LABELMAP"])
def test_segments_are_the_voxels_that_were_written(tmp_path, kind):
    rest = OTHER & ~BOX
    scan = loaded(tmp_path, segmentation({"L5": BOX, "disc": rest}, kind, GRID))
    assert np.array_equal(scan.mask.labels, BOX * 1 + rest * 2)
    assert scan.notes == ()


def test_a_slice_amid_a_region_that_bears_no_contour_is_said(tmp_path):
    gap = BOX.copy()
    gap[2] = False
    assert loaded(tmp_path, structure_set({"L5": around(gap, GRID)})).notes == (
        "1 slices amid a region bear no contour; they stay empty",
    )


OFF = Grid(GRID.shape, GRID.spacing, GRID.to_world((0, 0.5, 0)), GRID.direction)


@pytest.mark.parametrize(
    ("header", "error", "says"),
    [
        (structure_set({"L5": around(BOX, GRID, shift=0.5)}), GridError, "do not lie in the slices"),
        (structure_set({"L5": [p[:, ::-1] for p in around(BOX, GRID)]}), GridError, "do not lie in the slices"),
        (structure_set({"L5": around(BOX, GRID, shift=40.0)}), GridError, "encloses no voxel"),
        (structure_set({"L5": [np.full((3, 3), np.nan)]}), GridError, "not finite"),
        (structure_set({"L5": [np.zeros((1, 2))]}), DataError, "in threes"),
        (structure_set({"L5": around(BOX, GRID)}, kind="POINT"), GridError, "encloses no voxel"),
        (structure_set({"Erika": around(BOX, GRID), "heart": []}), DataError, r"wants; it has '', 'heart'"),
        (segmentation({"L5": BOX}, "BINARY", OFF), GridError, "another grid than their series"),
        (segmentation({"L5": BOX[:, 1:]}, "BINARY", GRID), GridError, "another grid than their series"),
    ],
)  # fmt: skip
def test_regions_that_do_not_fit_are_refused(tmp_path, header, error, says):
    with pytest.raises(error, match=f"regions of mr .1 file. .*{says}"):
        loaded(tmp_path, header)


def test_regions_of_another_series_make_no_mask(tmp_path):
    scan = loaded(tmp_path, structure_set({"L5": around(BOX, GRID)}, series="elsewhere"))
    assert scan.mask is None
    assert scan.notes == ("1 files of regions belong to no image of the case, left out", "no regions, hence no mask")


def test_regions_drawn_on_the_structural_image_go_before_those_on_pet(tmp_path):
    from dicom_writing import PET, radiopharmacy

    pet = PET | {"RadiopharmaceuticalInformationSequence": radiopharmacy()}
    write_series(tmp_path / "pet", np.abs(DATA), GRID, "PT", **pet)
    scan = loaded(
        tmp_path, structure_set({"L5": around(OTHER, GRID)}, series="pet"), structure_set({"L5": around(BOX, GRID)})
    )
    assert np.array_equal(scan.mask.labels > 0, BOX)
    assert "regions drawn on pet are left out, those on mr are the mask" in scan.notes


@pytest.mark.filterwarnings("ignore:The value for the data element")
def test_a_contour_of_very_many_points_is_read_as_it_stands(tmp_path):
    angle = np.linspace(0, 2 * np.pi, 40_000, endpoint=False)
    circle = np.stack([np.full_like(angle, 2.0), 8 + 5.2 * np.sin(angle), 10 + 5.2 * np.cos(angle)], axis=1)
    scan = loaded(tmp_path, structure_set({"L5": [GRID.to_world(circle)]}))
    r, c = np.indices(GRID.shape[1:])
    assert np.array_equal(scan.mask.labels[2] > 0, (r - 8) ** 2 + (c - 10) ** 2 < 5.2**2)


def test_an_unknown_meaning_and_two_sources_of_masks_are_refused():
    with pytest.raises(ValueError, match="'vertebr' has no levels; 'vertebra'"):
        DicomOptions(root="x", regions={"L5": "vertebr L5"})
    with pytest.raises(ValueError, match="both say where masks come from"):
        DicomOptions(root="x", regions=WANTED, masks="{id}.mha", scheme="spider")


def test_sts_018s_contours_are_the_mask_that_came_with_them(shared):
    loader = DicomLoader(DicomOptions(root=shared / "petct" / "STS_018_dicom", regions={"gtv*": "tumour"}))
    (case,) = loader.cases()
    scan = loader.load(case)
    theirs = sitk.GetArrayFromImage(sitk.ReadImage(str(shared / "petct" / "STS_018" / "CT_mask.nii.gz")))
    assert np.array_equal(scan.mask.labels > 0, theirs > 0)
    assert scan.mask.grid is scan.images["ct"].grid
