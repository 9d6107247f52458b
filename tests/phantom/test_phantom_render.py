"""Voxels of a phantom hold what its shape says, whatever grid they lie on."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

from spinefx.phantom import (
    Patient,
    Points,
    direction_of,
    disc_truth,
    draw_patient,
    grid_around,
    image_of,
    render,
    rotation,
)

TURN = rotation(sagittal_deg=7.0, coronal_deg=-5.0, axial_deg=9.0)


@pytest.fixture(scope="module")
def patient() -> Patient:
    return draw_patient(0, 2, levels=4)


@pytest.mark.parametrize(
    ("spacing", "order", "turn"),
    [((4.0, 0.6, 0.6), "LPS", None), ((4.0, 0.6, 0.6), "PIR", TURN), ((1.0, 1.0, 1.0), "RAS", TURN)],
)
def test_filled_shares_add_up_to_the_true_volume(patient, spacing, order, turn):
    grid = grid_around(patient.spine, spacing_mm=spacing, order=order, turn=turn)
    rendering = render(patient.spine, grid)
    for disc in patient.spine.labelled_discs:
        volume = float(rendering.fill_of(disc.value).sum()) * grid.voxel_mm3
        assert volume == pytest.approx(disc_truth(disc)["volume_mm3"], rel=6e-3)


def test_a_voxel_gets_the_label_that_most_of_its_points_lie_in(patient):
    grid = grid_around(patient.spine, spacing_mm=(4.0, 0.8, 0.8), turn=TURN)
    labels = render(patient.spine, grid).labels().labels
    rng = np.random.default_rng(1)
    edges = np.argwhere(ndimage.morphological_gradient(labels.astype(int), size=3) > 0)
    voxels = edges[rng.choice(len(edges), 300, replace=False)]
    inside = voxels[:, None, :] + rng.uniform(-0.5, 0.5, (1, 2000, 3))
    place = Points(grid.to_world(inside))
    shapes = [*patient.spine.discs, *patient.spine.vertebrae, patient.spine.canal]
    taken = np.zeros(inside.shape[:2], bool)
    share: dict[int, np.ndarray] = {}
    for shape in shapes:
        within = (shape.depth_mm(place) > 0) & ~taken
        taken |= within
        share[id(shape)] = within.mean(axis=1)
    found = np.stack([*share.values(), 1.0 - taken.mean(axis=1)])
    values = np.array([shape.value for shape in shapes] + [0])
    clear = np.sort(found, axis=0)[-1] - np.sort(found, axis=0)[-2] > 0.15
    assert clear.sum() > 150
    wanted = values[found.argmax(axis=0)][clear]
    assert (labels[tuple(voxels.T)][clear] == wanted).mean() > 0.985


@pytest.mark.parametrize("order", ["PIR", "RAS", "ASL", "SPL"])
def test_the_array_order_changes_where_a_voxel_is_stored_and_nothing_else(patient, order):
    first = render(patient.spine, grid_around(patient.spine, spacing_mm=(4.0, 1.0, 1.2), turn=TURN)).labels()
    other = render(
        patient.spine, grid_around(patient.spine, spacing_mm=(4.0, 1.0, 1.2), turn=TURN, order=order)
    ).labels()
    index = np.moveaxis(np.indices(other.grid.shape), 0, -1).reshape(-1, 3)
    there = first.grid.to_index(other.grid.to_world(index))
    assert np.abs(there - np.rint(there)).max() < 1e-6
    looked_up = first.labels[tuple(np.rint(there).astype(int).T)]
    assert (looked_up == other.labels.ravel()).mean() > 0.9999


def test_every_labelled_structure_is_there_in_one_piece():
    patient = draw_patient(0, 1)
    mask = render(patient.spine, grid_around(patient.spine, spacing_mm=(1.0, 1.0, 1.0))).labels()
    assert [s.level for s in mask.structures("disc")] == ["L5-S1", "L4-L5", "L3-L4", "L2-L3", "L1-L2", "T12-L1"]
    assert [s.level for s in mask.structures("vertebra")] == ["L5", "L4", "L3", "L2", "L1", "T12"]
    assert len(mask.structures("canal")) == 1
    for structure in mask.structures():
        _, count = ndimage.label(mask.mask_of(structure), np.ones((3, 3, 3)))
        assert count == 1, structure


def test_nothing_that_is_labelled_touches_the_border_but_the_canal(patient):
    labels = render(patient.spine, grid_around(patient.spine, turn=TURN)).labels().labels
    faces = [face for axis in range(3) for face in (np.take(labels, 0, axis), np.take(labels, -1, axis))]
    assert set(np.unique(np.concatenate([face.ravel() for face in faces]))) <= {0, 100}


def test_an_orientation_that_is_none_is_refused():
    for order in ("LPX", "LLS", "LP", "lps"):
        with pytest.raises(ValueError, match="orientation"):
            direction_of(order)


def brightness(patient: Patient, modality: str) -> dict[str, float]:
    grid = grid_around(patient.spine, spacing_mm=(4.0, 1.0, 1.0))
    rendering = render(patient.spine, grid)
    image = image_of(rendering, modality, np.random.default_rng(0), noise=0.0, bias=0.0, gain=1.0).data
    out = {}
    for part in rendering.parts:
        core = part.core > 0.95
        if part.value and core.any():
            out[f"{part.kind} {part.value}"] = float(image[part.box][core].mean())
    return out


def test_contrasts_are_those_of_t1_t2_and_ct(patient):
    t2, t1, ct = (brightness(patient, name) for name in ("t2", "t1", "ct"))
    assert t2["canal 100"] > t2["vertebra 2"] > 0.2
    assert t1["canal 100"] < t1["disc 202"] < t1["vertebra 2"]
    assert ct["canal 100"] < ct["disc 202"] < ct["vertebra 2"]


def test_a_degenerated_disc_is_darker_on_t2():
    shades, wear = [], []
    for number in range(1, 9):
        patient = draw_patient(11, number, levels=3)
        seen = brightness(patient, "t2")
        for disc in patient.spine.labelled_discs:
            if f"disc {disc.value}" in seen:
                shades.append(seen[f"disc {disc.value}"])
                wear.append(disc.degeneration)
    assert np.corrcoef(shades, wear)[0, 1] < -0.8


def test_noise_and_bias_are_as_strong_as_asked(patient):
    rendering = render(patient.spine, grid_around(patient.spine, spacing_mm=(4.0, 1.0, 1.0)))
    clean, noisy, uneven = (
        image_of(rendering, "t2", np.random.default_rng(3), noise=n, bias=b, gain=1.0).data
        for n, b in ((0.0, 0.0), (0.05, 0.0), (0.0, 0.3))
    )
    bright = clean > 0.4
    assert (noisy - clean)[bright].std() == pytest.approx(0.05, rel=0.1)
    ratio = (uneven / clean)[bright]
    assert ratio.max() / ratio.min() > 1.3
    assert ratio.std() < 0.5
