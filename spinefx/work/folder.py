"""The run's folder: its record while it runs, and its files when all is found."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from spinefx.contract.errors import StoreError
from spinefx.contract.features import Features
from spinefx.contract.findings import Findings
from spinefx.plan import Plan, Stage
from spinefx.store import provenance
from spinefx.store.cache import Cache
from spinefx.store.files import (
    atomic_folder,
    atomic_write_json,
    digests,
    make_folder,
    read_json,
    safe_name,
)
from spinefx.store.keys import Stamp, digest
from spinefx.store.records import findings_json
from spinefx.store.run import RECORD, REPORT, Run
from spinefx.store.tables import dictionary_frame, features_frame, latents_frame, missing_frame, write_table
from spinefx.work.cases.outcome import CaseResult
from spinefx.work.cohort.cohort import Cohort
from spinefx.work.cohort.found import Found
from spinefx.work.cohort.learned import SEGMENTER, put_segmenter
from spinefx.work.cohort.recipe import RECIPE, of_fit

CACHE = ".spinefx-cache"
_FILES = "files.json"
"""Where the digests of input files are remembered, in the cache."""
LOG = "log.jsonl"
_TABLES = ("features", "features_dictionary", "features_missing", "latents")
_WRITTEN = (
    *("model", "figures", "qc", "volumes", "split.json", "findings.json", REPORT),
    *(f"{name}.{kind}" for name in _TABLES for kind in ("parquet", "csv", "xlsx")),
)


def cache_root(out: Path) -> Path:
    """The cache that runs beside each other share: `$SPINEFX_CACHE`, or `.spinefx-cache` beside the run's folder."""
    named = os.environ.get("SPINEFX_CACHE")
    return Path(named).expanduser() if named else out.absolute().parent / CACHE


def known_files(root: Path) -> dict[str, tuple[Stamp, str]]:
    """Digests of input files as earlier runs left them; empty where that memory is absent or damaged."""
    path = root / _FILES
    if not path.is_file():
        return {}
    try:
        return {name: (tuple(stamp), value) for name, (stamp, value) in read_json(path).items()}
    except Exception:  # a memory only: what is damaged is read again
        return {}


def remember_files(root: Path, known: Mapping[str, tuple[Stamp, str]]) -> None:
    """Keep the digests of input files for the next run."""
    if dict(known) != known_files(root):
        atomic_write_json(root / _FILES, known)


def finished_record(out: Path) -> dict[str, Any]:
    """`run.json` of a finished run in this folder; empty where there is none, or a damaged one."""
    try:
        record = Run(out).record
    except StoreError:
        return {}
    return record if record["state"] == "finished" and {"stages", "plan", "content"} <= record.keys() else {}


def refuse_strangers(out: Path) -> None:
    """StoreError where `out` is no run's folder and holds something that a run would write over."""
    if any((out / name).exists() for name in (RECORD, LOG)):
        return
    if mine := sorted(name for name in _WRITTEN if (out / name).exists()):
        raise StoreError(
            f"{out}: no run's folder, and a run would write over its {mine[0]!r}; choose another [run] out"
        )


@dataclass
class RunFolder:
    """Writes a run's folder; every file whole or not at all."""

    out: Path
    plan: Plan
    segmenter: Path | None = None  # the model of one that was fitted in this run

    def __post_init__(self) -> None:
        self._record: dict[str, Any] = {
            "spinefx": provenance.versions().get("spinefx", ""),
            "state": "starting",
            "started": datetime.now(UTC).isoformat(timespec="seconds"),
            "seed": self.plan.run.seed,
            "plan": self.plan.to_json(),
            "stages": [_stage_json(stage) for stage in self._stages()],
            "versions": provenance.versions(),
            "platform": provenance.machine(),
            "backend": {
                "executor": self.plan.run.executor,
                "workers": self.plan.run.workers,
                "device": self.plan.run.device,
            },
            "cases": [],
            "exit_code": None,
            "worked": True,
        }

    def _stages(self) -> list[Stage]:
        plan = self.plan
        return [plan.data, plan.segment, *plan.preprocess, *plan.augment, plan.encode, *plan.geometry, *plan.evaluate]

    def _write(self, **changes: Any) -> None:
        self._record |= changes
        atomic_write_json(self.out / RECORD, self._record)

    def started(self, cases: int) -> None:
        """Casework begins; a finished record of the same folder stays until the new one is finished."""
        earlier = finished_record(self.out)
        self._earlier = {name: earlier[name] for name in ("content", "files") if name in earlier}
        self._write(state="casework", expected=cases)

    def at(self, step: str) -> None:
        """A step of the cohort begins."""
        self._write(state=step)

    def stopped(self, exit_code: int, why: str) -> None:
        """The run ended before its end."""
        self._write(state="stopped", exit_code=exit_code, error=why)

    def of_engine(self, name: str, findings: Findings) -> Found:
        """Findings of the engine's own, in the form of a stage's."""
        return Found("engine", name, *findings_json(findings, stem=f"{name}-"))

    def finish(
        self,
        *,
        results: Sequence[CaseResult],
        cohort: Cohort | None,
        features: Features,
        found: Sequence[Found],
        worked: bool,
        exit_code: int,
        seconds: float,
        cache: Cache,
    ) -> bool:
        """Write every file but the report, the record last; whether anything was new, so that a report is due."""
        cases = [_case_json(result, cache) for result in results]
        findings = {"stages": [{"kind": f.kind, "name": f.name, "findings": f.findings} for f in found]}
        content = digest(
            [[{k: v for k, v in c.items() if k not in ("seconds", "outcome", "done")} for c in cases], findings]
        )
        same = self._earlier.get("content") == content and self._whole()
        worked = worked or not same
        if worked:
            (self.out / REPORT).unlink(missing_ok=True)
            self._results(results, cohort, features, found, findings, cache)
        files = self._files() if worked else self._earlier["files"]
        parts, failed = {}, []
        if cohort is not None:
            failed = [{"stage": f.stage, "plugin": f.plugin, "cause": f.cause} for f in cohort.failures]
            parts = {name: len(cohort.split.patients(name)) for name in ("train", "validation", "test")}
        self._write(
            state="finished",
            cases=cases,
            split=parts,
            failed=failed,
            exit_code=exit_code,
            worked=worked,
            seconds=round(seconds, 3),
            content=content,
            files=files,
        )
        return worked

    def _files(self) -> dict[str, str]:
        """Digests of what the run wrote; the report, which follows the record, is not among them."""
        return {name: value for part in _WRITTEN for name, value in self._part(part).items() if name != REPORT}

    def _part(self, name: str) -> dict[str, str]:
        inside = digests(self.out / name) if (self.out / name).is_dir() else {}
        return {f"{name}/{path}": value for path, value in inside.items()} or digests(self.out, name)

    def _whole(self) -> bool:
        """Whether every file is there as the last run left it."""
        return (self.out / REPORT).is_file() and self._earlier.get("files") == self._files()

    def _results(
        self,
        results: Sequence[CaseResult],
        cohort: Cohort | None,
        features: Features,
        found: Sequence[Found],
        findings: Mapping[str, Any],
        cache: Cache,
    ) -> None:
        write_table(features_frame(features), self.out, "features", kinds=("parquet", "csv", "xlsx"))
        write_table(dictionary_frame(features), self.out, "features_dictionary", kinds=("csv",))
        write_table(missing_frame(features), self.out, "features_missing", kinds=("csv",))
        if cohort is not None:
            atomic_write_json(self.out / "split.json", {"part": cohort.split.part, "fold": cohort.split.fold})
        if cohort is not None and cohort.encoded:
            write_table(latents_frame(cohort.latents, cohort.split), self.out, "latents", kinds=("parquet", "csv"))
            model = cohort.fitted(cohort.fitting_patients)
            with atomic_folder(self.out / "model") as temporary:
                for path in model.iterdir():
                    (temporary / path.name).write_bytes(path.read_bytes())
                recipe = of_fit(self.plan, cohort.samples, cohort.latents, cohort.fitting_patients)
                put_segmenter(self.plan.segment, self.segmenter, temporary / SEGMENTER)
                atomic_write_json(temporary / RECIPE, recipe.to_json(digests(temporary)))
        with atomic_folder(self.out / "figures") as temporary:
            for item in found:
                for name, content in item.pictures.items():
                    (temporary / name).write_bytes(content)
        with atomic_folder(self.out / "qc") as temporary:
            for result in results:
                if result.keys is not None and result.keys.picture and result.keys.picture in cache:
                    picture = cache.require(result.keys.picture).arrays["png"].tobytes()
                    (temporary / f"{safe_name(result.case)}.png").write_bytes(picture)
                if result.keys is not None and result.keys.measured and result.keys.measured in cache:
                    drawn = cache.require(result.keys.measured).arrays["png"].tobytes()
                    if drawn:
                        (temporary / f"{safe_name(result.case)}-measured.png").write_bytes(drawn)
        if self.plan.report.viewer or (self.out / "volumes").exists():
            with atomic_folder(self.out / "volumes") as temporary:
                for result in results:
                    for part, content in _volumes(result, cache).items():
                        (temporary / _volume(result.case, part)).write_bytes(content)
        make_folder(self.out)
        atomic_write_json(self.out / "findings.json", findings)


def _stage_json(stage: Stage) -> dict[str, Any]:
    offer = stage.offer
    head = {"kind": stage.kind, "name": stage.name, "dist": offer.dist, "version": offer.version}
    told = {"summary": offer.plugin.summary, "references": list(offer.plugin.references)}
    return head | told | {"offer": offer.plugin.version, "options": stage.options_json()}


def _case_json(result: CaseResult, cache: Cache) -> dict[str, Any]:
    failure = result.failure
    drawn = result.keys.picture if result.keys is not None else ""
    notes = cache.meta(result.keys.samples)["notes"] if failure is None and result.keys is not None else []
    return {
        "case": result.case,
        "patient": result.patient,
        "outcome": result.outcome,
        "stage": failure.stage if failure else "",
        "plugin": failure.plugin if failure else "",
        "cause": failure.cause if failure else "",
        "notes": [*notes, *result.remarks],
        "picture": f"qc/{safe_name(result.case)}.png" if drawn and drawn in cache else "",
        "view": _view_json(result, cache),
        "done": list(result.done),
        "seconds": round(result.seconds, 3),
    }


def _volumes(result: CaseResult, cache: Cache) -> dict[str, bytes]:
    """The viewer's files of a case, by part; none where the plan wants no viewer."""
    key = result.keys.volumes if result.keys is not None else ""
    arrays = cache.require(key).arrays if key and key in cache else {}
    return {part: content.tobytes() for part, content in arrays.items()}


def _view_json(result: CaseResult, cache: Cache) -> dict[str, Any]:
    """Where the viewer's volumes of a case lie, and name and colour of each value of its mask; empty without them."""
    key = result.keys.volumes if result.keys is not None else ""
    if not key or key not in cache:
        return {}
    kept = cache.require(key)
    return {part: f"volumes/{_volume(result.case, part)}" for part in kept.arrays} | {"labels": kept.meta["names"]}


def _volume(case: str, part: str) -> str:
    return f"{safe_name(case)}-{part}.mha"
