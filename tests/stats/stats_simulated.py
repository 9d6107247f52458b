"""Simulated studies of known truth: ellipsoid discs clustered in patients, an encoder that knows or does not."""

from __future__ import annotations

from collections.abc import Collection, Mapping

import numpy as np

from spinefx.api import Features, Grid, LabelRow, Labels, Latents, Row, Sample, SampleList, Split, Study

LEVELS = ("L5-S1", "L4-L5", "L3-L4", "L2-L3", "L1-L2")
GRID = Grid((10, 14, 14), (1.0, 2.0, 2.0))


def rows_of(patients: int, *, series: int = 1) -> tuple[Row, ...]:
    return tuple(
        Row(f"{p}_s{s}", str(p), "disc", level) for p in range(patients) for s in range(series) for level in LEVELS
    )


def split_of(patients: int, *, test: float = 0.3, folds: int = 5) -> Split:
    names = [str(p) for p in range(patients)]
    tested, validated = round(patients * test), round(patients * 0.1)
    part = {
        n: "test" if i < tested else "validation" if i < tested + validated else "train" for i, n in enumerate(names)
    }
    return Split(part, {n: i % folds for i, n in enumerate(names)})


def ellipsoid(radii: np.ndarray, grid: Grid = GRID) -> np.ndarray:
    """Soft mask of an ellipsoid with these radii (z, y, x) in mm about the grid's centre."""
    index = np.stack(np.meshgrid(*(np.arange(n) for n in grid.shape), indexing="ij"), axis=-1)
    mm = (index - (np.array(grid.shape) - 1) / 2) * np.array(grid.spacing)
    depth = 1 - np.sqrt(((mm / radii) ** 2).sum(axis=-1))
    return np.clip(0.5 + depth * min(radii), 0, 1).astype(np.float32)


class Known:
    """An encoder whose latents are the radii, and whose decoder draws them, `blur` mm too thick."""

    def __init__(self, blur: float = 0.0) -> None:
        self.blur = blur

    def decode(self, z: np.ndarray) -> np.ndarray:
        return np.stack([ellipsoid(np.maximum(row[:3], 0.5) + self.blur) for row in np.asarray(z, np.float64)])


def study_of(
    z: np.ndarray,
    rows: tuple[Row, ...],
    *,
    geometry: Mapping[str, np.ndarray] | None = None,
    labels: Mapping[str, tuple[str, np.ndarray]] | None = None,
    radii: np.ndarray | None = None,
    split: Split | None = None,
    seed: int = 1,
    blur: float = 0.0,
    **more: object,
) -> Study:
    """A study with these latents; `labels`: name -> (kind, value per row), equal for series of one level."""
    if radii is None:
        radii = np.full((len(rows), 3), [3.0, 9.0, 10.0])
    samples = SampleList(
        tuple(
            Sample(row, (mask := ellipsoid(r))[None], mask, GRID)
            for row, r in zip(rows, np.asarray(radii), strict=True)
        )
    )
    features = Features(rows, {f"disc.{name}": np.asarray(v, np.float64) for name, v in (geometry or {}).items()})
    place = {LabelRow(row.patient, row.level): i for i, row in enumerate(rows)}
    where = list(place.values())
    columns = {name: np.asarray(v, np.float64)[where] for name, (_, v) in (labels or {}).items()}
    kinds = {name: kind for name, (kind, _) in (labels or {}).items()}
    table = Labels(tuple(place), columns, kinds, targets=tuple(columns))
    patients = len({row.patient for row in rows})
    return Study(
        samples, Latents(rows, np.asarray(z, np.float32)), features, table, split or split_of(patients), Known(blur), seed,
        **more,
    )  # fmt: skip


def cell(table: object, where: Mapping[str, object], column: str) -> object:
    """The one cell of `column` in the row that has these values."""
    names = [c.name for c in table.columns]
    found = [row for row in table.rows if all(row[names.index(k)] == v for k, v in where.items())]
    assert len(found) == 1, (where, len(found))
    return found[0][names.index(column)]


def table(findings: object, name: str) -> object:
    """The findings' table of that name."""
    return next(t for t in findings.tables if t.name == name)


def clustered(rng: np.random.Generator, rows: Collection[Row], share: float = 0.5, columns: int = 1) -> np.ndarray:
    """(n, columns) standard normal noise; `share` of the variance belongs to the patient, and so to all of its rows."""
    names = sorted({row.patient for row in rows})
    own = dict(zip(names, rng.standard_normal((len(names), columns)), strict=True))
    whose = np.stack([own[row.patient] for row in rows])
    return np.sqrt(share) * whose + np.sqrt(1 - share) * rng.standard_normal((len(rows), columns))
