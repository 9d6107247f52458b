"""Evaluator `segmentation`: masks that a segmenter made beside those that the loader brought."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spinefx.api import Column, Figure, Findings, Panel, Scan, ScanSet, Study, Table
from spinefx_segment import JudgeOptions
from spinefx_segment.overlap import TOLERANCE_MM, Agreement, CaseAgreement, compared

_PARTS = ("test", "validation", "train")
_FIGURES: dict[str, Callable[[Agreement], float]] = {
    "dice": lambda a: a.dice,
    "iou": lambda a: a.iou,
    "nsd": lambda a: a.nsd,
    "hd95": lambda a: a.hd95_mm,
    "assd": lambda a: a.assd_mm,
    "volume": lambda a: abs(a.volume_error),
}
_COLUMNS = (
    Column("dice", "Dice"),
    Column("low", "95 % from"),
    Column("high", "to"),
    Column("iou", "IoU"),
    Column("nsd", f"NSD at {TOLERANCE_MM:g} mm", about="share of both surfaces within the tolerance of each other"),
    Column("hd95", "HD95", "mm"),
    Column("assd", "ASSD", "mm", "mean distance of the surfaces"),
    Column("volume", "Volume error", "%", "mean of its size, not of its sign"),
)


class Judge:
    """Per kind and level, held-out patients first; intervals over patients; the worst cases pictured."""

    def __init__(self, options: JudgeOptions) -> None:
        self.options = options

    def evaluate(self, study: Study) -> Findings:
        """Tables, pictures, sentences; a warning alone where no case has two masks."""
        scans = study.scans
        found = [c for c in map(compared, scans) if c is not None] if scans is not None else []
        if not found:
            return Findings(
                warnings=("No case has both a made mask and one that the loader brought; nothing to judge.",)
            )
        parts = {part: [c for c in found if study.split.part[c.patient] == part] for part in _PARTS}
        tables = [_by_kind(parts, self.options.resamples, study.seed)]
        first = next(part for part in _PARTS if parts[part])
        tables += [_by_level(parts[first], first, self.options.resamples, study.seed), _cases(found, study)]
        worst = sorted(found, key=lambda c: (c.dice, c.case))[: self.options.pictured]
        figure = Figure(
            "worst",
            "Cases with the lowest Dice",
            "pictures",
            panels=tuple(_panel(scans, case) for case in worst if scans is not None),
            caption="A section through the middle of the reference: made mask yellow, the loader's blue, both green.",
        )
        return Findings(tuple(tables), (figure,), tuple(_said(parts)), tuple(_limits(parts)))


def _by_kind(parts: dict[str, list[CaseAgreement]], resamples: int, seed: int) -> Table:
    rows: list[tuple[Any, ...]] = []
    for part, cases in parts.items():
        for kind in _kinds(cases):
            own = [[a for a in case.structures if a.structure.kind == kind] for case in cases]
            flat = [a for structures in own for a in structures]
            extra = sum(case.extra.get(kind, 0) for case in cases)
            hits = sum(a.found for a in flat)
            f1 = 2 * hits / max(2 * hits + extra + len(flat) - hits, 1)
            level = sum(a.named for a in flat) / len(flat)
            head = (part, kind, len({case.patient for case in cases}), len(flat))
            lost = sum(math.isnan(a.hd95_mm) for a in flat)
            rows.append((*head, *_figures(own, cases, resamples, seed), lost, f1, level))
    columns = (
        Column("part", "Part"),
        Column("kind", "Kind"),
        Column("patients", "Patients"),
        Column("n", "Structures"),
    )
    last = (
        Column("lacking", "Not in the mask", about="under their own name: Dice and NSD 0, in no mean of HD95 and ASSD"),
        Column("f1", "Found (F1)", about="of structures, whatever their level; found is IoU >= .5"),
        Column("level", "Level right", about="share found under the right level"),
    )
    caption = "Structures that the made mask lacks count as Dice 0 and have no HD95 and ASSD. Intervals: bootstrap over patients. The train part was seen by the fit."
    return Table("kinds", "Made masks beside the loader's", (*columns, *_COLUMNS, *last), tuple(rows), caption)


def _by_level(cases: list[CaseAgreement], part: str, resamples: int, seed: int) -> Table:
    rows: list[tuple[Any, ...]] = []
    for structure in dict.fromkeys(a.structure for case in cases for a in case.structures):
        own = [[a for a in case.structures if a.structure == structure] for case in cases]
        flat = [a for structures in own for a in structures]
        head = (structure.kind, structure.level, len(flat))
        rows.append((*head, *_figures(own, cases, resamples, seed), sum(a.named for a in flat) / len(flat)))
    columns = (Column("kind", "Kind"), Column("level", "Level"), Column("n", "Structures"))
    table = tuple(sorted(rows, key=lambda r: (str(r[0]), str(r[1]))))
    return Table("levels", f"By level, {part} part", (*columns, *_COLUMNS, Column("right", "Level right")), table)


def _cases(found: list[CaseAgreement], study: Study) -> Table:
    rows = [
        (c.case, study.split.part[c.patient], c.dice, c.expected, sum(not a.found for a in c.structures))
        for c in sorted(found, key=lambda c: (c.dice, c.case))
    ]
    columns = (
        Column("case", "Case"),
        Column("part", "Part"),
        Column("dice", "Dice"),
        Column("expected", "Lowest expected Dice", about="what the segmenter promised of its worst kind"),
        Column("missed", "Structures missed"),
    )
    return Table("cases", "Cases, the worst first", columns, tuple(rows))


def _figures(
    own: Sequence[Sequence[Agreement]], cases: Sequence[CaseAgreement], resamples: int, seed: int
) -> tuple[float, ...]:
    """Dice with its interval, then the other figures; means over structures."""
    flat = [a for structures in own for a in structures]
    low, high = _interval([[a.dice for a in s] for s in own], [case.patient for case in cases], resamples, seed)
    means = [_mean([figure(a) for a in flat]) for figure in _FIGURES.values()]
    return (means[0], low, high, *means[1:])


def _interval(
    values: Sequence[Sequence[float]], patients: Sequence[str], resamples: int, seed: int
) -> tuple[float, float]:
    """95 % bounds of the mean over all values, patients drawn with replacement; NaN for fewer than three."""
    names = sorted(set(patients))
    if len(names) < 3:
        return math.nan, math.nan
    total, count = np.zeros(len(names)), np.zeros(len(names))
    for own, patient in zip(values, patients, strict=True):
        total[names.index(patient)] += sum(own)
        count[names.index(patient)] += len(own)
    rng = np.random.default_rng(np.random.SeedSequence([seed, len(names)]))
    drawn = rng.integers(len(names), size=(resamples, len(names)))
    means = total[drawn].sum(axis=1) / np.maximum(count[drawn].sum(axis=1), 1)
    low, high = np.percentile(means, [2.5, 97.5])
    return float(low), float(high)


def _mean(values: list[float]) -> float:
    there = [v for v in values if math.isfinite(v)]
    return float(np.mean(there)) if there else math.nan


def _kinds(cases: Sequence[CaseAgreement]) -> list[str]:
    return sorted({a.structure.kind for case in cases for a in case.structures})


def _said(parts: dict[str, list[CaseAgreement]]) -> list[str]:
    out = []
    for part, cases in parts.items():
        told = []
        for kind in _kinds(cases):
            flat = [a for case in cases for a in case.structures if a.structure.kind == kind]
            told.append(f"{kind} {np.mean([a.dice for a in flat]):.3f}")
        if told:
            seen = {"train": "whose masks the fit saw", "validation": "that stopped the fit"}.get(part, "held out")
            out.append(f"Mean Dice of the {part} patients ({seen}): {', '.join(told)}.")
    return out


def _limits(parts: dict[str, list[CaseAgreement]]) -> list[str]:
    n = len({case.patient for case in parts["test"]})
    out = [] if n >= 10 else [f"Only {n} held-out patients have a mask to judge by; intervals say little."]
    lost = sum(not a.named for cases in parts.values() for case in cases for a in case.structures)
    return out + ([f"{lost} structures were missed or named wrongly."] if lost else [])


def _panel(scans: ScanSet, case: CaseAgreement) -> Panel:
    scan = scans[next(i for i, c in enumerate(scans.cases) if c.id == case.case)]
    return Panel(f"{case.case}: Dice {case.dice:.2f}", _picture(scan))


def _picture(scan: Scan) -> NDArray[np.uint8]:
    """(h, w, 3): head up; both masks over the image where that lies on their grid."""
    from spinefx_segment.views import along

    mask, true = scan.require_mask(), scan.reference
    axes, places, _ = along(mask.grid)
    image = next((v.data for v in scan.images.values() if v.grid == mask.grid), np.zeros(mask.grid.shape, np.float32))
    drawn = true.labels if true is not None and true.grid == mask.grid else np.zeros_like(mask.labels)
    layers: list[Any] = []
    for values in (image, mask.labels > 0, drawn > 0):
        turned = np.transpose(values, places)
        for k, axis in enumerate(axes):
            turned = np.flip(turned, k) if axis @ mask.grid.axes[places[k]] < 0 else turned
        layers.append(turned)
    grey, made, ours = layers
    middle = int(np.argmax((made | ours).sum(axis=(1, 2))))
    plane = grey[middle].astype(np.float32)
    low, high = np.percentile(plane, [1, 99])
    shown = np.clip((plane - low) / max(float(high - low), 1e-6), 0, 1)[..., None] * np.ones(3, np.float32)
    for number, colour in enumerate(((1.0, 0.9, 0.2), (0.3, 0.5, 1.0), (0.3, 1.0, 0.4))):
        both = made[middle] & ours[middle]
        where = (made[middle] & ~both, ours[middle] & ~both, both)[number]
        shown[where] = 0.6 * shown[where] + 0.4 * np.array(colour, np.float32)
    step = mask.grid.spacing[places[1]] / mask.grid.spacing[places[2]]
    rows = np.clip((np.arange(int(shown.shape[0] * step)) / step).astype(int), 0, shown.shape[0] - 1)
    picture: NDArray[np.uint8] = np.ascontiguousarray((shown[rows][::-1] * 255).astype(np.uint8))
    return picture
