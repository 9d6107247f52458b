"""From classes to named structures: true masks lose their names and must get the very same back."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from spinefx_segment import UnetOptions
from spinefx_segment.instances import bodies, carried, grown, named
from spinefx_segment.networks import Layout, fresh
from spinefx_segment.tiles import draw, probabilities, spans
from spinefx_segment.unet import PER_BOX, Unet
from spinefx_segment.views import OUTSIDE, View, along

from spinefx import kernels
from spinefx.api import DataError, Grid, LabelMap, Volume
from spinefx.phantom import Scanner, draw_patient, grid_of, render

KINDS = ("vertebra", "disc", "canal")


def _phantom(number: int, spacing: tuple[float, float, float] = (4.0, 0.9, 0.9)) -> LabelMap:
    patient = draw_patient(5, number)
    return render(patient.spine, grid_of(patient, seed=5, scanner=Scanner(spacing_mm=spacing))).labels()


def _nameless(mask: LabelMap) -> np.ndarray:
    table = np.zeros(65536, np.uint16)
    for value, structure in mask.scheme.table.items():
        table[value] = KINDS.index(structure.kind) + 1 if structure.kind in KINDS else 0
    return table[mask.labels]


def _dice(one: np.ndarray, other: np.ndarray) -> float:
    return 2.0 * float((one & other).sum()) / float(one.sum() + other.sum())


@pytest.mark.parametrize("number", [1, 2, 4])
def test_structures_without_names_get_theirs_back(number: int) -> None:
    mask = _phantom(number)
    view = View((4.0, 0.9, 0.9))
    grid = view.grid(mask.grid)
    classes = _nameless(mask)
    labels, _ = named(kernels.resample(classes, mask.grid, grid, method="nearest"), grid, KINDS, least_ml=0.3)
    back = carried(labels, grid, classes.astype(np.uint8), mask.grid, KINDS)
    assert set(np.unique(back)) == set(np.unique(mask.labels))
    for structure in mask.structures():
        least = 0.9 if structure.kind == "vertebra" else 0.995  # arches touch, and are shared out where they do
        assert _dice(back == mask.scheme.value_of(structure), mask.mask_of(structure)) > least, structure


def test_a_view_is_the_scan_with_its_axes_in_order_whatever_they_were() -> None:
    mask = _phantom(1)
    view = View((4.0, 0.9, 0.9))
    for turn in ((0, 1, 2), (2, 0, 1), (1, 2, 0)):
        axes = mask.grid.axes[list(turn)]
        shape, spacing = (tuple(v[k] for k in turn) for v in (mask.grid.shape, mask.grid.spacing))
        turned = Grid(shape, spacing, mask.grid.origin, axes[::-1].T)
        assert view.grid(turned) == view.grid(mask.grid)
    for vector, wanted in zip(along(mask.grid)[0], ((1, 0, 0), (0, 0, 1), (0, 1, 0)), strict=True):
        assert float(vector @ np.array(wanted)) > 0.9


def test_two_bodies_that_touch_are_two() -> None:
    inside = np.zeros((12, 70, 40), bool)
    inside[:, 3:33, 3:30] = inside[:, 36:66, 3:30] = True
    inside[3:9, 30:40, 20:27] = True  # a bridge between them, 7 mm deep
    found = bodies(inside, Grid(inside.shape, (3.0, 1.0, 1.0)), 0.3)
    assert set(np.unique(found)) == {0, 1, 2}
    assert (found > 0).sum() == inside.sum()
    assert found[6, 10, 10] != found[6, 60, 10]


@pytest.mark.parametrize(
    ("size", "patch"), [(16, 16), (17, 16), (100, 32), (97, 32), (5, 16), (1, 8), (12, 16), (13, 16)]
)
def test_the_weights_of_all_tiles_at_a_voxel_are_one(size: int, patch: int) -> None:
    total = np.zeros(size)
    for span in spans(size, patch):
        assert span.start + patch // 8 <= span.kept.start < span.kept.stop <= span.start + patch - patch // 8
        total[span.kept] += span.weight
    assert total == pytest.approx(np.ones(size))


@pytest.mark.parametrize("shift", [(0, 0, 0), (0, 1, 1), (1, 1, 1)])
def test_tiles_of_a_map_give_the_map_back_and_see_what_lies_beyond_the_scan(shift: tuple[int, int, int]) -> None:
    import torch

    class Steps(torch.nn.Module):
        """Sure of class 1 where a voxel is bright; remembers whether it saw the outside."""

        least = 0.0

        def forward(self, seen: torch.Tensor) -> torch.Tensor:
            self.least = min(self.least, float(seen.min()))
            bright = (seen > 0.5).float() * 40
            return torch.cat([20 - bright, bright - 20], 1)

    image = (np.random.default_rng(0).random((9, 45, 30)) > 0.5).astype(np.float32)
    net = Steps()
    soft = probabilities(net, image, (8, 16, 16), 2, flip=True, shift=shift)
    assert np.array_equal(soft.argmax(axis=0), image.astype(int))
    assert soft.max(axis=0).min() > 240
    assert net.least == OUTSIDE


def test_slabs_draw_what_the_whole_does() -> None:
    layout = Layout("dynunet", (4, 4, 8), 4, (4.0, 1.2, 1.2), (8, 32, 32), 2)
    net = fresh(layout, 3).eval()
    mask = _phantom(1, (4.0, 2.0, 2.0))
    image = np.random.default_rng(0).normal(0, 300, mask.grid.shape).astype(np.float32)
    view = View((4.0, 1.2, 1.2))
    grid, volume = view.grid(mask.grid), Volume(image, mask.grid)
    whole, slabs = (
        draw(net, view.image(volume), grid, mask.grid, layout, flip=False, rows=rows) for rows in (grid.shape[1], 17)
    )
    assert len(np.unique(whole.drawn)) > 1
    assert np.array_equal(whole.seen, slabs.seen)
    assert (whole.drawn != slabs.drawn).mean() < 2e-3, "ties of probabilities in one byte, and nothing else"
    assert whole.promised == pytest.approx(slabs.promised)


def test_a_second_look_takes_what_depends_on_blocks_out() -> None:
    import torch

    class Blocks(torch.nn.Module):
        """Half sure of class 1, a little more so in every second voxel of a row."""

        def forward(self, seen: torch.Tensor) -> torch.Tensor:
            odd = torch.zeros_like(seen)
            odd[..., 1::2] = 1.0
            return torch.cat([torch.zeros_like(seen), odd], 1)

    image = np.zeros((8, 32, 32), np.float32)
    one, two = (probabilities(Blocks(), image, (8, 16, 16), 2, flip=False, shift=(0, 0, s))[1] for s in (0, 1))
    assert np.ptp(one.astype(int)) > 50
    assert np.ptp(two.astype(int)) <= 4
    assert Layout("resunet", (4, 4, 8), 2, (4.0, 1.0, 1.0), (16, 32, 32), 2).shift == (0, 1, 1)
    assert Layout("resunet", (4, 4, 8), 2, (4.0, 1.0, 1.0), (16, 32, 32), 1).shift == (0, 0, 0)


def test_growing_some_rows_at_a_time_is_growing_the_whole() -> None:
    from skimage.segmentation import expand_labels

    rng = np.random.default_rng(3)
    seeds = np.where(rng.random((20, 100, 30)) < 0.01, rng.integers(1, 30, (20, 100, 30)), 0).astype(np.uint16)
    seeds[:, :9] = seeds[:, :, 27:] = 0
    kept = seeds.copy()
    assert np.array_equal(grown(seeds), expand_labels(seeds, 2))
    assert np.array_equal(seeds, kept)
    assert not grown(np.zeros((4, 5, 6), np.uint16)).any()


@pytest.mark.slow
def test_memory_stays_within_the_budget_and_what_cannot_is_refused() -> None:
    proof = Path(__file__).with_name("memory_proof.py")
    command = [sys.executable, str(proof), "200", "200", "260", "1.5", "--finest", "1.5", "--channels", "4", "8", "8"]
    command += ["--everywhere"]
    told = json.loads(subprocess.run([*command, "--budget", "1.0"], check=True, capture_output=True).stdout)
    box = PER_BOX * 200 * 200 * 260 / 1e9  # noise: the network finds structures everywhere
    assert told["peak_gb"] < told["budget_gb"] + box
    unet = Unet(UnetOptions(memory_gb=1.0))
    unet.view = View((0.5, 0.5, 0.5))
    grid = Grid((600, 512, 512), (0.5, 0.5, 0.5))
    with pytest.raises(DataError, match=r"needs \d+\.\d GB and more, `memory_gb` is 1; raise it"):
        unet._spare(SimpleNamespace(grid=grid, data=np.zeros(1, np.int16)), unet.view.grid(grid))  # type: ignore[arg-type]
