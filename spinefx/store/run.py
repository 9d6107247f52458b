"""A finished (or interrupted) run, read back from its folder."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from spinefx.contract.errors import StoreError
from spinefx.store.files import read_json
from spinefx.store.lock import is_locked

if TYPE_CHECKING:
    import pandas as pd

RECORD = "run.json"
REPORT = "report.html"


@dataclass(frozen=True)
class Run:
    """What a run's folder holds.

    Raises
    ------
    StoreError
        If the folder is no run's folder, or its record is damaged.
    """

    folder: Path

    @cached_property
    def record(self) -> dict[str, Any]:
        """`run.json`: plan, versions, seeds, backend, outcome of every case."""
        path = self.folder / RECORD
        if not path.is_file():
            raise StoreError(f"{self.folder}: no {RECORD} in it; is this a run's folder?")
        record = read_json(path)
        if not isinstance(record, dict) or not {"state", "cases", "exit_code"} <= record.keys():
            raise StoreError(f"{path}: not the record of a run; `spinefx run` with the run's pipeline writes it anew")
        return record

    @property
    def exit_code(self) -> int:
        """0 when every case is in, 4 when some were quarantined."""
        return int(self.record["exit_code"])

    @property
    def worked(self) -> bool:
        """Whether anything was computed; False when all of it was there already."""
        return bool(self.record["worked"])

    @property
    def running(self) -> bool:
        """Whether a process is working in the folder now."""
        return is_locked(self.folder)

    @property
    def outcomes(self) -> dict[str, str]:
        """Case -> `done`, `cached` or `quarantined`."""
        return {case["case"]: case["outcome"] for case in self.record["cases"]}

    @property
    def report(self) -> Path:
        """The report's path."""
        return self.folder / REPORT

    def features(self) -> pd.DataFrame:
        """One row per structure; columns `<analyser>.<feature>_<unit>`."""
        return self._frame("features")

    def latents(self) -> pd.DataFrame:
        """One row per sample: case, patient, structure, level, split, z0 ... zN."""
        return self._frame("latents")

    def findings(self) -> dict[str, Any]:
        """Every table and number of the report."""
        data: dict[str, Any] = read_json(self.folder / "findings.json")
        return data

    def summary(self) -> str:
        """A few lines: how many cases, what was left out and why, where the report is."""
        counts = Counter(self.outcomes.values())
        parts = [f"{counts[name]} {name}" for name in ("done", "cached", "quarantined") if counts[name]]
        lines = [f"{len(self.outcomes)} cases: {', '.join(parts) or 'none'}"]
        lines += [
            f"  {case['case']}: {case['cause']} [{case['stage']} {case['plugin']}]"
            for case in self.record["cases"]
            if case["outcome"] == "quarantined"
        ]
        lines += [f"  {f['stage']} {f['plugin']} failed: {f['cause']}" for f in self.record.get("failed", ())]
        if not self.worked:
            lines.append("nothing to do: every step was there already")
        lines.append(f"report: {self.report}")
        return "\n".join(lines)

    def _frame(self, name: str) -> pd.DataFrame:
        import pandas as pd

        path = self.folder / f"{name}.parquet"
        if not path.is_file():
            raise StoreError(f"{path}: not there; the run did not get that far")
        return pd.read_parquet(path)
