"""`bids`: images by their names, masks from a derivative, sex and age from participants.tsv."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk
from io_files import itk_image
from spinefx_io import BidsOptions, spinefx_loaders

from spinefx.api import DataError, Loader


def loader(root: Path, **options: object) -> Loader:
    chosen = BidsOptions(root=root, **({"scheme": "spider"} | options))
    built: Loader = next(p for p in spinefx_loaders() if p.name == "bids").build(chosen)
    return built


@pytest.fixture
def tree(tmp_path: Path, small) -> Path:
    mask = small[1].labels.astype(np.uint8)
    for name, data in (
        ("sub-01/anat/sub-01_T2w.nii.gz", small[0].data),
        ("sub-01/anat/sub-01_T1w.nii.gz", small[0].data),
        ("sub-02/ses-a/anat/sub-02_ses-a_acq-sag_T2w.nii.gz", small[0].data),
        ("derivatives/labels/sub-01/anat/sub-01_T2w_label-spine_dseg.nii.gz", mask),
        ("derivatives/labels/sub-02/ses-a/anat/sub-02_ses-a_acq-sag_label-spine_dseg.nii.gz", mask),
        ("sourcedata/sub-09/sub-09_T2w.nii.gz", small[0].data),
    ):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        sitk.WriteImage(itk_image(data, small[1].grid), str(path))
    (tmp_path / "participants.tsv").write_text(
        "participant_id\tage\tsex\tname\nsub-01\t44\tF\tJane\nsub-02\tn/a\tM\tJohn\n"
    )
    return tmp_path


def test_every_image_is_a_case_with_its_mask_and_facts(tree, small):
    one = loader(tree, mask="_label-spine_dseg")
    cases = {case.id: case for case in one.cases()}
    assert list(cases) == ["sub-01_T1w", "sub-01_T2w", "sub-02_ses-a_acq-sag_T2w"]
    assert [case.patient for case in cases.values()] == ["01", "01", "02"]
    assert dict(cases["sub-01_T2w"].facts) == {"age": 44.0, "sex": "F"}
    assert dict(cases["sub-02_ses-a_acq-sag_T2w"].facts) == {"sex": "M", "session": "a"}
    assert cases["sub-01_T1w"].notes == ("no mask",)
    for name in ("sub-01_T2w", "sub-02_ses-a_acq-sag_T2w"):
        scan = one.load(cases[name])
        assert set(scan.images) == {"t2"}
        assert np.array_equal(scan.mask.labels, small[1].labels)


def test_masks_in_two_derivatives_must_be_chosen_from(tree):
    other = tree / "derivatives" / "model" / "sub-01_T2w_label-spine_dseg.nii.gz"
    other.parent.mkdir()
    other.write_bytes((tree / "derivatives/labels/sub-01/anat/sub-01_T2w_label-spine_dseg.nii.gz").read_bytes())
    with pytest.raises(DataError, match=r"sub-01_T2w has masks in labels and model; name one derivative as `pipeline`"):
        loader(tree, mask="_label-spine_dseg").cases()
    cases = loader(tree, mask="_label-spine_dseg", pipeline="model").cases()
    assert {case.id: case.files.get("mask") for case in cases}["sub-01_T2w"] == other


def test_an_image_that_lies_there_twice_is_refused(tree):
    copy = tree / "sub-01" / "sub-01_T2w.nii.gz"
    copy.write_bytes((tree / "sub-01/anat/sub-01_T2w.nii.gz").read_bytes())
    with pytest.raises(DataError, match="sub-01_T2w lies there twice"):
        loader(tree).cases()


def test_a_folder_that_is_not_bids_is_named(tmp_path):
    with pytest.raises(DataError, match=r"no image sub-\*_\{T1w,T2w,ct\}"):
        loader(tmp_path).cases()


def test_a_name_that_cannot_be_an_id_becomes_a_case_that_fails(tree):
    (tree / "sub-03_x y\n_T2w.nii.gz").write_bytes(b"")
    one = loader(tree)
    odd = next(case for case in one.cases() if case.id.startswith("unnamed-"))
    with pytest.raises(DataError, match="rename it"):
        one.load(odd)
