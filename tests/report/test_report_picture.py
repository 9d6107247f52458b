"""A case's picture, judged on a body whose front, left and head cannot be confused."""

from __future__ import annotations

import io
import itertools

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from spinefx.contract.case import Case
from spinefx.contract.grid import Grid
from spinefx.contract.scan import LabelMap, Scan, Volume
from spinefx.contract.scheme import Scheme, Structure
from spinefx.store.records import png
from spinefx.work.pictures.glance import caption, captioned, case_picture

CASE = Case("c", "p")
SCHEME = Scheme(
    "body",
    {
        1: Structure("vertebra", "", "upper"),
        2: Structure("disc", "", "disc"),
        3: Structure("canal", "", "canal"),
        4: Structure("sacrum", "", "left lump"),
    },
)
BLUE, ORANGE, GREEN, VIOLET = 1, 2, 3, 4


def body(*, bend_mm: float = 0.0, size: int = 64) -> LabelMap:
    """World (x, y, z) from -32 mm: vertebra at the head, disc below it, canal behind both, a lump on the left."""
    grid = Grid((size, size, size), (1.0, 1.0, 1.0), (-size / 2, -size / 2, -size / 2))
    z, y, x = (index - size / 2 for index in np.indices(grid.shape))
    x = x - bend_mm * (z > 0)
    labels = np.zeros(grid.shape, np.uint16)
    labels[(abs(x) < 12) & (abs(y) < 10) & (z > 2) & (z < 24)] = 1
    labels[(abs(x) < 12) & (abs(y) < 10) & (z > -8) & (z <= 2)] = 2
    labels[(abs(x) < 4) & (y > 12) & (y < 20) & (abs(z) < 24)] = 3
    labels[(x > 16) & (x < 24) & (abs(y) < 6) & (z > -24) & (z < -12)] = 4
    return LabelMap(labels, grid, SCHEME)


def turned(mask: LabelMap, order: tuple[int, ...], flips: tuple[bool, ...]) -> LabelMap:
    """The same body on the same points, its array axes permuted and reversed."""
    labels = np.transpose(mask.labels, order)
    axes = mask.grid.axes[list(order)].copy()
    corner = np.zeros(3)
    for axis, flip in enumerate(flips):
        if flip:
            labels = np.flip(labels, axis)
            corner[order[axis]] = mask.grid.shape[order[axis]] - 1
            axes[axis] *= -1
    origin = mask.grid.to_world(corner)
    x, y, z = (float(v) for v in origin)
    return LabelMap(labels, Grid(mask.grid.shape, mask.grid.spacing, (x, y, z), axes[::-1].T), SCHEME)


def kinds(pixels: NDArray[np.uint8]) -> NDArray[np.intp]:
    """Which structure each pixel belongs to, told from its hue alone: 0 for none."""
    r, g, b = (pixels[..., i].astype(int) for i in range(3))
    found = np.zeros(pixels.shape[:2], np.intp)
    found[(b > r + 20) & (b > g) & (g > r)] = BLUE
    found[(r > b + 30) & (r > g)] = ORANGE
    found[(g > r + 20) & (g > b)] = GREEN
    found[(b > g + 15) & (r > g)] = VIOLET
    return found


def middle(found: NDArray[np.intp], kind: int) -> tuple[float, float]:
    rows, columns = np.nonzero(found == kind)
    assert rows.size > 20, f"structure {kind} is not in view"
    return float(rows.mean()), float(columns.mean())


def parts(pixels: NDArray[np.uint8]) -> tuple[NDArray[np.intp], NDArray[np.intp], list[NDArray[np.intp]]]:
    """Sagittal and coronal plane (as wide as each other here), and the axial ones from head to foot."""
    found = kinds(pixels)
    size = (len(found) - 8) // 3
    width = (found.shape[1] - 8 - size) // 2
    column = found[:, 2 * width + 8 :]
    return (
        found[:, :width],
        found[:, width + 4 : 2 * width + 4],
        [column[t : t + size] for t in (0, size + 4, 2 * size + 8)],
    )


def test_the_head_is_up_the_front_left_and_the_patients_left_on_the_right() -> None:
    sagittal, coronal, _ = parts(case_picture(Scan(CASE, {}, body())))
    assert middle(sagittal, BLUE)[0] < middle(sagittal, ORANGE)[0]
    assert middle(sagittal, ORANGE)[1] < middle(sagittal, GREEN)[1]
    assert middle(coronal, BLUE)[0] < middle(coronal, ORANGE)[0] < middle(coronal, VIOLET)[0]
    assert middle(coronal, ORANGE)[1] < middle(coronal, VIOLET)[1]


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
def test_the_order_and_direction_of_the_arrays_axes_do_not_change_the_picture(order: tuple[int, ...]) -> None:
    wanted = case_picture(Scan(CASE, {}, body()), height=96).astype(int)
    for flips in itertools.product((False, True), repeat=3):
        got = case_picture(Scan(CASE, {}, turned(body(), order, flips)), height=96).astype(int)
        assert got.shape == wanted.shape
        assert (np.abs(got - wanted).max(axis=2) > 40).mean() < 0.01


def test_a_millimetre_is_as_long_down_as_across_whatever_the_voxels() -> None:
    mask = body()
    thick = LabelMap(mask.labels[:, :, ::4], Grid((64, 64, 16), (1.0, 1.0, 4.0), mask.grid.origin), SCHEME)
    sagittal, coronal, _ = parts(case_picture(Scan(CASE, {}, thick)))
    for plane, wide_mm in ((sagittal, 19), (coronal, 23)):
        rows, columns = np.nonzero(plane == BLUE)
        high, wide = np.ptp(rows) + 1, np.ptp(columns) + 1
        assert wide / high == pytest.approx(wide_mm / 21, abs=0.2)


def test_the_planes_follow_a_bent_spine() -> None:
    upper = {1: Structure("disc", "", "upper disc"), 2: Structure("disc", "", "disc"), 3: SCHEME[3], 4: SCHEME[4]}
    bent = body(bend_mm=26.0)
    mask = LabelMap(bent.labels, bent.grid, Scheme("bent", upper))
    pixels = case_picture(Scan(CASE, {}, mask))
    sagittal = kinds(pixels)[:, : pixels.shape[1] // 3]
    rows = np.nonzero((sagittal == ORANGE).any(axis=1))[0]
    assert np.ptp(rows) / pixels.shape[0] > 0.4, "the upper disc, 26 mm to the side, is out of view"


def test_the_image_is_seen_under_its_contours() -> None:
    mask = body()
    bright = Volume(np.where(mask.labels == 2, 200.0, 20.0).astype(np.float32), mask.grid)
    pixels = case_picture(Scan(CASE, {"t2": bright}, mask))
    plain = case_picture(Scan(CASE, {"t2": bright}))
    brightest = np.unravel_index(plain[..., 1].argmax(), plain.shape[:2])
    assert plain[brightest].min() > 200
    assert np.ptp(plain.astype(int), axis=2).max() < 10, "an image without a mask is grey"
    assert np.ptp(pixels.astype(int), axis=2).max() > 80, "contours are coloured"


def test_axial_planes_have_the_front_up_and_the_patients_left_on_the_right() -> None:
    _, _, (through_disc, *others) = parts(case_picture(Scan(CASE, {}, body())))
    assert middle(through_disc, ORANGE)[0] < middle(through_disc, GREEN)[0], "the canal lies behind the disc"
    assert not any(other.any() for other in others), "there is one disc, hence one axial plane"
    grid = body().grid
    labels = body().labels.copy()
    _, _, x = (index - 32 for index in np.indices(grid.shape))
    labels[(labels == 2) & (x > 4)] = 4
    (disc,) = [part for part in parts(case_picture(Scan(CASE, {}, LabelMap(labels, grid, SCHEME))))[2] if part.any()]
    assert middle(disc, ORANGE)[1] < middle(disc, VIOLET)[1], "what lies to the left is seen on the right"


def test_an_axial_plane_lies_in_its_disc_however_that_is_tilted() -> None:
    grid = Grid((64, 64, 64), (1.0, 1.0, 1.0), (-32.0, -32.0, -32.0))
    z, y, x = (index - 32.0 for index in np.indices(grid.shape))
    labels = np.zeros(grid.shape, np.uint16)
    labels[(np.abs(z - 0.6 * y) < 2.5) & (x**2 + y**2 < 20**2)] = 2
    (disc,) = [part for part in parts(case_picture(Scan(CASE, {}, LabelMap(labels, grid, SCHEME))))[2] if part.any()]
    rows, columns = np.nonzero(disc == ORANGE)
    assert np.ptp(columns) == pytest.approx(40, abs=4)  # 105 pixels for 100 mm
    assert np.ptp(rows) == pytest.approx(40 * np.hypot(1, 0.6), abs=4), "as long as along the tilted disc"


def test_the_caption_says_how_things_lie_and_what_was_changed() -> None:
    mask = body()
    turned_grid = Grid((8, 16, 16), (4.0, 2.0, 2.0), direction=np.diag([-1.0, 1.0, -1.0]))
    scan = Scan(
        Case("c", "p", notes=("scoliosis",)),
        {"t2": Volume(np.zeros((8, 16, 16)), turned_grid)},
        mask,
        ("scoliosis", "flipped"),
    )
    assert caption(scan, ["resample (spacing_mm = 1.0)", "normalise"]) == [
        "t2: 8 x 16 x 16 voxels of 4 x 2 x 2 mm (z, y, x), orientation RPI",
        "mask: scheme body, 64 x 64 x 64 voxels of 1 x 1 x 1 mm (z, y, x), orientation LPS",
        "note: scoliosis",
        "note: flipped",
        "then, for the encoder alone: resample (spacing_mm = 1.0), normalise",
    ]  # fmt: skip
    plain = case_picture(scan)
    told = captioned(plain, caption(scan))
    assert np.array_equal(told[: len(plain)], plain)
    assert told.shape[0] >= len(plain) + 4 * 14
    longer = captioned(plain, ["word " * 200])
    assert longer.shape[1] == plain.shape[1]
    assert longer.shape[0] > told.shape[0], "a long line is broken and not cut off"
    assert captioned(plain, []) is plain


@pytest.mark.parametrize("height", [64, 320])
def test_every_scan_has_a_picture_of_the_height_asked_for(height: int) -> None:
    grid = Grid((5, 6, 7))
    empty = LabelMap(np.zeros(grid.shape, np.uint16), grid, SCHEME)
    flat = Volume(np.full(grid.shape, 7, np.int16), grid)
    unknown = LabelMap(np.full(grid.shape, 9, np.uint16), grid, SCHEME)
    for scan in (Scan(CASE), Scan(CASE, {}, empty), Scan(CASE, {"ct": flat}, empty), Scan(CASE, {}, unknown)):
        pixels = case_picture(scan, height=height)
        assert (pixels.dtype, pixels.shape[0], pixels.shape[2]) == (np.uint8, height, 3)


def test_a_not_finite_image_is_drawn_where_it_is_finite() -> None:
    mask = body()
    data = np.full(mask.grid.shape, 50, np.float32)
    data[:20] = np.nan
    data[20:30] = np.inf
    data[40:] = 90
    assert case_picture(Scan(CASE, {"t1": Volume(data, mask.grid)}))[:20].max() > 200


def test_a_picture_as_png_comes_back_and_is_the_same_each_time() -> None:
    pixels = case_picture(Scan(CASE, {}, body()), height=64)
    content = png(pixels)
    assert content == png(pixels.copy())
    assert np.array_equal(np.asarray(Image.open(io.BytesIO(content))), pixels)
