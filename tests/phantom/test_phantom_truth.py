"""The truth of a phantom agrees with counting, shooting rays and fitting planes through its shape."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from spinefx.phantom import (
    BodyPlan,
    Disc,
    DiscPlan,
    Footprint,
    Frame,
    Lobe,
    Points,
    build_spine,
    disc_truth,
    draw_patient,
    rotation,
    spine_truth,
    truths,
    vertebra_truth,
)
from spinefx.phantom.outline import BAND, long_axis

KIDNEY = Disc(
    "L4-L5", 202, Frame.tilted((3.0, -5.0, 40.0), tilt_deg=17.0, coronal_deg=-6.0),
    Footprint(25.0, 18.0, 2.5, (Lobe(90.0, 30.0, -1.6), Lobe(70.0, 12.0, 2.0))), 9.0, wedge_deg=8.0,
    wedge_coronal_deg=2.0, dome_mm=1.1,
)  # fmt: skip
THIN = replace(KIDNEY, height_mm=5.0, wedge_deg=-2.0, wedge_coronal_deg=-1.0, dome_mm=0.2, rim=0.08)


def columns_through(disc: Disc, step: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """u, v and the thickness found by counting points along the normal, for every column of a fine lattice."""
    u = np.arange(-30, 30, step) + step / 2
    v = np.arange(-24, 26, step) + step / 2
    t = np.arange(-9, 9, 0.1) + 0.05
    thickness = np.zeros((len(u), len(v)))
    for i, at in enumerate(u):
        local = np.stack(np.meshgrid([at], v, t, indexing="ij"), axis=-1)[0]
        thickness[i] = (disc.depth_mm(Points(disc.frame.to_world(local))) > 0).sum(axis=-1) * 0.1
    return u, v, thickness


@pytest.fixture(scope="module", params=[KIDNEY, THIN], ids=["wedged", "thin"])
def counted(request: pytest.FixtureRequest) -> tuple[Disc, np.ndarray, np.ndarray, np.ndarray]:
    return (request.param, *columns_through(request.param, 0.25))


def test_volume_and_mean_height_are_what_counting_points_gives(counted):
    disc, _, _, thickness = counted
    truth = disc_truth(disc)
    cell = 0.25**2
    assert truth["volume_mm3"] == pytest.approx(thickness.sum() * cell, rel=2e-3)
    assert truth["height_mm"] == pytest.approx(thickness.sum() / (thickness > 0).sum(), rel=6e-3)


def test_heights_of_the_thirds_are_what_rays_give(counted):
    disc, u, _, thickness = counted
    truth = disc_truth(disc)
    inside = thickness > 0.15
    wide = u[inside.any(axis=1)]
    middle, width = (wide.max() + wide.min()) / 2, wide.max() - wide.min() + 0.25
    found: list[list[float]] = [[], [], []]
    extents = []
    for i in np.flatnonzero(np.abs(u - middle) <= BAND * width):
        rows = np.flatnonzero(inside[i])
        extents.append((rows[-1] - rows[0] + 1) * 0.25)
        for part, place in zip(found, np.array_split(rows, 3), strict=True):
            part += thickness[i, place].tolist()
    for name, part in zip(("anterior", "middle", "posterior"), found, strict=True):
        assert truth[f"height_{name}_mm"] == pytest.approx(np.mean(part), abs=0.12)
    assert truth["depth_mm"] == pytest.approx(max(extents), abs=0.4)
    assert truth["width_mm"] == pytest.approx(width, abs=0.4)


def test_wedge_and_tilt_are_those_of_planes_fitted_to_the_endplates(counted):
    disc = replace(counted[0], dome_mm=0.0)
    grid = np.stack(np.meshgrid(np.linspace(-12, 12, 7), np.linspace(-9, 9, 7), indexing="ij"), axis=-1).reshape(-1, 2)
    normals = []
    for side in (1.0, -1.0):
        low, high = np.zeros(len(grid)), np.full(len(grid), side * 12.0)
        for _ in range(40):
            middle = (low + high) / 2
            local = np.column_stack([grid, middle])
            inside = disc.depth_mm(Points(disc.frame.to_world(local))) > 0
            low, high = np.where(inside, middle, low), np.where(inside, high, middle)
        points = disc.frame.to_world(np.column_stack([grid, low]))
        normal = np.linalg.svd(points - points.mean(axis=0))[2][2]
        normals.append(normal * np.sign(normal[2]))
    upper, lower = (disc.frame.axes @ n for n in normals)
    truth = disc_truth(disc)
    sagittal = [np.degrees(np.arctan2(-n[1], n[2])) for n in (upper, lower)]
    coronal = [np.degrees(np.arctan2(n[0], n[2])) for n in (upper, lower)]
    assert truth["wedge_deg"] == pytest.approx(sagittal[1] - sagittal[0], abs=1e-3)
    assert truth["wedge_coronal_deg"] == pytest.approx(coronal[1] - coronal[0], abs=1e-3)
    mean = normals[0] + normals[1]
    assert truth["tilt_deg"] == pytest.approx(np.degrees(np.arctan2(-mean[1], mean[2])), abs=1e-3)
    assert truth["tilt_coronal_deg"] == pytest.approx(np.degrees(np.arctan2(mean[0], mean[2])), abs=1e-3)
    assert (truth["tilt_deg"], truth["tilt_coronal_deg"]) == pytest.approx((17.0, -6.0))


def test_an_elliptic_cylinder_has_its_textbook_measures():
    disc = Disc("L4-L5", 202, Frame.tilted((0, 0, 0)), Footprint(20.0, 20.0, 2.0), 8.0, rim=1e-6)
    truth = disc_truth(disc)
    assert truth["volume_mm3"] == pytest.approx(np.pi * 400 * 8, rel=1e-4)
    assert truth["surface_mm2"] == pytest.approx(2 * np.pi * 400 + 2 * np.pi * 20 * 8, rel=1e-3)
    for name in ("height_mm", "height_anterior_mm", "height_middle_mm", "height_posterior_mm"):
        assert truth[name] == pytest.approx(8.0, rel=1e-3)
    assert truth["depth_mm"] == pytest.approx(40.0, rel=1e-3)
    assert truth["width_mm"] == pytest.approx(40.0, rel=1e-3)


def test_a_positive_wedge_opens_forward():
    truth = disc_truth(replace(KIDNEY, wedge_deg=8.0))
    assert truth["height_anterior_mm"] > truth["height_posterior_mm"]
    assert disc_truth(replace(KIDNEY, wedge_deg=-8.0))["height_anterior_mm"] < truth["height_posterior_mm"]


def test_a_rigid_motion_changes_angles_by_the_rotation_and_no_size():
    spine = draw_patient(3, 2).spine
    before = {level: numbers for kind, level, numbers in truths(spine) if kind == "disc"}
    moved = spine.moved(rotation=rotation(sagittal_deg=9.0), shift=(4.0, -7.0, 11.0))
    for kind, level, numbers in truths(moved):
        if kind == "disc":
            for name, value in numbers.items():
                wanted = before[level][name] + (9.0 if name == "disc.tilt_deg" else 0.0)
                if name not in ("disc.tilt_coronal_deg", "disc.rotation_deg"):
                    assert value == pytest.approx(wanted, abs=2e-2 if name.startswith("spine.seg") else 1e-6), name
    assert spine_truth(moved)["lordosis_deg"] == pytest.approx(spine_truth(spine)["lordosis_deg"], abs=0.1)


def test_lordosis_is_the_sum_of_its_segments():
    spine = draw_patient(0, 4).spine
    segments = [n["spine.segmental_deg"] for kind, level, n in truths(spine) if kind == "disc" and level != "T12-L1"]
    assert len(segments) == 5
    assert spine_truth(spine)["lordosis_deg"] == pytest.approx(sum(segments), abs=1e-9)


def straight(
    *, bulge: float = 0.0, slip: float = 0.0, side: float = 0.0, turn: float = 0.0, canal: float = 1.0
) -> dict[str, dict[str, float]]:
    """A spine of equal parts, the disc L4-L5 bulging, slipped, wedged to the side or turned, the canal behind it narrowed."""
    body = BodyPlan(Footprint(24.0, 17.0, 2.0), 27.0, waist=0.0)
    disc = DiscPlan(Footprint(24.0, 17.0, 2.0), 9.0)
    lobes = (Lobe(90.0, 30.0, bulge),)
    other = DiscPlan(
        Footprint(24.0, 17.0, 2.0, lobes), 9.0, slip_mm=slip, wedge_coronal_deg=side, axial_deg=turn, canal_share=canal
    )
    spine = build_spine([disc, disc, other, disc, disc], [body] * 5, tilt_deg=0.0)
    return {level or kind: numbers for kind, level, numbers in truths(spine)}


def test_a_bulge_is_measured_as_high_as_it_was_made():
    assert straight()["L4-L5"]["disc.bulge_mm"] == pytest.approx(0.0, abs=1e-3)
    assert straight(bulge=3.0)["L4-L5"]["disc.bulge_mm"] == pytest.approx(3.0, abs=1e-2)
    assert straight(bulge=3.0)["L5-S1"]["disc.bulge_mm"] == pytest.approx(0.0, abs=1e-3)


def test_a_slip_is_measured_in_percent_of_the_body_below():
    found = straight(slip=3.4)
    assert found["L4-L5"]["spine.slip_percent"] == pytest.approx(10.0, abs=1e-2)
    assert found["L4-L5"]["spine.slip_mm"] == pytest.approx(3.4, abs=1e-2)
    assert found["L3-L4"]["spine.slip_percent"] == pytest.approx(0.0, abs=1e-2)


def test_a_disc_open_to_the_left_leans_what_lies_above_to_the_right():
    found = straight(side=6.0)
    assert found["L3-L4"]["disc.tilt_coronal_deg"] == pytest.approx(
        -3.0 - 3.0 + found["L5-S1"]["disc.tilt_coronal_deg"], abs=1e-6
    )
    assert found["spine"]["spine.cobb_deg"] == pytest.approx(6.0, abs=1e-3)


def test_a_turned_disc_lies_with_its_left_side_back_and_keeps_its_sizes():
    plain, turned = straight()["L4-L5"], straight(turn=7.0)["L4-L5"]
    assert turned["disc.rotation_deg"] == pytest.approx(7.0, abs=1e-6)
    for name, value in plain.items():
        if name.startswith("disc.") and name not in ("disc.rotation_deg", "disc.bulge_mm"):
            assert turned[name] == pytest.approx(value, abs=1e-3), name
    frame = Frame.tilted((0, 0, 0), axial_deg=7.0)
    assert frame.axes[0, 1] > 0
    assert np.linalg.det(frame.axes) == pytest.approx(1.0)


def test_the_long_axis_is_that_of_points_filling_the_outline():
    shape = Footprint(24.0, 16.0, 2.4, (Lobe(60.0, 14.0, 5.0),))
    u, v = np.meshgrid(np.arange(-30, 30, 0.05), np.arange(-25, 25, 0.05))
    inside = np.hypot(u, v) < shape.radius(np.arctan2(v, u))
    wide = np.linalg.eigh(np.cov(u[inside], v[inside]))[1][:, 1]
    assert long_axis(shape) == pytest.approx(tuple(wide * np.sign(wide[0])), abs=1e-3)


def test_the_canal_is_as_narrow_as_made_behind_one_disc_and_whole_behind_the_others():
    plain, narrowed = straight(), straight(canal=0.5)
    area = {level: narrowed[level]["canal.area_mm2"] / plain[level]["canal.area_mm2"] for level in ("L5-S1", "L4-L5")}
    assert area == pytest.approx({"L5-S1": 1.0, "L4-L5": 0.5}, abs=1e-2)
    assert narrowed["L4-L5"]["canal.depth_mm"] == pytest.approx(7.5, abs=0.01)
    assert narrowed["L4-L5"]["canal.width_mm"] == pytest.approx(21.0, abs=0.01)


def test_neighbours_share_their_faces():
    spine = draw_patient(5, 1).spine
    for disc, (lower, upper) in zip(spine.discs[1:], pairwise(spine.vertebrae), strict=False):
        assert lower.above is disc
        assert upper.below is disc


def test_a_body_has_the_volume_and_heights_that_counting_gives():
    spine = draw_patient(0, 3).spine
    for body in spine.labelled_vertebrae[::2]:
        truth = vertebra_truth(body)
        u = np.arange(-30, 30, 0.6) + 0.3
        v = np.arange(-24, 24, 0.6) + 0.3
        t = np.arange(-20, 20, 0.2) + 0.1
        local = np.stack(np.meshgrid(u, v, t, indexing="ij"), axis=-1)
        inside = body.body_depth(Points(body.frame.to_world(local))) > 0
        assert truth["volume_mm3"] == pytest.approx(inside.sum() * 0.6 * 0.6 * 0.2, rel=4e-3)
        middle = inside[np.abs(u) < 0.5].sum(axis=2) * 0.2
        rows = np.flatnonzero(middle[0])
        assert truth["height_middle_mm"] == pytest.approx(middle[0, rows[len(rows) // 2]], abs=0.35)


def test_heights_of_a_wedged_body_follow_from_its_wedge():
    body = BodyPlan(Footprint(24.0, 17.0, 2.0), 27.0, wedge_deg=6.0, waist=0.0)
    disc = DiscPlan(Footprint(24.0, 17.0, 2.0), 9.0)
    found = vertebra_truth(build_spine([disc] * 4, [body] * 4, tilt_deg=0.0).labelled_vertebrae[0])
    assert found["wedge_deg"] == pytest.approx(6.0, abs=1e-6)
    assert found["height_middle_mm"] == pytest.approx(27.0, abs=1e-3)
    depths = 34.0 * np.sqrt(1 - (np.linspace(-0.15, 0.15, 41) * 2) ** 2)
    change = 2 * np.tan(np.radians(3.0)) * 0.35 * depths.mean()
    assert found["height_anterior_mm"] == pytest.approx(27.0 + change, abs=0.02)
    assert found["height_posterior_mm"] == pytest.approx(27.0 - change, abs=0.02)
    assert (found["depth_mm"], found["width_mm"]) == pytest.approx((34.0, 48.0), abs=1e-3)
