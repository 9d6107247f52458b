"""One plugin on the bench, with what has been found out about it so far: checks share its work."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from spinefx.contract.errors import PluginError, SpinefxError
from spinefx.testing.bench import arrays_of, phantom_samples, phantom_scan
from spinefx.testing.elsewhere import Elsewhere
from spinefx.testing.exercise import exercised, ready
from spinefx.testing.likeness import digests
from spinefx.testing.study import phantom_study
from spinefx.testing.subject import Subject
from spinefx.testing.watch import Seen, watched


class ConformanceError(AssertionError):
    """Something that a plugin does wrong, in plain words, with what to do."""


class NotApplicableError(Exception):
    """A check that has nothing to say about this plugin; says why."""


@dataclass(frozen=True)
class Work:
    """What came of one exercise: the result, its digests, and what was seen beside it."""

    result: Any
    digests: Mapping[str, str]
    seen: Seen


class Lab:
    """One subject and its workspace. Close it, or use it as a context manager."""

    def __init__(self, subject: Subject, elsewhere: dict[str, Elsewhere] | None = None) -> None:
        self.asked = subject
        self._stack = ExitStack()
        self.folder = Path(self._stack.enter_context(tempfile.TemporaryDirectory(prefix="spinefx-lab-")))
        self._elsewhere = {} if elsewhere is None else elsewhere
        self._own = elsewhere is None
        self._count = 0
        self.touched: list[str] = []

    def __enter__(self) -> Lab:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Remove the workspace and end the other process, if it is this lab's own."""
        self._stack.close()
        if self.touched:
            for made in (phantom_scan, phantom_samples, phantom_study):
                made.cache_clear()  # what is on the bench is no phantom any more
        if self._own:
            for process in self._elsewhere.values():
                process.close()
            self._elsewhere.clear()

    @cached_property
    def subject(self) -> Subject:
        """The subject with its options made."""
        home = self.folder / "options"
        home.mkdir(exist_ok=True)
        return self.asked.settled(home)

    def workspace(self) -> Path:
        """A new folder that the plugin may write into."""
        self._count += 1
        folder = self.folder / f"work-{self._count}"
        folder.mkdir()
        return folder

    def worked(self) -> Work:
        """One exercise with a fresh stage object, watched; raises what the plugin raises."""
        workspace = self.workspace()
        with watched(self.folder) as seen:
            result = exercised(self.subject, workspace)
        return Work(result, digests(result), seen)

    @cached_property
    def begun(self) -> Work | Exception:
        """The first exercise, in which libraries are imported too; what it raised, where it failed."""
        before = self.inputs()
        try:
            work = self.worked()
        except PluginError:
            raise
        except Exception as error:
            return error
        self.touched = [name for name, now in self.inputs().items() if before[name] != now]
        return work

    @property
    def first(self) -> Work:
        """The first exercise, where it gave a result."""
        if isinstance(self.begun, Exception):
            raise NotApplicableError("it does not work yet")
        return self.begun

    @cached_property
    def second(self) -> Work:
        """Another exercise, with another object; now nothing is imported any more."""
        _ = self.first
        return self.worked()

    @cached_property
    def stage(self) -> Any:
        """A stage object, fitted where a segmenter has to be, for whatever else is tried on it."""
        _ = self.first
        return ready(self.subject.build(), self.workspace())

    @cached_property
    def elsewhere(self) -> Elsewhere:
        """The fresh process for this subject's source."""
        if not self.subject.source:
            raise ConformanceError(
                f"{self.what} cannot be found by another process; offer it from a module that can be imported, or from a file"
            )
        if self.subject.source not in self._elsewhere:
            self._elsewhere[self.subject.source] = Elsewhere(self.subject.source)
        return self._elsewhere[self.subject.source]

    @property
    def what(self) -> str:
        """`augmenter 'ghosting'`, as messages name it."""
        return f"{self.asked.kind.replace('_', ' ')} '{self.asked.name}'"

    def inputs(self) -> dict[str, tuple[bool, Mapping[str, str]]]:
        """What the bench gives to plugins of this kind, as it is now."""
        kind, plugin = self.asked.kind, self.asked.plugin
        found: dict[str, Any] = {}
        if kind in ("segmenter", "preprocessor", "geometry_analyser") and plugin.scope == "scan":
            found = {f"its scan's {name}": array for name, array in arrays_of(phantom_scan(1)).items()}
        elif kind in ("augmenter", "encoder"):
            for sample in phantom_samples():
                found |= {f"{sample.id}'s image": sample.image, f"{sample.id}'s mask": sample.mask}
        elif kind != "loader":
            study = phantom_study()
            found = {"the latents": study.latents.z, **{f"feature {n}": v for n, v in study.features.columns.items()}}
            found |= {f"label {name}": values for name, values in study.labels.columns.items()}
        return {name: (array.flags.writeable, digests(array)) for name, array in found.items()}


def told(error: BaseException) -> str:
    """`IndexError: index 0 is out of bounds`, on one line."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return f"{type(error).__name__}: {' '.join(lines)[:300]}" if lines else type(error).__name__


def named(error: BaseException) -> bool:
    """Whether an error is one of spinefx's own and says something."""
    return isinstance(error, SpinefxError) and len(str(error)) > 10
