"""pytest fixtures: `pytest_plugins = ["spinefx.testing.fixtures"]` in a conftest.py makes them known."""

from __future__ import annotations

from pathlib import Path

import pytest

from spinefx.contract.scan import Scan
from spinefx.contract.study import Study
from spinefx.engine import Engine
from spinefx.phantom import Scanner, write_cohort
from spinefx.plan import Plan
from spinefx.store.run import Run
from spinefx.testing.bench import phantom_scan as _scan
from spinefx.testing.study import phantom_study as _study


@pytest.fixture
def phantom_scan() -> Scan:
    """A scan of three discs and vertebrae of exactly known shape, with its mask."""
    return _scan()


@pytest.fixture
def phantom_study() -> Study:
    """A study of thirty patients with one planted effect."""
    return _study()


@pytest.fixture(scope="session")
def phantom_cohort(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in SPIDER's layout: images, masks and label tables of eight phantoms."""
    folder = tmp_path_factory.mktemp("phantoms")
    write_cohort(folder, patients=8, levels=3, scanner=Scanner((5.0, 1.5, 1.5), pir_share=0.0))
    return folder


@pytest.fixture(scope="session")
def phantom_run(phantom_cohort: Path, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A finished run on `phantom_cohort`: disc geometry, two principal components, reconstruction."""
    tables = {
        "run": {"out": "run", "workers": 1},
        "data": {"use": "spider", "root": str(phantom_cohort), "series": ["t2"]},
        "labels": {"table": str(phantom_cohort / "annotations.xlsx")},
        "sample": {"shape": [10, 16, 20], "spacing": 3.0},
        "encode": {"use": "pca", "latent_dim": 2},
        "geometry": [{"use": "disc"}],
        "evaluate": [{"use": "reconstruction"}],
    }
    return Engine(Plan.of(tables, tmp_path_factory.mktemp("runs"))).run()
