"""The cases that a loader finds, checked before anything is done with them: their ids go into every table."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from spinefx.contract.case import Case
from spinefx.contract.errors import DataError, SpinefxError
from spinefx.contract.stages import Loader

_LONGEST = 200


def roster(loader: Loader, use: str) -> tuple[Case, ...]:
    """Every case that the loader finds.

    Raises
    ------
    DataError
        If it finds none, fails, gives an id twice, or ids that are no plain text.
    """
    with asked(use, "cases"):
        cases = tuple(loader.cases())
    if not cases:
        raise DataError(f"[data] use = {use!r} finds no case; look at its root and patterns")
    for case in cases:
        if not isinstance(case, Case):
            raise DataError(f"[data] use = {use!r} gives {type(case).__name__} among its cases, wanted Case")
        for what, text in (("case", case.id), ("patient", case.patient)):
            if why := _unfit(text):
                raise DataError(f"[data] use = {use!r} gives the {what} id {text!r}: {why}; rename it at its source")
    name, times = Counter(case.id for case in cases).most_common(1)[0]
    if times > 1:
        raise DataError(f"[data] use = {use!r} gives two cases the id {name!r}")
    return cases


@contextmanager
def asked(use: str, what: str) -> Iterator[None]:
    """Name the loader in whatever goes wrong when it is asked for its cases or labels."""
    try:
        yield
    except SpinefxError:
        raise
    except Exception as error:
        raise DataError(f"[data] use = {use!r} fails to list its {what}: {type(error).__name__}: {error}") from error


def _unfit(text: object) -> str:
    """Why this cannot be an id; "" where it can."""
    if not isinstance(text, str):
        return f"is {type(text).__name__}, wanted text"
    if not text.strip():
        return "is empty"
    if len(text) > _LONGEST:
        return f"has {len(text)} characters, wanted at most {_LONGEST}"
    return "" if text.isprintable() else "holds characters that cannot be printed"
