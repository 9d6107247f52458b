"""How steady features are when another hand draws the mask: outlines that stray smoothly, measured anew."""

from __future__ import annotations

from fnmatch import fnmatchcase
from functools import partial

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from spinefx import kernels
from spinefx.api import Column, Figure, Findings, Grid, Series, Study, Table
from spinefx_stats import AgreementOptions
from spinefx_stats.cohort import QUALITY
from spinefx_stats.patients import Patients
from spinefx_stats.scales import CORRELATION
from spinefx_stats.weighted import Array, intraclass
from spinefx_stats.words import Cell

FEWEST_ROWS = 10
STEADY = 0.75
"""Below this, a feature says as much of the hand as of the patient (Koo and Li, J Chiropr Med 15:155, 2016: "good" from here)."""


def perturbed(study: Study, options: AgreementOptions) -> Findings:
    """ICC of every measured feature between masks as they are and masks whose outlines stray, with intervals over patients."""
    if study.measure is None:
        return Findings(warnings=("Mask perturbation: this run has no analyser that measures single masks.",))
    chosen = _spaced(len(study.samples), options.samples)
    found: list[list[dict[str, float]]] = []
    for number in chosen:
        sample = study.samples[int(number)]
        rng = np.random.default_rng(np.random.SeedSequence([study.seed, 0xA6, int(number)]))
        shapes = [sample.mask] + [
            strayed(sample.mask, sample.grid, options.perturb_mm, options.perturb_smooth_mm, rng)
            for _ in range(options.perturbations)
        ]
        columns = study.measure(np.stack(shapes), sample).columns
        found.append([{name: float(values[i]) for name, values in columns.items()} for i in range(len(shapes))])
    every = dict.fromkeys(name for one in found for shape in one for name in shape)
    names = [name for name in every if not any(fnmatchcase(name, pattern) for pattern in QUALITY)]
    ratings = {
        name: np.array([[shape.get(name, np.nan) for shape in one] for one in found], np.float64) for name in names
    }
    owners = [study.latents.rows[int(i)].patient for i in chosen]
    rows = [row for name in names if (row := _row(name, ratings[name], owners, study.seed, options)) is not None]
    if not rows:
        return Findings(warnings=("Mask perturbation: no feature could be measured in at least 10 masks.",))
    return _findings(rows, len(chosen), options)


def strayed(mask: NDArray[np.float32], grid: Grid, sd_mm: float, smooth_mm: float, rng: np.random.Generator) -> Array:
    """The mask bent by a smooth random displacement of `sd_mm` in each direction, alike over about `smooth_mm`."""
    noise = rng.standard_normal((3, *grid.shape))
    field = np.stack([ndimage.gaussian_filter(part, [smooth_mm / step for step in grid.spacing]) for part in noise])
    field *= sd_mm / max(float(field.std()), 1e-12)
    bent = kernels.warp(np.ascontiguousarray(mask, np.float32), grid, grid, displacement=field.astype(np.float32))
    return np.asarray(bent)


def _spaced(count: int, most: int) -> NDArray[np.intp]:
    return (
        np.unique(np.linspace(0, count - 1, min(count, most)).round().astype(np.intp))
        if count
        else np.zeros(0, np.intp)
    )


def _row(name: str, ratings: Array, owners: list[str], seed: int, options: AgreementOptions) -> tuple[Cell, ...] | None:
    """One feature: counts, ICC with bounds, mean absolute difference to the mask as it is in SD; None with too few masks."""
    whole = np.asarray(np.isfinite(ratings).all(axis=1), np.bool_)
    if whole.sum() < FEWEST_ROWS or not np.ptp(ratings[whole]) > 0:
        return None
    kept = ratings[whole]
    patients = Patients(owners, seed, options.resamples).of(whole)
    statistic = partial(intraclass, kept)
    icc = float(patients.whole(statistic))
    low, high = patients.interval(patients.bootstrap(statistic), icc, CORRELATION)
    away = np.abs(kept[:, 1:] - kept[:, :1]).mean(axis=1)
    lost = int((np.isfinite(ratings[:, 0]) & ~whole).sum())
    gap = float(away.mean() / kept[:, 0].std())
    return name, len(kept), patients.count, icc, float(low), float(high), gap, lost


def _findings(rows: list[tuple[Cell, ...]], masks: int, options: AgreementOptions) -> Findings:
    columns = (
        Column("feature", "Feature"), Column("n", "Masks"), Column("patients", "Patients"),
        Column("icc", "ICC(2,1)"), Column("low", "low"), Column("high", "high"),
        Column("difference", "Mean absolute difference", about="to the mask as it is, in standard deviations of the feature over the masks"),
        Column("lost", "Masks that lost it", about="measured before, not after"),
    )  # fmt: skip
    caption = (
        f"{masks} masks, each drawn {options.perturbations} times more with an outline that strays {options.perturb_mm:g} mm "
        f"(standard deviation) the same way over about {options.perturb_smooth_mm:g} mm, all measured by the run's own "
        "analysers as single shapes. low and high bound 95 % intervals of a bootstrap over patients."
    )
    table = Table("mask-perturbation", "Features when another hand draws the mask", columns, tuple(rows), caption)
    values = [(str(row[0]), *(float(v) for v in row[3:6] if isinstance(v, float))) for row in rows]
    names, icc, low, high = zip(*values, strict=True)
    figure = Figure(
        "mask-perturbation", "Features when another hand draws the mask", "bars", "Feature", "ICC(2,1)",
        series=(Series("ICC", names, icc, low, high),),
    )  # fmt: skip
    steady = [name for name, value in zip(names, icc, strict=True) if value >= STEADY]
    sentence = (
        f"When outlines stray by {options.perturb_mm:g} mm, {len(steady)} of {len(rows)} features keep an ICC of {STEADY:g} or "
        f"more; the least steady is {names[int(np.argmin(icc))]} ({min(icc):.3f})."
    )
    return Findings((table,), (figure,), (sentence,))
