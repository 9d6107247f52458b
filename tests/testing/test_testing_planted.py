"""A plugin with any one of the planted faults fails the suite with a message that names it; without one it passes."""

from __future__ import annotations

import importlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from planted import FAULTS, Planted, written

from spinefx.cli.scaffold import KINDS
from spinefx.testing import ConformanceError, check_plugin, phantom_scan


def data(folder: Path) -> Mapping[str, Any]:
    """Five phantoms in the layout of the loader's template."""
    for number in range(1, 6):
        scan, place = phantom_scan(1 + number % 2), folder / f"p{number}_t2"
        place.mkdir(parents=True)
        np.save(place / "image.npy", scan.images["t2"].data)
        np.save(place / "mask.npy", scan.mask.labels)
        (place / "grid.json").write_text(json.dumps(scan.mask.grid.to_json()))
    return {"root": str(folder)}


def checked(fault: Planted | None, kind: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(written(fault, kind, folder)))
    name = f"planted-{fault.name if fault else kind}"
    known: dict[str, Any] = {"options": {name: data}} if kind == "loader" else {}
    if kind == "geometry":
        known["truths"] = {name: {"volume_mm3": "disc.volume_mm3"}}
    check_plugin(importlib.import_module(name.replace("-", "_")), **known)


@pytest.mark.parametrize("kind", KINDS)
def test_a_plugin_without_fault_passes(kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    checked(None, kind, tmp_path, monkeypatch)


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
def test_a_planted_fault_is_named(fault: Planted, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ConformanceError, match=fault.said):
        checked(fault, fault.kind, tmp_path, monkeypatch)


def test_there_are_twenty_faults_or_more_of_every_kind() -> None:
    assert len({fault.name for fault in FAULTS}) >= 20
    assert {fault.kind for fault in FAULTS} == set(KINDS)
