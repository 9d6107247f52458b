"""A run's folder as the report reads it: JSON and pictures, each optional but `run.json`."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from spinefx.contract.errors import StoreError
from spinefx.store.files import read_json

Json = Mapping[str, Any]


@dataclass(frozen=True)
class RunFolder:
    """What the report is drawn from.

    run : `run.json`.   stages : the entries of `findings.json`, in order.   has_findings : whether the file is there.
    dictionary : header and rows of `features_dictionary.csv`, empty where there is none.
    """

    folder: Path
    run: Json
    stages: tuple[Json, ...]
    has_findings: bool
    dictionary: tuple[tuple[str, ...], ...]

    @property
    def plan(self) -> Json:
        """The resolved plan: section -> its table or tables."""
        plan = mapping(self.run.get("plan"))
        return mapping(plan.get("sections")) or plan

    @property
    def cases(self) -> tuple[Json, ...]:
        """One mapping per case: case, patient, outcome, stage, plugin, cause, notes, seconds."""
        return tuple(mapping(case) for case in sequence(self.run.get("cases")))

    @property
    def title(self) -> str:
        """The report's title: `[report] title`, or the folder's name."""
        return text(mapping(self.plan.get("report")).get("title")) or f"Run {self.folder.name}"

    def content(self, name: str) -> bytes | None:
        """The bytes of a file inside the folder; None where it is absent or `name` leads out of the folder."""
        try:
            path = (self.folder / name).resolve()
            if path.is_relative_to(self.folder.resolve()) and path.is_file():
                return path.read_bytes()
        except (OSError, ValueError):
            return None
        return None

    def files(self) -> tuple[str, ...]:
        """Names of what lies in the folder, folders with a slash; locks, temporary files and the report left out."""
        names = (p.name + ("/" if p.is_dir() else "") for p in self.folder.iterdir() if not p.name.startswith("."))
        return tuple(sorted(n for n in names if not n.endswith((".lock", ".tmp")) and n != "report.html"))


def read(folder: Path) -> RunFolder:
    """The run in `folder`.

    Raises
    ------
    StoreError
        If `folder` holds no `run.json`, or a JSON file in it is damaged.
    """
    if not (folder / "run.json").is_file():
        raise StoreError(f"{folder}: no run.json here; name the folder that `spinefx run` wrote")
    findings = _json(folder / "findings.json") if (folder / "findings.json").is_file() else {}
    return RunFolder(
        folder=folder,
        run=_json(folder / "run.json"),
        stages=tuple(mapping(stage) for stage in sequence(findings.get("stages"))),
        has_findings=bool(findings),
        dictionary=_csv(folder / "features_dictionary.csv"),
    )


def _json(path: Path) -> Json:
    found = read_json(path)
    if not isinstance(found, dict):
        raise StoreError(f"{path}: wanted a JSON object, got {type(found).__name__}; run the pipeline again")
    return found


def _csv(path: Path) -> tuple[tuple[str, ...], ...]:
    if not path.is_file():
        return ()
    with path.open(encoding="utf-8-sig", newline="") as file:
        return tuple(tuple(row) for row in csv.reader(file) if row)


def mapping(value: Any) -> Json:
    """`value` where it is a mapping, else an empty one."""
    return value if isinstance(value, Mapping) else {}


def sequence(value: Any) -> Sequence[Any]:
    """`value` where it is a list or tuple, else an empty one."""
    return value if isinstance(value, list | tuple) else ()


def text(value: Any) -> str:
    """`value` as one line of text; "" for None; lists joined by `; `, mappings as `key: value`."""
    if value is None:
        return ""
    if isinstance(value, list | tuple):
        return "; ".join(part for part in map(text, value) if part)
    if isinstance(value, Mapping):
        return "; ".join(f"{key}: {text(item)}" for key, item in value.items())
    return str(value)
