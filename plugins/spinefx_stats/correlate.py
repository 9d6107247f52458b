"""`correlate`: latents with geometry, and both with labels, tested by patient, false discoveries controlled."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from spinefx.api import Column, Figure, Findings, Series, Study, Table, unit_of
from spinefx_stats import CorrelateOptions
from spinefx_stats.association import MEASURES, Association, Explained, associate, associate_within, explain
from spinefx_stats.cohort import Cohort, cohort_of
from spinefx_stats.components import Masks, fit_components
from spinefx_stats.pairs import Pair, findings_of, heatmap, over_patients, pairs_table
from spinefx_stats.patients import FEWEST
from spinefx_stats.weighted import Array, pearson
from spinefx_stats.words import Cell, between

MOST_POINTS = 2000


class Correlate:
    """Evaluator: what goes with what."""

    def __init__(self, options: CorrelateOptions) -> None:
        self.options = options

    def evaluate(self, study: Study) -> Findings:
        """Tables of correlations (all patients, and held-out ones alone), what latents explain, heatmaps, clouds."""
        options = self.options
        cohort = cohort_of(study, features=options.features, facts=options.facts, resamples=options.resamples)
        if not cohort.rows:
            return Findings(warnings=("There is no sample to correlate.",))
        latents = dict(zip(cohort.latent_names, cohort.latents.T, strict=True))
        shapes = [self._pair(cohort, z, "latent", x, name, "continuous", y, shape=True)
                  for z, x in latents.items() for name, y in cohort.geometry.items()]  # fmt: skip
        predictors = [("latent", *item) for item in latents.items()]
        predictors += [("geometry", *item) for item in cohort.geometry.items()]
        clinical = [self._pair(cohort, name, kind, x, target.name, target.kind, target.values, shape=False)
                    for target in cohort.targets for kind, name, x in predictors]  # fmt: skip
        explained = self._explained(study, cohort)
        given = ", ".join(["level", *cohort.covariates])
        tables = [pairs_table("latents-geometry", "Latents and geometry", shapes, given, options.fdr)] if shapes else []
        tables += [self._explained_table(explained, study)] if explained else []
        tables += (
            [pairs_table("correlations", "Latents, geometry and labels", clinical, given, options.fdr)]
            if clinical
            else []
        )
        figures = (
            [heatmap("latents-geometry", "Latents and geometry: Pearson's r, all patients", shapes)] if shapes else []
        )
        figures += self._clouds(cohort, latents, shapes)
        figures += [heatmap("correlations", "Features and labels: effect, all patients", clinical)] if clinical else []
        return Findings(
            tuple(tables),
            tuple(figures),
            tuple(self._sentences(shapes, clinical, explained, given)),
            self._warnings(cohort),
        )

    def _pair(
        self, cohort: Cohort, first: str, kind: str, x: Array, second: str, second_kind: str, y: Array, *, shape: bool
    ) -> Pair:
        named, measure = ("Pearson", pearson) if shape else MEASURES[second_kind]
        given = np.hstack([cohort.level_dummies[:, 1:], cohort.stacked(cohort.covariates)])
        tested = cohort.tested
        return Pair(
            first, kind, second, named,
            everyone=associate(x, y, cohort.patients, measure),
            within=associate_within(x, y, given, cohort.patients, ranked=not shape) if given.shape[1] else Association(),
            held_out=associate(x[tested], y[tested], cohort.patients.of(tested), measure, test=False),
        )  # fmt: skip

    def _explained(self, study: Study, cohort: Cohort) -> dict[str, tuple[Explained, Explained | None]]:
        wanted = dict(cohort.geometry)
        for target in cohort.targets:
            if target.kind == "continuous":
                wanted[f"{target.name} (label)" if target.name in wanted else target.name] = target.values
        pca: Array | None = None
        if wanted and self.options.pca:
            masks = Masks(study.samples)
            fit = fit_components(masks, study.split.patients("train"), cohort.latents.shape[1], seed=study.seed)
            pca = None if fit is None else fit.scores(masks)
        parts = (cohort.fitted, cohort.tested, cohort.patients)
        return {
            name: (explain(cohort.latents, y, *parts), None if pca is None else explain(pca, y, *parts))
            for name, y in wanted.items()
        }

    def _explained_table(self, explained: dict[str, tuple[Explained, Explained | None]], study: Study) -> Table:
        size = study.latents.z.shape[1]
        rows: list[tuple[Cell, ...]] = [
            (name, unit_of(name), z.fitted_n, z.held_out_n, z.patients, z.fitted, z.held_out, z.low, z.high)
            + ((pca.held_out, pca.low, pca.high) if pca else (None, None, None))
            for name, (z, pca) in explained.items()
        ]
        columns = (
            Column("feature", "Feature"), Column("unit", "Unit"), Column("n_fitted", "Rows fitted"),
            Column("n_held_out", "Rows held out"), Column("patients_held_out", "Patients held out"),
            Column("r2_fitted", "R², fitted"), Column("r2", "R², held out"), Column("r2_low", "low"),
            Column("r2_high", "high"), Column("pca_r2", f"R², held out, PCA-{size}"),
            Column("pca_low", "low"), Column("pca_high", "high"),
        )  # fmt: skip
        caption = (
            "A linear function of all latents, fitted on training and validation patients, judged on patients that neither "
            "the encoder nor the fit has seen. Below 0 it says less than their mean does. The PCA of the same size was "
            "fitted on the training patients."
        )
        return Table("latents-explain", "What the latents explain linearly", columns, tuple(rows), caption)

    def _clouds(self, cohort: Cohort, latents: dict[str, Array], shapes: list[Pair]) -> list[Figure]:
        strongest = sorted(
            (pair for pair in shapes if np.isfinite(pair.everyone.effect)), key=lambda pair: -abs(pair.everyone.effect)
        )[: self.options.scatters]
        parts = (("fitted on", cohort.fitted), ("held out", cohort.tested))
        return [
            Figure(
                f"cloud-{pair.first}-{pair.second}".replace(".", "-").replace("_", "-"),
                f"{pair.first} and {pair.second}", "scatter", pair.first, pair.second,
                series=tuple(_cloud(title, cohort, inside, latents[pair.first], cohort.geometry[pair.second])
                             for title, inside in parts if inside.any()),
                caption=f"r = {over_patients(pair)}.",
            )
            for pair in strongest
        ]  # fmt: skip

    def _sentences(
        self,
        shapes: list[Pair],
        clinical: list[Pair],
        explained: dict[str, tuple[Explained, Explained | None]],
        given: str,
    ) -> list[str]:
        out = []
        for pairs, what in ((shapes, "latent and geometry"), (clinical, "feature and label")):
            if pairs:
                out.append(findings_of(pairs, what, given, self.options.fdr))
        z, pca = explained.get("disc.height_mm", (None, None))
        if z is not None and np.isfinite(z.held_out):
            beside = f", those of the PCA {between(pca.held_out, pca.low, pca.high)}" if pca else ""
            out.append(
                f"In held-out patients a linear fit on the latents explains disc.height_mm with R² "
                f"{between(z.held_out, z.low, z.high)}{beside}."
            )
        return out

    def _warnings(self, cohort: Cohort) -> tuple[str, ...]:
        out = []
        tested = cohort.patients.of(cohort.tested).count
        if tested < FEWEST:
            out.append(f"Only {tested} patients are held out; their correlations have no interval (6 are needed).")
        if cohort.patients.count < FEWEST:
            out.append(
                f"Only {cohort.patients.count} patients in all: no test and no interval is given (6 are needed)."
            )
        if not cohort.geometry:
            out.append("No geometry column varies over the samples; nothing to hold the latents against.")
        if not cohort.targets:
            out.append("No label is named as target, so nothing is correlated with labels.")
        for target in cohort.targets:
            present = np.isfinite(target.values)
            people = cohort.patients.of(present).count
            if people < FEWEST:
                out.append(
                    f"Label {target.name!r}: {int(present.sum())} rows of {people} patients have a value; not tested."
                )
            elif np.ptp(target.values[present]) == 0:
                out.append(f"Label {target.name!r}: all {int(present.sum())} values are alike; not tested.")
        return tuple(out)


def _cloud(title: str, cohort: Cohort, inside: NDArray[np.bool_], x: Array, y: Array) -> Series:
    places = np.flatnonzero(inside & np.isfinite(x) & np.isfinite(y))
    if len(places) > MOST_POINTS:
        places = places[np.linspace(0, len(places) - 1, MOST_POINTS).round().astype(np.intp)]
    return Series(
        title,
        tuple(float(v) for v in x[places]),
        tuple(float(v) for v in y[places]),
        labels=tuple(cohort.rows[i].id for i in places),
    )
