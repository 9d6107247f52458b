"""Whether acting on a prediction does more good than acting on everybody or on nobody: the decision curve."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np

from spinefx.api import Column, Figure, Series, Table
from spinefx_stats.scores import Said
from spinefx_stats.weighted import net_benefit
from spinefx_stats.words import Cell, slug


@dataclass(frozen=True)
class Worth:
    """One threshold: net benefit with bounds, of acting on all, and the gain over the better of all and none with bounds."""

    threshold: float
    value: float
    low: float
    high: float
    everybody: float
    gain: tuple[float, float, float]


def worths(found: Said, thresholds: Sequence[float]) -> list[Worth]:
    """The decision curve of one set of predictions; intervals from patients drawn anew, differences paired."""
    out, patients = [], found.patients
    for threshold in sorted(set(thresholds)):
        model = partial(net_benefit, found.y, found.said, threshold)
        treat_all = partial(net_benefit, found.y, np.ones_like(found.y), threshold)
        value, everybody = float(patients.whole(model)), float(patients.whole(treat_all))
        drawn, all_drawn = patients.bootstrap(model), patients.bootstrap(treat_all)
        low, high = patients.interval(drawn, value)
        rival, rivals = (everybody, all_drawn) if everybody > 0 else (0.0, np.zeros_like(drawn))
        gap = patients.interval(drawn - rivals, value - rival)
        gain = (value - rival, float(gap[0]), float(gap[1]))
        out.append(Worth(threshold, value, float(low), float(high), everybody, gain))
    return out


def decision_rows(target: str, protocol: str, features: str, curve: Sequence[Worth]) -> list[tuple[Cell, ...]]:
    """The curve as rows of `decision_table`."""
    return [(target, protocol, features, w.threshold, w.value, w.low, w.high, w.everybody, *w.gain) for w in curve]


def decision_table(rows: Sequence[tuple[Cell, ...]]) -> Table:
    """Net benefit of every set of predictions at every threshold."""
    columns = (
        Column("target", "Target"), Column("protocol", "Patients judged"), Column("features", "Features"),
        Column("threshold", "Threshold", about="probability from which one would act"),
        Column("net_benefit", "Net benefit"), Column("low", "low"), Column("high", "high"),
        Column("all", "Acting on all"), Column("gain", "Over the better of all and none", about="paired, same rows"),
        Column("gain_low", "low"), Column("gain_high", "high"),
    )  # fmt: skip
    caption = (
        "Net benefit: true positives less false ones, these weighted by the threshold's odds, per row; acting on nobody is 0 "
        "(Vickers and Elkin, Med Decis Making 26:565, 2006). low and high bound 95 % intervals of a bootstrap over patients. "
        "A model whose gain does not clear 0 helps nobody to decide."
    )
    return Table("decision-curve", "What acting on the prediction would be worth", columns, tuple(rows), caption)


def decision_figure(target: str, protocol: str, curves: Mapping[str, Sequence[Worth]]) -> Figure | None:
    """Curves of several feature sets for one target, beside acting on all and on none."""
    if not curves:
        return None
    first = next(iter(curves.values()))
    x = tuple(w.threshold for w in first)
    rivals = (
        Series("nobody", x, (0.0,) * len(x)),
        Series("everybody", x, tuple(max(w.everybody, -0.1) for w in first)),
    )
    models = tuple(
        Series(name, x, *(tuple(getattr(w, side) for w in curve) for side in ("value", "low", "high")))
        for name, curve in curves.items()
    )
    return Figure(
        f"decision-{slug(f'{target} {protocol}')}",
        f"Decision curve: {target}, {protocol}",
        "line",
        "Probability from which one would act",
        "Net benefit",
        series=(*rivals, *models),
        caption="Acting on everybody is drawn down to -0.1; the table has its values.",
    )
