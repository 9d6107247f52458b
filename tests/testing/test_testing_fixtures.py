"""The fixtures for authors of plugins give what they say; a notebook shows scans and features in short."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from spinefx.api import DataError, Features
from spinefx.testing import phantom_scan as scan_of_bench
from spinefx.testing import write_hostile
from spinefx.testing.fixtures import phantom_cohort, phantom_run, phantom_scan, phantom_study  # noqa: F401


def test_a_run_and_its_cohort_are_whole(phantom_run, phantom_cohort: Path) -> None:  # noqa: F811
    assert phantom_run.exit_code == 0
    assert len(phantom_run.outcomes) == 8
    assert phantom_run.features()["disc.height_mm"].notna().sum() > 12


def test_hostile_files_are_refused_by_the_loader(phantom_cohort: Path, tmp_path: Path) -> None:  # noqa: F811
    import spinefx

    for what, path in write_hostile(phantom_cohort / "images" / "1_t2.mha", tmp_path / "bad").items():
        shutil.copytree(phantom_cohort, tmp_path / what)
        (tmp_path / what / "images" / "1_t2.mha").unlink()
        if not path.exists():
            continue
        shutil.copy(path, tmp_path / what / "images" / "1_t2.mha")
        loader = spinefx.stage("spider", root=tmp_path / what, series=["t2"])
        with pytest.raises(DataError):
            loader.load(loader.cases()[0])


def test_scans_and_features_show_themselves_in_short(phantom_scan, phantom_study) -> None:  # noqa: F811
    assert len(repr(phantom_scan)) < 400
    assert "t2" in repr(phantom_scan)
    assert repr(phantom_scan.images["t2"]).startswith("Volume(float32, (")
    features: Features = phantom_study.features
    assert repr(features).startswith("Features(150 rows, 9 columns: disc.height_mm")
    assert features._repr_html_().count("<tr>") == 13
    assert scan_of_bench() is phantom_scan
