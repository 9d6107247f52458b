"""`ct-bone`: phantoms without bones around them, the real lumbar CT, and what it must refuse."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from spinefx_anatomy.ct_bone import CtBone, _worked_on
from spinefx_anatomy.ct_bone.course import Gap, course, gaps, sagittal
from spinefx_anatomy.ct_bone.tissue import STEP_MM, Section
from spinefx_anatomy.ct_bone.vertebrae import on_sacrum
from spinefx_anatomy.options import CtBoneOptions

from spinefx.api import Case, DataError, Grid, LabelMap, Scan, Volume, scheme
from spinefx.phantom import Scanner, draw_patient, scan_of

REAL = Path(__file__).parents[2].parent / "shared" / "data" / "totalsegmentator"

TRUE = {"L5": 27, "L4": 28, "L3": 29, "L2": 30, "L1": 31, "T12": 32}
"""TotalSegmentator's values; 26 is S1, which `ct-bone` leaves out with the sacrum."""


def _dice(one: np.ndarray, other: np.ndarray) -> float:
    return 2.0 * float((one & other).sum()) / float(one.sum() + other.sum())


@pytest.fixture(scope="module")
def phantom() -> Scan:
    patient = draw_patient(5, 3, levels=5)
    images, mask = scan_of(patient, seed=5, scanner=Scanner(spacing_mm=(2.0, 1.5, 1.5)), modalities=("ct",))
    return Scan(Case("3_ct", "3"), images, mask)


@pytest.mark.parametrize("number", [1, 2, 3, 5])
def test_along_a_known_canal_every_disc_is_found_and_nothing_between(number: int) -> None:
    patient = draw_patient(5, number, levels=5)
    images, _ = scan_of(patient, seed=5, scanner=Scanner(spacing_mm=(2.0, 1.5, 1.5)), modalities=("ct",))
    image, grid = _worked_on(images["ct"])
    canal = patient.spine.canal
    heights = np.linspace(canal.knots[0, 2], canal.knots[-1, 2], 60)
    world = canal.frame.to_world(np.column_stack([canal.line(heights)[:, :2], heights]))
    places = [Section(float(z), float(y), float(x), 250.0) for z, y, x in grid.to_index(world) * STEP_MM if z >= 0]
    line = course(places, len(image) * STEP_MM)
    assert line is not None
    found = gaps(sagittal(image, line), line)
    true = []
    for disc in patient.spine.labelled_discs[1:]:  # L5-S1 leans so much that its plane meets the canal at no one place
        z, y, _ = grid.to_index(disc.frame.origin) * STEP_MM
        lean = -disc.frame.normal[1] / disc.frame.normal[2]
        true.append(float(z + lean * (line.at(z)[0] - y)))
    inside = [gap.up for gap in found if true[0] - 12 < gap.up < true[-1] + 12]
    assert inside == pytest.approx(true, abs=5.0)


def test_masks_that_are_there_can_be_kept(phantom: Scan) -> None:
    assert CtBone(CtBoneOptions(replace="missing")).segment(phantom) is phantom


def test_what_is_no_ct_or_shows_no_spine_is_refused(phantom: Scan) -> None:
    volume = phantom.images["ct"]
    bright = phantom.replace(images={"t2": Volume(np.abs(volume.data), volume.grid)})
    with pytest.raises(DataError, match="no Hounsfield units"):
        CtBone(CtBoneOptions()).segment(bright)
    with pytest.raises(DataError, match="has no image pet; it has ct"):
        CtBone(CtBoneOptions(image="pet")).segment(phantom)
    noise = np.random.default_rng(0).normal(40, 90, (40, 60, 60)).astype(np.float32)
    with pytest.raises(DataError, match="finds no spine"):
        CtBone(CtBoneOptions()).segment(Scan(Case("a", "a"), {"ct": Volume(noise, Grid((40, 60, 60), (3.0,) * 3))}))


def test_the_crests_tell_the_lowest_disc() -> None:
    discs = [Gap(100.0 + 33 * n, 0.0, 4.0, 90.0) for n in range(5)]
    assert on_sacrum(discs, 140.0) == (discs, "")
    assert on_sacrum(discs, 200.0) == (discs[1:], "")
    assert "doubtful" in on_sacrum(discs, 105.0)[1]
    assert "not in view" in on_sacrum(discs, None)[1]


@pytest.mark.skipif(not REAL.is_dir(), reason="shared/data/totalsegmentator is not there")
def test_the_real_lumbar_ct_without_ribs_and_pelvis() -> None:
    import SimpleITK as sitk

    def read(name: str) -> tuple[np.ndarray, Grid]:
        image = sitk.ReadImage(str(REAL / name))
        data = sitk.GetArrayFromImage(image)
        x, y, z = image.GetOrigin()
        return data, Grid(data.shape, image.GetSpacing()[::-1], (x, y, z), np.reshape(image.GetDirection(), (3, 3)))

    data, grid = read("example_ct.nii.gz")
    labels, _ = read("example_ct_vertebrae.nii.gz")
    made = CtBone(CtBoneOptions()).segment(Scan(Case("ct", "ct"), {"ct": Volume(data.astype(np.int16), grid)}))
    mask = made.require_mask()
    true = LabelMap(labels.astype(np.uint16), grid, scheme("totalsegmentator"))
    levels = ("L5", "L4", "L3", "L2", "L1", "T12")
    assert {s.level for s in mask.structures("vertebra")} == set(levels)
    dice = {s.level: _dice(mask.mask_of(s), true.labels == TRUE[s.level]) for s in mask.structures("vertebra")}
    assert not any("doubt" in note or "not in view" in note for note in made.notes), "the crests are in view"
    four = CtBone(CtBoneOptions(lowest="L4")).segment(
        Scan(Case("ct", "ct"), {"ct": Volume(data.astype(np.int16), grid)})
    )
    assert {s.level for s in four.require_mask().structures("vertebra")} == {"L4", "L3", "L2", "L1", "T12", "T11"}
    assert min(dice.values()) > 0.7
    whole = (mask.labels > 0) & (mask.labels < 100)
    assert _dice(whole, true.labels > 26) > 0.78
    near = true.labels > 0
    assert (whole & ~_grown(near, 5)).sum() < 0.01 * whole.sum(), "no rib, no pelvis: little lies 15 mm from a vertebra"


def _grown(mask: np.ndarray, steps: int) -> np.ndarray:
    from scipy.ndimage import binary_dilation

    grown: np.ndarray = binary_dilation(mask, iterations=steps)
    return grown
