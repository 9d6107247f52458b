"""Samples show the structure they name, where it is; augmentation moves image and mask as one."""

from __future__ import annotations

import numpy as np
import pytest
import SimpleITK as sitk

from spinefx.api import Case, Change, DataError, Grid, LabelMap, Row, Sample, Scan, Volume, scheme
from spinefx.work.augment import Augmentation, changed
from spinefx.work.cut import Box, cut


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
