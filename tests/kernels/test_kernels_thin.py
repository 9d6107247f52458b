"""No label is lost by label-thin, and none that another mode loses goes unnamed."""

from __future__ import annotations

import numpy as np
from kernels_thin import coarser, thin_volume

from spinefx import kernels
from spinefx.api import Grid


def test_over_a_thousand_volumes_of_sheets_and_strands_label_thin_loses_none():
    lost_by_nearest = 0
    for seed in range(1000):
        data, grid = thin_volume(seed, side=16)
        present = set(np.unique(data).tolist()) - {0}
        for factor in (2.0, 0.6):
            target = coarser(grid, factor)
            assert present <= set(np.unique(kernels.resample(data, grid, target, method="label-thin")).tolist())
            nearest = kernels.resample(data, grid, target, method="nearest")
            lost_by_nearest += bool(present - set(np.unique(nearest).tolist()))
    assert lost_by_nearest > 0  # else the volumes would try nothing


def test_every_label_that_smooth_loses_is_named():
    named = 0
    for seed in range(200):
        data, grid = thin_volume(seed, side=16)
        target = coarser(grid, 2.0)
        out = np.empty(target.shape, data.dtype)
        lost = ()
        try:
            kernels.resample(data, grid, target, method="label-smooth", out=out)
        except kernels.LostLabelError as error:
            lost = error.labels
            named += 1
        assert set(lost) == set(np.unique(data).tolist()) - set(np.unique(out).tolist())
    assert named > 0


def test_at_twice_the_voxel_size_ties_favour_no_label():
    """Every target voxel lies midway between two: a slab keeps its thickness, on average over where it begins."""
    target = Grid((9, 3, 3), (2.0, 2.0, 2.0), (0.5, 0.5, 0.5))
    for thick in range(2, 8):
        kept = 0
        for begin in (4, 5):
            slab = np.zeros((18, 6, 6), np.uint8)
            slab[begin : begin + thick] = 3
            found = kernels.resample(slab, Grid(slab.shape), target, method="label-smooth")
            kept += 2 * int((found[:, 1, 1] == 3).sum())
        assert kept == 2 * thick
