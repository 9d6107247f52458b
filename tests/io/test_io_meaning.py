"""Schemes of one's own, and spines that count otherwise, through the loaders."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import SimpleITK as sitk
from io_files import itk_image, write_pair
from pydantic import ValidationError
from spinefx_io import FolderOptions, ManifestOptions, SpiderOptions
from spinefx_io.corrections import LOWEST, THORACIC, corrected
from spinefx_io.folder import FolderLoader
from spinefx_io.manifest import ManifestLoader
from spinefx_io.meaning import SCHEME_ROLE
from spinefx_io.spider import SpiderLoader

from spinefx.api import SCHEMES, Case, DataError, Grid, LabelMap, SchemeError

GRID = Grid((3, 4, 5), (4.0, 1.0, 1.0))
MINE = {"1": "vertebra L5", "7": "disc L5-S1", "9": "tumour", "ignored": (50,)}


@pytest.fixture
def masks(tmp_path: Path) -> Path:
    labels = np.zeros(GRID.shape, np.uint8)
    labels[1, 1, :4] = (1, 7, 9, 50)
    (tmp_path / "masks").mkdir()
    for name in ("a", "b"):
        sitk.WriteImage(itk_image(labels, GRID), str(tmp_path / "masks" / f"{name}.mha"))
    return tmp_path


def folder(root: Path, **options: Any) -> FolderLoader:
    return FolderLoader(FolderOptions(root=root, masks="masks/{id}.mha", **options))


def names(loader: FolderLoader | SpiderLoader, number: int = 0) -> list[str]:
    case = loader.cases()[number]
    return [s.name for s in loader.load(case).mask.structures()]


def test_an_inline_scheme_names_the_values_and_ignores_what_it_says(masks):
    loader = folder(masks, scheme=MINE)
    assert names(loader) == ["L5", "L5-S1", "tumour"]
    assert 50 not in loader.load(loader.cases()[0]).mask.labels
    with pytest.raises(ValidationError, match="'L9' is no level"):
        folder(masks, scheme={"1": "vertebra L9"})
    with pytest.raises(DataError, match=r"mask values \[50\] are not in scheme"):
        names(folder(masks, scheme={k: v for k, v in MINE.items() if k != "ignored"}))


def test_a_file_of_schemes_is_read_and_is_a_file_of_every_case(masks):
    path = masks / "mine.toml"
    path.write_text('[other]\n1 = "canal"\n[mine]\n1 = "vertebra L5"\n7 = "disc L5-S1"\n9 = "tumour"\nignored = [50]\n')
    loader = folder(masks, scheme="mine", schemes=path)
    assert names(loader) == ["L5", "L5-S1", "tumour"]
    assert {case.files[SCHEME_ROLE] for case in loader.cases()} == {path}
    with pytest.raises(DataError, match=r"mine.toml: has no scheme 'min'; known are other, mine, spider"):
        folder(masks, scheme="min", schemes=path)
    assert SCHEME_ROLE not in folder(masks, scheme="spider", schemes=path).cases()[0].files


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "has no scheme 'mine'"),
        (b"mine = 3", "has no scheme 'mine'"),
        (b"[mine", "is no TOML"),
        (b"\xff\xfe", "is no TOML"),
        (b"[mine]\n1 = 2", "must be a text"),
        (b'[mine]\nignored = "x"\n1 = "canal"', "must be a list of mask values"),
        (b"[mine]\n1 = 'canal'\nignored = [70000]", "must be a list of mask values"),
        (b"a." * 20_000 + b"b = 1", "over 2000 characters"),
        (b"x = " + b"[" * 1900 + b"\n" + b"[" * 1900, "is no TOML"),
        (b"# \n" * 40_000, "larger than 64 KiB"),
    ],
)  # fmt: skip
def test_a_broken_or_evil_file_of_schemes_is_refused(masks, content, says):
    (masks / "mine.toml").write_bytes(content)
    with pytest.raises(DataError, match=rf"mine.toml: .*{says}"):
        folder(masks, scheme="mine", schemes=masks / "mine.toml")


def test_a_spine_that_counts_otherwise_is_named_by_a_table(tmp_path, small):
    for stem in ("1_t2", "2_t1", "2_t2"):
        write_pair(tmp_path, stem, small)
    table = tmp_path / "levels.csv"
    table.write_text("patient,case,lowest,thoracic\n2,,l6,\n,1_t2,,13\n")
    loader = SpiderLoader(SpiderOptions(root=tmp_path, levels=table))
    usual = SpiderLoader(SpiderOptions(root=tmp_path))
    assert names(usual)[-3:] == ["L5-S1", "L4-L5", "L3-L4"]
    assert names(loader, 1)[-3:] == names(loader, 2)[-3:] == ["L6-S1", "L5-L6", "L4-L5"]
    one, two = loader.cases()[0], loader.cases()[1]
    assert one.notes == ("levels counted from L5 with 13 thoracic",)
    assert two.notes == ("levels counted from L6",)
    assert (two.facts[LOWEST], two.facts[THORACIC]) == ("L6", 12)
    assert np.array_equal(loader.load(two).mask.labels, usual.load(two).mask.labels)


def test_a_table_says_what_a_value_is_in_one_case(tmp_path, small):
    for stem in ("1_t2", "2_t1", "2_t2"):
        write_pair(tmp_path, stem, small)
    table = tmp_path / "levels.csv"
    table.write_text("patient,case,lowest,value,structure\n2,,,3,partial-vertebra L3\n,2_t2,,203,ignored\n,2_t2,L6,,\n")
    loader = SpiderLoader(SpiderOptions(root=tmp_path, levels=table))
    one, two, three = (loader.load(case) for case in loader.cases())
    assert one.case.notes == ()
    assert [(s.kind, s.level) for s in two.mask.structures("partial-vertebra")] == [("partial-vertebra", "L3")]
    assert [s.level for s in two.mask.structures("vertebra")] == ["L5", "L4"]
    assert [s.level for s in three.mask.structures("vertebra")] == ["L6", "L5"]
    assert [s.level for s in three.mask.structures("disc")] == ["L6-S1", "L5-L6"]
    assert set(np.unique(one.mask.labels)) - set(np.unique(three.mask.labels)) == {203}
    assert two.case.notes == ("mask value 3 is partial-vertebra L3 by the table of levels",)
    assert three.case.notes[0] == "levels counted from L6"


def test_a_value_outside_the_scheme_may_be_named_and_a_structure_never_twice(tmp_path):
    labels = np.ones(GRID.shape, np.int16)
    labels[0], labels[1] = 2, 99
    mask = LabelMap(labels, GRID, SCHEMES["spider"])
    with pytest.raises(SchemeError, match=r"mask values \[99\] are not in scheme"):
        corrected(mask)
    named = corrected(mask, Case("a", "a", facts={"mask_value_99": "sacrum"}))
    assert [s.kind for s in named.structures()] == ["vertebra", "vertebra", "sacrum"]
    with pytest.raises(SchemeError, match="mask value 2 is vertebra L4 too"):
        corrected(mask, Case("a", "a", facts={"mask_value_99": "vertebra L4"}))
    moved = corrected(mask, Case("a", "a", facts={"mask_value_99": "vertebra L4", "mask_value_2": "ignored"}))
    assert [s.level for s in moved.structures()] == ["L5", "L4"]
    with pytest.raises(DataError, match="nothing but values that its scheme ignores"):
        corrected(mask, Case("a", "a", facts={f"mask_value_{v}": "ignored" for v in (1, 2, 99)}))


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("patient,lowest\n2,L9\n", "line 2: lowest = 'L9'"),
        ("patient,thoracic\n2,14\n", "thoracic = '14'"),
        ("lowest\nL6\n", "names no `case` and no `patient`"),
        ("patient,lowest\n2,L6\n2,L4\n", "line 3: names '2' again and says otherwise"),
        ("patient,lowest\n7,L6\n", "names none of the cases; its ids are 7"),
        ("patient,lowest\n2,L6\n02,L4\n", "names '02', the data have '2'"),
        ("case,lowest\n2_T2,L6\n", "names '2_T2', the data have '2_t2'"),
        ("patient,case,lowest\n2,,L6\n,2_t02,L4\n", "names '2_t02', the data have '2_t2'"),
        ("patient,value\n2,7\n", "`value` and `structure` go together"),
        ("patient,value,structure\n2,7,vertebr T11\n", "line 2: .*'vertebra'"),
        ("patient,value,structure\n2,x,ignored\n", "'x' is no mask value"),
        ("patient,value,structure\n2,7,canal\n2,7,cord\n", "line 3: names '2' again and says otherwise"),
        ("patient,lowest\n2,\n", "says nothing"),
    ],
)
def test_a_table_of_levels_that_makes_no_sense_is_refused(tmp_path, small, text, says):
    write_pair(tmp_path, "2_t2", small)
    (tmp_path / "levels.csv").write_text(text)
    with pytest.raises(DataError, match=says):
        SpiderLoader(SpiderOptions(root=tmp_path, levels=tmp_path / "levels.csv")).cases()


def test_totalsegmentators_organs_become_background(tmp_path):
    labels = np.zeros(GRID.shape, np.uint8)
    labels[1, 1, :3] = (1, 27, 51)
    sitk.WriteImage(itk_image(labels, GRID), str(tmp_path / "x.nii.gz"))
    loader = FolderLoader(FolderOptions(root=tmp_path, masks="{id}.nii.gz", scheme="totalsegmentator"))
    mask = loader.load(loader.cases()[0]).mask
    assert np.unique(mask.labels).tolist() == [0, 27]
    labels[labels == 27] = 0
    sitk.WriteImage(itk_image(labels, GRID), str(tmp_path / "x.nii.gz"))
    with pytest.raises(DataError, match="nothing but values that its scheme ignores"):
        loader.load(loader.cases()[0])


def test_a_column_called_scheme_is_an_image_like_any_other(tmp_path):
    data = np.arange(60, dtype=np.int16).reshape(GRID.shape)
    sitk.WriteImage(itk_image(data, GRID), str(tmp_path / "x.mha"))
    (tmp_path / "cases.csv").write_text("id,scheme\n1,x.mha\n")
    loader = ManifestLoader(ManifestOptions(table=tmp_path / "cases.csv", images=("scheme",), scheme="spider"))
    assert set(loader.load(loader.cases()[0]).images) == {"scheme"}
    assert isinstance(loader.cases()[0], Case)
