"""The evaluator `segmentation`: known faults in masks give the numbers that they must."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from spinefx_segment import JudgeOptions
from spinefx_segment.judge import Judge, _interval
from spinefx_segment.overlap import compared

from spinefx.api import Case, LabelMap, Scan, Split, Structure, recounted
from spinefx.phantom import Scanner, draw_patient, scan_of


@pytest.fixture(scope="module")
def scan() -> Scan:
    patient = draw_patient(5, 1, levels=3)
    images, mask = scan_of(patient, seed=5, scanner=Scanner(spacing_mm=(5.0, 1.5, 1.5)))
    return Scan(Case("1_t2", "1"), images, mask)


def _with(scan: Scan, labels: np.ndarray, **more: Any) -> Scan:
    mask = scan.require_mask()
    return scan.replace(mask=LabelMap(labels, mask.grid, mask.scheme), reference=mask, **more)


def test_the_same_mask_is_perfect(scan: Scan) -> None:
    found = compared(scan.replace(reference=scan.mask))
    assert found is not None
    assert len(found.structures) == len(scan.require_mask().structures())
    for a in found.structures:
        assert (a.dice, a.iou, a.nsd, a.hd95_mm, a.assd_mm, a.volume_error) == (1, 1, 1, 0, 0, 0)
        assert a.found and a.named
    assert set(found.extra.values()) == {0}


def test_dice_iou_and_volume_are_those_of_the_voxels(scan: Scan) -> None:
    labels = scan.require_mask().labels.copy()
    inside = np.flatnonzero(labels == 201)
    labels.reshape(-1)[inside[: len(inside) // 4]] = 0
    found = compared(_with(scan, labels))
    assert found is not None
    disc = next(a for a in found.structures if a.structure == Structure.of("disc", "L5-S1"))
    kept, whole = len(inside) - len(inside) // 4, len(inside)
    assert disc.dice == pytest.approx(2 * kept / (kept + whole))
    assert disc.iou == pytest.approx(kept / whole)
    assert disc.volume_error == pytest.approx(100 * (kept - whole) / whole)
    assert disc.hd95_mm > 0


def test_one_level_off_is_found_and_not_named(scan: Scan) -> None:
    mask = scan.require_mask()
    found = compared(scan.replace(mask=recounted(mask, lowest="L4"), reference=mask))
    assert found is not None
    vertebrae = [a for a in found.structures if a.structure.kind == "vertebra"]
    assert all(a.found and not a.named for a in vertebrae)
    assert [a.dice for a in vertebrae] == [0.0] * 3
    assert next(a for a in found.structures if a.structure.kind == "canal").named


def test_a_missing_and_an_invented_structure_count(scan: Scan) -> None:
    labels = scan.require_mask().labels.copy()
    labels[labels == 202] = 0
    labels[:3, :3, :3] = 205
    found = compared(_with(scan, labels))
    assert found is not None
    disc = next(a for a in found.structures if a.structure.level == "L4-L5")
    assert (disc.dice, disc.found, disc.nsd, np.isnan(disc.hd95_mm)) == (0.0, False, 0.0, True)
    assert found.extra["disc"] == 1


def test_kinds_that_the_segmenter_does_not_know_are_not_held_against_it(scan: Scan) -> None:
    mask = scan.require_mask()
    table = {value: s for value, s in mask.scheme.table.items() if s.kind == "disc"}
    only = LabelMap(np.where(mask.labels > 200, mask.labels, 0), mask.grid, type(mask.scheme)("discs", table))
    found = compared(scan.replace(mask=only, reference=mask))
    assert found is not None
    assert {a.structure.kind for a in found.structures} == {"disc"}


class _Scans:
    def __init__(self, scans: Sequence[Scan]) -> None:
        self.scans, self.cases = scans, tuple(scan.case for scan in scans)

    def __len__(self) -> int:
        return len(self.scans)

    def __getitem__(self, index: int) -> Scan:
        return self.scans[index]

    def __iter__(self) -> Iterator[Scan]:
        return iter(self.scans)


def _study(scans: Sequence[Scan], parts: dict[str, Any]) -> Any:
    return SimpleNamespace(scans=_Scans(scans), split=Split(parts, {}), seed=3)


def test_parts_stay_apart_and_the_worst_case_is_pictured_first(scan: Scan) -> None:
    half = scan.require_mask().labels.copy()
    half[:, :, : half.shape[2] // 2] = 0
    good = scan.replace(reference=scan.mask, quality={"disc": 0.9})
    bad = _with(scan.replace(case=Case("2_t2", "2")), half, quality={"disc": 0.3, "canal": 0.8})
    findings = Judge(JudgeOptions(pictured=1)).evaluate(_study([good, bad], {"1": "train", "2": "test"}))
    kinds, levels, cases = findings.tables
    by = {(row[0], row[1]): dict(zip((c.name for c in kinds.columns), row, strict=True)) for row in kinds.rows}
    assert by["train", "disc"]["dice"] == 1.0
    assert float(by["test", "disc"]["dice"]) < 0.9  # type: ignore[arg-type]
    assert by["test", "disc"]["patients"] == 1
    assert levels.title == "By level, test part"
    assert [row[0] for row in cases.rows] == ["2_t2", "1_t2"]
    assert cases.rows[0][3] == 0.3
    panel = findings.figures[0].panels[0]
    assert panel.caption.startswith("2_t2")
    assert panel.pixels.ndim == 3 and panel.pixels.std() > 10
    assert findings.sentences[0].startswith("Mean Dice of the test patients (held out)")


def test_without_two_masks_there_is_nothing_to_judge_and_it_says_so(scan: Scan) -> None:
    findings = Judge(JudgeOptions()).evaluate(_study([scan], {"1": "test"}))
    assert "nothing to judge" in findings.warnings[0]


def test_intervals_are_over_patients_not_over_structures() -> None:
    values = [[0.9] * 50, [0.5] * 50, [0.7] * 50]
    wide = _interval(values, ["a", "b", "c"], 4000, 0)
    assert wide[0] == pytest.approx(0.5) and wide[1] == pytest.approx(0.9)
    assert np.isnan(_interval(values, ["a", "a", "b"], 4000, 0)).all()
    same = _interval([[0.8]] * 12, [str(n) for n in range(12)], 500, 0)
    assert same == pytest.approx((0.8, 0.8))
