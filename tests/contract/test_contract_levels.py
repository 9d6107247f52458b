"""Schemes of one's own, conversion between schemes, and spines that count otherwise."""

from __future__ import annotations

import numpy as np
import pytest

from spinefx.api import SCHEMES, Grid, LabelMap, Scheme, SchemeError, as_counted, converted, recounted, scheme


def mask_of(name: str, *values: int) -> LabelMap:
    labels = np.zeros((2, 2, max(2, len(values))), np.uint16)
    labels[0, 0, : len(values)] = values
    return LabelMap(labels, Grid(labels.shape), scheme(name))


def levels(mask: LabelMap, kind: str) -> list[str]:
    return [s.level for s in mask.structures(kind)]


def test_a_scheme_of_ones_own_is_parsed_from_texts() -> None:
    mine = Scheme.parse(
        "mine", {"1": "vertebra L5", "7": "disc L5-S1", "9": "canal", "10": "bone-cement"}, ignored=[7, 50]
    )
    assert mine[7].name == "L5-S1"
    assert mine[10].kind == "bone-cement"
    mine.require([0, 1, 50])
    with pytest.raises(SchemeError, match=r"\[51\] are not in scheme 'mine'"):
        mine.require([51])


@pytest.mark.parametrize(
    ("rows", "says"),
    [
        ({"x": "canal"}, "'x' is no mask value"),
        ({"-1": "canal"}, "is no mask value"),
        ({"99999": "canal"}, "outside 1..65535"),
        ({"1": "vertebra L7"}, "'L7' is no level of a vertebra"),
        ({"1": "vertebra"}, "'' is no level"),
        ({"1": "disc L5"}, "wanted L5-S1"),
        ({"1": "vertebrae L5"}, "'vertebrae' has no levels; 'vertebra'?"),
        ({"1": "Disc L5-S1"}, "wanted a kind and a level"),
        ({"1": "canal", "2": "canal"}, "has two values"),
        ({}, "has no rows"),
    ],
)
def test_a_scheme_that_makes_no_sense_is_refused(rows: dict[str, str], says: str) -> None:
    with pytest.raises(SchemeError, match=says):
        Scheme.parse("mine", rows)


def test_every_error_of_a_scheme_is_told_at_once() -> None:
    with pytest.raises(SchemeError, match=r"'a' is no mask value; 2 = 'disc': '' is no level"):
        Scheme.parse("mine", {"a": "canal", "2": "disc"})


def test_totalsegmentators_organs_are_known_and_mean_nothing() -> None:
    for name, most in (("totalsegmentator", 117), ("totalsegmentator-mr", 56)):
        SCHEMES[name].require(range(most + 1))
        with pytest.raises(SchemeError):
            SCHEMES[name].require([most + 1])
    assert levels(mask_of("totalsegmentator", 1, 27, 51), "vertebra") == ["L5"]
    mr = mask_of("totalsegmentator-mr", 18, 19, 20, 21)
    assert [s.kind for s in mr.structures()] == ["sacrum", "vertebrae", "discs", "cord"]
    assert not mr.structures("vertebra")


@pytest.mark.parametrize(("source", "target"), [("spider", "verse"), ("spider", "totalspineseg"), ("verse", "spider")])
def test_a_mask_comes_back_from_another_scheme(source: str, target: str) -> None:
    there, back = scheme(source), scheme(target)
    shared = [v for v, s in there.table.items() if s in set(back.table.values())]
    assert len(shared) > 20
    mask = mask_of(source, *shared)
    other = converted(mask, back)
    assert {s.name for s in other.structures()} == {s.name for s in mask.structures()}
    assert np.array_equal(converted(other, there).labels, mask.labels)


def test_conversion_refuses_what_the_other_scheme_lacks_unless_it_may_be_dropped() -> None:
    mask = mask_of("spider", 1, 201)
    with pytest.raises(SchemeError, match="'totalsegmentator' has no value for disc L5-S1"):
        converted(mask, scheme("totalsegmentator"))
    assert converted(mask, scheme("totalsegmentator"), drop=["disc"]).labels[0, 0].tolist() == [27, 0]


def test_a_spine_whose_lowest_vertebra_is_l6_or_l4_is_counted_from_there() -> None:
    mask = mask_of("spider", 1, 2, 6, 100, 102, 201, 202, 206)
    six = recounted(mask, lowest="L6")
    assert levels(six, "vertebra") == ["L6", "L5", "L1"]
    assert levels(six, "disc") == ["L6-S1", "L5-L6", "L1-L2"]
    assert levels(six, "partial-vertebra") == ["L5"]
    assert np.array_equal(six.labels, mask.labels)
    four = recounted(mask, lowest="L4")
    assert levels(four, "vertebra") == ["L4", "L3", "T11"]
    assert levels(four, "disc") == ["L4-S1", "L3-L4", "T11-T12"]


def test_a_thirteenth_thoracic_vertebra_lies_on_l1() -> None:
    mask = recounted(mask_of("spider", *range(1, 9), *range(201, 209)), thoracic=13)
    assert levels(mask, "vertebra") == ["L5", "L4", "L3", "L2", "L1", "T13", "T12", "T11"]
    assert levels(mask, "disc")[4:] == ["L1-L2", "T13-L1", "T12-T13", "T11-T12"]


def test_counting_begins_at_the_lowest_that_is_there() -> None:
    assert levels(recounted(mask_of("verse", 22, 23), lowest="L5"), "vertebra") == ["L4", "L5"]
    assert levels(recounted(mask_of("spider", 201, 202), lowest="L6"), "disc") == ["L6-S1", "L5-L6"]
    assert levels(recounted(mask_of("verse", 24, 25), lowest="L5"), "vertebra") == ["L4", "L5"]
    with pytest.raises(SchemeError, match="neither vertebrae nor discs"):
        recounted(mask_of("spider", 100))
    with pytest.raises(SchemeError, match="no level is left for C1"):
        recounted(mask_of("spider", *range(1, 25)), lowest="L4", thoracic=12)
    with pytest.raises(SchemeError, match="'L7' is none of L3, L4, L5, L6"):
        recounted(mask_of("spider", 1), lowest="L7")


def test_discs_are_named_after_a_sixth_lumbar_and_a_thirteenth_rib_that_are_there() -> None:
    six = as_counted(mask_of("verse", 24, 25, 124, 125))
    assert levels(six, "disc") == ["L5-L6", "L6-S1"]
    rib = as_counted(mask_of("verse", 19, 20, 28, 119, 120, 128))
    assert levels(rib, "disc") == ["T12-T13", "L1-L2", "T13-L1"]
    plain = mask_of("verse", 24, 124)
    assert as_counted(plain) is plain
