"""Analyser `traversal`: one latent is moved over its range, the others stay at their mean; the shape is measured.

The run's own scan analysers are the instruments, so that what a latent does reads in the same millimetres as the cohort's
anatomy; where none of them measures the structure, moments do.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase

import numpy as np
from numpy.typing import NDArray

from spinefx.api import Column, DataError, Features, Figure, Findings, Panel, Sample, Shape, Study, Table, unit_of
from spinefx_latent import TraversalOptions
from spinefx_latent.decoded import MEASURES, fault_of, picture, shape_of, surface

Floats = NDArray[np.float64]
Masks = NDArray[np.float32]

QUALITY = ("*.residual_mm", "*.slices", "*.touches_border")
"""How well something was measured, not what it measures."""

MARGIN = 0.1
"""A measure may leave the training structures' range by this share of it before the shape counts as no anatomy."""


@dataclass(frozen=True, eq=False)
class Walk:
    """One latent moved.

    steps : (s,) in standard deviations, 0 among them.   masks : (s, z, y, x).   measured : (s, m).
    faults : per step, why its shape is no anatomy; "" where it may be.
    """

    name: str
    steps: Floats
    masks: Masks
    measured: Floats
    faults: tuple[str, ...]

    @property
    def sound(self) -> NDArray[np.bool_]:
        """(s,) the steps around 0 up to the first fault either way."""
        middle = int(np.flatnonzero(self.steps == 0)[0])
        good = np.array([not fault for fault in self.faults])
        up, down = np.cumprod(good[middle:]), np.cumprod(good[middle::-1])
        return np.concatenate([down[:0:-1], up]).astype(bool)

    @property
    def slopes(self) -> Floats:
        """(m,) least-squares slopes per standard deviation over the sound steps; NaN where they are too few."""
        use = self.sound
        x, y = self.steps[use], self.measured[use]
        if len(x) < 2:
            return np.full(self.measured.shape[1], np.nan)
        away = x - x.mean()
        slopes: Floats = away @ (y - y.mean(axis=0)) / (away @ away)
        return slopes


class Traversal:
    """What each latent does to the decoded shape."""

    def __init__(self, options: TraversalOptions) -> None:
        self.options = options

    def measure_latents(self, study: Study) -> tuple[Features, Findings]:
        """No features per sample; sensitivity, limits of anatomy, shapes to turn, pictures, warnings."""
        train = study.split.mask(study.latents.rows, "train")
        if train.sum() < 2:
            raise DataError(f"traversal needs at least 2 training samples, got {int(train.sum())}; check [split]")
        names, ranges, outside = self._measures(study, train)
        walks = self._walks(study, train, names, ranges)
        spread = np.array([ranges[n][2] if n in ranges else np.nan for n in names])
        tables = (self._sensitivity(walks, names), self._steps(walks, names), self._limits(walks))
        figures = [self._heatmap(walks, names, spread)]
        shown = walks[: self.options.pictures]
        if shown:
            figures += [self._shapes(walks, names, study.samples[0]), self._pictures(shown, study.samples[0])]
        warnings = (*outside, *self._warnings(walks))
        findings = Findings(tables, tuple(figures), self._sentences(walks, names, spread), warnings)
        return Features((), {}), findings

    def _measures(
        self, study: Study, train: NDArray[np.bool_]
    ) -> tuple[tuple[str, ...], Mapping[str, tuple[float, float, float]], list[str]]:
        """The columns that the instruments give for the mean shape, and each one's range and spread in training.

        A measure by which the mean shape itself lies outside the training structures has its range widened to it: decoders
        smooth rims, so that surface or sphericity of every decoded shape may differ from all masks, and tell nothing here.
        """
        mean = study.latents.z[train].mean(axis=0, dtype=np.float64)[None].astype(np.float32)
        found = study.measure(study.encoder.decode(mean), study.samples[0]) if study.measure else Features((), {})
        names = tuple(n for n in found.columns if not any(fnmatchcase(n, pattern) for pattern in QUALITY))
        if not names:
            return MEASURES, {}, []
        known = study.features.at([row for row, chosen in zip(study.latents.rows, train, strict=True) if chosen])
        ranges, outside = {}, []
        for name in names:
            values = known.get(name, np.zeros(0))
            values = values[np.isfinite(values)]
            if len(values) >= 3 and np.ptp(values) > 0:
                low, high, middle = float(values.min()), float(values.max()), float(found.columns[name][0])
                if not low <= middle <= high:
                    outside.append(f"{name} {middle:.3g} beside {low:.3g} to {high:.3g}")
                ranges[name] = (min(low, middle), max(high, middle), float(values.std()))
        warned = (
            [f"The mean decoded shape lies outside the training structures: {'; '.join(outside)}."] if outside else []
        )
        return names, ranges, warned

    def _walks(
        self, study: Study, train: NDArray[np.bool_], names: tuple[str, ...], ranges: Mapping[str, tuple[float, ...]]
    ) -> list[Walk]:
        o, like = self.options, study.samples[0]
        known = study.latents.z[train].astype(np.float64)
        centre, spread = known.mean(axis=0), known.std(axis=0)
        steps = np.unique(np.append(np.linspace(-o.reach_sd, o.reach_sd, o.steps).round(9), 0.0))
        walks = []
        for i, name in enumerate(study.latents.names):
            z = np.repeat(centre[None], len(steps), axis=0)
            z[:, i] += steps * spread[i]
            masks = study.encoder.decode(z.astype(np.float32))
            measured, why = _measured(study, masks, like, names)
            faults = tuple(
                fault_of(mask) or missing or _beyond(values, names, ranges)
                for mask, values, missing in zip(masks, measured, why, strict=True)
            )
            walks.append(Walk(name, steps, masks, measured, faults))
        return walks

    def _sensitivity(self, walks: list[Walk], names: tuple[str, ...]) -> Table:
        return Table(
            "sensitivity",
            "Change of the decoded shape per standard deviation of each latent",
            (Column("latent"), *(Column(name, unit=unit_of(name)) for name in names)),
            tuple((walk.name, *map(float, walk.slopes)) for walk in walks),
            f"Least-squares slope over shapes from -{self.options.reach_sd:g} to +{self.options.reach_sd:g} standard "
            "deviations as far as they are anatomical, other latents at the training mean. "
            + ("Sizes from moments." if names == MEASURES else "Measured by the run's own analysers."),
        )

    def _steps(self, walks: list[Walk], names: tuple[str, ...]) -> Table:
        lines: list[tuple[str | float, ...]] = [
            (walk.name, float(step), fault, *map(float, values))
            for walk in walks
            for step, fault, values in zip(walk.steps, walk.faults, walk.measured, strict=True)
        ]
        columns = (Column("latent"), Column("step", "Step", "SD"), Column("fault", "Why it is no anatomy"))
        measures = tuple(Column(name, unit=unit_of(name)) for name in names)
        return Table("traversal", "The decoded shapes, measured", (*columns, *measures), tuple(lines))

    def _limits(self, walks: list[Walk]) -> Table:
        lines: list[tuple[str | float, ...]] = []
        for walk in walks:
            here = np.flatnonzero(walk.sound)
            if not len(here):
                middle = int(np.flatnonzero(walk.steps == 0)[0])
                lines.append((walk.name, np.nan, np.nan, walk.faults[middle], walk.faults[middle]))
                continue
            first, last = int(here[0]), int(here[-1])
            below = walk.faults[first - 1] if first > 0 else ""
            above = walk.faults[last + 1] if last + 1 < len(walk.steps) else ""
            lines.append((walk.name, float(walk.steps[first]), float(walk.steps[last]), below, above))
        columns = (
            Column("latent"), Column("low", "Anatomical from", "SD"), Column("high", "to", "SD"),
            Column("below", "What happens below"), Column("above", "What happens above"),
        )  # fmt: skip
        return Table(
            "traversal-limits",
            "How far each latent can be moved before the shape stops being anatomical",
            columns,
            tuple(lines),
            "A shape counts as anatomical while it is one piece inside its box, the analysers can measure it, and no "
            f"measure lies further than {100 * MARGIN:.0f} % of the training structures' range outside that range.",
        )

    def _heatmap(self, walks: list[Walk], names: tuple[str, ...], spread: Floats) -> Figure:
        matrix = np.array([walk.slopes for walk in walks])
        by_cohort = bool(np.isfinite(spread).any())
        largest = np.nanmax(np.abs(np.where(np.isfinite(matrix), matrix, 0.0)), axis=0, initial=0.0)
        scale = spread if by_cohort else np.where(largest > 0, largest, 1.0)
        return Figure(
            "sensitivity",
            "Which latent moves which measure",
            "heatmap",
            matrix=tuple(tuple(float(v) for v in line) for line in matrix / scale),
            row_names=tuple(walk.name for walk in walks),
            column_names=names,
            caption="Change per standard deviation of the latent, in standard deviations of the measure among training "
            "patients." if by_cohort else "Slopes, each column divided by its largest size.",
        )  # fmt: skip

    def _shapes(self, walks: list[Walk], names: tuple[str, ...], like: Sample) -> Figure:
        shapes: list[Shape] = []
        for i, walk in enumerate(walks[: self.options.pictures]):
            for step, mask, values in zip(walk.steps, walk.masks, walk.measured, strict=True):
                if step == 0 and i:
                    continue
                at = tuple(float(step) if k == i else 0.0 for k in range(len(walks)))
                found = surface(mask, like.grid, at, tuple(map(float, values)))
                shapes += [found] if found else []
        return Figure(
            "traversal-shapes",
            "The decoded shape as one latent moves",
            "shapes",
            columns=tuple(Column(name, unit=unit_of(name)) for name in names),
            sliders=tuple(Column(walk.name, unit="SD") for walk in walks),
            shapes=tuple(shapes),
            caption="One latent at a time, the others at the training mean; the table of limits says where a shape is no "
            "longer one that the cohort could hold.",
        )

    def _pictures(self, walks: list[Walk], like: Sample) -> Figure:
        panels = [
            Panel(f"{walk.name} {step:+.1f} SD{', not anatomical' if fault else ''}", picture(mask, like.grid))
            for walk in walks
            for step, mask, fault in zip(walk.steps, walk.masks, walk.faults, strict=True)
        ]
        return Figure(
            "traversal",
            "Decoded shapes as one latent moves",
            "pictures",
            panels=tuple(panels),
            per_row=len(walks[0].steps),
            caption="Mid-sagittal cut (left, back to the right) beside mid-coronal cut (right), head up.",
        )

    def _sentences(self, walks: list[Walk], names: tuple[str, ...], spread: Floats) -> tuple[str, ...]:
        """For each latent, the measure that it moves most, in the cohort's own spread."""
        out = []
        for walk in walks:
            share = np.abs(walk.slopes / spread)
            if np.isfinite(share).any():
                best = int(np.nanargmax(share))
                slope, unit, at = walk.slopes[best], unit_of(names[best]), walk.steps[walk.sound]
                out.append(
                    f"One standard deviation of {walk.name} moves {names[best]} most: {slope:+.3g} {unit}".rstrip()
                    + f", {share[best]:.2f} of that measure's standard deviation among training patients (over the {len(at)} "
                    f"anatomical shapes from {at[0]:+g} to {at[-1]:+g} standard deviations)."
                )
        return tuple(out)

    def _warnings(self, walks: list[Walk]) -> tuple[str, ...]:
        out = []
        for walk in walks:
            odd = [(s, f) for s, f in zip(walk.steps, walk.faults, strict=True) if f and abs(s) <= 2.0]
            if odd:
                steps = ", ".join(f"{s:+.1f}" for s, _ in odd)
                out.append(
                    f"{walk.name} at {steps} standard deviations: the decoded shape is not anatomical ({odd[0][1]})"
                )
        return tuple(out)


def _measured(study: Study, masks: Masks, like: Sample, names: tuple[str, ...]) -> tuple[Floats, list[str]]:
    """(n, m) measures of the shapes, and per shape why one is missing."""
    if names == MEASURES or study.measure is None:
        return np.array([shape_of(mask, like.grid) for mask in masks]), [""] * len(masks)
    found = study.measure(masks, like)
    values = np.stack([found.columns.get(name, np.full(len(masks), np.nan)) for name in names], axis=1)
    why = []
    for row, numbers in zip(found.rows, values, strict=True):
        lacking = [name for name, number in zip(names, numbers, strict=True) if np.isnan(number)]
        reason = f": {found.reasons[row, lacking[0]]}" if lacking and (row, lacking[0]) in found.reasons else ""
        why.append(f"no {lacking[0]}{reason}" if lacking else "")
    return values, why


def _beyond(values: Floats, names: tuple[str, ...], ranges: Mapping[str, tuple[float, ...]]) -> str:
    """Which measure lies furthest outside what the training structures have, or ""."""
    worst, text = 0.0, ""
    for name, value in zip(names, values, strict=True):
        if name not in ranges:
            continue
        low, high = ranges[name][:2]
        out = (max(low - value, value - high)) / (high - low) - MARGIN
        if out > worst:
            worst, text = out, f"{name} {value:.3g}, training structures have {low:.3g} to {high:.3g}"
    return text
