"""Who is fitted on: patients dealt into train, validation, test and folds before anything is fitted.

Each patient draws a number from the seed and its own id, so adding or losing a patient moves hardly anyone else.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from spinefx.contract.errors import PlanError
from spinefx.contract.samples import Part, Split
from spinefx.work.chance import uniform


def deal(
    patients: Collection[str],
    *,
    seed: int,
    test: float | Sequence[str],
    validation: float | Sequence[str],
    folds: int,
    strata: Mapping[str, object] | None = None,
    lost: Collection[str] = (),
) -> Split:
    """The split of `patients`.

    test : share of the patients, or their ids.   validation : share of the patients that are not tested, or ids.
    folds : number of folds over all patients.   strata : patient -> stratum; shares hold within each.
    lost : patients whose cases were all quarantined; they may be named, and their loss may leave none to train on.

    Raises
    ------
    PlanError
        If a named patient is not in the cohort, or none is left to train on.
    """
    ordered = sorted(patients, key=lambda p: (uniform(seed, f"split:{p}"), p))
    groups: dict[str, list[str]] = {}
    for patient in ordered:
        groups.setdefault(str((strata or {}).get(patient, "")), []).append(patient)
    in_order = _interleaved(groups)
    tested = dict.fromkeys(_chosen(in_order, test, "test", lost))
    rest = [p for p in in_order if p not in tested]
    validated = _chosen(rest, validation, "validation", lost) if rest else []
    if len(rest) == len(validated) and not lost:
        raise PlanError("[split] leaves no patient to train on; lower `test` or `validation`")
    part: dict[str, Part] = dict.fromkeys(in_order, "train")
    part |= dict.fromkeys(tested, "test")
    part |= dict.fromkeys(validated, "validation")
    fold = {patient: number * folds // len(in_order) for number, patient in enumerate(in_order)}
    return Split(dict(sorted(part.items())), dict(sorted(fold.items())))


def _interleaved(groups: Mapping[str, list[str]]) -> list[str]:
    """All patients in one order in which every stretch holds the strata in their proportions."""
    placed = [
        ((number + 0.5) / len(members), name, patient)
        for name, members in sorted(groups.items())
        for number, patient in enumerate(members)
    ]
    return [patient for _, _, patient in sorted(placed)]


def _chosen(ordered: Sequence[str], wanted: float | Sequence[str], part: str, lost: Collection[str]) -> list[str]:
    """The members that a share or a list of ids names."""
    if isinstance(wanted, (int, float)):
        return _share(ordered, wanted)
    named = {str(p) for p in wanted}
    if strangers := sorted(named - set(ordered) - set(lost)):
        raise PlanError(f"[split] {part} names patients that are not in the cohort: {', '.join(strangers)}")
    return [p for p in ordered if p in named]


def _share(ordered: Sequence[str], share: float) -> list[str]:
    """The first members that make up `share` of the order; at least one where the share is not 0 and three exist."""
    count = round(len(ordered) * share)
    if share > 0 and count == 0 and len(ordered) >= 3:
        count = 1
    return list(ordered[: min(count, len(ordered) - 1)])
