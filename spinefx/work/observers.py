"""Telling observers what happens; one that raises is noted in the log and does not stop the run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pluggy

from spinefx.store.log import Log


@dataclass(frozen=True)
class Observers:
    """The observer hooks of all plugins, and of objects handed to the engine.

    hooks : the registry's hook caller.   more : objects with methods of the hooks' names.
    """

    hooks: pluggy.HookRelay
    more: Sequence[object]
    log: Log

    def run_started(self, plan: Mapping[str, Any], folder: Path, cases: int) -> None:
        """A run begins."""
        self._tell("spinefx_run_started", plan=plan, folder=folder, cases=cases)

    def case_done(self, case: str, outcome: str, seconds: float) -> None:
        """A case ended."""
        self._tell("spinefx_case_done", case=case, outcome=outcome, seconds=seconds)

    def epoch_done(self, epoch: int, epochs: int, losses: Mapping[str, float]) -> None:
        """An epoch ended."""
        self._tell("spinefx_epoch_done", epoch=epoch, epochs=epochs, losses=losses)

    def run_done(self, folder: Path, exit_code: int) -> None:
        """The run ended."""
        self._tell("spinefx_run_done", folder=folder, exit_code=exit_code)

    def _tell(self, name: str, **facts: Any) -> None:
        for implementation in getattr(self.hooks, name).get_hookimpls():
            arguments = {key: facts[key] for key in implementation.argnames}
            self._call(implementation.plugin_name, implementation.function, arguments)
        for observer in self.more:
            if (method := getattr(observer, name, None)) is not None:
                self._call(type(observer).__name__, method, facts)

    def _call(self, who: str, function: Any, facts: Mapping[str, Any]) -> None:
        try:
            function(**facts)
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # an observer that calls sys.exit() ends no run
            self.log.write("observer failed", observer=who, error=f"{type(error).__name__}: {error}")
