"""`spider`: discovery by names, reading through the gate, and what is wrong said case by case."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk
from io_files import itk_image, write_pair
from spinefx_io import SpiderOptions, spinefx_loaders

from spinefx.api import DataError, Grid, GridError, Loader, SchemeError, disc_below


def loader(*roots: Path, **options: object) -> Loader:
    plugin = next(p for p in spinefx_loaders() if p.name == "spider")
    built: Loader = plugin.build(SpiderOptions(root=roots if len(roots) > 1 else roots[0], **options))
    return built


@pytest.fixture
def tree(tmp_path: Path, small) -> Path:
    for stem in ("2_t2", "10_t1", "10_t2", "10_t2_SPACE", "2_t1"):
        write_pair(tmp_path / "spider", stem, small)
    return tmp_path / "spider"


def rewrite(path: Path, change) -> None:
    image = sitk.ReadImage(str(path))
    grid = Grid(
        image.GetSize()[::-1], image.GetSpacing()[::-1], image.GetOrigin(), np.reshape(image.GetDirection(), (3, 3))
    )
    data, grid = change(sitk.GetArrayFromImage(image), grid)
    sitk.WriteImage(itk_image(data, grid), str(path), useCompression=True)


def test_series_are_found_by_name_and_sorted_as_people_count(tree):
    cases = loader(tree).cases()
    assert [case.id for case in cases] == ["2_t1", "2_t2", "10_t1", "10_t2", "10_t2_SPACE"]
    assert [case.patient for case in cases] == ["2", "2", "10", "10", "10"]
    assert cases[4].facts["series"] == "t2_SPACE"


def test_the_series_filter_takes_these_alone(tree):
    assert [case.id for case in loader(tree, series=("t2",)).cases()] == ["2_t2", "10_t2"]
    with pytest.raises(DataError, match=r"no series found; wanted <id>_ct\.mha"):
        loader(tree, series=("ct",)).cases()


def test_a_series_of_ones_own_name_is_found_when_asked_for(tree, small):
    write_pair(tree, "4_dixon", small)
    assert [case.id for case in loader(tree, series=("dixon",)).cases()] == ["4_dixon"]
    assert [case.facts["series"] for case in loader(tree, series=("t2", "dixon")).cases()] == ["t2", "dixon", "t2"]


@pytest.mark.parametrize("ending", [".nii.gz", ".nrrd"])
def test_a_converted_copy_of_the_data_set_is_read_too(tmp_path, small, ending):
    write_pair(tmp_path, "3_t2", small, ending=ending)
    one = loader(tmp_path)
    scan = one.load(one.cases()[0])
    assert np.array_equal(scan.mask.labels, small[1].labels)
    write_pair(tmp_path, "3_t2", small)
    with pytest.raises(DataError, match=r"holds both 3_t2.mha and 3_t2"):
        one.cases()


def test_a_series_is_loaded_with_image_mask_and_levels(tree, small):
    one = loader(tree)
    scan = one.load(one.cases()[1])
    assert set(scan.images) == {"t2"}
    assert np.array_equal(scan.images["t2"].data, small[0].data)
    assert np.array_equal(scan.mask.labels, small[1].labels)
    assert scan.mask.grid == small[1].grid
    assert [s.level for s in scan.mask.structures("disc")] == ["L5-S1", "L4-L5", "L3-L4"]


def test_facts_come_from_overview_with_blanks_stripped_and_missing_ages_left_out(tree):
    with (tree / "overview.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["new_file_name", "sex", "birth_date", "MagneticFieldStrength", "Manufacturer"])
        writer.writerow(["2_t1", "F ", "", "3.0", "SIEMENS"])
        writer.writerow(["2_t2", "M", "61", "nan", ""])
    facts = {case.id: dict(case.facts) for case in loader(tree).cases()}
    assert facts["2_t1"] == {"series": "t1", "sex": "F", "field_tesla": 3.0, "manufacturer": "SIEMENS"}
    assert facts["2_t2"] == {"series": "t2", "sex": "M", "age": 61.0}
    assert facts["10_t1"] == {"series": "t1"}


def test_an_overview_without_its_key_is_refused(tree):
    (tree / "overview.csv").write_text("a,b\n1,2\n")
    with pytest.raises(DataError, match=r"overview.csv: no column 'new_file_name'; it has a, b"):
        loader(tree).cases()


def test_a_folder_of_masks_alone_joins_the_cohort(tree, tmp_path, small):
    write_pair(tmp_path / "more", "ivd01_t2", small)
    for image in (tmp_path / "more" / "images").iterdir():
        image.unlink()
    both = loader(tree, tmp_path / "more")
    case = next(case for case in both.cases() if case.patient == "ivd01")
    assert case.notes == ("no image, mask alone",)
    scan = both.load(case)
    assert not scan.images
    assert scan.mask is not None


def test_an_image_without_mask_is_a_case_with_a_note(tree):
    (tree / "masks" / "2_t2.mha").unlink()
    one = loader(tree)
    case = next(case for case in one.cases() if case.id == "2_t2")
    assert case.notes == ("no mask",)
    assert one.load(case).mask is None


def test_a_patient_in_two_folders_is_refused(tree, tmp_path, small):
    write_pair(tmp_path / "more", "10_t2", small)
    with pytest.raises(DataError, match=r"patient 10 lies in .*spider and in .*more"):
        loader(tree, tmp_path / "more").cases()


def test_a_missing_folder_is_named(tmp_path):
    with pytest.raises(DataError, match="nowhere: no such folder"):
        loader(tmp_path / "nowhere").cases()


def test_one_broken_case_does_not_hide_the_others(tree):
    (tree / "images" / "2_t1.mha").write_bytes(b"ElementDataFile = /etc/passwd\n")
    one = loader(tree)
    cases = {case.id: case for case in one.cases()}
    assert len(cases) == 5
    with pytest.raises(DataError, match=r"images/2_t1.mha: "):
        one.load(cases["2_t1"])
    assert one.load(cases["2_t2"]).mask is not None


def test_evil_names_become_cases_that_fail_with_a_safe_name(tree):
    source = (tree / "masks" / "2_t1.mha").read_bytes()
    for name in ("x\n<script>_t2.mha", "=cmd()_t2.mha", "readme.mha", "-x_t2.mha"):
        (tree / "masks" / name).write_bytes(source)
    one = loader(tree)
    odd = [case for case in one.cases() if case.id.startswith("unnamed-")]
    assert len(odd) == 4
    for case in odd:
        with pytest.raises(DataError, match=r"name is not <id>_<series>.mha") as caught:
            one.load(case)
        assert str(caught.value).isprintable()


def test_a_mask_one_slice_off_says_by_how_much_and_where(tree, small):
    grid = small[1].grid
    shift = grid.to_world([0, 0, 1]) - np.array(grid.origin)

    def moved(data, old):
        return data, Grid(old.shape, old.spacing, tuple(np.array(old.origin) + shift), old.direction)

    rewrite(tree / "masks" / "2_t2.mha", moved)
    one = loader(tree)
    with pytest.raises(GridError, match=r"case 2_t2: mask is 5.00 mm \(1 slice\) off along x"):
        one.load(one.cases()[1])


def test_a_mask_of_other_size_spacing_or_turn_says_which(tree):
    one = loader(tree)
    case = one.cases()[1]
    path = tree / "masks" / "2_t2.mha"
    good = path.read_bytes()
    rewrite(path, lambda d, g: (d[1:], g.crop((0, 0, 0), d[1:].shape)))
    with pytest.raises(GridError, match=r"mask has \d+ x \d+ x \d+ voxels"):
        one.load(case)
    path.write_bytes(good)
    rewrite(path, lambda d, g: (d, Grid(g.shape, (g.spacing[0] * 1.2, *g.spacing[1:]), g.origin, g.direction)))
    with pytest.raises(GridError, match=r"mask has spacing 2.4 x 2.2 x 5 mm"):
        one.load(case)
    path.write_bytes(good)
    rewrite(path, lambda d, g: (d, Grid(g.shape, g.spacing, g.origin, g.direction @ direction_about_z(3.0))))
    with pytest.raises(GridError, match=r"is turned by 3.00 degrees"):
        one.load(case)


def direction_about_z(degrees: float) -> np.ndarray:
    a = np.radians(degrees)
    return np.array([[np.cos(a), -np.sin(a), 0], [np.sin(a), np.cos(a), 0], [0, 0, 1]])


def test_a_rounding_difference_is_mended_with_a_note(tree):
    rewrite(
        tree / "masks" / "2_t2.mha", lambda d, g: (d, Grid(g.shape, g.spacing, np.array(g.origin) + 0.002, g.direction))
    )
    one = loader(tree)
    scan = one.load(one.cases()[1])
    assert scan.mask.grid == scan.images["t2"].grid
    assert "mm apart" in scan.notes[-1]


@pytest.mark.parametrize(
    ("kind", "change", "error", "says"),
    [
        ("masks", lambda d: d * 0, DataError, "mask is empty"),
        ("masks", lambda d: np.where(d == 201, 333, d).astype(np.int16), SchemeError, r"mask values \[333\]"),
        ("masks", lambda d: (d - 5).astype(np.int16), DataError, "mask values run from -5"),
        ("masks", lambda d: d.astype(np.float32) + 0.5, DataError, "not whole numbers"),
        ("images", lambda d: d * 0 + 7, DataError, "is constant, every voxel is 7"),
        ("images", lambda d: np.where(d > 400, np.nan, d).astype(np.float32), DataError, "voxels that are NaN"),
        ("images", lambda d: np.where(d > 400, np.inf, d).astype(np.float32), DataError, "voxels that are NaN or inf"),
    ],
)
def test_voxels_that_cannot_be_right_are_named(tree, kind, change, error, says):
    rewrite(tree / kind / "2_t2.mha", lambda d, g: (change(d), g))
    one = loader(tree)
    with pytest.raises(error, match=says) as caught:
        one.load(one.cases()[1])
    assert f"{kind}/2_t2.mha" in str(caught.value)


def test_a_volume_over_the_budget_is_refused(tree):
    one = loader(tree, budget_gb=1e-5)
    with pytest.raises(DataError, match="raise `budget_gb`"):
        one.load(one.cases()[0])


def test_the_real_masks_of_patient_1_load_with_their_levels(shared):
    one = loader(shared / "spider")
    cases = one.cases()
    assert [case.id for case in cases] == ["1_t1", "1_t2"]
    assert cases[0].facts["sex"] == "F"
    scan = one.load(cases[1])
    assert scan.mask.labels.shape == (578, 448, 50)
    assert [s.level for s in scan.mask.structures("disc")] == [
        disc_below(level) for level in ("L5", "L4", "L3", "L2", "L1", "T12", "T11")
    ]
    centres = [np.argwhere(scan.mask.mask_of(s)).mean(axis=0) for s in scan.mask.structures("disc")]
    heights = [float(scan.mask.grid.to_world(c)[2]) for c in centres]
    assert heights == sorted(heights)


def test_the_forty_real_patients_have_the_published_disc_volumes(shared):
    one = loader(shared / "discs_native")
    with (shared / "discs_native" / "volumes.csv").open(newline="") as file:
        published = {int(row["patient"]): row for row in csv.DictReader(file)}
    cases = one.cases()
    assert len(cases) == 40
    for case in cases:
        mask = one.load(case).mask
        row = published[int(case.patient[3:])]
        for disc in mask.structures("disc"):
            assert mask.volume_ml(disc) == pytest.approx(float(row[f"{disc.level}_cm3"]), rel=0.01)
