"""Every default plugin passes the suite that strangers' plugins are held to."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from loader_trees import LOADERS

from spinefx.plan import Registry
from spinefx.testing import parametrize_with_checks, subjects_of
from spinefx.testing.suite import CONDUCT, KINDS

QUICK = {
    **LOADERS,
    "phantom": {"patients": 2, "levels": 3, "spacing_mm": [6.0, 2.0, 2.0]},
    # a field of one level: more levels take the fiducials themselves, which fill much of the picture, for shading
    "n4": {"levels": 1, "iterations": 5},
    "unet": {
        "channels": [2, 4, 8], "patch": [8, 16, 16], "finest_mm": 4.0, "epochs": 1, "steps": 1, "batch": 1,
    },
    "nnunet": {"model": "trained"},
    "monai-bundle": {"model": "bundle"},
    "conv-ae": {"epochs": 1, "channels": [2, 4], "width": 8, "templates": 2},
    "conv-vae": {"epochs": 1, "channels": [2, 4], "width": 8, "templates": 2},
    "radiomics": {"families": ["statistics"]},
    "dimension": {"sizes": [1, 2], "seeds": 1, "resamples": 100},
    "space": {"resamples": 10},
    "mixed-model": {"features": ["disc.height_mm", "disc.chance0_mm"], "facts": []},
    "predict": {"resamples": 100, "pca": False, "facts": []},
    **{name: {"resamples": 100} for name in ("reconstruction", "correlate", "segmentation", "agreement")},
}  # fmt: skip
"""Options that keep each plugin's work short; what is not named is tried with its defaults."""
_OUTSIDE = "its masks are made by a program of others; tests/segment holds it to what goes there and comes back"
WAIVED = {
    name: {check.__name__: _OUTSIDE for check in (*CONDUCT, *KINDS["segmenter"])}
    for name in ("totalsegmentator", "spineps", "nnunet", "monai-bundle")
}
PACKS = ("io", "anatomy", "augment", "autoencoder", "latent", "stats", "segment")
SUBJECTS = [subject for pack in PACKS for subject in subjects_of(pack)]
NAMES = {subject.name for subject in SUBJECTS}
TRIED = subjects_of(
    SUBJECTS, options={name: options for name, options in QUICK.items() if name in NAMES}, waived=WAIVED
)


def test_no_default_plugin_is_left_out() -> None:
    offers = Registry.discover().offers()
    assert {(s.kind, s.name) for s in SUBJECTS} == {(o.kind, o.name) for o in offers if o.dist == "spinefx"}


@parametrize_with_checks(TRIED)
def test_a_default_plugin_conforms(check: Callable[[], None]) -> None:
    check()


@pytest.fixture(autouse=True)
def _quiet(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SPINEFX_DISABLE", raising=False)
