"""What the loaders' tests share: the real data where it is there, and a small phantom."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from spinefx.api import LabelMap, Volume
from spinefx.phantom import draw_patient, grid_around, image_of, render, rotation

SHARED = Path(__file__).resolve().parents[3] / "shared" / "data"


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of real data beside the project; the test is skipped where it is absent."""
    if not SHARED.is_dir():
        pytest.skip("no ../shared/data beside the project")
    return SHARED


@pytest.fixture(scope="session")
def small() -> tuple[Volume, LabelMap]:
    """A coarse, oblique phantom: image and mask on one grid."""
    patient = draw_patient(0, 2, levels=3)
    turn = rotation(sagittal_deg=8.0, coronal_deg=4.0, axial_deg=-6.0)
    rendering = render(patient.spine, grid_around(patient.spine, spacing_mm=(5.0, 2.2, 2.0), turn=turn))
    image = image_of(rendering, "t2", np.random.default_rng(0))
    return Volume(np.rint(image.data), image.grid), rendering.labels()
