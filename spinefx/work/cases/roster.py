"""The cases that a loader finds, checked before anything is done with them: their ids go into every table."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial

from spinefx.contract.case import Case
from spinefx.contract.errors import DataError, SpinefxError
from spinefx.contract.labels import Labels
from spinefx.contract.pseudonyms import Pseudonyms
from spinefx.contract.scan import Scan
from spinefx.contract.stages import LabelSource, Loader, Weighing
from spinefx.plan import Plan

_LONGEST = 200


def pseudonyms(plan: Plan) -> Pseudonyms | None:
    """The names that cases and patients bear in what is written; None where they bear their own."""
    return Pseudonyms.read(plan.run.hash_ids) if plan.run.hash_ids is not None else None


def teller(names: Pseudonyms | None, case: Case) -> Callable[[str], str]:
    """What makes of a message about the case one that may be written: without its own names where it bears a pseudonym."""
    return partial(names.told, case=case.origin) if names is not None and case.origin is not None else str


def loader_of(plan: Plan) -> Loader:
    """The plan's loader; under `[run] hash_ids` one that gives every case and label under its pseudonym."""
    loader: Loader = plan.data.build()
    names = pseudonyms(plan)
    if names is None:
        return loader
    return (_WithLabels if isinstance(loader, LabelSource) else _Pseudonymous)(loader, names)


@dataclass(frozen=True)
class _Pseudonymous:
    """A loader whose cases bear pseudonyms."""

    loader: Loader
    names: Pseudonyms

    def cases(self) -> Sequence[Case]:
        return tuple(self.names.case(case) if isinstance(case, Case) else case for case in self.loader.cases())

    def load(self, case: Case) -> Scan:
        own = case.origin or case
        scan = self.loader.load(own)
        return scan.replace(case=case, notes=tuple(self.names.told(note, own) for note in scan.notes))

    def voxels(self, case: Case) -> int:
        return self.loader.voxels(case.origin or case) if isinstance(self.loader, Weighing) else 0


@dataclass(frozen=True)
class _WithLabels(_Pseudonymous):
    def labels(self) -> Labels:
        own: Labels = self.loader.labels()  # type: ignore[attr-defined]
        rows = tuple(replace(row, patient=self.names.of(row.patient)) for row in own.rows)
        remarks = tuple(
            replace(remark, row=replace(remark.row, patient=self.names.of(remark.row.patient)))
            for remark in own.remarks
        )
        return replace(own, rows=rows, remarks=remarks)


def roster(loader: Loader, plan: Plan) -> tuple[Case, ...]:
    """Every case that the plan's loader finds.

    Raises
    ------
    DataError
        If it finds none, fails, gives an id twice, or ids that are no plain text; with its place in the plan.
    """
    with asked(plan, "cases"):
        cases = tuple(loader.cases())
        if not cases:
            raise DataError("finds no case; look at its root and patterns")
        for case in cases:
            if not isinstance(case, Case):
                raise DataError(f"gives {type(case).__name__} among its cases, wanted Case")
            for what, text in (("case", case.id), ("patient", case.patient)):
                if why := _unfit(text):
                    raise DataError(f"gives the {what} id {text!r}: {why}; rename it at its source")
        name, times = Counter(case.id for case in cases).most_common(1)[0]
        if times > 1:
            raise DataError(f"gives two cases the id {name!r}")
    return cases


@contextmanager
def asked(plan: Plan, what: str) -> Iterator[None]:
    """Name the plan's loader, and its place, in whatever goes wrong when it is asked for its cases or labels."""
    who = f"{plan.where('data')}: loader {plan.data.use!r}"
    try:
        yield
    except DataError as error:
        raise DataError(f"{who}: {error}") from error
    except SpinefxError:
        raise
    except Exception as error:
        raise DataError(f"{who}: fails to list its {what}: {type(error).__name__}: {error}") from error


def _unfit(text: object) -> str:
    """Why this cannot be an id; "" where it can."""
    if not isinstance(text, str):
        return f"is {type(text).__name__}, wanted text"
    if not text.strip():
        return "is empty"
    if len(text) > _LONGEST:
        return f"has {len(text)} characters, wanted at most {_LONGEST}"
    return "" if text.isprintable() else "holds characters that cannot be printed"
