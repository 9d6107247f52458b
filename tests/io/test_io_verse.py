"""`verse`: masks by VerSe's numbering, body centres put where their direction order says."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk
from io_files import itk_image
from spinefx_io import VerseOptions, spinefx_loaders
from spinefx_io.verse import read_centres

from spinefx.api import DataError, Grid, Loader
from spinefx.phantom import direction_of

LETTERS = ("LPS", "PIR", "RAS", "SAR", "ILP")


def loader(root: Path) -> Loader:
    built: Loader = next(p for p in spinefx_loaders() if p.name == "verse").build(VerseOptions(root=root))
    return built


def write_case(root: Path, grid: Grid, centre: list[float]) -> None:
    labels = np.zeros(grid.shape, np.uint8)
    labels[4:9, 4:9, 4:9] = 22
    ct = np.random.default_rng(0).integers(-100, 900, grid.shape).astype(np.int16)
    for folder, name, data in (("rawdata", "ct", ct), ("derivatives", "seg-vert_msk", labels)):
        path = root / folder / "sub-verse7" / f"sub-verse7_{name}.nii.gz"
        path.parent.mkdir(parents=True, exist_ok=True)
        sitk.WriteImage(itk_image(data, grid), str(path))
    entries = [{"direction": ["P", "I", "R"]}, {"label": 22, **dict(zip("XYZ", centre, strict=True))}]
    (root / "derivatives" / "sub-verse7" / "sub-verse7_seg-vb_ctd.json").write_text(json.dumps(entries))


def test_ct_mask_and_levels_of_a_scan_are_read(tmp_path):
    grid = Grid((12, 13, 14), (1.0, 1.0, 1.0), (0, 0, 0), direction_of("PIR"))
    write_case(tmp_path, grid, [6.0, 6.0, 6.0])
    one = loader(tmp_path)
    (case,) = one.cases()
    assert (case.id, case.patient) == ("sub-verse7", "verse7")
    scan = one.load(case)
    assert [s.level for s in scan.mask.structures("vertebra")] == ["L3"]
    assert set(scan.images) == {"ct"}
    assert not any("centre" in note for note in scan.notes)


def test_a_centre_outside_its_vertebra_and_a_vertebra_without_one_are_noted(tmp_path):
    grid = Grid((12, 13, 14), (1.0, 1.0, 1.0), (0, 0, 0), direction_of("PIR"))
    write_case(tmp_path, grid, [1.0, 1.0, 1.0])
    one = loader(tmp_path)
    assert "centre outside its vertebra: L3" in one.load(one.cases()[0]).notes
    path = tmp_path / "derivatives" / "sub-verse7" / "sub-verse7_seg-vb_ctd.json"
    path.write_text('[{"direction": ["P", "I", "R"]}]')
    assert "vertebra without a centre: L3" in one.load(one.cases()[0]).notes


@pytest.mark.parametrize("file", LETTERS)
@pytest.mark.parametrize("stated", LETTERS)
def test_a_centre_lies_at_one_place_whatever_order_image_and_list_are_in(file, stated):
    sizes = {"L": 10, "R": 10, "P": 20, "A": 20, "S": 30, "I": 30}
    middle = np.array([4.5, 9.5, 14.5])
    point = np.array([2.0, -3.0, 5.0])
    direction = direction_of(file)
    shape = tuple(sizes[letter] for letter in reversed(file))
    centred = Grid(shape, (1, 1, 1), (0, 0, 0), direction)
    origin = -centred.to_world((np.array(shape) - 1) / 2)
    grid = Grid(shape, (1, 1, 1), tuple(origin), direction)
    axis = {"L": (0, 1), "R": (0, -1), "P": (1, 1), "A": (1, -1), "S": (2, 1), "I": (2, -1)}
    voxels = [middle[axis[letter][0]] + axis[letter][1] * point[axis[letter][0]] for letter in stated]
    content = json.dumps([{"direction": list(stated)}, {"label": 21, **dict(zip("XYZ", voxels, strict=True))}])
    assert np.allclose(read_centres(content.encode(), grid)[21], point)


@pytest.mark.parametrize(
    "content",
    [b"", b"[]", b"{}", b'[{"direction": ["P", "P", "R"]}]', b'[{"direction": ["P", "I", "R"]}, {"label": 1, "X": 1}]',
     b'[{"direction": ["P", "I", "R"]}, {"label": 1, "X": NaN, "Y": 1, "Z": 1}]', b"[" * 100_000],
)  # fmt: skip
def test_a_list_that_is_none_is_refused(content):
    with pytest.raises(DataError):
        read_centres(content, Grid((4, 4, 4)))


def test_a_folder_without_scans_is_named(tmp_path):
    with pytest.raises(DataError, match=r"no sub-\*_ct"):
        loader(tmp_path).cases()


def test_the_real_scan_has_its_lumbar_vertebrae_and_centres_inside_them(shared):
    one = loader(shared / "verse")
    (case,) = one.cases()
    scan = one.load(case)
    assert [s.level for s in scan.mask.structures("vertebra")] == ["L1", "L2", "L3", "L4", "L5"]
    assert case.notes == ("no ct",)
    assert scan.notes == ("no ct",)
