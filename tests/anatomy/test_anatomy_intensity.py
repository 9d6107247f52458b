"""Preprocessor `n4` and analyser `uptake`: what they find in images of known contents."""

from __future__ import annotations

import numpy as np
import pytest
import spinefx_anatomy as pack
from measured_spines import analyser
from scipy.ndimage import map_coordinates

from spinefx.api import Case, DataError, Grid, LabelMap, Scan, Volume, scheme

CASE = Case("1_t2", "1")
SPIDER = scheme("spider")


def n4(**options):
    offer = next(o for o in pack.spinefx_preprocessors() if o.name == "n4")
    return offer.build(offer.options(**options))


def shaded(seed=0):
    """Two tissues in air, the same under a bias field that doubles from one end to the other, and where tissue is."""
    rng = np.random.default_rng(seed)
    z, y, x = np.meshgrid(*(np.linspace(-1, 1, n) for n in (24, 48, 48)), indexing="ij")
    tissue = (y**2 + x**2 < 0.8) & (abs(z) < 0.9)
    clean = np.where(tissue, np.where((x * 4 % 2 < 1), 400.0, 700.0), 5.0) * rng.normal(1, 0.02, z.shape)
    field = np.exp(0.35 * z + 0.2 * y)
    grid = Grid(z.shape, (4.0, 2.0, 2.0))
    return clean, Volume((clean * field).astype(np.float32), grid), tissue


def test_n4_takes_out_most_of_the_shading():
    clean, image, tissue = shaded()
    corrected = n4().process(Scan(CASE, {"t2": image})).images["t2"].data
    spread = lambda data: np.std(np.log(data[tissue] / clean[tissue]))  # noqa: E731
    assert spread(corrected) < 0.4 * spread(image.data)


def test_n4_leaves_an_empty_image_and_other_images_alone():
    _, image, _ = shaded()
    flat = Volume(np.zeros(image.grid.shape, np.float32), image.grid)
    scan = Scan(CASE, {"t2": image, "t1": flat})
    assert n4(images=("t1",)).process(scan).images["t2"] is image
    assert n4(images=("t1",)).process(scan).images["t1"] is flat
    with pytest.raises(DataError, match="no image"):
        n4(images=("pet",)).process(scan)


def hot(spacing=2.0):
    """Two vertebrae of uptake 2 and 3, the second with a hot ball of 8 and 9 mm radius, on a mask grid of 2 mm."""
    shape = (40, 30, 30)
    mask_grid = Grid(shape, (spacing,) * 3)
    labels = np.zeros(shape, np.uint16)
    labels[2:17, 8:22, 8:22], labels[22:38, 6:24, 6:24] = 1, 2
    pet = np.full(shape, 0.5, np.float32)
    pet[labels == 1], pet[labels == 2] = 2, 3
    middle = np.array([30, 15, 15])
    away = np.linalg.norm(
        (np.stack(np.meshgrid(*map(np.arange, shape), indexing="ij"), -1) - middle) * spacing, axis=-1
    )
    pet[away <= 9] = 8
    return Scan(CASE, {"pet": Volume(pet, mask_grid)}, LabelMap(labels, mask_grid, SPIDER))


def test_uptake_is_that_of_the_structure():
    scan = hot()
    features = analyser("uptake").measure(scan)
    assert [row.level for row in features.rows] == ["L5", "L4"]
    found = features.columns
    assert found["suv_mean"][0] == pytest.approx(2)
    assert found["suv_max"][1] == pytest.approx(8)
    assert found["suv_peak"][0] == pytest.approx(2)
    assert found["suv_peak"][1] == pytest.approx(8, abs=0.01)
    inside = scan.images["pet"].data[scan.mask.labels == 2]
    assert found["suv_mean"][1] == pytest.approx(inside.mean())
    assert found["suv_total"][1] == pytest.approx(inside.sum() * 8 / 1000)


def test_uptake_of_a_coarser_pet_is_interpolated_onto_the_mask():
    scan = hot()
    coarse = Grid((20, 15, 15), (4.0, 4.0, 4.0), (1.0, 1.0, 1.0))
    data = scan.images["pet"].data.reshape(20, 2, 15, 2, 15, 2).mean(axis=(1, 3, 5))
    found = analyser("uptake").measure(scan.replace(images={"pet": Volume(data, coarse)})).columns
    assert found["suv_mean"][0] == pytest.approx(2, rel=0.12)
    assert found["suv_max"][1] == pytest.approx(8, rel=0.02)


@pytest.mark.parametrize("spacing", [(1.0, 1.0, 1.0), (4.0, 0.8, 0.8)])
def test_the_peak_is_that_of_a_plain_search_with_a_fine_sphere(spacing):
    shape = tuple(int(40 / s) for s in spacing)
    grid, labels = Grid(shape, spacing), np.zeros(shape, np.uint16)
    labels[tuple(slice(int(6 / s), int(34 / s)) for s in spacing)] = 1
    pet_grid = Grid((18, 18, 18), (3.0, 3.0, 3.0), (-5.0, -5.0, -5.0))
    away = pet_grid.to_world(np.stack(np.indices(pet_grid.shape), -1)) - [22.3, 17.1, 19.4]
    pet = (1 + 9 * np.exp(-(away**2).sum(-1) / (2 * 6.0**2))).astype(np.float32)
    scan = Scan(CASE, {"pet": Volume(pet, pet_grid)}, LabelMap(labels, grid, SPIDER))
    found = analyser("uptake").measure(scan).columns["suv_peak"][0]
    ball = np.stack(np.meshgrid(*[np.arange(-6.0, 6.1, 0.75)] * 3, indexing="ij"), -1).reshape(-1, 3)
    ball = ball[(ball**2).sum(1) <= 6.2**2]
    best = 0.0
    for shift in np.stack(np.meshgrid(*[np.arange(-1.5, 1.6, 0.3)] * 3, indexing="ij"), -1).reshape(-1, 3):
        index = pet_grid.to_index(shift + ball + [22.3, 17.1, 19.4])
        best = max(best, float(map_coordinates(pet, index.T, order=1).mean()))
    assert found == pytest.approx(best, rel=0.01)


def test_a_structure_outside_the_pet_is_missing_with_the_reason():
    scan = hot()
    part = Volume(scan.images["pet"].data[:20], scan.images["pet"].grid.crop((0, 0, 0), (20, 30, 30)))
    features = analyser("uptake").measure(scan.replace(images={"pet": part}))
    assert np.isfinite(features.columns["suv_mean"][0])
    assert np.isnan(features.columns["suv_mean"][1])
    assert "inside the image 'pet'" in features.reasons[features.rows[1], "suv_mean"]


def test_a_scan_without_pet_is_refused():
    scan = hot()
    with pytest.raises(DataError, match=r"no image 'pet' to measure uptake in; it has t2"):
        analyser("uptake").measure(scan.replace(images={"t2": scan.images["pet"]}))
