"""What `space` tells of the decoder's metric: tables of stretches over samples and of paths between them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from spinefx.api import Column, Findings, Study, Table
from spinefx_latent import SpaceOptions
from spinefx_latent.cloud import patient_interval
from spinefx_latent.metric import Decode, Floats, anisotropy, magnification, path, pull_back

DECODED = 4000
"""Masks that the metric may decode; with more latents, fewer points are looked at."""
FEWEST = 5
FLAT = 1.05
"""Straight lines longer than geodesics by less than this share are as good."""


def bent(
    study: Study,
    points: Floats,
    spread: Floats,
    train: NDArray[np.bool_],
    options: SpaceOptions,
    rng: np.random.Generator,
) -> Findings:
    """The pull-back metric at training samples, and geodesics against straight lines between samples of two patients.

    points : (n, d) latents in training standard deviations about the training mean.   spread : (d,) those deviations.
    """
    chosen = np.flatnonzero(train)
    d = points.shape[1]
    count = min(options.metric_points, DECODED // (2 * d), len(chosen))
    if options.metric_points == 0:
        return Findings()
    if count < FEWEST or not (spread > 0).all():
        why = (
            "a latent never varies"
            if not (spread > 0).all()
            else f"{d} latents and {len(chosen)} samples allow {count} points"
        )
        return Findings(warnings=(f"The decoder's metric is left out: {why}.",))
    chosen = chosen[np.unique(np.linspace(0, len(chosen) - 1, count).round().astype(np.intp))]
    center = study.latents.z[train].astype(np.float64).mean(axis=0)
    scale = float(np.sqrt(study.samples[0].grid.voxel_mm3))

    def decode(z: Floats) -> Floats:
        masks = study.encoder.decode((center + z * spread).astype(np.float32))
        return np.asarray(masks.reshape(len(z), -1), np.float64) * scale

    metric = pull_back(decode, points[chosen])
    owners = [study.latents.rows[int(i)].patient for i in chosen]
    tables = [_metric_table(metric, study.latents.names, owners, options, rng)]
    paths = _paths(decode, points, chosen, owners, options.geodesics, rng)
    if not len(paths):
        return Findings(tuple(tables))
    tables.append(_paths_table(paths))
    least, middle, most = (float(v) - 1 for v in np.quantile(paths[:, 2], [0.0, 0.5, 1.0]))
    verdict = (
        "straight interpolation will do"
        if most < FLAT - 1
        else "interpolate along geodesics"
        if least >= FLAT - 1
        else f"for some pairs straight interpolation will do (below {100 * (FLAT - 1):.0f} %), for others not"
    )
    said = (
        f"Between {len(paths)} pairs of samples, straight lines in the latents are {100 * middle:.0f} % ({100 * least:.0f} % to {100 * most:.0f} %) longer "
        f"in decoded shapes than geodesics (median, least and most of those pairs): {verdict}."
    )
    return Findings(tuple(tables), sentences=(said,))


def _metric_table(
    metric: Floats, names: Sequence[str], owners: Sequence[str], options: SpaceOptions, rng: np.random.Generator
) -> Table:
    stretches = np.sqrt(np.diagonal(metric, axis1=1, axis2=2))
    measured = [("magnification, all directions", magnification(metric)), ("anisotropy", anisotropy(metric))]
    measured += [(f"stretch along {name}", stretches[:, i]) for i, name in enumerate(names)]
    lines: list[tuple[str | float, ...]] = []
    for title, values in measured:
        column = values[:, None]
        low, high = patient_interval(column, owners, _median, resamples=options.resamples, rng=rng)
        ends = np.quantile(values, [0.05, 0.95])
        lines.append((title, float(np.median(values)), low, high, float(ends[0]), float(ends[1])))
    columns = (
        Column("measure"), Column("median", "Median"), Column("low", "95 % low"), Column("high", "95 % high"),
        Column("p5", "5 % of samples below"), Column("p95", "5 % above"),
    )  # fmt: skip
    caption = (
        f"At {len(metric)} training samples of {len(set(owners))} patients. Stretch: change of the decoded mask per training "
        "standard deviation of the latent, root of the integral of its square (mm^1.5). Magnification: the geometric mean of "
        "the metric's stretches; anisotropy: the largest over the smallest. A space whose stretches differ from sample to "
        "sample is curved: distances in latents are no distances of shapes. Intervals from a bootstrap over patients."
    )
    return Table("pull-back", "How far the decoded shape moves", columns, tuple(lines), caption)


def _median(values: Floats) -> float:
    return float(np.median(values))


def _paths(
    decode: Decode,
    points: Floats,
    chosen: NDArray[np.intp],
    owners: Sequence[str],
    pairs: int,
    rng: np.random.Generator,
) -> Floats:
    """(p, 3) straight length, geodesic length and their ratio, between samples of different patients."""
    of, found = np.array(owners), []
    for _ in range(pairs):
        first = int(rng.integers(len(chosen)))
        others = np.flatnonzero(of != of[first])
        if not len(others):
            break
        second = int(others[rng.integers(len(others))])
        one = path(decode, points[chosen[first]], points[chosen[second]])
        found.append((one.straight, one.geodesic, one.detour))
    kept = np.array(found, np.float64).reshape(-1, 3)
    return np.asarray(kept[np.isfinite(kept).all(axis=1)], np.float64)


def _paths_table(paths: Floats) -> Table:
    titles = ("straight line, decoded", "geodesic, decoded", "straight over geodesic")
    lines = tuple(
        (title, float(np.median(values)), float(values.min()), float(values.max()))
        for title, values in zip(titles, paths.T, strict=True)
    )
    columns = (Column("measure"), Column("median", "Median"), Column("least", "Least"), Column("most", "Most"))
    caption = (
        f"{len(paths)} pairs of training samples of different patients; lengths in mm^1.5 over eight segments, found from the "
        "straight line on, so that the ratio is at least 1."
    )
    return Table("geodesics", "Straight lines against geodesics", columns, lines, caption)
