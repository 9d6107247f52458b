"""`folder`: patterns with named parts find cases in any layout."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk
from io_files import itk_image
from pydantic import ValidationError
from spinefx_io import FolderOptions, spinefx_loaders
from spinefx_io.pattern import compile_pattern, walk

from spinefx.api import DataError, Grid, GridError, Loader, Weighing


def loader(root: Path, **options: object) -> Loader:
    plugin = next(p for p in spinefx_loaders() if p.name == "folder")
    built: Loader = plugin.build(FolderOptions(root=root, **({"scheme": "spider"} | options)))
    return built


@pytest.fixture
def tree(tmp_path: Path, small) -> Path:
    for patient in ("p1", "p2"):
        for kind, data in (("t1", small[0].data), ("t2", small[0].data), ("seg", small[1].labels.astype(np.uint8))):
            path = tmp_path / patient / f"{patient}_{kind}.nii.gz"
            path.parent.mkdir(exist_ok=True)
            sitk.WriteImage(itk_image(data, small[1].grid), str(path))
    return tmp_path


def test_images_and_mask_of_one_id_are_one_case(tree, small):
    one = loader(tree, images="{id}/{id}_{modality:t1,t2}.nii.gz", masks="{id}/{id}_seg.nii.gz")
    cases = one.cases()
    assert [(case.id, case.patient, sorted(case.files)) for case in cases] == [
        ("p1", "p1", ["mask", "t1", "t2"]),
        ("p2", "p2", ["mask", "t1", "t2"]),
    ]
    scan = one.load(cases[0])
    assert sorted(scan.images) == ["t1", "t2"]
    assert np.array_equal(scan.mask.labels, small[1].labels)
    assert scan.mask.grid == scan.images["t1"].grid


def test_with_the_modality_in_the_masks_pattern_every_series_is_a_case(tmp_path, small):
    for name in ("img/7_t1.mha", "img/7_t2_SPACE.mha", "seg/7_t1.mha", "seg/7_t2_SPACE.mha"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        data = small[0].data if name.startswith("img") else small[1].labels.astype(np.int16)
        sitk.WriteImage(itk_image(data, small[1].grid), str(path))
    cases = loader(tmp_path, images="img/{id}_{modality}.mha", masks="seg/{id}_{modality}.mha").cases()
    assert [(case.id, case.patient) for case in cases] == [("7_t1", "7"), ("7_t2_SPACE", "7")]


def test_patient_and_other_parts_come_from_the_name(tree):
    (tree / "p1" / "p1_t2.nii.gz").rename(tree / "p1" / "siteA_p1_v2.nii.gz")
    cases = loader(tree, images="{patient}/{site}_{patient}_{id}.nii.gz").cases()
    case = next(case for case in cases if case.id == "v2")
    assert (case.patient, case.facts["site"], list(case.files)) == ("p1", "siteA", ["image"])


def test_a_missing_mask_and_a_missing_image_are_noted(tree):
    (tree / "p1" / "p1_seg.nii.gz").unlink()
    for modality in ("t1", "t2"):
        (tree / "p2" / f"p2_{modality}.nii.gz").unlink()
    one = loader(tree, images="{id}/{id}_{modality:t1,t2}.nii.gz", masks="{id}/{id}_seg.nii.gz")
    assert {case.id: case.notes for case in one.cases()} == {"p1": ("no mask",), "p2": ("no image, mask alone",)}


def test_the_mask_must_fit_one_of_the_images(tree, small):
    other = small[0].grid.crop((1, 0, 0), small[0].grid.shape)
    sitk.WriteImage(itk_image(small[0].data, other), str(tree / "p1" / "p1_t1.nii.gz"))
    one = loader(tree, images="{id}/{id}_{modality:t1,t2}.nii.gz", masks="{id}/{id}_seg.nii.gz")
    assert one.load(one.cases()[0]).mask.grid == small[1].grid
    sitk.WriteImage(itk_image(small[0].data, other), str(tree / "p1" / "p1_t2.nii.gz"))
    with pytest.raises(GridError, match=r"case p1: mask is 2.00 mm \(1 voxel\) off along z"):
        one.load(one.cases()[0])


def test_two_files_for_one_role_are_refused(tree):
    with pytest.raises(DataError, match="case p1 has two files for image"):
        loader(tree, images="{id}/{any}.nii.gz").cases()


def test_nothing_found_names_the_patterns(tree):
    with pytest.raises(DataError, match=r"no file matches images/\{id\}.mha or masks/\{id\}.mha"):
        loader(tree, images="images/{id}.mha", masks="masks/{id}.mha").cases()


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({}, "needs `images` or `masks`"),
        ({"images": "scans/*.mha"}, r"needs an \{id\}"),
        ({"images": "/data/{id}.mha"}, "inside the root"),
        ({"images": "../{id}.mha"}, "inside the root"),
        ({"images": "{id"}, "parts are written"),
        ({"images": "{Id}.mha"}, "parts are written"),
    ],
)
def test_a_pattern_that_cannot_work_is_refused_with_the_options(tree, options, says):
    with pytest.raises(ValidationError, match=says):
        FolderOptions(root=tree, scheme="spider", **options)


def test_the_scheme_is_required_and_must_be_known(tree):
    with pytest.raises(ValidationError, match="scheme"):
        FolderOptions(root=tree, images="{id}.mha")
    with pytest.raises(ValidationError, match="no such label scheme; known are 'spider', 'verse'"):
        FolderOptions(root=tree, images="{id}.mha", scheme="spyder")


def test_an_id_that_cannot_be_one_becomes_a_case_that_fails(tree):
    (tree / "p1" / "p1_t1.nii.gz").rename(tree / "p1" / "=1+1_t1.nii.gz")
    one = loader(tree, images="*/{id}_t1.nii.gz")
    odd = next(case for case in one.cases() if case.id.startswith("unnamed-"))
    with pytest.raises(DataError, match="must be letters, digits"):
        one.load(odd)


def test_a_pattern_takes_text_between_its_parts_literally():
    pattern = compile_pattern("sub-{id}/anat+(1)/x.nii.gz")
    assert pattern.fullmatch("sub-07/anat+(1)/x.nii.gz")["id"] == "07"
    assert pattern.fullmatch("sub-07/anat1/xynii.gz") is None
    assert compile_pattern("{id}.mha").fullmatch("a/b.mha") is None


def test_links_to_folders_are_not_walked(tmp_path):
    (tmp_path / "real").mkdir()
    (tmp_path / "real" / "a.mha").touch()
    (tmp_path / "real" / "loop").symlink_to(tmp_path)
    assert list(walk(tmp_path)) == ["real/a.mha"]
    with pytest.raises(DataError, match="more than 0 files"):
        list(walk(tmp_path, limit=0))


def test_a_real_totalsegmentator_ct_loads_with_its_vertebrae(shared):
    one = loader(
        shared / "totalsegmentator",
        images="{id}_ct.nii.gz",
        masks="{id}_ct_vertebrae.nii.gz",
        scheme="totalsegmentator",
    )
    scan = one.load(next(case for case in one.cases() if "mask" in case.files))
    levels = [s.level for s in scan.mask.structures("vertebra")]
    assert levels[:5] == ["L5", "L4", "L3", "L2", "L1"]
    assert scan.images["image"].data.dtype == np.float32
    assert isinstance(scan.mask.grid, Grid)


def test_how_large_a_case_is_comes_from_its_headers(tree, small):
    one = loader(tree, images="{id}/{id}_{modality:t1,t2}.nii.gz", masks="{id}/{id}_seg.nii.gz")
    first, second = one.cases()
    assert isinstance(one, Weighing)
    assert one.voxels(first) == small[1].labels.size
    path = second.files["t1"]
    path.write_bytes(path.read_bytes()[:400])  # its voxels are gone, its header tells
    assert one.voxels(second) == small[1].labels.size
    for path in second.files.values():
        path.write_bytes(b"nothing")
    assert one.voxels(second) == 0
