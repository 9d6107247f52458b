"""Augmenters draw what they say, from the generator alone, and nothing at strength 0."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from learn_samples import cohort
from scipy.spatial.transform import Rotation
from spinefx_augment import spinefx_augmenters
from spinefx_augment.bias import BiasField
from spinefx_augment.elastic import Elastic, MaskJitter, spline_weights
from spinefx_augment.intensity import Intensity
from spinefx_augment.options import (
    AffineOptions,
    BiasFieldOptions,
    ElasticOptions,
    FlipOptions,
    IntensityOptions,
    LowResolutionOptions,
    MaskJitterOptions,
)
from spinefx_augment.slices import LowResolution, slab_weights
from spinefx_augment.smooth import products
from spinefx_augment.spatial import Affine, Flip, rotation

from spinefx.api import Augmenter, Change

SAMPLE = cohort(1, channels=2)[0][0]

NOTHING = [
    Flip(FlipOptions(probability=0.0)),
    Affine(AffineOptions(rotation_deg=0.0, translation_mm=0.0, scale=0.0, stretch=0.0)),
    Affine(AffineOptions(probability=0.0)),
    Elastic(ElasticOptions(probability=1.0, amplitude_mm=0.0)),
    Elastic(ElasticOptions(probability=0.0)),
    Intensity(IntensityOptions(probability=1.0, gain=0.0, offset=0.0, gamma=0.0, noise=0.0)),
    BiasField(BiasFieldOptions(probability=1.0, strength=0.0)),
    LowResolution(LowResolutionOptions(probability=1.0, thickness_mm=0.5)),
    MaskJitter(MaskJitterOptions(probability=1.0, amplitude_mm=0.0)),
]


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


@pytest.mark.parametrize("augmenter", NOTHING, ids=lambda a: type(a).__name__)
def test_strength_0_draws_the_identity(augmenter):
    for seed in range(5):
        change = augmenter.draw(SAMPLE, rng(seed))
        assert change.matrix is None
        assert change.displacement is None
        assert change.outline is None
        assert change.intensity is None


@pytest.mark.parametrize("offer", spinefx_augmenters(), ids=lambda o: o.name)
def test_equal_generators_draw_equal_changes(offer):
    augmenter = offer.build(offer.options())
    assert isinstance(augmenter, Augmenter)

    def numbers(change: Change) -> list[np.ndarray]:
        image = None if change.intensity is None else change.intensity(SAMPLE.image)
        return [part for part in (change.matrix, change.displacement, change.outline, image) if part is not None]

    pairs = [(numbers(augmenter.draw(SAMPLE, rng(s))), numbers(augmenter.draw(SAMPLE, rng(s)))) for s in range(8)]
    assert any(first for first, _ in pairs)
    for first, second in pairs:
        assert all(np.array_equal(a, b) for a, b in zip(first, second, strict=True))


def test_a_flip_swaps_left_and_right_alone():
    matrix = Flip(FlipOptions(probability=1.0)).draw(SAMPLE, rng()).matrix
    assert np.array_equal(matrix @ [1.0, 2.0, 3.0, 1.0], [-1.0, 2.0, 3.0, 1.0])


def test_flips_come_at_their_probability():
    flip, one = Flip(FlipOptions(probability=0.3)), rng()
    count = sum(flip.draw(SAMPLE, one).matrix is not None for _ in range(2000))
    assert 520 < count < 680


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_an_affine_keeps_to_its_bounds(seed):
    options = AffineOptions(rotation_deg=10.0, translation_mm=3.0, scale=0.1, stretch=0.05)
    matrix = Affine(options).draw(SAMPLE, rng(seed)).matrix
    assert np.abs(matrix[:3, 3]).max() <= 3.0
    sizes = np.linalg.svd(matrix[:3, :3], compute_uv=False)
    assert 1 / 1.1 / 1.05 - 1e-9 <= sizes.min() <= sizes.max() <= 1.1 * 1.05 + 1e-9
    turn = matrix[:3, :3] / np.linalg.norm(matrix[:3, :3], axis=0)
    assert np.allclose(turn.T @ turn, np.eye(3), atol=1e-9)
    assert np.linalg.det(turn) > 0
    angle = np.degrees(np.arccos(np.clip((np.trace(turn) - 1) / 2, -1, 1)))
    assert angle <= 10.0 * 3**0.5 + 1e-6


def test_rotations_are_scipy_s_about_x_then_y_then_z():
    for seed in range(20):
        angles = rng(seed).uniform(-1, 1, 3)
        assert np.allclose(rotation(angles), Rotation.from_euler("xyz", angles).as_matrix())


def test_scale_and_shift_reach_their_bounds_and_leave_what_is_not_asked_for():
    scales = AffineOptions(rotation_deg=0.0, scale=0.1, stretch=0.0)
    matrices = np.array([Affine(scales).draw(SAMPLE, rng(s)).matrix for s in range(400)])
    sizes = matrices[:, 0, 0]
    assert np.allclose(matrices[:, :3, :3], sizes[:, None, None] * np.eye(3))
    assert not matrices[:, :3, 3].any()
    assert 1 / 1.1 <= sizes.min() < 1 / 1.095 < 1.095 < sizes.max() <= 1.1
    shifts = AffineOptions(rotation_deg=0.0, scale=0.0, stretch=0.0, translation_mm=3.0)
    moved = np.array([Affine(shifts).draw(SAMPLE, rng(s)).matrix for s in range(400)])
    assert np.allclose(moved[:, :3, :3], np.eye(3))
    assert np.all(moved[:, :3, 3].min(axis=0) < -2.9)
    assert np.all(moved[:, :3, 3].max(axis=0) > 2.9)
    assert abs(np.corrcoef(moved[:, :3, 3].T)[np.triu_indices(3, 1)]).max() < 0.15, "each axis has a number of its own"


def test_a_bend_is_smooth_and_as_large_as_asked():
    options = ElasticOptions(probability=1.0, amplitude_mm=2.0, control_mm=12.0)
    fields = [Elastic(options).draw(SAMPLE, rng(s)).displacement for s in range(20)]
    assert fields[0].shape == (3, *SAMPLE.grid.shape)
    assert fields[0].dtype == np.float32
    assert 0.5 < np.std(fields) < 2.0
    steps = np.abs(np.diff(np.array(fields), axis=-1)).max() / SAMPLE.grid.spacing[2]
    assert steps < 1.0


@settings(deadline=None)
@given(st.integers(2, 40), st.floats(0.05, 1.5))
def test_spline_weights_sum_to_1_and_are_scipy_s_cubic(n, step):
    from scipy.interpolate import BSpline

    weights = spline_weights(n, step)
    assert np.allclose(weights.sum(axis=1), 1.0)
    cells = weights.shape[1] - 3
    position = (np.arange(n) - (n - 1) / 2) * step + cells / 2
    wanted = BSpline.design_matrix(np.clip(position, 0, cells), np.arange(-3, cells + 4, dtype=float), 3).toarray()
    assert np.allclose(weights, wanted, atol=1e-9)


@pytest.mark.parametrize("lead", [(), (3,), (2, 3)])
def test_smooth_functions_are_the_sum_of_products_whatever_blas_has_of_threads(lead):
    from threadpoolctl import threadpool_limits

    drawn = rng(5)
    weights = drawn.normal(size=(*lead, 4, 5, 6))
    z, y, x = (drawn.normal(size=shape) for shape in ((40, 4), (70, 5), (90, 6)))
    found = products(weights, z, y, x)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, np.einsum("...abc,za,yb,xc->...zyx", weights, z, y, x), atol=1e-4)
    for threads in (1, 2):
        with threadpool_limits(threads):
            assert np.array_equal(products(weights, z, y, x), found)


def test_intensities_change_as_the_formula_says_and_what_is_flat_stays():
    change = Intensity(IntensityOptions(probability=1.0)).draw(SAMPLE, rng(1)).intensity
    values, (gain, offset, gamma, noise) = (
        SAMPLE.image[1].astype(float),
        (float(v[0]) for v in (change.gain, change.offset, change.gamma, change.noise)),
    )
    low, high, spread = values.min(), values.max(), values.std()
    bent = low + (high - low) * ((values - low) / (high - low)) ** gamma
    wanted = (bent - bent.mean()) * gain + bent.mean() + spread * (offset + noise * change.grain[0])
    np.testing.assert_allclose(change(SAMPLE.image)[1], wanted, atol=1e-5 * (high - low))
    flat = np.stack([SAMPLE.mask, np.full_like(SAMPLE.mask, 7.3)])
    assert np.array_equal(change(flat), flat)


def test_intensities_are_drawn_evenly_within_their_options():
    options = IntensityOptions(probability=1.0, gain=0.3, offset=0.2, gamma=0.4, noise=0.1)
    drawn = [Intensity(options).draw(SAMPLE, rng(s)).intensity for s in range(400)]
    names = ("gain", "offset", "gamma", "noise")
    values = {name: np.array([getattr(change, name)[0] for change in drawn]) for name in names}
    bounds = {"gain": (1 / 1.3, 1.3), "offset": (-0.2, 0.2), "gamma": (1 / 1.4, 1.4), "noise": (0.0, 0.1)}
    for name, (low, high) in bounds.items():
        reach = 0.02 * (high - low)
        assert low <= values[name].min() < low + reach, name
        assert high - reach < values[name].max() <= high, name
    together = np.corrcoef([np.log(values["gain"]), values["offset"], np.log(values["gamma"]), values["noise"]])
    assert np.abs(together[np.triu_indices(4, 1)]).max() < 0.15, "each has a number of its own"
    assert abs(np.std([change.grain for change in drawn[:20]]) - 1.0) < 0.01


def test_intensities_change_and_the_mask_channel_stays():
    change = Intensity(IntensityOptions(probability=1.0)).draw(SAMPLE, rng(1))
    image = change.intensity(SAMPLE.image)
    assert np.array_equal(image[0], SAMPLE.mask)
    assert not np.allclose(image[1], SAMPLE.image[1])
    assert np.isfinite(image).all()
    assert np.array_equal(SAMPLE.image[0], SAMPLE.mask)


def test_a_bias_field_shades_intensities_smoothly_and_as_strongly_as_asked():
    field = BiasField(BiasFieldOptions(probability=1.0, strength=0.4))
    logs = []
    for seed in range(20):
        change = field.draw(SAMPLE, rng(seed)).intensity
        out = change(SAMPLE.image)
        assert np.array_equal(out[0], SAMPLE.mask)
        least = SAMPLE.image[1].min()
        assert np.allclose(out[1] - least, (SAMPLE.image[1] - least) * change.field, atol=1e-2)
        assert np.abs(np.diff(np.log(change.field), axis=2)).max() < 0.5
        logs.append(np.log(change.field).std())
    assert 0.25 < max(logs) <= 0.4 + 1e-6
    assert min(logs) < 0.1


@pytest.mark.parametrize("order", [1, 2, 3])
def test_a_bias_field_is_the_exponential_of_a_polynomial_of_that_order(order):
    field = BiasField(BiasFieldOptions(probability=1.0, strength=0.4, order=order)).draw(SAMPLE, rng(3)).intensity.field
    axes = np.meshgrid(*(np.linspace(-1, 1, n) for n in field.shape), indexing="ij")

    def unexplained(degree: int) -> float:
        powers = [p for p in product(range(degree + 1), repeat=3) if sum(p) <= degree]
        terms = np.stack(
            [np.prod([a**k for a, k in zip(axes, p, strict=True)], axis=0).ravel() for p in powers], axis=1
        )
        wanted = np.log(field.astype(float)).ravel()
        return float(np.std(wanted - terms @ np.linalg.lstsq(terms, wanted)[0]) / np.std(wanted))

    assert unexplained(order) < 1e-5
    assert unexplained(order - 1) > 0.05
    assert abs(np.log(field).mean()) < 1e-5


@settings(deadline=None)
@given(st.integers(4, 40), st.floats(1.0, 9.0), st.floats(0.0, 1.0))
def test_slabs_keep_what_is_flat_and_average_what_is_not(n, thickness, phase):
    weights = slab_weights(n, thickness, phase)
    assert weights.shape == (n, n)
    assert np.allclose(weights.sum(axis=1), 1.0, atol=1e-5)
    assert weights.min() >= 0.0


def test_thick_slices_are_simpleitk_s_average_over_slabs_interpolated_back():
    import SimpleITK as sitk

    n, thick = 24, 4
    values = np.random.default_rng(0).random((1, 3, 2, n)).astype(np.float32)
    image = sitk.GetImageFromArray(values[0])
    means = sitk.BinShrink(image, [thick, 1, 1])
    back = sitk.GetArrayFromImage(sitk.Resample(means, image, sitk.Transform(), sitk.sitkLinear, -1.0))
    found = values @ slab_weights(n, float(thick), 0.0).T
    inside = back[0] >= 0.0
    assert inside[:, 2:-2].all()
    assert np.allclose(found[0][back >= 0.0], back[back >= 0.0], atol=1e-5)


def test_the_encoder_sees_thick_slices_and_another_hand_s_outline_and_must_rebuild_the_true_one():
    from spinefx.work.cohort.augment import changed

    thick = LowResolution(LowResolutionOptions(probability=1.0, thickness_mm=9.0, axis="any"))
    hand = MaskJitter(MaskJitterOptions(probability=1.0, amplitude_mm=1.5))
    for augmenter in (thick, hand):
        out = changed(SAMPLE, [augmenter.draw(SAMPLE, rng(3))])
        assert np.array_equal(out.mask, SAMPLE.mask)
        assert not np.allclose(out.image[0], SAMPLE.mask, atol=0.05)
    assert np.array_equal(out.image[1], SAMPLE.image[1])
