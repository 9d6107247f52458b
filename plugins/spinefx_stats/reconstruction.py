"""`reconstruction`: the encoder's masks against the originals, fitted patients beside held-out ones, PCA and the ceiling beside both."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from spinefx.api import Column, DataError, Figure, Findings, Labels, Panel, Series, Split, Study, Table
from spinefx_stats import ReconstructionOptions
from spinefx_stats.ceiling import PLACES
from spinefx_stats.patients import Patients
from spinefx_stats.pictures import panel
from spinefx_stats.rebuilt import CEILING, MEASURES, Measured, measure, refuse_without, without
from spinefx_stats.weighted import Array
from spinefx_stats.words import PARTS, Cell, between, several, signed

Shown = TypeVar("Shown", Table, Figure)

_TITLES = {"iou": "IoU", "dice": "Dice", "assd_mm": "ASSD", "hd95_mm": "HD95"}


class Reconstruction:
    """Evaluator: how well masks come back from the latents."""

    def __init__(self, options: ReconstructionOptions) -> None:
        self.options = options

    def foresee(self, split: Split, labels: Labels) -> None:
        """DataError where `without` names nobody of the cohort, everybody, or a split holds patients out already."""
        if self.options.without:
            refuse_without(split, self.options.without)

    def evaluate(self, study: Study) -> Findings:
        """IoU, Dice and surface distances by part and level, beside a PCA of the same size; pictures; losses."""
        if not len(study.samples):
            return Findings(warnings=("There is no sample to rebuild.",))
        return self._twice(study) if self.options.without else self._found(measure(study, self.options))

    def _twice(self, study: Study) -> Findings:
        """Of the fit, and of a second one without some patients."""
        known = study.split.patients()
        left_out = [patient for patient in dict.fromkeys(self.options.without) if patient in known]
        lost = ", ".join(patient for patient in self.options.without if patient not in known)
        if not left_out:
            raise DataError(f"without: no sample is of {lost}; name patients whose cases are not quarantined")
        second = without(study, left_out)
        everybody, fewer = measure(study, self.options), measure(second, self.options)
        first, then = self._found(everybody), self._found(fewer)
        return Findings(
            tables=(*first.tables, *_named(then.tables, len(left_out))),
            figures=(*first.figures, *_named(then.figures, len(left_out))),
            sentences=(_memory(everybody, fewer), *then.sentences),
            warnings=(
                *([f"without: no sample is of {lost}, who could not be left out."] if lost else []),
                *then.warnings,
            ),
        )

    def _found(self, measured: Measured) -> Findings:
        study, warnings = measured.study, []
        if not measured.rows("test").any():
            warnings.append("No sample belongs to a test patient, so no reconstruction here is held out.")
        if self.options.pca and len(measured.methods) == 1:
            warnings.append("Too few training samples for a PCA of the same size; the baseline is missing.")
        table, differences = self._overall(measured)
        by_level = self._by_level(measured)
        figures = (self._bars(table), _levels(by_level), losses(study), self._pictures(measured))
        return Findings(
            tables=(table, by_level),
            figures=tuple(f for f in figures if f is not None),
            sentences=differences,
            warnings=tuple(warnings),
        )

    def _overall(self, measured: Measured) -> tuple[Table, tuple[str, ...]]:
        rows: list[tuple[Cell, ...]] = []
        sentences: list[str] = []
        for part in PARTS:
            inside = measured.rows(part)
            if not inside.any():
                continue
            names = [row.patient for row in measured.study.latents.rows]
            patients = Patients(names, measured.study.seed, self.options.resamples).of(inside)
            for method in measured.shown:
                n = measured.count(method, inside)
                if not n:
                    continue
                cells: list[Cell] = [method, PARTS[part], n, patients.count]
                for name in self._measures:
                    cells += _mean(measured.values[method][name][inside], patients)
                rows.append(tuple(cells))
            sentences += self._sentence(measured, part, inside, patients)
        columns = [Column("method", "Method"), Column("part", "Patients"), Column("n", "Samples")]
        columns.append(Column("patients", "Number of patients"))
        for name in self._measures:
            title, unit = _TITLES[name], "mm" if name.endswith("mm") else ""
            columns += [Column(name, title, unit, "mean over samples"), Column(f"{name}_low", f"{title}, low", unit)]
            columns.append(Column(f"{name}_high", f"{title}, high", unit))
        caption = (
            "Masks thresholded at .5. Only the held-out rows say how the encoder does on patients that no fit has seen; "
            "the training rows measure memory. low and high bound the 95 % interval of a bootstrap over patients. The PCA "
            "has as many numbers per sample and was fitted on the training patients."
        )
        if measured.ceiling:
            caption += (
                f" {CEILING.capitalize()}: the original beside itself after one more digitisation in its own scan's voxels, an "
                f"average over {PLACES} places of the slices; what lies above it is memory of single scans."
            )
        return Table("reconstruction", "Reconstruction", tuple(columns), tuple(rows), caption), tuple(sentences)

    @property
    def _measures(self) -> tuple[str, ...]:
        return MEASURES if self.options.surface else MEASURES[:2]

    def _sentence(self, measured: Measured, part: str, inside: NDArray[np.bool_], patients: Patients) -> Iterator[str]:
        if part != "test":
            return
        iou = {method: measured.values[method]["iou"][inside] for method in measured.methods}
        train = measured.values["encoder"]["iou"][measured.rows("train")]
        own = _mean(iou["encoder"], patients)
        seen = f", {train.mean():.3f} on the patients it was trained on" if len(train) else ""
        yield f"Held-out IoU of the encoder is {between(*own)}{seen} ({patients.count} held-out patients)."
        for method in measured.methods[1:]:
            paired = iou["encoder"] - iou[method]
            gap, low, high = patients.mean(paired)
            verdict = "no clear difference" if not (low > 0 or high < 0) else ("better" if gap > 0 else "worse")
            yield (
                f"{method}, fitted on the same patients, rebuilds them with IoU {iou[method].mean():.3f}: the encoder's "
                f"difference is {signed(gap, float(low), float(high))}, {verdict}."
            )
        if len(train):
            lost = [
                f"{measured.values[m]['iou'][measured.rows('train')].mean() - iou[m].mean():.3f} ({m})"
                for m in measured.methods
            ]
            yield f"From training patients to held-out ones the IoU falls by {', '.join(lost)}."
        if measured.ceiling:
            most = between(*_mean(measured.values[CEILING]["iou"][inside], patients))
            yield f"Digitised once more at its own scan's voxels, a held-out structure has an IoU of {most} with itself."

    def _by_level(self, measured: Measured) -> Table:
        levels = [row.level for row in measured.study.latents.rows]
        rows = []
        for level in sorted(set(levels)):
            at = np.array([other == level for other in levels], bool)
            for method in measured.shown:
                cells: list[Cell] = [level or "all", method]
                means = {part: measured.mean(method, at & measured.rows(part)) for part in PARTS}
                for part in PARTS:
                    cells += [measured.count(method, at & measured.rows(part)), means[part]]
                train, test = means["train"], means["test"]
                rows.append((*cells, None if train is None or test is None else train - test))
        columns = [Column("level", "Level"), Column("method", "Method")]
        for part, title in PARTS.items():
            columns += [Column(f"n_{part}", f"Samples, {title}"), Column(f"iou_{part}", f"IoU, {title}")]
        columns.append(Column("gap", "Gap", "", "IoU, training less held out: what is memory"))
        return Table("reconstruction-by-level", "Reconstruction by level", tuple(columns), tuple(rows))

    def _bars(self, table: Table) -> Figure:
        names = [column.name for column in table.columns]
        iou = names.index("iou")
        series = []
        for method in dict.fromkeys(str(row[0]) for row in table.rows):
            mine = [row for row in table.rows if row[0] == method]
            y, low, high = (tuple(_number(row[iou + k]) for row in mine) for k in range(3))
            series.append(Series(method, tuple(str(row[1]) for row in mine), y, low, high))
        return Figure(
            "reconstruction-iou", "IoU, fitted beside held out", "bars", "Patients", "IoU", series=tuple(series)
        )

    def _pictures(self, measured: Measured) -> Figure | None:
        wanted, study = self.options.pictures, measured.study
        inside = np.flatnonzero(measured.rows("test"))
        if not wanted or not len(inside):
            return None
        iou = measured.values["encoder"]["iou"]
        ordered = inside[np.argsort(iou[inside], kind="stable")]
        worst = list(ordered[: max(1, wanted // 3)])
        spread = np.linspace(len(worst), len(ordered) - 1, max(0, wanted - len(worst))).round().astype(int)
        chosen = list(dict.fromkeys([*worst, *(ordered[k] for k in spread if len(worst) <= k < len(ordered))]))
        panels: list[Panel] = []
        for place, i in enumerate(chosen):
            sample = study.samples[int(i)]
            decoded = np.asarray(study.encoder.decode(study.latents.z[int(i) : int(i) + 1])[0], np.float32)
            note = "worst, " if place == 0 else ""
            panels.append(panel(f"{sample.id}: {note}IoU {iou[i]:.3f}", sample.mask, decoded, sample.grid))
        return Figure(
            "reconstruction-pictures",
            "Held-out samples: original, rebuilt, difference",
            "pictures",
            panels=tuple(panels),
            caption=f"Mid-sagittal; red is lost, blue is added. The {len(worst)} worst of {len(inside)}, then evenly up to "
            "the best.",
        )


def _named(shown: tuple[Shown, ...], count: int) -> tuple[Shown, ...]:
    """Tables or figures under names of their own."""
    whom = several(count, "patient")
    return tuple(
        replace(one, name=f"{one.name}-without", title=f"{one.title}: the same recipe, fitted without {whom}")
        for one in shown
    )


def _memory(everybody: Measured, fewer: Measured) -> str:
    """What a fit on all patients holds of its own samples, beside what the recipe holds of patients it has not seen."""
    told = []
    for method in everybody.methods:
        own, unseen = everybody.mean(method, everybody.rows("train")), fewer.mean(method, fewer.rows("test"))
        if own is not None and unseen is not None:
            told.append(
                f"{method} {own:.3f} on its own training samples, {unseen:.3f} on patients left out of a second fit"
            )
    return f"IoU, and what of it is memory: {'; '.join(told)}. What follows is of that second fit."


def _levels(by_level: Table) -> Figure | None:
    """IoU at each level: of the encoder on training and held-out samples, of the others held out; None without levels."""
    names = [column.name for column in by_level.columns]
    levels = tuple(dict.fromkeys(str(row[0]) for row in by_level.rows))
    if len(levels) < 2:
        return None
    series = []
    for method in dict.fromkeys(str(row[1]) for row in by_level.rows):
        mine = [row for row in by_level.rows if row[1] == method]
        for part in PARTS:
            y = tuple(_number(row[names.index(f"iou_{part}")]) for row in mine)
            if part != "validation" and np.isfinite(y).any():
                series.append(Series(f"{method}, {PARTS[part]}", levels, y))
    return Figure(
        "reconstruction-levels", "IoU by level", "bars", "Level", "IoU", series=tuple(series),
        caption="What the training bars have over the held-out ones is memory.",
    )  # fmt: skip


def losses(study: Study) -> Figure | None:
    """The encoder's losses over its epochs, or None where there were none."""
    names = [n for n in dict.fromkeys(key for epoch in study.history for key in epoch) if n not in ("epoch", "lr")]
    if len(study.history) < 2:
        return None
    series = []
    for name in names:
        points = [(float(i), float(epoch[name])) for i, epoch in enumerate(study.history, start=1) if name in epoch]
        series.append(Series(name, tuple(x for x, _ in points), tuple(y for _, y in points)))
    unit = "Loss or IoU" if any(name.endswith("iou") for name in names) else "Loss"
    return Figure("losses", "Losses while fitting", "line", "Epoch", unit, series=tuple(series))


def _mean(values: Array, patients: Patients) -> list[Cell]:
    """Mean with its 95 % bounds, samples without a value left aside."""
    present = np.isfinite(values)
    if not present.any():
        return [None, None, None]
    return list(patients.of(present).mean(values[present]))


def _number(value: object) -> float:
    return float(value) if isinstance(value, int | float) else float("nan")
