"""Analyser `space`: where each sample lies among the training cohort's latents, and what kind of space they fill."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from spinefx.api import Column, DataError, Features, Figure, Findings, SampleSet, Series, Study, Table
from spinefx_latent import SpaceOptions
from spinefx_latent.bent import bent
from spinefx_latent.cloud import (
    dimension_mle,
    dimension_twonn,
    mahalanobis,
    participation_ratio,
    patient_interval,
    strangers_distances,
)

Floats = NDArray[np.float64]

_MEANING = {
    "mahalanobis": "distance to the mean of the training patients' latents, in units of their shrunk covariance",
    "knn_distance": "mean distance to the nearest training samples of other patients, in training standard deviations",
    "log_density": "log density from the k-th nearest training sample of another patient, up to a constant",
}
_NEIGHBOURHOOD = 1000


class Space:
    """The space of latents, judged against the training patients only."""

    def __init__(self, options: SpaceOptions) -> None:
        self.options = options

    def measure_latents(self, study: Study) -> tuple[Features, Findings]:
        """Per sample: Mahalanobis and neighbour distances, density. Findings: dimension, correlation, a map."""
        rows, z = study.latents.rows, study.latents.z.astype(np.float64)
        train = study.split.mask(rows, "train")
        if train.sum() < 3:
            raise DataError(f"space needs at least 3 training samples, got {int(train.sum())}; check [split]")
        if not np.isfinite(z).all():
            raise DataError("latents are not finite; the encoder's training has failed")
        rng = np.random.default_rng(np.random.SeedSequence([study.seed, 8]))
        spread = z[train].std(axis=0)
        points = (z - z[train].mean(axis=0)) / np.where(spread > 0, spread, 1.0)
        reference, warnings = self._landmarks(train)
        owners = [row.patient for row in rows]
        k = max(1, min(self.options.neighbours, int(reference.sum()) - 1))
        away = strangers_distances(points, owners, reference, k)
        near = np.where(np.isfinite(away), away, np.nan)
        counted = np.isfinite(away).sum(axis=1)
        with np.errstate(divide="ignore"):
            density = -points.shape[1] * np.log(np.where(counted == k, away[:, -1], np.nan))
        mean_near = np.where(counted > 0, np.nansum(near, axis=1) / np.maximum(counted, 1), np.nan)
        columns = {
            "mahalanobis": mahalanobis(points, points[train]),
            "knn_distance": mean_near,
            "log_density": np.where(np.isfinite(density), density, np.nan),
        }
        features = Features(rows, columns, meaning=_MEANING)
        tables = [self._dimension(points, owners, reference, study, rng), self._fidelity(points, study.samples, rng)]
        figures = (self._correlation(z, study.latents.names), self._map(points, train, study))
        curved = bent(study, points, np.asarray(spread), train, self.options, rng)
        sentences = (*self._sentences(columns, train, study), *curved.sentences)
        return features, Findings((*tables, *curved.tables), figures, sentences, (*warnings, *curved.warnings))

    def _landmarks(self, train: NDArray[np.bool_]) -> tuple[NDArray[np.bool_], list[str]]:
        chosen, most = np.flatnonzero(train), self.options.landmarks
        if len(chosen) <= most:
            return train, []
        kept = chosen[np.linspace(0, len(chosen) - 1, most).round().astype(int)]
        flags = np.zeros(len(train), bool)
        flags[kept] = True
        return flags, [f"neighbours and dimension use {most} of {len(chosen)} training samples, evenly spaced"]

    def _dimension(
        self, points: Floats, owners: list[str], reference: NDArray[np.bool_], study: Study, rng: np.random.Generator
    ) -> Table:
        inside = points[reference]
        of = [owner for owner, use in zip(owners, reference, strict=True) if use]
        k = min(self.options.neighbours, max(3, len(inside) // 4))
        resamples = self.options.resamples
        measures = (
            ("intrinsic dimension, TwoNN", dimension_twonn),
            (f"intrinsic dimension, maximum likelihood over {k} neighbours", lambda p: dimension_mle(p, k)),
        )
        lines: list[tuple[str, float, float, float]] = []
        for title, measure in measures:
            low, high = patient_interval(inside, of, measure, resamples=resamples, rng=rng)
            lines.append((title, measure(inside), low, high))
        for what, ratio in (("latents", _participation(inside)), ("decoded masks", self._decoded(study, reference))):
            lines.append((f"participation ratio of the {what}", ratio, float("nan"), float("nan")))
        return Table(
            "dimension",
            "How many dimensions the latents fill",
            (Column("measure"), Column("value"), Column("low", "95 % low"), Column("high", "95 % high")),
            tuple(lines),
            f"{len(inside)} training samples of {len(set(of))} patients, {points.shape[1]} latents, each scaled to "
            "standard deviation 1. Intervals from a bootstrap over patients; a participation ratio has none, since resamples "
            "of fewer patients only lower it. An encoder that whitens its latents has the highest one by construction; the "
            "decoded masks' is the one to read.",
        )

    def _decoded(self, study: Study, reference: NDArray[np.bool_]) -> float:
        chosen = np.flatnonzero(reference)
        chosen = chosen[np.unique(np.linspace(0, len(chosen) - 1, min(200, len(chosen))).round().astype(int))]
        masks = study.encoder.decode(study.latents.z[chosen]).reshape(len(chosen), -1).astype(np.float64)
        masks -= masks.mean(axis=0)
        return participation_ratio(np.maximum(np.linalg.eigvalsh(masks @ masks.T), 0.0))

    def _fidelity(self, points: Floats, samples: SampleSet, rng: np.random.Generator) -> Table:
        """Do neighbours in the latents look alike, and do look-alikes stay neighbours?"""
        from sklearn.manifold import trustworthiness

        count = min(len(samples), _NEIGHBOURHOOD)
        chosen = np.sort(rng.choice(len(samples), count, replace=False))
        k = min(self.options.neighbours, max(1, (count - 1) // 2 - 1))
        values = (float("nan"), float("nan"))
        if count >= 5:
            looks = np.stack([_coarse(samples[int(i)].mask) for i in chosen])
            values = (
                float(trustworthiness(looks, points[chosen], n_neighbors=k)),
                float(trustworthiness(points[chosen], looks, n_neighbors=k)),
            )
        return Table(
            "fidelity",
            "Whether latents keep the neighbourhoods of masks",
            (Column("measure"), Column("value")),
            (("trustworthiness", values[0]), ("continuity", values[1])),
            f"{k} neighbours, {count} samples of all parts, against masks averaged to a coarse grid; 1 is perfect. "
            "Venna and Kaski, ICANN 2001.",
        )

    def _correlation(self, z: Floats, names: tuple[str, ...]) -> Figure:
        spread = z.std(axis=0)
        white = np.where(spread > 0, (z - z.mean(axis=0)) / np.where(spread > 0, spread, 1.0), np.nan)
        matrix = white.T @ white / len(z)
        return Figure(
            "latent-correlation",
            "Correlation of latents with each other",
            "heatmap",
            matrix=tuple(tuple(float(v) for v in line) for line in matrix),
            row_names=names,
            column_names=names,
            caption="Pearson's r over all samples.",
        )

    def _map(self, points: Floats, train: NDArray[np.bool_], study: Study) -> Figure:
        axes = np.linalg.svd(points[train], full_matrices=False)[2][:2]
        axes *= np.sign(axes[np.arange(len(axes)), np.abs(axes).argmax(axis=1)])[:, None]
        flat = points @ axes.T
        if flat.shape[1] < 2:
            flat = np.column_stack([flat[:, 0], np.zeros(len(flat))])
        series = []
        levels = [row.level or row.structure for row in study.latents.rows]
        for level in dict.fromkeys(levels):
            here = [i for i, name in enumerate(levels) if name == level]
            series.append(Series(level, tuple(float(v) for v in flat[here, 0]), tuple(float(v) for v in flat[here, 1])))
        return Figure(
            "latent-map",
            "Samples along the first two principal axes of the latents",
            "scatter",
            "first axis",
            "second axis",
            series=tuple(series),
            caption="Latents in training standard deviations; axes from the training patients, all samples shown.",
        )

    def _sentences(self, columns: dict[str, Floats], train: NDArray[np.bool_], study: Study) -> tuple[str, ...]:
        test = study.split.mask(study.latents.rows, "test")
        if not test.any():
            return ()
        distance = columns["mahalanobis"]
        far = distance[test] > float(np.quantile(distance[train], 0.95))
        patients = len({row.patient for row, tested in zip(study.latents.rows, test, strict=True) if tested})
        return (
            f"{int(far.sum())} of the {len(far)} held-out samples ({100 * far.mean():.0f} %; {patients} patients) lie further from the "
            f"training cohort than 95 % of the training samples do (5 % expected of the same population).",
        )


def _participation(points: Floats) -> float:
    covariance: Floats = np.cov(points.T).reshape(points.shape[1], -1).astype(np.float64)
    return participation_ratio(np.linalg.eigvalsh(covariance).astype(np.float64))


def _coarse(mask: NDArray[np.float32]) -> Floats:
    """The mask averaged to at most 16 cells an axis, flat."""
    out = mask.astype(np.float64)
    for axis, n in enumerate(mask.shape):
        starts = np.unique((np.arange(min(n, 16)) * n) // min(n, 16))
        out = np.add.reduceat(out, starts, axis=axis) / (n / len(starts))
    return out.ravel()
