"""Planted truth, many times over: coverage of intervals, false discoveries, permuted labels, what leakage is worth.

    python tests/stats/simulate.py coverage 200         # intervals; about five minutes on one quiet core
    python tests/stats/simulate.py discoveries 40
    python tests/stats/simulate.py permuted 40

Prints the tables of docs/judgement.md. tests/stats holds a small version of each.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from functools import partial

import numpy as np
from scipy.stats import norm
from spinefx_stats import CorrelateOptions, PredictOptions
from spinefx_stats.association import associate
from spinefx_stats.correlate import Correlate
from spinefx_stats.mixed import linear
from spinefx_stats.mixed_binary import gee
from spinefx_stats.patients import Patients
from spinefx_stats.predict import Predict
from spinefx_stats.scales import CORRELATION, EXPLAINED
from spinefx_stats.terms import Design
from spinefx_stats.weighted import auc, kappa, pearson, r_squared, rank_biserial, spearman
from stats_simulated import cell, clustered, rows_of, study_of, table

RESAMPLES = 500
PATIENTS = (20, 40, 100)
LEVELS = 5

Draw = Callable[[np.random.Generator, int], tuple[float, float]]
"""(rng, patients) -> bounds of one interval."""


def pair(rng: np.random.Generator, patients: int, r: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """x and y with correlation r in whole and within patients, half of each one's variance the patient's; patients."""
    codes = np.repeat(np.arange(patients), LEVELS)
    parts = [
        scale * rng.multivariate_normal([0, 0], [[1, r], [r, 1]], size)[where]
        for size, where, scale in ((patients, codes, 0.5**0.5), (len(codes), slice(None), 0.5**0.5))
    ]
    x, y = sum(parts).T
    return x, y, codes


def people(codes: np.ndarray, seed: int) -> Patients:
    return Patients([str(c) for c in codes], seed, RESAMPLES)


def _associated(rng: np.random.Generator, patients: int, *, measure: str, r: float) -> tuple[float, float]:
    x, y, codes = pair(rng, patients, r)
    named = {"pearson": pearson, "spearman": spearman, "rank-biserial": rank_biserial}[measure]
    values = (y > 0).astype(float) if measure == "rank-biserial" else y
    found = associate(x, values, people(codes, int(rng.integers(1e9))), named, test=False)
    return found.low, found.high


def _paired(rng: np.random.Generator, patients: int) -> tuple[float, float]:
    """Two scores of one 0/1 label, the second as good as the first: their AUC's difference is 0."""
    first, label, codes = pair(rng, patients, 0.5)
    y = (label > 0).astype(float)
    noise = clusters(rng, codes)
    second = 0.5 * label + 0.75**0.5 * noise
    who = people(codes, int(rng.integers(1e9)))
    draws = who.bootstrap(partial(auc, first, y)) - who.bootstrap(partial(auc, second, y))
    gap = who.whole(partial(auc, first, y)) - who.whole(partial(auc, second, y))
    low, high = who.interval(draws, gap)
    return float(low), float(high)


def _explained(rng: np.random.Generator, patients: int) -> tuple[float, float]:
    """R² of predictions whose correlation with the outcome is .6."""
    x, y, codes = pair(rng, patients, 0.6)
    statistic, who = partial(r_squared, y, 0.6 * x), people(codes, int(rng.integers(1e9)))
    low, high = who.interval(who.bootstrap(statistic), who.whole(statistic), EXPLAINED)
    return float(low), float(high)


def clusters(rng: np.random.Generator, codes: np.ndarray) -> np.ndarray:
    return 0.5**0.5 * (rng.normal(size=codes.max() + 1)[codes] + rng.normal(size=len(codes)))


def _raters(rng: np.random.Generator, patients: int) -> tuple[float, float]:
    """Two raters of three equally common grades who give the same one with probability .6, else any: kappa .6."""
    codes = np.repeat(np.arange(patients), LEVELS)
    a = rng.integers(0, 3, len(codes)).astype(float)
    b = np.where(rng.random(len(codes)) < 0.6, a, rng.integers(0, 3, len(codes)))
    who = people(codes, int(rng.integers(1e9)))
    statistic = partial(kappa, a, b, (0.0, 1.0, 2.0))
    low, high = who.interval(who.bootstrap(statistic), who.whole(statistic), CORRELATION)
    return float(low), float(high)


def _mixed(rng: np.random.Generator, patients: int, *, term: str) -> tuple[float, float]:
    codes = np.repeat(np.arange(patients), LEVELS)
    x, person = rng.normal(size=len(codes)), rng.normal(size=patients)[codes]
    design = Design(["x", "person"], np.column_stack([x, person]), codes)
    y = 0.3 * x + 0.3 * person + clusters(rng, codes)
    found = linear(y, design).term(term)
    return found.low, found.high


def _gee(rng: np.random.Generator, patients: int) -> tuple[float, float]:
    """A probit threshold on clustered noise, so that the truth over all patients is known: a logistic label would not do."""
    codes = np.repeat(np.arange(patients), LEVELS)
    x = rng.normal(size=len(codes))
    uniform = norm.cdf(clusters(rng, codes))
    y = (uniform < 1 / (1 + np.exp(-0.5 * x))).astype(
        float
    )  # marginally logistic with slope .5, rows of a patient alike
    found = gee(y, Design(["x"], x[:, None], codes)).term("x")
    return found.low, found.high


INTERVALS: tuple[tuple[str, float, Draw], ...] = (
    ("Pearson's r", 0.0, partial(_associated, measure="pearson", r=0.0)),
    ("Pearson's r", 0.5, partial(_associated, measure="pearson", r=0.5)),
    ("Spearman's rho", 6 / np.pi * np.arcsin(0.25), partial(_associated, measure="spearman", r=0.5)),
    ("rank-biserial", 4 / np.pi * np.arcsin(0.5 / 2**0.5), partial(_associated, measure="rank-biserial", r=0.5)),
    ("AUC, paired difference", 0.0, _paired),
    ("R²", 0.36, _explained),
    ("kappa", 0.6, _raters),
    ("mixed model, feature within patients", 0.3, partial(_mixed, term="x")),
    ("mixed model, feature between patients", 0.3, partial(_mixed, term="person")),
    ("logistic GEE", 0.5, _gee),
)
"""What, its truth, one draw of its interval. Truths: Spearman of a normal pair (Kruskal, J Am Stat Assoc 53:814, 1958);
AUC of a normal score for a label cut from it at its median, from the orthant probability."""


def coverage(cohorts: int) -> Iterator[str]:
    yield "| interval | truth | " + " | ".join(f"{n} patients" for n in PATIENTS) + " |"
    yield "|---|---|" + "---|" * len(PATIENTS)
    for number, (name, truth, draw) in enumerate(INTERVALS):
        cells = []
        for patients in PATIENTS:
            hits = []
            for cohort in range(cohorts):
                low, high = draw(np.random.default_rng([number, patients, cohort]), patients)
                if np.isfinite(low):
                    hits.append(low <= truth <= high)
            lost = f" ({cohorts - len(hits)} without)" if len(hits) < cohorts else ""
            cells.append(f"{100 * np.mean(hits):.1f} %{lost}")
        yield f"| {name} | {truth:.3f} | " + " | ".join(cells) + " |"


def discoveries(cohorts: int, patients: int = 40) -> Iterator[str]:
    """Latents that tell of three of twelve geometry columns; the other columns are clustered noise."""
    yield "| columns with an effect | findings | false among them | of true ones found |"
    yield "|---|---|---|---|"
    for planted in (0, 3):
        shares, found, power = [], 0, []
        for cohort in range(cohorts):
            rng, rows = np.random.default_rng([77, planted, cohort]), rows_of(patients)
            z = clustered(rng, rows, columns=2)
            noise = clustered(rng, rows, columns=12)
            geometry = {f"c{k}": noise[:, k] + (0.5 * z[:, 0] if k < planted else 0) for k in range(12)}
            options = CorrelateOptions(resamples=100, pca=False, scatters=0)
            one = Correlate(options).evaluate(study_of(z, rows, geometry=geometry, seed=cohort))
            named = table(one, "latents-geometry")
            at = {c.name: i for i, c in reversed(list(enumerate(named.columns)))}
            hits = [(r[at["feature"]], r[at["with"]]) for r in named.rows if r[at["finding"]]]
            true = {("z0", f"disc.c{k}") for k in range(planted)}
            shares.append(sum(h not in true for h in hits) / max(len(hits), 1))
            found += len(hits)
            power.append(len(true & set(hits)) / max(len(true), 1))
        kept = f"{100 * np.mean(power):.0f} %" if planted else "-"
        yield f"| {planted} of 12 | {found} in {cohorts} cohorts | {100 * np.mean(shares):.1f} % (rate asked for: 5 %) | {kept} |"


def permuted(cohorts: int, patients: int = 40) -> Iterator[str]:
    """Labels that nothing tells of, latents that know each patient by heart; two series a patient, as in SPIDER."""
    yield "| protocol | mean AUC | standard error | interval holds .5 |"
    yield "|---|---|---|---|"
    asked = {"held out": "latents", "folds": "geometry", "as published (leaks)": "latents"}
    found: dict[str, list[tuple[float, bool]]] = {name: [] for name in asked}
    for cohort in range(cohorts):
        rng, rows = np.random.default_rng([78, cohort]), rows_of(patients, series=2)
        own = {row.patient: rng.normal(size=16) for row in rows}
        z = np.stack([own[row.patient] for row in rows]) + 0.1 * rng.normal(size=(len(rows), 16))
        first = {(r.patient, r.level): i for i, r in enumerate(rows)}
        same = np.array([first[r.patient, r.level] for r in rows])
        y = (clustered(rng, rows, share=0.8)[:, 0][same] > 0).astype(float)
        options = PredictOptions(resamples=RESAMPLES, pca=False, protocol="as-published")
        labels = {"Coin": ("binary", y)}
        one = Predict(options).evaluate(
            study_of(z, rows, geometry={"a": z[:, 0], "b": z[:, 1]}, labels=labels, seed=cohort)
        )
        for name, features in asked.items():
            where = {"target": "Coin", "protocol": name, "features": features}
            low, high = (cell(table(one, "prediction-binary"), where, side) for side in ("low", "high"))
            value = cell(table(one, "prediction-binary"), where, "auc")
            found[name].append((value, low <= 0.5 <= high))
    for name, features in asked.items():
        values, holds = np.array(found[name]).T
        error = values.std() / np.sqrt(len(values))
        yield f"| {name}, {features} | {values.mean():.3f} | {error:.3f} | {100 * holds.mean():.0f} % |"


PARTS: dict[str, tuple[str, Callable[[int], Iterator[str]]]] = {
    "coverage": (f"Intervals: share that hold the truth, {{}} cohorts of {LEVELS} rows a patient", coverage),
    "discoveries": ("False discoveries, {} cohorts of 40 patients", discoveries),
    "permuted": ("Permuted labels, {} cohorts of 40 patients", permuted),
}


def main(cohorts: int, part: str) -> None:
    title, lines = PARTS[part]
    print(f"### {title.format(cohorts)}\n")
    for line in lines(cohorts):
        print(line, flush=True)


if __name__ == "__main__":
    main(int(sys.argv[2]), sys.argv[1])
