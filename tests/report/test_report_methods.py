"""The methods text, its references, and the checklists, written from what ran."""

from __future__ import annotations

from pathlib import Path

import pytest

from spinefx.report.bibliography import SOFTWARE
from spinefx.report.checklists import CLAIM, TRIPOD_AI, Item, answered, crosswalk
from spinefx.report.folder import RunFolder
from spinefx.report.methods import methods

FARFAN = "Farfan HF, Huberdeau RM, Dubow HI. J Bone Joint Surg Am 54:492-510 (1972)"


def record(**more: object) -> RunFolder:
    stages = [
        {
            "kind": "loader",
            "name": "spider",
            "dist": "spinefx",
            "version": "0.1.0",
            "options": {"root": "data", "x": None, "images": [], "modality": "", "budget_gb": 0},
        },
        {
            "kind": "geometry_analyser",
            "name": "disc",
            "summary": "Heights and angles of discs.",
            "references": [FARFAN],
            "options": {},
        },
        {"kind": "geometry_analyser", "name": "spine", "references": ["Cobb JR (1948)", FARFAN], "options": {}},
        {"kind": "oracle", "name": "stranger", "options": {}},
    ]
    run = {"stages": stages, "split": {"train": 27, "validation": 5, "test": 8}, "seed": 0, "spinefx": "0.1.0"}
    run |= {"versions": {"python": "3.11", "numpy": "2.4.6"}, **more}
    return RunFolder(Path(), run, (), False, ())


def test_what_ran_is_told_in_the_order_of_a_paper_with_its_references() -> None:
    told = methods(record())
    assert [subject for subject, _ in told.paragraphs] == [
        "Images and masks", "Geometry", "Further stages", "Partition", "Software",
    ]  # fmt: skip
    by = dict(told.paragraphs)
    assert by["Images and masks"] == (
        "Cases were found and read by spider (spinefx 0.1.0); with root data, budget_gb 0.",
    )
    assert by["Geometry"][0] == "Geometry was measured by disc: heights and angles of discs [1]; with its defaults."
    assert by["Geometry"][1].startswith("Geometry was measured by spine [1, 2]")
    assert by["Partition"][0].startswith("40 patients were divided before anything was fitted")
    assert by["Software"][0].endswith("python 3.11, numpy 2.4.6 [3]; all random numbers come from seed 0.")
    assert told.works[:3] == (FARFAN, "Cobb JR (1948)", SOFTWARE["numpy"])
    assert any("TRIPOD+AI" in work for work in told.works)


def test_only_software_that_ran_is_cited() -> None:
    works = methods(record(versions={"numpy": "2"})).works
    assert SOFTWARE["numpy"] in works
    assert SOFTWARE["torch"] not in works


def test_an_item_is_here_in_part_or_a_gap_as_the_parts_say() -> None:
    parts = {"flow": ("Cohort", "cohort")}
    assert answered(Item(1, "a", ("flow",)), parts).status == "here"
    partly = answered(Item(2, "b", ("flow",), "criteria"), parts)
    assert (partly.status, partly.left, partly.links) == ("in part", "criteria", (("Cohort", "cohort"),))
    lacking = answered(Item(3, "c", ("flow", "agreement")), parts)
    assert (lacking.status, lacking.left) == ("in part", "this run has no agreement")
    assert answered(Item(4, "d", ("agreement",)), parts).status == "gap"
    assert answered(Item(5, "e"), parts).left == "for the authors to write"


def test_the_checklists_are_whole_and_an_empty_report_answers_nothing() -> None:
    assert [item.number for item in CLAIM] == list(range(1, 45))
    assert [item.number for item in TRIPOD_AI] == list(range(1, 28))
    for made in crosswalk({}):
        assert made.count("gap") == len(made.items)


@pytest.mark.parametrize("checklist", [CLAIM, TRIPOD_AI])
def test_every_part_that_an_item_needs_is_one_that_some_report_has(checklist: tuple[Item, ...]) -> None:
    known = {"methods", "files", "provenance", "flow", "cases", "split", "dictionary", "explorer", "limits", "results"}
    known |= {"prediction", "agreement", "training", "table-one", "labels", "missing"}
    assert {need for item in checklist for need in item.needs} <= known
