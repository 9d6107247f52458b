"""The published gradings and the study's own: every row accounted for, agreement as known."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from sklearn.metrics import cohen_kappa_score

from spinefx.api import LabelRow, Labels
from spinefx.labels import LabelOptions, read_labels

SPIDER = Path(__file__).resolve().parents[3] / "shared" / "data" / "spider"

pytestmark = pytest.mark.skipif(not SPIDER.is_dir(), reason="../shared/data/spider is not here")


@pytest.fixture(scope="module")
def gradings() -> Labels:
    return read_labels(LabelOptions(table=SPIDER / "radiological_gradings.csv"))


@pytest.fixture(scope="module")
def annotations() -> Labels:
    return read_labels(LabelOptions(table=SPIDER / "annotations.xlsx", targets=("Narrowing",)))


def test_every_row_of_spiders_gradings_is_accounted_for(gradings: Labels) -> None:
    assert len(gradings.rows) == 1518
    assert len(gradings.problems) == 2
    assert all('0 in "IVD label" is no disc' in problem for problem in gradings.problems)
    assert len({row.patient for row in gradings.rows}) == 218
    assert gradings.kinds["Disc narrowing"] == "binary"
    assert gradings.kinds["Pfirrman grade"] == "ordinal"
    assert gradings.categories["Modic"] == ("0", "1", "2", "3")


def test_narrowing_grows_towards_the_sacrum_as_published(gradings: Labels) -> None:
    levels = ("L5-S1", "L4-L5", "L3-L4", "L2-L3", "L1-L2", "T12-L1")
    narrow = gradings.columns["Disc narrowing"]
    shares = [np.mean([v for row, v in zip(gradings.rows, narrow, strict=True) if row.level == one]) for one in levels]
    np.testing.assert_allclose(shares, [0.58, 0.59, 0.45, 0.36, 0.23, 0.13], atol=0.006)


def test_every_row_of_the_studys_annotations_is_accounted_for(annotations: Labels) -> None:
    assert len(annotations.rows) == 1521
    whole = [remark for remark in annotations.remarks if not remark.row.level]
    noted = [remark for remark in annotations.remarks if remark.row.level]
    assert (len(whole), len(noted)) == (35, 6)
    assert sum(remark.text == "scoliosis" for remark in whole) == 18
    assert whole[0].row == LabelRow("1")
    assert {row.patient for row in annotations.rows} <= {str(n) for n in range(1, 258)}
    assert [p.partition(": ")[0].rpartition(" ")[2] for p in annotations.problems] == ["54", "76"]
    assert annotations.targets == ("Narrowing",)


@pytest.mark.parametrize(
    ("theirs", "ours", "kappa"),
    [
        ("Disc narrowing", "Narrowing", 0.54), ("Disc bulging", "Bulging", 0.35), ("Disc herniation", "Herniation", 0.33),
        ("Modic", "Modic", 0.22), ("Spondylolisthesis", "Listhesis", 0.58), ("UP endplate", "Sup endplate", 0.05),
        ("Pfirrman grade", "Pfirrmann", 0.36),
    ],
)  # fmt: skip
def test_the_two_raters_agree_as_known(
    gradings: Labels, annotations: Labels, theirs: str, ours: str, kappa: float
) -> None:
    place = {row: i for i, row in enumerate(annotations.rows)}
    mine = np.array([annotations.columns[ours][place[row]] if row in place else np.nan for row in gradings.rows])
    first = gradings.columns[theirs]
    both = np.isfinite(first) & np.isfinite(mine)
    assert both.sum() > 1400
    assert cohen_kappa_score(first[both], mine[both]) == pytest.approx(kappa, abs=0.006)


def test_both_raters_come_in_one_table_of_labels() -> None:
    options = LabelOptions(table=SPIDER / "radiological_gradings.csv", others=(SPIDER / "annotations.xlsx",))
    labels = read_labels(options)
    assert (len(labels.remarks), len(labels.problems)) == (41, 4)
    assert labels.targets[0] == "Modic"
    assert "Modic (annotations)" in labels.columns
    first, second = labels.columns["Disc narrowing"], labels.columns["Narrowing"]
    both = np.isfinite(first) & np.isfinite(second)
    assert cohen_kappa_score(first[both], second[both]) == pytest.approx(0.54, abs=0.006)


def test_overview_gives_sex_and_age_per_patient() -> None:
    labels = read_labels(LabelOptions(table=SPIDER / "overview.csv", covariates=("sex", "birth_date")))
    assert len(labels.rows) == 218
    assert labels.categories["sex"] == ("F", "M")
    assert np.nanmin(labels.columns["birth_date"]) > 10
