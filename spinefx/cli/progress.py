"""Observers that tell how a run goes: bars with the time left on a terminal, plain lines elsewhere."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from spinefx.cli.console import counted, spoken_time, warn
from spinefx.contract.hookspecs import hookimpl

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID


class Watcher(Protocol):
    """An observer of a run."""

    def spinefx_run_started(self, plan: Mapping[str, Any], folder: Path, cases: int) -> None:
        """A run begins."""
        ...


@contextmanager
def watching(*, quiet: bool = False) -> Iterator[list[object]]:
    """The observers for this terminal (none if `quiet`), for as long as the run takes."""
    if quiet:
        yield []
    elif sys.stderr.isatty():
        bars = Bars()
        with bars.shown():
            yield [bars]
    else:
        yield [Lines()]


def _losses(losses: Mapping[str, float]) -> str:
    return ", ".join(f"{name} {value:.4g}" for name, value in losses.items())


class Lines:
    """One line for each case and for every tenth of the epochs, on stderr."""

    def __init__(self) -> None:
        self.begun = time.monotonic()
        self.cases = self.done = 0
        self.fit_begun = self.begun

    @hookimpl
    def spinefx_run_started(self, plan: Mapping[str, Any], folder: Path, cases: int) -> None:
        """Say where the run goes and how many cases there are."""
        self.cases, self.begun = cases, time.monotonic()
        warn(f"{counted(cases, 'case')} -> {folder}")

    @hookimpl
    def spinefx_case_done(self, case: str, outcome: str, seconds: float) -> None:
        """One line a case; cached ones are counted and told at the end."""
        self.done += 1
        if outcome != "cached":
            left = (time.monotonic() - self.begun) / self.done * (self.cases - self.done)
            rest = f", {spoken_time(left)} left" if self.done < self.cases else ""
            warn(f"case {case}: {outcome} in {seconds:.1f} s ({self.done}/{self.cases}{rest})")
        elif self.done == self.cases:
            warn(f"cases: {self.done}/{self.cases}")

    @hookimpl
    def spinefx_epoch_done(self, epoch: int, epochs: int, losses: Mapping[str, float]) -> None:
        """A line for the first, the last and every tenth part between."""
        now = time.monotonic()
        if epoch <= 1:
            self.fit_begun = now
        if epoch in (1, epochs) or epoch % max(1, epochs // 10) == 0:
            left = (now - self.fit_begun) / max(1, epoch - 1) * (epochs - epoch)
            rest = f" ({spoken_time(left)} left)" if 1 < epoch < epochs else ""
            warn(f"epoch {epoch}/{epochs}: {_losses(losses)}{rest}")

    @hookimpl
    def spinefx_run_done(self, folder: Path, exit_code: int) -> None:
        """Say how long it took."""
        warn(f"took {spoken_time(time.monotonic() - self.begun)}")


class Bars:
    """Bars with the time left, on a terminal."""

    def __init__(self) -> None:
        from rich.console import Console
        from rich.progress import (
            BarColumn,
            MofNCompleteColumn,
            Progress,
            SpinnerColumn,
            Task,
            TextColumn,
            TimeRemainingColumn,
        )
        from rich.text import Text

        class Count(MofNCompleteColumn):
            """`3/40`; nothing where the total is not known."""

            def render(self, task: Task) -> Text:
                return Text() if task.total is None else super().render(task)

        self.progress: Progress = Progress(
            SpinnerColumn(),
            TextColumn("{task.description}"),
            BarColumn(),
            Count(),
            TimeRemainingColumn(elapsed_when_finished=True),
            TextColumn("{task.fields[note]}", style="dim"),
            console=Console(stderr=True, highlight=False),
        )
        self.tasks: dict[str, TaskID] = {}

    @contextmanager
    def shown(self) -> Iterator[None]:
        """Draw for as long as the block takes."""
        with self.progress:
            yield

    @hookimpl
    def spinefx_run_started(self, plan: Mapping[str, Any], folder: Path, cases: int) -> None:
        """A bar for the cases."""
        self.tasks["cases"] = self.progress.add_task("cases", total=cases, note=str(folder))
        self.failed = 0

    @hookimpl
    def spinefx_case_done(self, case: str, outcome: str, seconds: float) -> None:
        """The bar moves on; a quarantined case gets a line of its own."""
        task = self.tasks["cases"]
        if outcome == "quarantined":
            self.failed += 1
            self.progress.console.print(f"case {case}: quarantined", style="yellow", markup=False)
        note = f"{case} {outcome}" + (f", {self.failed} quarantined" if self.failed else "")
        self.progress.update(task, advance=1, note=note)
        if self.progress.tasks[task].finished:
            self.tasks["rest"] = self.progress.add_task("fit, measure, judge", total=None, note="")

    @hookimpl
    def spinefx_epoch_done(self, epoch: int, epochs: int, losses: Mapping[str, float]) -> None:
        """A bar for the epochs of this fit."""
        if epoch <= 1 or "fit" not in self.tasks:
            if "fit" in self.tasks:
                self.progress.remove_task(self.tasks["fit"])
            self.tasks["fit"] = self.progress.add_task("epochs", total=epochs, note="")
        self.progress.update(self.tasks["fit"], completed=epoch, note=_losses(losses))

    @hookimpl
    def spinefx_run_done(self, folder: Path, exit_code: int) -> None:
        """The rest is done."""
        if "rest" in self.tasks:
            self.progress.update(self.tasks["rest"], total=1, completed=1)
