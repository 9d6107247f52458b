"""Everything spinefx raises on purpose, as one tree.

    SpinefxError                       exit code 1 (our bug, unless a branch says otherwise)
    |-- PlanError                      2  the TOML, the command line or a plugin's name or options
    |   `-- PluginError                2  a plugin is missing, broken or named twice
    |-- DataError                      3  a file, a header, a mask or a label table
    |   |-- GridError                  3  geometry that is not finite, not sane or does not match
    |   |-- SchemeError                3  a mask value that the label scheme does not know
    |   `-- LabelTableError            3  a label table that cannot be read or joined
    |-- StageError                     4  a plugin failed on one case; the case is quarantined
    `-- StoreError                     5  disk, memory, a lock, a damaged artefact

Every message says where, what was wanted, what was found and what to do.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


class SpinefxError(Exception):
    """Base of every error that spinefx raises on purpose; `exit_code` is what the CLI ends with."""

    exit_code = 1


@dataclass(frozen=True)
class Problem:
    """One thing wrong in a plan: where (`pipeline.toml:9:1 [encode]`), what, and what to do."""

    where: str
    what: str
    remedy: str = ""

    def __str__(self) -> str:
        tail = f"   ({self.remedy})" if self.remedy else ""
        return f"{self.where}: {self.what}{tail}"


class PlanError(SpinefxError):
    """A plan that cannot be run; `problems` lists everything found, not only the first."""

    exit_code = 2

    def __init__(self, problems: str | Sequence[Problem]) -> None:
        self.problems: tuple[Problem, ...] = () if isinstance(problems, str) else tuple(problems)
        super().__init__(problems if isinstance(problems, str) else "\n".join(map(str, problems)))


class PluginError(PlanError):
    """A plugin is missing, does not import, or shares its name with another."""


class DataError(SpinefxError):
    """A file, image, mask or table that cannot be used as it is."""

    exit_code = 3


class GridError(DataError):
    """Geometry that is not finite, not orthonormal, or differs between image and mask."""


class SchemeError(DataError):
    """A mask holds values that its label scheme does not know."""


class LabelTableError(DataError):
    """A label table that cannot be read, or that does not hold what the plan asks of it.

    option : which key of `[labels]` it is about (`("targets", 0)`), so that its place in the TOML can be told.
    """

    def __init__(self, message: str, *, option: tuple[str | int, ...] = ("table",)) -> None:
        self.option = option
        super().__init__(message)


class StageError(SpinefxError):
    """A stage failed on one case; `stage`, `plugin` and `case` name it, the cause is chained."""

    exit_code = 4

    def __init__(self, message: str, *, stage: str = "", plugin: str = "", case: str = "") -> None:
        self.stage, self.plugin, self.case = stage, plugin, case
        where = ": ".join(part for part in (case and f"case {case}", stage, plugin) if part)
        super().__init__(f"{where}: {message}" if where else message)


class StoreError(SpinefxError):
    """The run folder or the cache cannot be read or written, or somebody else holds it."""

    exit_code = 5
