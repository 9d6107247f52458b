"""Segmenter `mask` and the preprocessors: what they keep, what they change, what they refuse."""

from __future__ import annotations

from itertools import permutations, product

import numpy as np
import pytest
import SimpleITK as sitk
import spinefx_anatomy as pack
from pydantic import ValidationError
from scipy.ndimage import gaussian_filter
from scipy.spatial.transform import Rotation

from spinefx import kernels
from spinefx.api import Case, DataError, Grid, LabelMap, Scan, SchemeError, Volume, scheme

SPIDER = scheme("spider")
CASE = Case("1_t2", "1")
CODES = [
    "".join(letters)
    for order in permutations(("LR", "PA", "SI"))
    for letters in product(*order)
]  # fmt: skip


def build(name, **options):
    offers = [*pack.spinefx_segmenters(), *pack.spinefx_preprocessors()]
    offer = next(o for o in offers if o.name == name)
    return offer.build(offer.options(**options))


def a_scan(*, oblique=True, seed=0):
    rng = np.random.default_rng(seed)
    turn = Rotation.from_euler("xyz", [8, -5, 12], degrees=True).as_matrix() if oblique else np.eye(3)
    grid = Grid((5, 9, 7), (4.0, 0.6, 0.7), (10.0, -20.0, 30.0), turn)
    labels = np.zeros(grid.shape, np.uint16)
    labels[1:4, 2:7, 3:5] = 201
    labels[2, 3:5, 1:3] = 5
    image = Volume(rng.normal(100, 20, grid.shape).astype(np.float32), grid)
    return Scan(CASE, {"t2": image}, LabelMap(labels, grid, SPIDER))


def world_table(data, grid):
    """Value at every world point, in an order that does not depend on the axes."""
    index = np.array(np.meshgrid(*map(np.arange, grid.shape), indexing="ij")).reshape(3, -1).T
    points = np.round(grid.to_world(index), 6)
    order = np.lexsort(points.T)
    return points[order], data.reshape(-1)[order]


def as_image(volume):
    image = sitk.GetImageFromArray(np.asarray(volume.data))
    image.SetSpacing(volume.grid.spacing[::-1])
    image.SetOrigin(volume.grid.origin)
    image.SetDirection(volume.grid.direction.reshape(-1).tolist())
    return image


def test_the_mask_segmenter_returns_the_very_same_mask():
    scan = a_scan()
    assert build("mask").segment(scan).mask is scan.mask


def test_a_scan_without_mask_is_refused_with_what_to_do():
    with pytest.raises(DataError, match=r'case 1_t2 has no mask.*use = "mask".*name a segmenter'):
        build("mask").segment(Scan(CASE))


def test_an_empty_mask_is_refused():
    grid = Grid((2, 2, 2))
    with pytest.raises(DataError, match="1_t2: the mask is empty"):
        build("mask").segment(Scan(CASE, {}, LabelMap(np.zeros(grid.shape, np.uint16), grid, SPIDER)))


def test_mask_values_outside_the_scheme_are_listed():
    grid = Grid((2, 2, 2))
    with pytest.raises(SchemeError, match=r"\[300\]"):
        build("mask").segment(Scan(CASE, {}, LabelMap(np.full(grid.shape, 300), grid, SPIDER)))


@pytest.mark.parametrize("code", CODES)
def test_orient_agrees_with_itk_and_moves_no_voxel(code):
    scan = a_scan()
    turned = build("orient", to=code).process(scan)
    image = turned.images["t2"]
    wanted = sitk.DICOMOrient(as_image(scan.images["t2"]), code)
    np.testing.assert_array_equal(sitk.GetArrayFromImage(wanted), image.data)
    np.testing.assert_allclose(wanted.GetOrigin(), image.grid.origin, atol=1e-9)
    np.testing.assert_allclose(np.reshape(wanted.GetDirection(), (3, 3)), image.grid.direction, atol=1e-12)
    for before, after in [(scan.images["t2"], image)]:
        np.testing.assert_allclose(world_table(before.data, before.grid)[0], world_table(after.data, after.grid)[0])
        np.testing.assert_array_equal(world_table(before.data, before.grid)[1], world_table(after.data, after.grid)[1])
    assert turned.mask.grid == image.grid
    assert turned.mask.voxels(SPIDER[201]) == scan.mask.voxels(SPIDER[201])


def test_orient_and_back_is_the_scan_itself():
    scan = a_scan()
    back = build("orient", to="LPS").process(build("orient", to="AIR").process(scan))
    np.testing.assert_array_equal(back.mask.labels, scan.mask.labels)
    assert back.mask.grid == scan.mask.grid


def test_orient_passes_on_what_lies_right_already():
    scan = a_scan()
    assert build("orient", to="LPS").process(scan) is scan


@pytest.mark.parametrize("code", ["LLS", "lps", "LP", "XYZ"])
def test_an_impossible_orientation_is_refused(code):
    with pytest.raises(ValidationError):
        build("orient", to=code)


def test_resample_gives_the_asked_spacing_over_the_same_field_of_view():
    scan = a_scan()
    result = build("resample", spacing_mm=1.0).process(scan)
    grid = result.mask.grid
    assert grid.spacing == (1.0, 1.0, 1.0)
    assert result.images["t2"].grid == grid
    middle = lambda g: g.to_world((np.array(g.shape) - 1) / 2)  # noqa: E731
    np.testing.assert_allclose(middle(grid), middle(scan.mask.grid), atol=1e-9)
    np.testing.assert_allclose(np.multiply(grid.shape, grid.spacing), [20, 5.4, 4.9], atol=0.5)


def test_resample_keeps_a_linear_ramp():
    scan = a_scan()
    image = scan.images["t2"]
    ramp = lambda g: world_ramp(g).astype(np.float32)  # noqa: E731
    scan = scan.replace(images={"t2": Volume(ramp(image.grid), image.grid)})
    result = build("resample", spacing_mm=(2.0, 0.3, 0.35)).process(scan).images["t2"]
    inner = tuple(slice(2, -2) for _ in range(3))
    np.testing.assert_allclose(result.data[inner], ramp(result.grid)[inner], atol=1e-3)


def test_resample_averages_away_what_new_voxels_cannot_show():
    """As SciPy's Gaussian of the difference of two voxels' widths does (Cardoso et al., MICCAI 2015)."""
    grid = Grid((12, 60, 60), (4.0, 0.5, 0.5))
    data = gaussian_filter(np.random.default_rng(0).normal(0, 100, grid.shape), (0, 0.7, 0.7)).astype(np.float32)
    scan = Scan(Case("a", "a"), {"t2": Volume(data, grid)})
    ratio = 1.25 / 0.5
    sigma = np.sqrt((ratio**2 - 1) / (8 * np.log(2)))
    fine = build("resample", spacing_mm=(4.0, 1.25, 1.25)).process(scan).images["t2"]
    wanted = kernels.resample(gaussian_filter(data, (0, sigma, sigma)), grid, fine.grid)
    inner = (slice(None), slice(3, -3), slice(3, -3))
    apart = np.sqrt(np.mean((fine.data - wanted)[inner] ** 2))
    aliased = build("resample", spacing_mm=(4.0, 1.25, 1.25), antialias=False).process(scan).images["t2"]
    assert apart < 0.06 * wanted[inner].std()
    assert np.sqrt(np.mean((aliased.data - wanted)[inner] ** 2)) > 5 * apart
    stripes = Volume(np.tile(np.array([0.0, 100.0], np.float32), (12, 60, 30)), grid)
    striped = build("resample", spacing_mm=(4.0, 0.5, 1.0)).process(Scan(Case("a", "a"), {"t2": stripes}))
    np.testing.assert_allclose(striped.images["t2"].data[..., 2:-2], 50.0, atol=1e-3)


def world_ramp(grid):
    index = np.stack(np.meshgrid(*map(np.arange, grid.shape), indexing="ij"), axis=-1)
    return grid.to_world(index) @ np.array([1.0, -2.0, 0.5])


def test_resample_keeps_every_label_of_the_mask():
    scan = a_scan()
    for labels in ("label-thin", "label-smooth"):
        result = build("resample", spacing_mm=(2.0, 1.0, 1.0), labels=labels).process(scan)
        assert set(np.unique(result.mask.labels)) == {0, 5, 201}


def test_a_zero_keeps_an_axis_and_no_spacing_keeps_the_grid():
    scan = a_scan()
    assert build("resample", spacing_mm=(0, 1.2, 1.4)).process(scan).mask.grid.spacing == (4.0, 1.2, 1.4)
    kept = build("resample").process(scan)
    assert kept.mask is scan.mask
    assert kept.images["t2"] is scan.images["t2"]


def test_images_are_brought_onto_the_grid_of_the_mask_or_of_a_named_image():
    scan = a_scan()
    other = Volume(np.ones((18, 12, 12), np.float32), Grid((18, 12, 12), (1.2, 1.0, 1.0), (6.0, -23.0, 28.0)))
    scan = scan.replace(images={**scan.images, "ct": other})
    assert build("resample").process(scan).images["ct"].grid == scan.mask.grid
    named = build("resample", onto="ct", labels="label-thin").process(scan)
    assert named.mask.grid == other.grid
    assert named.images["t2"].grid == other.grid
    with pytest.raises(DataError, match=r"no image 'pet' to resample onto; it has t2, ct"):
        build("resample", onto="pet").process(scan)


def test_a_grid_beyond_memory_is_refused_before_it_is_made():
    with pytest.raises(DataError, match="choose a larger spacing_mm"):
        build("resample", spacing_mm=1e-3).process(a_scan())


def spider_like(kind, seed=3):
    """Tissue 300-1500 in the middle; air and padding of -1000 with saturation at 3096, or raw from 0."""
    rng = np.random.default_rng(seed)
    data = rng.normal(900, 150, (20, 40, 40))
    data[:, :, :12] = rng.rayleigh(15, (20, 40, 12))
    if kind == "padded":
        data[:, :6] = -1000
        data[:, 30:33, 20:] = 3096
    else:
        data[:, :6] = 0
    return Volume(data.astype(np.float32), Grid(data.shape))


def test_normalise_is_not_moved_by_padding_or_saturation():
    tissue = lambda v: v.data[:, 10:28, 15:]  # noqa: E731
    results = {}
    for kind in ("padded", "raw"):
        scan = Scan(CASE, {"t2": spider_like(kind)})
        results[kind] = build("normalise").process(scan).images["t2"]
        assert results[kind].data.min() == 0
        assert results[kind].data.max() == 1
        assert 0.4 < np.median(tissue(results[kind])) < 0.6
    np.testing.assert_allclose(tissue(results["padded"]), tissue(results["raw"]), atol=0.03)


def test_normalise_does_not_depend_on_gain_and_offset():
    volume = spider_like("raw")
    scaled = Volume(volume.data * 3.7 + 40, volume.grid)
    one, other = (build("normalise").process(Scan(CASE, {"t2": v})).images["t2"].data for v in (volume, scaled))
    np.testing.assert_allclose(one, other, atol=1e-4)


def test_a_window_maps_hounsfield_units_the_same_in_every_scan():
    data = np.array([-1000, -200, 300, 800, 2000], np.int16).reshape(1, 1, 5)
    scan = Scan(CASE, {"ct": Volume(data, Grid((1, 1, 5)))})
    result = build("normalise", window=(-200, 800)).process(scan).images["ct"].data
    np.testing.assert_allclose(result.ravel(), [0, 0, 0.5, 1, 1])
    open_ended = build("normalise", window=(-200, 800), clip=False).process(scan).images["ct"].data
    np.testing.assert_allclose(open_ended.ravel(), [-0.8, 0, 0.5, 1, 2.2], rtol=1e-6)


def test_normalise_touches_only_the_named_images():
    scan = a_scan()
    scan = scan.replace(images={**scan.images, "pet": scan.images["t2"]})
    result = build("normalise", images=("t2",)).process(scan)
    assert result.images["pet"] is scan.images["pet"]
    with pytest.raises(DataError, match="no image"):
        build("normalise", images=("ct",)).process(scan)


def test_an_image_of_one_value_does_not_break_normalise():
    scan = Scan(CASE, {"t2": Volume(np.full((3, 3, 3), 7, np.float32), Grid((3, 3, 3)))})
    assert np.isfinite(build("normalise").process(scan).images["t2"].data).all()


@pytest.mark.parametrize("options", [{"low": 60, "high": 40}, {"window": (5, 5)}])
def test_upside_down_limits_are_refused(options):
    with pytest.raises(ValidationError, match="must lie below"):
        build("normalise", **options)


def test_crop_keeps_the_structures_and_the_margin_where_they_were():
    scan = a_scan()
    result = build("crop", structures=("disc",), margin_mm=0.7).process(scan)
    assert result.mask.grid.shape == (5, 9, 4)
    assert result.mask.voxels(SPIDER[201]) == scan.mask.voxels(SPIDER[201])
    assert result.images["t2"].grid == result.mask.grid
    start = scan.mask.grid.to_index(result.mask.grid.origin)
    np.testing.assert_allclose(start, [0, 0, 2], atol=1e-9)
    np.testing.assert_array_equal(result.images["t2"].data, scan.images["t2"].data[:, :, 2:6])


def test_crop_cuts_an_image_on_its_own_grid():
    scan = a_scan(oblique=False)
    fine = Grid((40, 30, 30), (1.0, 1.0, 1.0), (0.0, -30.0, 20.0))
    scan = scan.replace(images={"t1": Volume(np.zeros(fine.shape, np.float32), fine)})
    image = build("crop", margin_mm=0).process(scan).images["t1"]
    assert image.grid.spacing == fine.spacing
    box = np.array([[10.7 - 0.35, -18.8 - 0.3, 34 - 2], [10 + 4 * 0.7 + 0.35, -20 + 6 * 0.6 + 0.3, 42 + 2]])
    corners = image.grid.corners()
    assert (corners.min(axis=0) - 0.5 <= box[0] + 1e-9).all()
    assert (corners.max(axis=0) + 0.5 >= box[1] - 1e-9).all()


def test_crop_without_the_structure_says_what_there_is():
    with pytest.raises(DataError, match="no canal to crop to; mask holds disc, vertebra"):
        build("crop", structures=("canal",)).process(a_scan())


def test_crop_refuses_an_image_that_lies_elsewhere():
    scan = a_scan()
    away = Volume(np.zeros((3, 3, 3), np.float32), Grid((3, 3, 3), origin=(500.0, 500.0, 500.0)))
    with pytest.raises(DataError, match="'pet' does not reach"):
        build("crop").process(scan.replace(images={"pet": away}))
