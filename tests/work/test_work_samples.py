"""Samples show the structure they name, where it is; augmentation moves image and mask as one."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import SimpleITK as sitk
from scipy.spatial.transform import Rotation

from spinefx.api import Case, Change, DataError, Grid, LabelMap, Row, Sample, Scan, Volume, scheme
from spinefx.work.cases.cut import Box, cut
from spinefx.work.cases.distance import signed_distance
from spinefx.work.cohort.augment import Augmentation, changed


def _ball(grid: Grid, centre: tuple[float, float, float], radius: float) -> np.ndarray:
    index = np.stack(np.meshgrid(*map(np.arange, grid.shape), indexing="ij"), axis=-1)
    return np.linalg.norm(grid.to_world(index) - np.array(centre), axis=-1) < radius


def _scan() -> Scan:
    angle = 0.3
    turn = np.array([[np.cos(angle), -np.sin(angle), 0], [np.sin(angle), np.cos(angle), 0], [0, 0, 1.0]])
    grid = Grid((30, 60, 50), (1.2, 0.8, 1.0), (-20.0, -30.0, 5.0), turn)
    labels = np.zeros(grid.shape, np.uint16)
    labels[_ball(grid, (0.0, 0.0, 15.0), 6.0)] = 201
    labels[_ball(grid, (2.0, -3.0, 32.0), 5.0)] = 202
    ramp = grid.to_world(np.stack(np.meshgrid(*map(np.arange, grid.shape), indexing="ij"), axis=-1)) @ [1.0, 2.0, 3.0]
    return Scan(
        Case("1_t2", "1"), {"t2": Volume(ramp.astype(np.float32), grid)}, LabelMap(labels, grid, scheme("spider"))
    )


def test_a_sample_is_centred_on_its_structure_and_keeps_its_volume() -> None:
    scan = _scan()
    samples, notes = cut(scan, Box((20, 24, 22), (1.0, 1.0, 1.0)), structures="disc", channels=("mask", "t2"))
    assert notes == []
    assert [s.row.level for s in samples] == ["L5-S1", "L4-L5"]
    for sample, structure in zip(samples, scan.require_mask().structures("disc"), strict=True):
        points = np.argwhere(sample.mask > 0.5)
        assert np.allclose(points.mean(axis=0), (np.array(sample.grid.shape) - 1) / 2, atol=0.1)
        assert sample.mask.sum() * sample.grid.voxel_mm3 / 1000 == pytest.approx(
            scan.require_mask().volume_ml(structure), rel=0.01
        )
        assert np.array_equal(sample.image[0], sample.mask)


def test_a_whole_spine_is_one_sample_of_all_that_is_labelled() -> None:
    scan = _scan()
    (sample,), notes = cut(scan, Box((36, 30, 26), (1.0, 1.0, 1.0)), structures="spine", channels=("mask", "t2"))
    assert notes == []
    assert (sample.row.structure, sample.row.level) == ("spine", "")
    mask = scan.require_mask()
    volumes = [mask.volume_ml(structure) for structure in mask.structures("disc")]
    assert sample.mask.sum() * sample.grid.voxel_mm3 / 1000 == pytest.approx(sum(volumes), rel=0.01)
    points = sample.grid.to_world(np.argwhere(sample.mask > 0.5).astype(float))
    for centre, volume in zip(((0.0, 0.0, 15.0), (2.0, -3.0, 32.0)), volumes, strict=True):
        near = np.linalg.norm(points - centre, axis=1) < 7.0
        assert near.sum() / 1000 == pytest.approx(volume, rel=0.03)
        assert np.allclose(points[near].mean(axis=0), centre, atol=0.2)


def test_a_sample_shows_the_image_where_it_lies_in_the_world() -> None:
    scan = _scan()
    sample = cut(scan, Box((8, 8, 8), (1.0, 1.0, 1.0)), structures="disc", channels=("t2",))[0][0]
    index = np.stack(np.meshgrid(*map(np.arange, sample.grid.shape), indexing="ij"), axis=-1)
    truth = sample.grid.to_world(index) @ [1.0, 2.0, 3.0]
    assert np.allclose(sample.image[0], truth, atol=1e-3), "a linear ramp is exact under linear interpolation"


def test_a_box_too_small_is_noted_and_a_missing_channel_named() -> None:
    scan = _scan()
    notes = cut(scan, Box((6, 24, 22), (1.0, 1.0, 1.0)), structures="disc", channels=("mask",))[1]
    assert notes[0].startswith("L5-S1: ")
    assert "lies outside the sample's box" in notes[0]
    with pytest.raises(DataError, match=r"no image 't1' .*\['t2'\]"):
        cut(scan, Box((8, 8, 8), (1.0, 1.0, 1.0)), structures="disc", channels=("t1",))
    with pytest.raises(DataError, match=r"no vertebra; it has \['disc'\]"):
        cut(scan, Box((8, 8, 8), (1.0, 1.0, 1.0)), structures="vertebra", channels=("mask",))


def _sample() -> Sample:
    grid = Grid((18, 20, 22), (1.5, 1.0, 0.8), (-8.0, -9.0, -12.0))
    mask = _ball(grid, (1.0, -2.0, 1.5), 5.0).astype(np.float32)
    image = np.stack([mask, np.random.default_rng(0).random(grid.shape, np.float32)])
    return Sample(Row("1_t2", "1", "disc", "L5-S1"), image, mask, grid)


def _affine(rng: np.random.Generator) -> np.ndarray:
    matrix = np.eye(4)
    matrix[:3, :3] += rng.normal(0, 0.08, (3, 3))
    matrix[:3, 3] = rng.normal(0, 1.0, 3)
    return matrix


def test_fused_changes_equal_the_same_changes_one_after_the_other_in_simpleitk() -> None:
    sample, rng = _sample(), np.random.default_rng(1)
    first, second = _affine(rng), _affine(rng)
    smooth = np.stack([np.full(sample.grid.shape, v, np.float32) for v in (0.7, -1.1, 0.4)])
    out = changed(sample, [Change(matrix=first), Change(displacement=smooth), Change(matrix=second)])

    image = sitk.GetImageFromArray(sample.mask)
    image.SetSpacing(sample.grid.spacing[::-1])
    image.SetOrigin(sample.grid.origin)
    centre = sample.grid.to_world((np.array(sample.grid.shape) - 1) / 2)

    def pulled(matrix: np.ndarray) -> sitk.AffineTransform:
        move = sitk.AffineTransform(3)
        move.SetCenter(centre.tolist())
        move.SetMatrix(matrix[:3, :3].ravel().tolist())
        move.SetTranslation(matrix[:3, 3].tolist())
        return sitk.AffineTransform(move.GetInverse())

    chain = sitk.CompositeTransform([pulled(first), sitk.TranslationTransform(3, (0.7, -1.1, 0.4)), pulled(second)])
    expected = sitk.GetArrayFromImage(sitk.Resample(image, image, chain, sitk.sitkLinear, 0.0))
    assert np.abs(out.mask - expected).max() < 2e-3
    assert np.array_equal(out.image[0], out.mask)


def test_a_bend_after_a_bend_and_a_turn_is_simpleitk_s_composite_of_fields() -> None:
    sample = _sample()
    grid, (z, y, x) = sample.grid, np.indices(sample.grid.shape, np.float32)
    one = np.stack([1.5 * np.sin(z / 4), 1.2 * np.cos(x / 5), 0.8 * np.sin(y / 3)])
    other = np.stack([np.cos(y / 4), 0.9 * np.sin(z / 3), 1.4 * np.cos(x / 6)])
    turn = np.eye(4)
    turn[:3, :3] = Rotation.from_euler("zyx", [12, -7, 5], degrees=True).as_matrix()
    out = changed(sample, [Change(displacement=one), Change(matrix=turn), Change(displacement=other)])

    def field(vectors: np.ndarray) -> sitk.DisplacementFieldTransform:
        image = sitk.GetImageFromArray(np.moveaxis(vectors, 0, -1).astype(np.float64), isVector=True)
        image.SetSpacing(grid.spacing[::-1])
        image.SetOrigin(grid.origin)
        return sitk.DisplacementFieldTransform(image)

    image = sitk.GetImageFromArray(sample.mask)
    image.SetSpacing(grid.spacing[::-1])
    image.SetOrigin(grid.origin)
    back = sitk.AffineTransform(3)
    back.SetCenter(grid.to_world((np.array(grid.shape) - 1) / 2).tolist())
    back.SetMatrix(turn[:3, :3].T.ravel().tolist())
    chain = sitk.CompositeTransform([field(one), back, field(other)])
    expected = sitk.GetArrayFromImage(sitk.Resample(image, image, chain, sitk.sitkLinear, 0.0))
    inner = (slice(3, -3),) * 3
    apart = np.abs(out.mask - expected)[inner]
    assert apart.max() < 0.05, "the turned field is read between voxels once more than SimpleITK does"
    assert apart.mean() < 2e-3
    assert np.abs(sample.mask - expected)[inner].mean() > 0.02


def test_nothing_drawn_changes_nothing_and_intensity_leaves_the_mask() -> None:
    sample = _sample()
    same = changed(sample, [Change(), Change(matrix=np.eye(4))])
    assert np.array_equal(same.image, sample.image)
    louder = changed(sample, [Change(intensity=lambda image: image * 2)])
    assert np.array_equal(louder.mask, sample.mask)
    assert np.array_equal(louder.image, sample.image * 2)


def test_augmentation_depends_on_seed_sample_and_epoch_only() -> None:
    from spinefx.api import SampleList

    class Shake:
        def draw(self, sample: Sample, rng: np.random.Generator) -> Change:
            return Change(matrix=_affine(rng))

    samples = SampleList((_sample(), _sample()))
    augment = Augmentation(samples, (Shake(),), seed=5)
    later, earlier = augment(0, 2).mask, augment(0, 1).mask
    assert not np.array_equal(later, earlier)
    assert np.array_equal(Augmentation(samples, (Shake(),), seed=5)(0, 2).mask, later)
    assert not np.array_equal(Augmentation(samples, (Shake(),), seed=6)(0, 2).mask, later)


@pytest.mark.parametrize(("room", "reads"), [(0, 6), (1, 4), (2, 2)])
def test_samples_that_are_read_again_stay_in_memory_as_far_as_there_is_room(room: int, reads: int) -> None:
    from spinefx.api import SampleList

    class Counted(SampleList):
        read = 0

        def __getitem__(self, index: int) -> Sample:
            Counted.read += 1
            return super().__getitem__(index)

    one = _sample()
    samples = Counted((one, _sample()))
    augment = Augmentation(samples, (), seed=5, most=room * (one.image.nbytes + one.mask.nbytes))
    for epoch in range(3):
        for index in range(2):
            assert np.array_equal(augment(index, epoch).mask, one.mask)
    assert Counted.read == reads


def test_a_mask_drawn_by_another_hand_is_seen_and_the_true_one_rebuilt() -> None:
    sample = replace(_sample(), channels=("mask", "t2"))
    shift = np.zeros((3, *sample.grid.shape), np.float32)
    shift[0] = 0.8
    out = changed(sample, [Change(outline=shift)])
    assert np.array_equal(out.mask, sample.mask)
    assert np.array_equal(out.image[1], sample.image[1])
    assert np.allclose(out.image[0, :, :, :-1], sample.mask[:, :, 1:], atol=1e-5)


def test_what_comes_in_from_outside_is_far_outside_in_a_distance_and_nothing_in_a_mask() -> None:
    sample = _sample()
    away = signed_distance(sample.mask, sample.grid.spacing)
    sample = replace(sample, image=np.stack([sample.mask, away]), channels=("mask", "distance"))
    move = np.eye(4)
    move[2, 3] = 6.0
    out = changed(sample, [Change(matrix=move)])
    assert out.image[0, 0].max() == 0.0
    assert out.image[1, 0].min() == away.max()


@pytest.mark.parametrize("spacing", [(1.0, 1.0, 1.0), (2.0, 0.8, 1.2)])
def test_signed_distance_is_that_of_a_sphere_and_of_scipy_far_away(spacing: tuple[float, float, float]) -> None:
    from scipy.ndimage import distance_transform_edt

    shape = tuple(int(32 / s) for s in spacing)
    z, y, x = (np.arange(n) * s - 16.3 for n, s in zip(shape, spacing, strict=True))
    radius = np.sqrt(z[:, None, None] ** 2 + y[None, :, None] ** 2 + x**2)
    soft = np.clip((10.0 - radius) / 2.0 + 0.5, 0.0, 1.0).astype(np.float32)
    found = signed_distance(soft, spacing)
    assert np.abs(found - (radius - 10.0))[radius > 1.0].mean() < 0.12
    assert np.abs(found - (radius - 10.0))[radius > 2.0].max() < 0.75 * max(spacing)
    whole = distance_transform_edt(soft <= 0.5, spacing) - distance_transform_edt(soft > 0.5, spacing)
    assert np.abs(found - whole).max() < max(spacing)
    assert signed_distance(np.zeros((4, 4, 4), np.float32), (1, 1, 1)).min() > 4.0


def _turned(turn: np.ndarray) -> Scan:
    """A disc-like ellipsoid, 24 x 17 x 5 mm, seen by one scanner in a patient turned by `turn`."""
    grid = Grid((56, 60, 64), (0.8, 0.9, 1.0), (-31.5, -26.5, -22.0))
    index = np.stack(np.meshgrid(*map(np.arange, grid.shape), indexing="ij"), axis=-1)
    own = (grid.to_world(index) - [0.4, -0.3, 0.2]) @ turn
    inside = ((own / [24.0, 17.0, 5.0]) ** 2).sum(-1) + 0.15 * own[..., 1] / 17.0 < 1.0
    labels = np.where(inside, 203, 0).astype(np.uint16)
    return Scan(Case("1_t2", "1"), {}, LabelMap(labels, grid, scheme("spider")))


def test_in_its_own_frame_a_disc_looks_alike_however_the_patient_lies() -> None:

    box = Box((16, 40, 52), (1.0, 1.0, 1.0))
    seen, world = [], []
    for angles in ([0, 0, 0], [25, 0, 0], [-30, 12, 0], [15, -10, 20]):
        scan = _turned(Rotation.from_euler("xyz", angles, degrees=True).as_matrix())
        own, _ = cut(scan, box, structures="disc", channels=("mask",), frame="structure")
        as_is, _ = cut(scan, box, structures="disc", channels=("mask",))
        seen.append(own[0].mask > 0.5)
        world.append(as_is[0].mask > 0.5)
        assert np.allclose(np.linalg.det(own[0].grid.direction), 1.0)

    def overlap(a: np.ndarray, b: np.ndarray) -> float:
        return float((a & b).sum() / (a | b).sum())

    assert min(overlap(seen[0], other) for other in seen[1:]) > 0.93
    assert max(overlap(world[0], other) for other in world[1:]) < 0.75


def test_a_vertebra_s_head_points_along_the_line_of_its_neighbours() -> None:
    grid = Grid((80, 40, 40))
    labels = np.zeros(grid.shape, np.uint16)
    for number, (y, z) in enumerate(((14.0, 12.0), (19.0, 38.0), (26.0, 63.0)), start=1):
        labels[_ball(grid, (20.0, y, z), 8.0)] = number
    scan = Scan(Case("1", "1"), {}, LabelMap(labels, grid, scheme("spider")))
    samples, _ = cut(scan, Box((8, 8, 8), (1.0,) * 3), structures="vertebra", channels=("mask",), frame="structure")
    wanted = np.array([0.0, 12.0, 51.0]) / np.hypot(12.0, 51.0)
    assert np.allclose(samples[1].grid.direction[:, 2], wanted, atol=0.02)
    assert np.allclose(samples[1].grid.direction[:, 0], [1.0, 0.0, 0.0], atol=0.02)
