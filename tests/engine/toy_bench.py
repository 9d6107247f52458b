"""A folder with a cohort of toy cases, and a way to run it with some options changed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from spinefx.engine import Engine
from spinefx.plan import Plan
from spinefx.store.run import Run

TOY = Path(__file__).parent / "toy_plugins.py"


class Bench:
    """A folder with toy cases, a journal, and runs."""

    def __init__(self, folder: Path, cases: int = 8) -> None:
        self.folder = folder
        self.root = folder / "cases"
        self.root.mkdir()
        self.journal = folder / "journal.txt"
        self.journal.touch()
        for number in range(cases):
            (self.root / f"p{number}_t2.txt").write_text(str(2 + number % 4))

    def tables(self, out: str = "run", **changes: Any) -> dict[str, Any]:
        """The pipeline; `changes` as `encode={"epochs": 5}`."""
        journal = str(self.journal)
        tables: dict[str, Any] = {
            "run": {"out": str(self.folder / out), "plugins": [str(TOY)], "executor": "serial", "workers": 1},
            "data": {"use": "toy", "root": str(self.root), "journal": journal},
            "segment": {"use": "mask"},
            "sample": {"shape": [8, 8, 8], "spacing": 2.0},
            "encode": {"use": "toy-mean", "journal": journal},
            "geometry": [{"use": "toy-height", "journal": journal}],
            "evaluate": [{"use": "toy-say", "journal": journal}],
        }
        for name, change in changes.items():
            place = tables[name][0] if isinstance(tables.get(name), list) else tables.setdefault(name, {})
            place.update(change)
        return tables

    def plan(self, out: str = "run", **changes: Any) -> Plan:
        return Plan.of(self.tables(out, **changes), self.folder)

    def run(self, out: str = "run", **changes: Any) -> Run:
        return Engine(self.plan(out, **changes)).run()

    def lines(self) -> list[str]:
        """What the journal says since the last look."""
        lines = self.journal.read_text().split("\n")[:-1]
        self.journal.write_text("")
        return lines
