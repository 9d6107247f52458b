"""Radiomic features: those of MIRP are what an independent computation gives; the encoder and the rung of `predict`."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import numpy as np
import pytest
from scipy import ndimage, stats
from skimage.measure import marching_cubes, mesh_surface_area
from spinefx_autoencoder import RadiomicsAnalyserOptions, RadiomicsOptions
from spinefx_autoencoder.radiomics import ibsi
from spinefx_autoencoder.radiomics.analyser import Radiomics as Analyser
from spinefx_autoencoder.radiomics.encoder import Radiomics

from spinefx.api import DataError, Fitting, Grid, LabelMap, PlanError, Row, Sample, SampleList, Volume
from spinefx.plan import Plan
from spinefx.testing import phantom_scan

BINS = 16
SHAPE = (14, 18, 20)


def _ellipsoid(radii=(5.0, 7.0, 8.0)) -> np.ndarray:
    z, y, x = (np.arange(n) - (n - 1) / 2 for n in SHAPE)
    level = (z[:, None, None] / radii[0]) ** 2 + (y[:, None] / radii[1]) ** 2 + (x / radii[2]) ** 2
    return level < 1


@pytest.fixture(scope="module")
def measured():
    mask = _ellipsoid()
    noise = np.random.default_rng(3).normal(0, 1, SHAPE)
    image = (100 + 40 * ndimage.gaussian_filter(noise, 1.0)).astype(np.float32)
    return image, mask, ibsi.features({"t2": image}, mask, (ibsi.SHAPE, *ibsi.FAMILIES), BINS)


def test_statistics_are_those_of_numpy_and_scipy(measured) -> None:
    image, mask, found = measured
    inside = image[mask].astype(np.float64)
    wanted = {
        "mean": inside.mean(), "var": inside.var(), "skew": stats.skew(inside), "kurt": stats.kurtosis(inside),
        "median": np.median(inside), "range": np.ptp(inside), "energy": (inside**2).sum(),
        "mad": np.abs(inside - inside.mean()).mean(), "rms": np.sqrt((inside**2).mean()),
    }  # fmt: skip
    for name, value in wanted.items():
        assert found[f"t2_stat_{name}"] == pytest.approx(value, rel=1e-6), name


def _levels(image, mask) -> np.ndarray:
    """1 .. BINS inside, 0 outside: the IBSI's fixed number of bins."""
    low, high = image[mask].min(), image[mask].max()
    level = np.minimum(np.floor(BINS * (image - low) / (high - low)) + 1, BINS)
    return np.where(mask, level, 0).astype(int)


def test_a_cooccurrence_matrix_counted_by_hand_gives_the_same_texture(measured) -> None:
    image, mask, found = measured
    level, pairs = _levels(image.astype(np.float64), mask), np.zeros((BINS, BINS))
    padded = np.pad(level, 1)
    z, y, x = np.nonzero(padded)
    for dz in (-1, 0, 1):
        for dy in (-1, 0, 1):
            for dx in (-1, 0, 1):
                if (dz, dy, dx) != (0, 0, 0):
                    other = padded[z + dz, y + dy, x + dx]
                    both = other > 0
                    np.add.at(pairs, (padded[z, y, x][both] - 1, other[both] - 1), 1)
    p = pairs / pairs.sum()
    i, j = np.indices(p.shape) + 1
    mean = (i * p).sum()
    wanted = {
        "contrast": ((i - j) ** 2 * p).sum(),
        "joint_entr": -(p[p > 0] * np.log2(p[p > 0])).sum(),
        "energy": (p**2).sum(),
        "corr": ((i - mean) * (j - mean) * p).sum() / ((i - mean) ** 2 * p).sum(),
    }
    for name, value in wanted.items():
        assert found[f"t2_cm_{name}"] == pytest.approx(value, rel=1e-6), name
    share = np.bincount(level[mask], minlength=BINS + 1)[1:] / mask.sum()
    assert found["t2_ih_uniformity"] == pytest.approx((share**2).sum(), rel=1e-6)
    assert found["t2_ih_entropy"] == pytest.approx(-(share[share > 0] * np.log2(share[share > 0])).sum(), rel=1e-6)


def test_zones_of_one_grey_level_are_connected_components(measured) -> None:
    image, mask, found = measured
    level, every = _levels(image.astype(np.float64), mask), np.ones((3, 3, 3))
    sizes = np.concatenate(
        [np.bincount(ndimage.label(level == g, every)[0].ravel())[1:] for g in range(1, BINS + 1)]
    ).astype(float)
    assert found["t2_szm_z_perc"] == pytest.approx(len(sizes) / mask.sum(), rel=1e-9)
    assert found["t2_szm_lze"] == pytest.approx((sizes**2).mean(), rel=1e-9)


def test_the_mesh_s_volume_and_sphericity_are_scikit_image_s(measured) -> None:
    _, mask, found = measured
    vertices, faces, _, _ = marching_cubes(np.pad(mask, 1).astype(float), 0.5)
    area = mesh_surface_area(vertices, faces)
    volume = (
        abs(np.einsum("ij,ij->i", vertices[faces[:, 0]], np.cross(*vertices[faces[:, 1:]].swapaxes(0, 1))).sum()) / 6
    )
    assert found["morph_volume"] == pytest.approx(volume, rel=1e-3)
    assert found["morph_sphericity"] == pytest.approx(np.cbrt(36 * np.pi * volume**2) / area, rel=1e-3)
    assert found["morph_vol_approx"] == mask.sum()


def _samples(sizes: list[float]) -> SampleList:
    """Ellipsoids of these sizes, brighter the larger they are."""
    samples = []
    for size in sizes:
        mask = _ellipsoid(np.array([4.0, 5.5, 6.5]) * size).astype(np.float32)
        row = Row(f"p{size}", f"p{size}", "disc", "L4-L5")
        samples.append(Sample(row, np.stack([mask, size * mask]), mask, Grid(SHAPE), ("mask", "t2")))
    return SampleList(tuple(samples))


def test_the_encoder_s_latents_are_standard_features_and_guess_the_shape(tmp_path: Path) -> None:
    train, new = _samples([0.9, 0.97, 1.04, 1.11, 1.18, 1.25]), _samples([0.93, 1.2])
    encoder = Radiomics(RadiomicsOptions(families=("morphology", "statistics")))
    encoder.fit(Fitting(train, SampleList(()), lambda i, _: train[i], 0, tmp_path))
    assert {"morph_volume", "t2_stat_mean"} <= set(encoder.names)
    z = encoder.encode(new).z
    sizes = np.array([0.9, 0.97, 1.04, 1.11, 1.18, 1.25])
    wanted = (np.array([0.93, 1.2]) - sizes.mean()) / sizes.std()
    assert z[:, encoder.names.index("t2_stat_mean")] == pytest.approx(wanted, abs=1e-5)
    mean = np.mean([s.mask for s in train], axis=0)

    def iou(a, b) -> float:
        return float(((a > 0.5) & (b > 0.5)).sum() / ((a > 0.5) | (b > 0.5)).sum())

    ours = np.mean([iou(guess, s.mask) for guess, s in zip(encoder.decode(z), new, strict=True)])
    assert ours > np.mean([iou(mean, s.mask) for s in new]) + 0.05
    encoder.save(tmp_path / "model")
    again = Radiomics(RadiomicsOptions())
    again.load(tmp_path / "model")
    assert np.array_equal(again.encode(SampleList((new[0],))).z, z[:1])
    assert np.array_equal(again.decode(z), encoder.decode(z))
    with pytest.raises(DataError, match="wanted \\(n, "):
        again.decode(z[:, :3])


def test_the_analyser_measures_every_disc_in_voxels_of_1_mm() -> None:
    scan = phantom_scan()
    found = Analyser(RadiomicsAnalyserOptions(families=("statistics",), images=("t2",))).measure(scan)
    mask, image = scan.require_mask(), scan.images["t2"]
    assert {row.level for row in found.rows} == {s.level for s in mask.structures("disc")}
    for i, row in enumerate(found.rows):
        value = next(mask.scheme.value_of(s) for s in mask.structures("disc") if s.level == row.level)
        native = image.data[mask.labels == value].mean()
        assert found.columns["t2_stat_mean"][i] == pytest.approx(native, rel=0.1)


def test_a_disc_that_the_border_cuts_has_a_reason_in_place_of_numbers() -> None:
    scan = phantom_scan()
    mask = scan.require_mask()
    middles = {
        s.level: np.argwhere(mask.labels == mask.scheme.value_of(s)).mean(axis=0) for s in mask.structures("disc")
    }
    axis = int(np.ptp(np.array(list(middles.values())), axis=0).argmax())
    level, last = max(((name, m[axis]) for name, m in middles.items()), key=lambda pair: pair[1])
    shape = [int(last) if a == axis else n for a, n in enumerate(mask.labels.shape)]
    grid, here = mask.grid.crop((0, 0, 0), shape), tuple(slice(n) for n in shape)
    image = Volume(scan.images["t2"].data[here].copy(), grid)
    cut = scan.replace(mask=LabelMap(mask.labels[here].copy(), grid, mask.scheme), images={"t2": image})
    found = Analyser(RadiomicsAnalyserOptions(families=("statistics",))).measure(cut)
    row = next(row for row in found.rows if row.level == level)
    assert "cut off by the scan's border" in found.reasons[row, "t2_stat_mean"]
    missing = np.isnan(found.columns["t2_stat_mean"])
    assert [r.level for r, none in zip(found.rows, missing, strict=True) if none] == [level]


def test_without_mirp_the_plan_is_refused_and_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ibsi, "find_spec", lambda name: None if name == "mirp" else importlib.util.find_spec(name))
    plan = Plan.of({"data": {"use": "phantom"}, "encode": {"use": "radiomics"}})
    with pytest.raises(PlanError, match=r"pip install 'spinefx\[radiomics\]'"):
        plan.encode.build()
