"""A finished (or interrupted) run, read back from its folder."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from spinefx.contract.errors import StoreError
from spinefx.store.files import read_json
from spinefx.store.glance import glance
from spinefx.store.lock import is_locked

if TYPE_CHECKING:
    import pandas as pd

RECORD = "run.json"
REPORT = "report.html"


@dataclass(frozen=True)
class Run:
    """What a run's folder holds; in a notebook it shows itself.

    folder : path of a run's folder, as `[run] out` names it.

    Raises
    ------
    StoreError
        If the folder is no run's folder, or its record is damaged.
    """

    folder: Path

    def __post_init__(self) -> None:
        object.__setattr__(self, "folder", Path(self.folder))

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

    def dictionary(self) -> pd.DataFrame:
        """What each feature means: feature, unit, definition, how many are missing."""
        import pandas as pd

        return pd.read_csv(self._present("features_dictionary.csv"))

    def findings(self) -> dict[str, Any]:
        """Every table and number of the report."""
        data: dict[str, Any] = read_json(self._present("findings.json"))
        return data

    def tables(self) -> dict[str, pd.DataFrame]:
        """The report's tables: `<stage>/<table>` -> its rows, as in `cohort/table-one`, `predict/prediction-binary`."""
        import pandas as pd

        made: dict[str, pd.DataFrame] = {}
        for stage in self.findings()["stages"]:
            for table in stage["findings"].get("tables", ()):
                names = [column["name"] for column in table["columns"]]
                made[f"{stage['name']}/{table['name']}"] = pd.DataFrame(table["rows"], columns=names)
        return made

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
        if copy := self.record.get("plan", {}).get("sections", {}).get("run", {}).get("publish"):
            lines.append(f"copy: {copy}")
        return "\n".join(lines)

    def _frame(self, name: str) -> pd.DataFrame:
        import pandas as pd

        return pd.read_parquet(self._present(f"{name}.parquet"))

    def _present(self, name: str) -> Path:
        path = self.folder / name
        if not path.is_file():
            raise StoreError(f"{path}: not there; the run did not get that far")
        return path

    def _repr_html_(self) -> str:
        """The run at a glance, as a notebook shows it."""
        try:
            stages = self.findings()["stages"]
        except StoreError:
            stages = []
        return glance(self.folder, self.record, stages, self.report)
