"""Schemes, label maps, features and labels keep what they promise."""

from __future__ import annotations

import numpy as np
import pytest

from spinefx.api import (
    SCHEMES,
    Case,
    DataError,
    Features,
    Grid,
    GridError,
    LabelMap,
    LabelRow,
    Labels,
    LabelTableError,
    Plugin,
    PluginError,
    Row,
    Scheme,
    SchemeError,
    Structure,
    Volume,
    scheme,
)
from spinefx.contract.features import source_of
from spinefx.store.tables import dictionary_frame

GRID = Grid((2, 3, 4), (4.0, 0.5, 0.5))


@pytest.mark.parametrize(
    ("name", "value", "kind", "level"),
    [
        ("spider", 1, "vertebra", "L5"),
        ("spider", 6, "vertebra", "T12"),
        ("spider", 24, "vertebra", "C1"),
        ("spider", 100, "canal", ""),
        ("spider", 103, "partial-vertebra", "L3"),
        ("spider", 201, "disc", "L5-S1"),
        ("spider", 206, "disc", "T12-L1"),
        ("verse", 20, "vertebra", "L1"),
        ("verse", 25, "vertebra", "L6"),
        ("verse", 28, "vertebra", "T13"),
        ("verse", 124, "disc", "L5-S1"),
        ("verse", 119, "disc", "T12-L1"),
        ("verse", 224, "endplate", "L5"),
        ("totalsegmentator", 27, "vertebra", "L5"),
        ("totalsegmentator", 31, "vertebra", "L1"),
        ("totalsegmentator", 32, "vertebra", "T12"),
        ("totalsegmentator", 43, "vertebra", "T1"),
        ("totalsegmentator", 44, "vertebra", "C7"),
        ("totalsegmentator", 50, "vertebra", "C1"),
        ("totalspineseg", 17, "vertebra", "C7"),
        ("totalspineseg", 32, "vertebra", "T12"),
        ("totalspineseg", 45, "vertebra", "L5"),
        ("totalspineseg", 63, "disc", "C2-C3"),
        ("totalspineseg", 71, "disc", "C7-T1"),
        ("totalspineseg", 82, "disc", "T11-T12"),
        ("totalspineseg", 91, "disc", "T12-L1"),
        ("totalspineseg", 95, "disc", "L4-L5"),
        ("totalspineseg", 100, "disc", "L5-S1"),
    ],
)
def test_the_public_schemes_say_what_their_papers_say(name: str, value: int, kind: str, level: str) -> None:
    assert (SCHEMES[name][value].kind, SCHEMES[name][value].level) == (kind, level)
    assert SCHEMES[name].value_of(SCHEMES[name][value]) == value


def test_a_value_outside_the_scheme_is_an_error_that_lists_it() -> None:
    labels = np.zeros(GRID.shape, np.int16)
    labels[0, 0, :3] = (1, 77, 300)
    with pytest.raises(SchemeError, match=r"\[77, 300\] are not in scheme 'spider'; it knows 1-25, 100-125, 201-225"):
        LabelMap(labels, GRID, scheme("spider")).check_scheme()
    with pytest.raises(SchemeError, match="no label scheme 'spyder'; known: spider"):
        scheme("spyder")
    with pytest.raises(SchemeError, match="has two values, 1 and 2"):
        Scheme("mine", {1: Structure.of("disc", "L5-S1"), 2: Structure.of("disc", "L5-S1")})


@pytest.mark.parametrize(("values", "error"), [(-1, "from -1 to 0"), (70000, "from 0 to 70000"), (1.5, "not whole")])
def test_a_mask_holds_whole_numbers_that_fit(values: float, error: str) -> None:
    labels = np.zeros(GRID.shape, np.float64)
    labels[0, 0, 0] = values
    with pytest.raises(DataError, match=error):
        LabelMap(labels, GRID, scheme("spider"))


def test_what_flows_is_read_only_and_fits_its_grid() -> None:
    volume = Volume(np.zeros(GRID.shape, np.float64), GRID)
    assert volume.data.dtype == np.float32
    with pytest.raises(ValueError, match="read-only"):
        volume.data[0, 0, 0] = 1.0
    with pytest.raises(GridError, match=r"shape \(3, 3, 4\)"):
        Volume(np.zeros((3, 3, 4)), GRID)
    mask = LabelMap(np.full(GRID.shape, 201), GRID, scheme("spider"))
    assert [s.name for s in mask.structures("disc")] == ["L5-S1"]
    assert mask.volume_ml(mask.structures()[0]) == pytest.approx(24 * 1.0 / 1000)


def test_features_join_side_by_side_and_refuse_a_clash() -> None:
    a, b = Row("1_t2", "1", "disc", "L5-S1"), Row("1_t2", "1", "spine")
    discs = Features.of_rows([a], [{"height_mm": 9.0}], reasons={(a, "height_mm"): "guess"}).prefixed("disc")
    whole = Features.of_case(Case("1_t2", "1"), {"count": 5}).prefixed("bone-count")
    joined = Features.joined([discs, whole])
    assert joined.rows == (a, b)
    assert joined.units == {"disc.height_mm": "mm", "bone-count.count": ""}
    assert joined.reasons == {(a, "disc.height_mm"): "guess"}
    assert np.isnan(joined.columns["disc.height_mm"][1])
    assert joined.at([b, Row("x", "x", "disc")])["bone-count.count"].tolist()[0] == 5
    with pytest.raises(DataError, match="two analysers give 'disc.height_mm'".replace(".", r"\.")):
        Features.joined([discs, discs])
    with pytest.raises(DataError, match="twice"):
        Features.of_rows([a, a], [{}, {}])


def test_labels_fall_back_from_the_level_to_the_patient() -> None:
    rows = (LabelRow("1", "L5-S1"), LabelRow("1"), LabelRow("2"))
    labels = Labels(
        rows, {"grade": np.array([4.0, np.nan, 2.0]), "age": np.array([np.nan, 50.0, 60.0])}, targets=("grade",)
    )
    at = labels.at(
        [Row("1_t2", "1", "disc", "L5-S1"), Row("2_t2", "2", "disc", "L5-S1"), Row("3_t2", "3", "disc", "L5-S1")]
    )
    assert np.array_equal(at["grade"], [4.0, 2.0, np.nan], equal_nan=True)
    assert np.array_equal(at["age"], [50.0, 60.0, np.nan], equal_nan=True)
    with pytest.raises(LabelTableError, match="'grad' is not in the table; it has grade"):
        Labels(rows[:1], {"grade": np.array([1.0])}, targets=("grad",))


def test_a_plugin_has_a_kebab_name_and_options_that_forbid_the_unknown() -> None:
    from pydantic import BaseModel

    class Loose(BaseModel):
        pass

    class Strict(BaseModel, frozen=True, extra="forbid"):
        pass

    with pytest.raises(PluginError, match="not kebab-case"):
        Plugin("Bone_Count", 1, 1, "x", Strict, Strict)
    with pytest.raises(PluginError, match='frozen=True, extra="forbid"'):
        Plugin("bone-count", 1, 1, "x", Loose, Loose)


@pytest.mark.parametrize(
    ("meaning", "parts"),
    [
        ("height over depth (Farfan et al., J Bone Joint Surg Am 54:492, 1972)", ("height over depth", "Farfan et al., J Bone Joint Surg Am 54:492, 1972")),
        ("height (mean) over depth (after Frobin, Clin Biomech 12 Suppl 1:S1, 1997)", ("height (mean) over depth", "after Frobin, Clin Biomech 12 Suppl 1:S1, 1997")),
        ("height over depth (both in mm)", ("height over depth (both in mm)", "")),
        ("", ("", "")),
    ],
)  # fmt: skip
def test_the_source_of_a_definition_stands_in_brackets_at_its_end(meaning, parts):
    assert source_of(meaning) == parts
    features = Features.of_case(Case("a", "a"), {"height_mm": 3.0}, meaning={"height_mm": meaning})
    row = dictionary_frame(features).iloc[0]
    assert (row["feature"], row["unit"], row["definition"], row["source"], row["missing"]) == (
        "height_mm",
        "mm",
        *parts,
        0,
    )
