"""What a run would make of each case, found out by loading it: used, used with a note, or quarantined with the remedy.

Nothing is segmented, measured or written. A verdict is small; the case's voxels are gone when the next is loaded.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from spinefx.contract.case import Case
from spinefx.contract.errors import DataError, StageError
from spinefx.contract.features import Row
from spinefx.contract.labels import Labels
from spinefx.contract.scan import Scan
from spinefx.contract.stages import Loader
from spinefx.labels import Audit, audit
from spinefx.plan import Plan
from spinefx.work.cases.cut import DRAWN
from spinefx.work.cases.outcome import at, wanted
from spinefx.work.cases.roster import loader_of, pseudonyms, teller
from spinefx.work.executors.spread import spread

USED, NOTED, QUARANTINED = "used", "used with a note", "quarantined"


@dataclass(frozen=True)
class Verdict:
    """What becomes of one case.

    outcome : `used`, `used with a note` or `quarantined`.   said : the notes, or the cause with its remedy.
    rows : the structures that its mask holds.   grid : size and voxel size in words.   digests : role -> of its voxels.
    """

    case: str
    patient: str
    outcome: str
    said: tuple[str, ...] = ()
    rows: tuple[Row, ...] = ()
    grid: str = ""
    digests: Mapping[str, str] | None = None

    def noting(self, note: str) -> Verdict:
        """The same with one more note."""
        outcome = NOTED if self.outcome == USED else self.outcome
        return replace(self, outcome=outcome, said=(*self.said, note))


class Judging:
    """Loads cases by a plan and says what is wrong with them; one in each worker."""

    def __init__(self, plan: Plan, loader: Loader | None = None) -> None:
        self.plan = plan
        self.loader: Loader = loader_of(plan) if loader is None else loader
        self.names = pseudonyms(plan)

    @classmethod
    def from_payload(cls, payload: Mapping[str, Any]) -> Judging:
        """The same in a worker process."""
        return cls(Plan.from_json(payload["plan"]))

    def __call__(self, case: Case) -> Verdict:
        """The verdict on one case; whatever goes wrong with it ends in the verdict."""
        try:
            with at("loader", self.plan.data.use):
                scan = wanted(Scan, self.loader.load(case))
                self._check(scan)
        except StageError as error:
            said = teller(self.names, case)(str(error.__cause__ or error))
            return Verdict(case.id, case.patient, QUARANTINED, (said,))
        notes = tuple(dict.fromkeys((*case.notes, *scan.notes)))
        return Verdict(case.id, case.patient, NOTED if notes else USED, notes, _rows(scan), _grid(scan), _digests(scan))

    def _check(self, scan: Scan) -> None:
        """What the stages after the loader would refuse."""
        sample = self.plan.sample
        missing = [name for name in sample.channels if name not in DRAWN and name not in scan.images]
        if missing:
            raise DataError(f"no image {missing[0]!r} for [sample] channels; it has {sorted(scan.images) or 'none'}")
        if self.plan.segment.name != "mask":
            return
        mask = scan.require_mask()
        if sample.structures != "spine" and not mask.structures(sample.structures):
            kinds = ", ".join(sorted({s.kind for s in mask.structures()}))
            raise DataError(
                f"its mask holds no {sample.structures}, but {kinds}; set [sample] structures to what it holds, or "
                "`spine` for all of it"
            )


def judged(plan: Plan, loader: Loader, cases: Sequence[Case], labels: Labels) -> Iterator[Verdict]:
    """The verdict on every case as it comes, its labels compared; in the plan's executor."""
    graded = _graded(labels)
    payload = {"plan": plan.to_json()}
    found = spread(plan.run, Judging(plan, loader), Judging.from_payload, payload, cases, lost=_lost)
    for _, verdict in found:
        yield _compared(verdict, graded)


def told_apart(verdicts: Iterable[Verdict]) -> list[Verdict]:
    """The verdicts, with a note where two patients have the same voxels: perhaps one person twice, on both sides of a split."""
    verdicts = list(verdicts)
    owners: dict[tuple[str, str], dict[str, str]] = {}
    for verdict in verdicts:
        for role, value in (verdict.digests or {}).items():
            owners.setdefault(("mask" if role == "mask" else "image", value), {}).setdefault(
                verdict.patient, verdict.case
            )
    twins: dict[str, list[str]] = {}
    for (kind, _), people in owners.items():
        for patient, case in people.items() if len(people) > 1 else ():
            others = ", ".join(other for owner, other in people.items() if owner != patient)
            twins.setdefault(case, []).append(f"same {kind} as {others}, of another patient: one person twice?")
    out = []
    for verdict in verdicts:
        for note in twins.get(verdict.case, ()):
            verdict = verdict.noting(note)
        out.append(verdict)
    return out


def audited(verdicts: Iterable[Verdict], labels: Labels) -> Audit | None:
    """How labels and the structures that were found meet; None where there are no labels or no masks."""
    of_discs = any("-" in row.level for row in labels.rows)
    rows = [row for verdict in verdicts for row in verdict.rows if row.structure == "disc" or not of_discs]
    return audit(labels, rows) if labels.rows and rows else None


def _graded(labels: Labels) -> dict[str, set[str]]:
    """Patient -> levels of discs that have labels."""
    out: dict[str, set[str]] = {}
    for row in labels.rows:
        if "-" in row.level:
            out.setdefault(row.patient, set()).add(row.level)
    return out


def _compared(verdict: Verdict, graded: Mapping[str, set[str]]) -> Verdict:
    """The verdict with notes on discs that are graded and not segmented, or the other way round."""
    there = {row.level for row in verdict.rows if row.structure == "disc"}
    labelled = graded.get(verdict.patient)
    if verdict.outcome == QUARANTINED or not there or labelled is None:
        return verdict
    for what, levels in (
        ("graded but not segmented", labelled - there),
        ("segmented but not graded", there - labelled),
    ):
        if levels:
            verdict = verdict.noting(f"{what}: {', '.join(sorted(levels))}")
    return verdict


def _rows(scan: Scan) -> tuple[Row, ...]:
    structures = scan.mask.structures() if scan.mask is not None else ()
    return tuple(Row(scan.case.id, scan.case.patient, s.kind, s.level) for s in structures)


def _grid(scan: Scan) -> str:
    holder = scan.mask or next(iter(scan.images.values()), None)
    if holder is None:
        return ""
    shape, spacing = holder.grid.shape, holder.grid.spacing
    return f"{' x '.join(map(str, shape))} at {' x '.join(f'{s:.3g}' for s in spacing)} mm (z, y, x)"


def _digests(scan: Scan) -> dict[str, str]:
    voxels = {name: image.data for name, image in scan.images.items()}
    if scan.mask is not None:
        voxels["mask"] = scan.mask.labels  # type: ignore[assignment]
    return {
        name: hashlib.blake2b(np.ascontiguousarray(data).data, digest_size=16).hexdigest()
        for name, data in voxels.items()
    }


def _lost(case: Case, cause: str) -> Verdict:
    return Verdict(case.id, case.patient, QUARANTINED, (f"loading it failed: {cause}",))
