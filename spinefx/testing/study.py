"""A study whose truth was planted: what an evaluator and an analyser of latents are tried on."""

from __future__ import annotations

from collections.abc import Collection
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from spinefx.contract.encoder import Fitting
from spinefx.contract.features import Features, Row
from spinefx.contract.grid import Grid
from spinefx.contract.labels import LabelRow, Labels
from spinefx.contract.samples import Latents, SampleList, SampleSet, Split
from spinefx.contract.scan import LabelMap, Sample
from spinefx.contract.study import Study
from spinefx.testing.bench import ScanList, phantom_scan

LEVELS = ("L5-S1", "L4-L5", "L3-L4", "L2-L3", "L1-L2")
GRID = Grid((10, 14, 14), (1.0, 2.0, 2.0))
DRAW = 4
"""Which draw: one in which counting rows as patients is plainly wrong."""
MIDDLE = np.array([3.0, 9.0, 10.0])
"""Half axes (z, y, x) in mm about which discs are drawn."""
PLANTED = ("z0", "disc.height_mm", "Planted")
"""What goes together: the first latent is the height, and the label was drawn from it."""
UNRELATED = ("z3", "z4", *(f"disc.chance{i}_mm" for i in range(8)), "Chance", "Other", "Coin")
"""What goes with nothing: one value a patient, the same at all its levels, so that rows seem to be many and are few."""


class Ellipsoids:
    """An encoder that needs no fit: latents 0, 1, 2 are the half axes (z, y, x) in mm of an ellipsoid that it draws."""

    def fit(self, fitting: Fitting) -> list[dict[str, float]]:
        """Nothing is learned."""
        return []

    def encode(self, samples: SampleSet) -> Latents:
        """The half axes that give a sample's second moments."""
        found = []
        for sample in samples:
            index = np.indices(sample.mask.shape).reshape(3, -1)
            weight = sample.mask.reshape(-1).astype(np.float64)
            centred = index - np.average(index, axis=1, weights=weight)[:, None]
            found.append(np.sqrt(5 * np.average(centred**2, axis=1, weights=weight)) * np.array(sample.grid.spacing))
        z = np.zeros((len(found), 5), np.float32)
        z[:, :3] = np.array(found).reshape(-1, 3)
        return Latents(samples.rows, z)

    def decode(self, z: NDArray[np.float32]) -> NDArray[np.float32]:
        """(n, d) latents -> (n, z, y, x) mask probabilities."""
        half = np.tile(MIDDLE, (len(z), 1))
        known = min(3, z.shape[1])
        half[:, :known] = z[:, :known]
        return np.stack([_ellipsoid(row) for row in np.maximum(half, 0.5)])

    def save(self, folder: Path) -> None:
        """Nothing to keep."""

    def load(self, folder: Path) -> None:
        """Nothing to read."""


def _ellipsoid(half: NDArray[np.float64]) -> NDArray[np.float32]:
    index = np.indices(GRID.shape).transpose(1, 2, 3, 0)
    mm = (index - (np.array(GRID.shape) - 1) / 2) * np.array(GRID.spacing)
    depth = 1 - np.sqrt(((mm / half) ** 2).sum(axis=-1))
    mask: NDArray[np.float32] = np.clip(0.5 + depth * half.min(), 0, 1).astype(np.float32)
    return mask


def _measured(masks: NDArray[np.float32], sample: Sample) -> Features:
    """What stands for the plan's scan analysers: the height of each decoded shape."""
    rows = [Row(f"{sample.case}~{i}", sample.patient, "disc", sample.row.level) for i in range(len(masks))]
    heights = [float((mask.max(axis=(1, 2)) > 0.5).sum() * sample.grid.spacing[0]) for mask in masks]
    return Features.of_rows(rows, [{"disc.height_mm": height} for height in heights])


@lru_cache(maxsize=4)
def phantom_study(patients: int = 30) -> Study:
    """Five discs for each patient.

    Latents, features and labels: those of `PLANTED` go together in every disc; those of `UNRELATED` were drawn once for
    each patient and go with nothing. Patients 1 to 3 have scans, with a made mask beside the loader's.
    """
    rng = np.random.default_rng(np.random.SeedSequence([7, 30, DRAW]))
    rows = tuple(Row(f"{p}_phantom", str(p), "disc", level) for p in range(1, patients + 1) for level in LEVELS)
    who = np.repeat(np.arange(patients), len(LEVELS))
    half = MIDDLE + rng.uniform(-1, 1, (len(rows), 3)) * np.array([1.0, 1.5, 1.5])
    chance = rng.normal(size=(patients, 13))[who]
    z = np.column_stack([half, chance[:, :2]]).astype(np.float32)
    samples = []
    for row, axes in zip(rows, half, strict=True):
        mask = _ellipsoid(axes)
        samples.append(Sample(row, mask[None], mask, GRID, ("mask",)))
    columns = {"disc.height_mm": 2 * half[:, 0] + 0.05 * rng.normal(size=len(rows))}
    columns |= {f"disc.chance{i}_mm": chance[:, 2 + i] for i in range(8)}
    labels = {
        "Planted": half[:, 0] + 0.3 * rng.normal(size=len(rows)),
        "Chance": chance[:, 10],
        "Other": chance[:, 11],
        "Coin": (chance[:, 12] > 0).astype(float),
    }
    table = Labels(
        tuple(LabelRow(row.patient, row.level) for row in rows), labels,
        {"Planted": "continuous", "Chance": "continuous", "Other": "continuous", "Coin": "binary"}, targets=tuple(labels),
    )  # fmt: skip
    encoder = Ellipsoids()
    latents = Latents(rows, z, _maps(rows))

    def refit(_: Collection[str]) -> Latents:
        return latents

    def sized(size: int, _: int) -> tuple[Ellipsoids, Latents]:
        return encoder, Latents(
            rows, z[:, :size] if size <= z.shape[1] else np.pad(z, ((0, 0), (0, size - z.shape[1])))
        )

    return Study(
        SampleList(tuple(samples)), latents, Features(rows, columns), table, _split(patients), encoder, 7,
        history=({"epoch": 1.0, "loss": 1.0}, {"epoch": 2.0, "loss": 0.5}), refit=refit, sized=sized, measure=_measured, fitted=lambda _: encoder,
        facts={row.case: {"age": 40.0 + who[i], "sex": "fm"[who[i] % 2]} for i, row in enumerate(rows)},
        scans=_scans(),
    )  # fmt: skip


def _maps(rows: tuple[Row, ...]) -> NDArray[np.float32]:
    rng = np.random.default_rng(np.random.SeedSequence([7, 30, 2]))
    maps: NDArray[np.float32] = rng.random((len(rows), 2, 2, 3, 3), np.float32)
    return maps


def _split(patients: int) -> Split:
    names = [str(p) for p in range(1, patients + 1)]
    part = {name: "test" if i % 5 == 0 else "validation" if i % 5 == 1 else "train" for i, name in enumerate(names)}
    return Split(part, {name: i % 5 for i, name in enumerate(names)})  # type: ignore[arg-type]


def _scans() -> ScanList:
    """Three scans whose made masks are the loader's, one voxel further up."""
    found = []
    for number in (1, 2, 3):
        scan = phantom_scan(number)
        mask = scan.require_mask()
        made = LabelMap(np.roll(mask.labels, 1, axis=0), mask.grid, mask.scheme)
        found.append(scan.replace(mask=made, reference=mask, quality={"disc": 0.9}))
    return ScanList(tuple(found))
