"""A real run whose report the tests open."""

from __future__ import annotations

from pathlib import Path

import pytest

from spinefx.engine import Engine
from spinefx.plan import Plan

PLAN = """
[run]
out = "run"
executor = "serial"
[data]
use = "phantom"
patients = 8
[labels]
[sample]
shape = [16, 32, 32]
spacing = [2.0, 2.0, 2.0]
[encode]
use = "pca"
latent_dim = 3
[[geometry]]
use = "disc"
[[geometry]]
use = "traversal"
[[evaluate]]
use = "reconstruction"
[report]
title = "Phantoms"
viewer = true
"""


@pytest.fixture(scope="session")
def phantom_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a small run on phantoms, with the viewer."""
    folder = tmp_path_factory.mktemp("phantoms")
    (folder / "pipeline.toml").write_text(PLAN)
    return Engine(Plan.read(folder / "pipeline.toml")).run().folder
