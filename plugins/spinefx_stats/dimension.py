"""`dimension`: how many latents are enough. Held-out reconstruction against size, over seeds, PCA beside."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spinefx.api import Column, Encoder, Figure, Findings, Latents, Series, Study, Table
from spinefx_stats import DimensionOptions
from spinefx_stats.components import BLOCK, Components, Masks, fit_components
from spinefx_stats.patients import Patients
from spinefx_stats.shapes import likeness
from spinefx_stats.weighted import Array
from spinefx_stats.words import Cell, between, signed

CLEAR = 0.01
"""A difference in IoU below this is no reason for more latents."""


Sized = Callable[[int, int], tuple[Encoder, Latents]]


@dataclass(frozen=True, eq=False)
class Tried:
    """One size of one method. fitted, held_out : (seeds,) mean IoU.   samples : (m,) held-out IoU, mean over seeds."""

    method: str
    size: int
    fitted: Array
    held_out: Array
    samples: Array


class Dimension:
    """Evaluator: error against latent size."""

    def __init__(self, options: DimensionOptions) -> None:
        self.options = options

    def evaluate(self, study: Study) -> Findings:
        """IoU by size for fitted and held-out patients, its spread over seeds, the smallest size that does."""
        rows = study.latents.rows
        train, test = study.split.mask(rows, "train"), study.split.mask(rows, "test")
        sized = study.sized
        if sized is None:
            return Findings(warnings=("This run cannot train encoders of other sizes.",))
        if not train.any() or not test.any():
            return Findings(warnings=("Latent size is judged on test patients, and [split] leaves none.",))
        patients = Patients([row.patient for row in rows], study.seed, self.options.resamples).of(test)
        sizes = sorted(set(self.options.sizes))
        tried = [self._encoders(study, sized, size, train, test) for size in sizes]
        if self.options.pca:
            tried += self._components(study, sizes, train, test)
        table = self._table(tried, patients, int(test.sum()))
        return Findings((table,), (self._figure(tried, patients),), self._sentences(tried, patients))

    def _encoders(
        self, study: Study, sized: Sized, size: int, train: NDArray[np.bool_], test: NDArray[np.bool_]
    ) -> Tried:
        fitted, samples = [], []
        for number in range(self.options.seeds):
            seed = study.seed + number
            own = size == study.latents.z.shape[1] and number == 0  # the run's own encoder is that one
            encoder, latents = (study.encoder, study.latents) if own else sized(size, seed)
            fitted.append(float(_overlaps(study, encoder.decode, latents.z, train).mean()))
            samples.append(_overlaps(study, encoder.decode, latents.z, test))
        stacked = np.stack(samples)
        return Tried("encoder", size, np.array(fitted), stacked.mean(axis=1), stacked.mean(axis=0))

    def _components(
        self, study: Study, sizes: list[int], train: NDArray[np.bool_], test: NDArray[np.bool_]
    ) -> list[Tried]:
        masks, out = Masks(study.samples), []
        for size in sizes:
            found = fit_components(masks, study.split.patients("train"), size, seed=study.seed)
            if found is None:
                continue
            scores = found.scores(masks)
            decode = partial(_rebuilt, found, masks.shape)
            fitted = float(_overlaps(study, decode, scores, train).mean())
            samples = _overlaps(study, decode, scores, test)
            out.append(Tried("PCA", size, np.array([fitted]), np.array([samples.mean()]), samples))
        return out

    def _table(self, tried: list[Tried], patients: Patients, n: int) -> Table:
        rows: list[tuple[Cell, ...]] = []
        for one in tried:
            spread = float(one.held_out.std(ddof=1)) if len(one.held_out) > 1 else float("nan")
            values = (*patients.mean(one.samples), spread, float(one.fitted.mean()))
            rows.append((one.method, one.size, len(one.held_out), n, patients.count, *values))
        columns = (
            Column("method", "Method"), Column("size", "Latents"), Column("seeds", "Seeds"), Column("n", "Samples"),
            Column("patients", "Patients"), Column("iou", "IoU, held out"), Column("low", "low"),
            Column("high", "high"), Column("spread", "SD over seeds"), Column("iou_train", "IoU, training"),
        )  # fmt: skip
        caption = (
            "Mean over samples and seeds of test patients, whom no fit has seen; low and high bound 95 % intervals of a "
            "bootstrap over patients. Training beside it: where the two part, more latents only remember more. The PCAs "
            "were fitted on the training patients."
        )
        return Table("latent-size", "Reconstruction against latent size", columns, tuple(rows), caption)

    def _figure(self, tried: list[Tried], patients: Patients) -> Figure:
        series = []
        for method in dict.fromkeys(one.method for one in tried):
            mine = [one for one in tried if one.method == method]
            x = tuple(float(one.size) for one in mine)
            y, low, high = zip(*(patients.mean(one.samples) for one in mine), strict=True)
            series.append(Series(f"{method}, held out", x, y, low, high))
            series.append(Series(f"{method}, training", x, tuple(float(one.fitted.mean()) for one in mine)))
        return Figure("latent-size", "IoU against latent size", "line", "Latents", "IoU", series=tuple(series))

    def _sentences(self, tried: list[Tried], patients: Patients) -> tuple[str, ...]:
        out = []
        for method in dict.fromkeys(one.method for one in tried):
            mine = [one for one in tried if one.method == method]
            best = max(mine, key=lambda one: float(one.samples.mean()))
            for one in mine:
                gap = one.samples - best.samples
                if float(gap.mean()) > -CLEAR:
                    beside = "" if one is best else f", {signed(*patients.mean(gap))} beside it"
                    out.append(
                        f"{method}: the best held-out IoU, {between(*patients.mean(best.samples))}, has "
                        f"{best.size} latents; {one.size} are the fewest within {CLEAR:g} of it{beside}."
                    )
                    break
        return tuple(out)


def _rebuilt(found: Components, shape: tuple[int, ...], scores: Array) -> NDArray[np.float32]:
    return found.rebuilt(scores).reshape(len(scores), *shape)


def _overlaps(
    study: Study, decode: Callable[[Any], NDArray[np.float32]], z: NDArray[Any], chosen: NDArray[np.bool_]
) -> Array:
    """IoU of the chosen samples' masks with what `decode` makes of their latents."""
    places, out = np.flatnonzero(chosen), []
    for start in range(0, len(places), BLOCK):
        part = places[start : start + BLOCK]
        for i, guess in zip(part, decode(z[part]), strict=True):
            sample = study.samples[int(i)]
            truth = sample.mask > 0.5
            out.append(likeness(truth, np.asarray(guess) > 0.5, sample.grid, surface=False).iou)
    return np.array(out)
