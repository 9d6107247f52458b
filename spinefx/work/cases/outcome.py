"""How a case ends: the task, the keys of its results, what became of it, and who is named where it failed."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TypeVar

from spinefx.contract.case import Case
from spinefx.contract.errors import DataError, SpinefxError, StageError, StoreError
from spinefx.store.files import FULL
from spinefx.store.keys import Stamp

Made = TypeVar("Made")


@dataclass(frozen=True)
class Failure:
    """What failed: which stage, which plugin, what it said; and for the log, where in the code."""

    stage: str
    plugin: str
    cause: str
    trace: str = ""

    @classmethod
    def of(cls, error: StageError, told: Callable[[str], str] = str) -> Failure:
        """What a stage's error says, in the words that `told` makes of its own."""
        cause = error.__cause__
        unforeseen = cause is not None and cause.__cause__ is not None
        trace = "".join(traceback.format_exception(cause.__cause__)) if unforeseen and cause else ""
        return cls(error.stage, error.plugin, told(_words(cause or error)), told(trace))


@dataclass(frozen=True, slots=True)
class Keys:
    """Where the results of one case lie in the cache; an empty key stands for what the case does not have."""

    segment: str
    features: tuple[str, ...]
    samples: str
    picture: str = ""
    volumes: str = ""
    measured: str = ""

    @property
    def all(self) -> tuple[str, ...]:
        """Every artefact that a finished case has."""
        return (*self.features, self.samples, *filter(None, [self.picture, self.volumes, self.measured]))


@dataclass(frozen=True, slots=True)
class Task:
    """One case to do, and what is known of its files from earlier runs."""

    case: Case
    known: Mapping[str, tuple[Stamp, str]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class CaseResult:
    """How one case ended; small, since the driver keeps one for each."""

    case: str
    patient: str
    outcome: str
    seconds: float
    keys: Keys | None = None
    done: tuple[str, ...] = ()
    failure: Failure | None = None
    fingerprints: Mapping[str, tuple[Stamp, str]] = field(default_factory=dict)
    remarks: tuple[str, ...] = ()


def lost(task: Task, cause: str) -> CaseResult:
    """The result of a case whose worker died or hung."""
    failure = Failure("casework", "", cause)
    return CaseResult(task.case.id, task.case.patient, "quarantined", 0.0, failure=failure)


@contextmanager
def at(stage: str, plugin: str) -> Iterator[None]:
    """Name the stage and plugin of whatever goes wrong inside; a disk that fails is not the case's fault."""
    try:
        yield
    except (StageError, StoreError):
        raise
    except SpinefxError as error:
        raise StageError(str(error), stage=stage, plugin=plugin) from error
    except MemoryError as error:
        told = f"out of memory: {error}".rstrip(": ")
        raise StageError("out of memory", stage=stage, plugin=plugin) from DataError(told)
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # a plugin that calls sys.exit() costs its own case too
        if isinstance(error, OSError) and error.errno in FULL:
            raise StoreError(f"{stage} {plugin}: {_words(error)}; free some space, then run again") from error
        named = DataError(f"{type(error).__name__}: {_words(error)}")
        named.__cause__ = error
        raise StageError(str(named), stage=stage, plugin=plugin) from named


def wanted(kind: type[Made], value: object) -> Made:
    """`value`, if the plugin gave what its kind must give."""
    if not isinstance(value, kind):
        raise TypeError(f"gave {type(value).__name__}, wanted {kind.__name__}")
    return value


def _words(error: BaseException) -> str:
    """What an error says; one of a stranger's may fail even at that."""
    try:
        return str(error).encode("utf-8", "backslashreplace").decode() or "no message"
    except Exception as worse:
        return f"its message cannot be read ({type(worse).__name__})"
