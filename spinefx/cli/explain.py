"""`spinefx explain`: one case, step by step: what is there, from what, and why the rest would run."""

from __future__ import annotations

import dataclasses
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from spinefx.cli.console import as_json, dump, overrides, pipeline_argument, plugins_aside, say, table
from spinefx.cli.pipeline import read_plan

if TYPE_CHECKING:
    from spinefx.contract.case import Case
    from spinefx.engine import Engine
    from spinefx.work.checked import Checked


@click.command()
@click.argument("case")
@pipeline_argument
@overrides
@as_json
def explain(case: str, pipeline: str, overrides: tuple[str, ...], json_: bool) -> int:
    """Say which steps of a case are done, from what, and why.

    The steps that are not done come with the reason why a run would do them; nothing is computed.
    CASE is its id, as `spinefx status` and the tables name it. PIPELINE is pipeline.toml unless given.
    """
    from spinefx.engine import Engine
    from spinefx.store.keys import Fingerprints
    from spinefx.work.folder import finished_record, known_files
    from spinefx.work.preview import Reasons, case_steps

    engine = Engine(read_plan(pipeline, overrides))
    with plugins_aside():
        checked = engine.check()
        found = _found(checked, case)
        fingerprints = Fingerprints(known_files(engine.cache.root))
        record = finished_record(engine.out)
        work = engine.work(engine.lesson(checked, fingerprints), len(checked.cases))
        steps = [step for step, _ in case_steps(work, [found], fingerprints, Reasons(engine.plan, record))]
    before: dict[str, Any] = next((entry for entry in record.get("cases", ()) if entry["case"] == case), {})
    made = {step.key: _made(engine, step.key) for step in steps if step.cached}
    files = {
        role: {"path": str(path), "sha256": fingerprints.known.get(str(path), ((), ""))[1]}
        for role, path in sorted(found.files.items())
    }
    if json_:
        listed = [dataclasses.asdict(step) | {"made": made.get(step.key, "")} for step in steps]
        dump({"case": case, "patient": found.patient, "files": files, "last_run": before, "steps": listed})
        return 0
    say(f"case {case}, patient {found.patient}")
    for role, file in files.items():
        say(f"  {role}: {file['path']}" + (f" (sha256 {file['sha256'][:12]})" if file["sha256"] else ""))
    for note in found.notes:
        say(f"  note: {note}")
    say(_last(before))
    say()
    rows = []
    for step in steps:
        told = f"made {made[step.key]}" if step.cached else step.why
        rows.append((step.step, "cached" if step.cached else "to run", told, "; ".join(step.stages)))
    table(("step", "state", "when or why", "from its files by"), rows)
    return 0


def _found(checked: Checked, name: str) -> Case:
    """The case of this id, or a usage error with the nearest."""
    from spinefx.plan.offers import nearest

    cases = {case.id: case for case in checked.cases}
    if name not in cases:
        near = nearest(name, cases)
        raise click.UsageError(f"no case {name!r} among {len(cases)}{f'; did you mean {near!r}?' if near else ''}")
    return cases[name]


def _made(engine: Engine, key: str) -> str:
    """When an artefact was made; of a packed one, when it was packed."""
    span = engine.cache.span(key)
    if span is None or not Path(span.path).is_file():
        return "just now gone"
    return datetime.fromtimestamp(span.path.stat().st_mtime).isoformat(" ", "seconds")


def _last(before: dict[str, Any]) -> str:
    """What became of the case in the last run that ended."""
    if not before:
        return "in no finished run of this folder yet"
    if before["outcome"] == "quarantined":
        return f"last run: quarantined by {before['stage']} {before['plugin']}: {before['cause']}".rstrip()
    did = f"; it did {', '.join(before['done'])}" if before["done"] else ""
    return f"last run: {before['outcome']} in {before['seconds']:g} s{did}"
