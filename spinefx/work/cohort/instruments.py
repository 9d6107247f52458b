"""Scan analysers as instruments: they measure shapes that no scan shows, such as an encoder's decoded ones."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spinefx import kernels
from spinefx.contract.case import Case
from spinefx.contract.errors import SpinefxError
from spinefx.contract.features import Features, Row
from spinefx.contract.grid import Grid
from spinefx.contract.scan import LabelMap, Sample, Scan
from spinefx.contract.scheme import Scheme
from spinefx.plan import Stage

FINER = 2
"""Cells per voxel of a shape's grid, so that a soft edge is cut where it lies, not at the nearest voxel."""

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Instruments:
    """The plan's scan analysers, held against single shapes.

    stages : geometry stages of scope `scan`, in the plan's order.
    """

    stages: tuple[Stage, ...]

    @cached_property
    def _built(self) -> tuple[tuple[str, Any], ...]:
        return tuple((stage.name, stage.build()) for stage in self.stages)

    def __call__(self, masks: NDArray[np.float32], like: Sample) -> Features:
        """One row per shape, with the columns that the run's own features have (`disc.height_mm`).

        masks : (n, z, y, x) mask probabilities, cut at one half, on the grid of `like` and of its structure.
        NaN with a reason where an analyser gives no number for a shape, or fails on it.
        """
        rows: list[Row] = []
        values: list[dict[str, float]] = []
        reasons: dict[tuple[Row, str], str] = {}
        meaning: dict[str, str] = {}
        for number, mask in enumerate(masks):
            row = Row(f"shape-{number}", "", like.row.structure, like.row.level)
            found: dict[str, float] = {}
            for name, value, why, text in self._one(_scan(mask, like, row), row):
                found[name], meaning[name] = value, text
                if why:
                    reasons[row, name] = why
            rows.append(row)
            values.append(found)
        table = Features.of_rows(rows, values)
        known = {name: column for name, column in table.columns.items() if np.isfinite(column).any()}
        kept = {key: text for key, text in reasons.items() if key[1] in known}
        return Features(table.rows, known, kept, {name: meaning[name] for name in known})

    def _one(self, scan: Scan, row: Row) -> Iterator[tuple[str, float, str, str]]:
        """Column, value, why it is missing or doubtful, what it means; for each number of the shape itself."""
        for prefix, analyser in self._built:
            try:
                features = analyser.measure(scan)
            except SpinefxError:  # an analyser that needs what a bare shape lacks: images, neighbours
                continue
            for name, value in _at(features, row).items():
                yield f"{prefix}.{name}", value, features.reasons.get((row, name), ""), features.meaning.get(name, "")


def _at(features: Features, row: Row) -> Mapping[str, float]:
    if row not in features.rows:
        return {}
    place = features.rows.index(row)
    return {name: float(column[place]) for name, column in features.columns.items()}


def _scan(mask: NDArray[np.float32], like: Sample, row: Row) -> Scan:
    """The shape as a scan whose only structure it is."""
    fine = _finer(like.grid)
    soft = kernels.resample(np.ascontiguousarray(mask, np.float32), like.grid, fine, method="linear")
    scheme = Scheme("shape", {1: like.structure})
    labels = LabelMap((soft > 0.5).astype(np.uint16), fine, scheme)
    return Scan(Case(row.case, row.patient, {}), {}, labels)


def _finer(grid: Grid) -> Grid:
    """The same box with `FINER` cells for one; its corner voxels stay where they are."""
    z, y, x = ((n - 1) * FINER + 1 for n in grid.shape)
    dz, dy, dx = (step / FINER for step in grid.spacing)
    return Grid((z, y, x), (dz, dy, dx), grid.origin, grid.direction)
