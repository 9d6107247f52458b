"""Many pairs of columns as one table: false discoveries controlled over all of it, one heatmap, one sentence."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from spinefx.api import Column, Figure, Table
from spinefx_stats.association import Association
from spinefx_stats.patients import benjamini_hochberg
from spinefx_stats.words import Cell, between


@dataclass(frozen=True)
class Pair:
    """Two columns: over all patients, within levels and covariates, and over held-out patients alone."""

    first: str
    kind: str
    second: str
    measure: str
    everyone: Association
    within: Association
    held_out: Association


def q_values(pairs: Sequence[Pair]) -> tuple[list[float], list[float]]:
    """q of the plain and of the partial effects, each over all pairs."""
    plain = benjamini_hochberg(np.array([pair.everyone.p for pair in pairs]))
    partial = benjamini_hochberg(np.array([pair.within.p for pair in pairs]))
    return [float(q) for q in plain], [float(q) for q in partial]


def pairs_table(name: str, title: str, pairs: Sequence[Pair], given: str, fdr: float) -> Table:
    """One row per pair."""
    plain, partial = q_values(pairs)
    rows: list[tuple[Cell, ...]] = [
        (
            pair.first, pair.kind, pair.second, pair.measure, pair.everyone.n, pair.everyone.patients,
            pair.everyone.effect, pair.everyone.low, pair.everyone.high, pair.everyone.p, q, bool(q <= fdr),
            pair.within.effect, pair.within.p, q_within, bool(q_within <= fdr),
            pair.held_out.n, pair.held_out.patients, pair.held_out.effect, pair.held_out.low, pair.held_out.high,
        )
        for pair, q, q_within in zip(pairs, plain, partial, strict=True)
    ]  # fmt: skip
    columns = (
        Column("feature", "Feature"), Column("kind", "Kind"), Column("with", "With"), Column("measure", "Measure"),
        Column("n", "Rows"), Column("patients", "Patients"), Column("effect", "Effect", about="all patients"),
        Column("low", "low"), Column("high", "high"), Column("p", "p"), Column("q", "q", about="Benjamini-Hochberg"),
        Column("finding", "Finding"), Column("partial", "Partial effect", about=f"given {given}"),
        Column("partial_p", "Partial p"), Column("partial_q", "Partial q"), Column("partial_finding", "Partial finding"),
        Column("n_held_out", "Rows held out"), Column("patients_held_out", "Patients held out"),
        Column("effect_held_out", "Effect, held out", about="patients no fit has seen"),
        Column("low_held_out", "low"), Column("high_held_out", "high"),
    )  # fmt: skip
    caption = (
        "Effect: over all patients, training ones included. Held out: over test patients alone, whom the encoder never "
        f"saw. Partial: given {given}. low and high bound 95 % intervals of a bootstrap over patients; p comes from "
        "leaving out each patient in turn; q is the false-discovery rate (Benjamini-Hochberg) over this whole table, and "
        f"a finding has q <= {fdr:g}."
    )
    return Table(name, title, columns, tuple(rows), caption)


def heatmap(name: str, title: str, pairs: Sequence[Pair]) -> Figure:
    """First columns by second columns, coloured by effect."""
    firsts, seconds = (list(dict.fromkeys(getattr(p, side) for p in pairs)) for side in ("first", "second"))
    effects = {(pair.first, pair.second): pair.everyone.effect for pair in pairs}
    matrix = tuple(tuple(effects.get((a, b), float("nan")) for b in seconds) for a in firsts)
    return Figure(
        f"heatmap-{name}", title, "heatmap", matrix=matrix, row_names=tuple(firsts), column_names=tuple(seconds)
    )


def over_patients(pair: Pair) -> str:
    """The effect with its interval over all patients, and over held-out ones where there are any."""
    own, out = pair.everyone, pair.held_out
    text = f"{between(own.effect, own.low, own.high)} over all {own.patients} patients"
    if not np.isfinite(out.effect):
        return text
    return f"{text}, {between(out.effect, out.low, out.high)} over the {out.patients} held-out ones"


def findings_of(pairs: Sequence[Pair], what: str, given: str, fdr: float) -> str:
    """How many pairs are findings, how many stay so within levels, and the strongest."""
    plain, partial = q_values(pairs)
    tested = sum(np.isfinite(q) for q in plain)
    if not tested:
        return f"No pair of {what} could be tested: too few patients have both."
    found, left = sum(q <= fdr for q in plain), sum(q <= fdr for q in partial)
    text = f"Of {tested} tested pairs of {what}, {found} are findings at a false-discovery rate of {fdr:g}"
    if any(np.isfinite(q) for q in partial):
        text += f", {left} given {given}"
    known = [pair for pair in pairs if np.isfinite(pair.everyone.p)]
    if not known:
        return text + "."
    best = max(known, key=lambda pair: abs(pair.everyone.effect))
    text += f". The strongest is {best.first} with {best.second}: {best.measure} {over_patients(best)}"
    if np.isfinite(best.within.effect):
        text += f", {best.within.effect:.3f} given {given}"
    return text + "."
