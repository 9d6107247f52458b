"""One spine, written every way it can lie in a file: the features and the level names do not change.

The analyser is found as a run finds it, through the registry.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk
from io_files import itk_image
from spinefx_io import FolderOptions
from spinefx_io.folder import FolderLoader

from spinefx.api import Features, Grid, oriented
from spinefx.phantom import draw_patient, grid_around, render, rotation
from spinefx.plan.registry import Registry

ENDINGS = (".mha", ".nii.gz", ".nrrd")
TURNS = {"straight": np.eye(3), "oblique": rotation(sagittal_deg=14.0, coronal_deg=-9.0, axial_deg=11.0)}


def written(
    axes: tuple[int, int, int], flips: tuple[bool, bool, bool], data: np.ndarray, grid: Grid
) -> tuple[np.ndarray, Grid]:
    """The same voxels at the same places with the array's axes in another order, some of them reversed."""
    start = [n - 1 if flip else 0 for n, flip in zip(grid.shape, flips, strict=True)]
    turned = np.ascontiguousarray(np.flip(data, [a for a in range(3) if flips[a]]).transpose(axes))
    rows = grid.axes * np.where(flips, -1.0, 1.0)[:, None]
    x, y, z = (float(v) for v in grid.to_world(start))
    direction = rows[list(axes)][::-1].T
    return turned, Grid(turned.shape, tuple(grid.spacing[a] for a in axes), (x, y, z), direction)


WAYS = {
    "LPS": ((0, 1, 2), (False, False, False)),
    "RAS": ((0, 1, 2), (False, True, True)),
    "PIR": ((2, 0, 1), (True, True, False)),
    "sagittal first": ((2, 0, 1), (False, False, False)),
    "sagittal last": ((0, 1, 2), (True, True, False)),
    "coronal first": ((1, 0, 2), (False, True, False)),
}
"""How an array (head, back, left) is written: its axes in the file's order, and which of them reversed."""


ANALYSERS = ("disc", "vertebra", "spine", "canal")


@cache
def registry() -> Registry:
    return Registry.discover()


def measured(root: Path, analysers: Sequence[str] = ANALYSERS) -> dict[str, Features]:
    loader = FolderLoader(FolderOptions(root=root, masks="{id}.{end}", scheme="spider"))
    (case,) = loader.cases()
    scan = oriented(loader.load(case))  # as casework hands scans to analysers
    offers = {name: registry().pick("geometry_analyser", name).plugin for name in analysers}
    return {name: offer.build(offer.options()).measure(scan) for name, offer in offers.items()}


@pytest.fixture(scope="module", params=TURNS)
def spine(request: pytest.FixtureRequest) -> tuple[np.ndarray, Grid]:
    patient = draw_patient(5, 3, levels=4).spine
    grid = grid_around(patient, spacing_mm=(2.4, 1.0, 0.9), turn=TURNS[request.param])
    return render(patient, grid).labels().labels.astype(np.int16), grid


@pytest.fixture(scope="module")
def truth(spine: tuple[np.ndarray, Grid], tmp_path_factory: pytest.TempPathFactory) -> dict[str, Features]:
    folder = tmp_path_factory.mktemp("truth")
    sitk.WriteImage(itk_image(*spine), str(folder / "p.mha"))
    return measured(folder)


@pytest.mark.parametrize("ending", ENDINGS)
@pytest.mark.parametrize("way", WAYS)
def test_the_features_of_a_spine_do_not_depend_on_how_it_was_written(spine, truth, tmp_path, way, ending):
    data, grid = written(*WAYS[way], *spine)
    sitk.WriteImage(itk_image(data, grid), str(tmp_path / f"p{ending}"), useCompression=True)
    # the ways differ in the array, the endings in the header: discs tell both, the other analysers see each array once
    found = measured(tmp_path, ANALYSERS if ending == ".mha" else ("disc",))
    assert [row.level for row in truth["disc"].rows] == ["L5-S1", "L4-L5", "L3-L4", "L2-L3"]
    assert [row.level for row in truth["vertebra"].rows] == ["L5", "L4", "L3", "L2"]
    for analyser, features in found.items():
        same(features, truth[analyser])


def same(found: Features, truth: Features) -> None:
    assert found.rows == truth.rows
    assert set(found.columns) == set(truth.columns)
    for name, values in truth.columns.items():
        np.testing.assert_allclose(found.columns[name], values, rtol=1e-3, atol=1e-3, err_msg=name)
    assert np.isfinite(np.concatenate(list(truth.columns.values()))).any()


def test_the_ways_are_six_different_arrays_of_one_spine(spine):
    data, grid = spine
    arrays = [written(*way, data, grid) for way in WAYS.values()]
    assert len({(a.shape, a.tobytes()) for a, _ in arrays}) == len(WAYS)
    place = grid.to_world(np.argwhere(data == 201).mean(axis=0))
    for array, where in arrays:
        assert np.allclose(where.to_world(np.argwhere(array == 201).mean(axis=0)), place, atol=1e-9)
        assert abs(np.linalg.det(where.direction)) == pytest.approx(1.0)
