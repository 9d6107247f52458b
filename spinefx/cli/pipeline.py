"""`spinefx run`, `check` and `plan`: everything that takes a pipeline.toml."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from spinefx.cli.console import as_json, counted, dump, overrides, pipeline_argument, plugins_aside, say, table, warn

if TYPE_CHECKING:
    from spinefx.plan import Plan
    from spinefx.store.run import Run
    from spinefx.work.checked import Checked
    from spinefx.work.preview import Step


def read_plan(pipeline: str, overrides: Sequence[str]) -> Plan:
    """The plan in a file, with what `--set` changes; plugins that could not be loaded are told on stderr."""
    from spinefx.plan import Plan

    with plugins_aside():
        plan = Plan.read(Path(pipeline), overrides=overrides)
    for broken in plan.registry.broken:
        warn(f"not loaded: {broken}")
    return plan


def work(plan: Plan, *, quiet: bool) -> Run:
    """Run a plan with progress on stderr."""
    from spinefx.cli.progress import watching
    from spinefx.engine import Engine

    with plugins_aside(), watching(quiet=quiet) as observers:
        return Engine(plan, observers=observers).run()


def run_json(run: Run) -> dict[str, Any]:
    """What `--json` says of a run."""
    return {
        "folder": str(run.folder),
        "exit_code": run.exit_code,
        "worked": run.worked,
        "outcomes": dict(Counter(run.outcomes.values())),
        "quarantined": [case for case in run.record["cases"] if case["outcome"] == "quarantined"],
        "report": str(run.report),
    }


@click.command()
@pipeline_argument
@overrides
@click.option("-q", "--quiet", is_flag=True, help="No progress, only the result.")
@as_json
def run(pipeline: str, overrides: tuple[str, ...], quiet: bool, json_: bool) -> int:
    """Do everything that a pipeline says and is not done yet.

    PIPELINE is pipeline.toml unless given. Running again does no work twice; after an interruption, or with other options, it does what is missing.
    """
    finished = work(read_plan(pipeline, overrides), quiet=quiet)
    if json_:
        dump(run_json(finished))
    else:
        say(finished.summary())
    return finished.exit_code


@click.command()
@pipeline_argument
@overrides
@click.option(
    "--data",
    "load",
    is_flag=True,
    help="Load every case too and say what becomes of it; exit code 4 if any is quarantined.",
)
@click.option("--names", is_flag=True, help="Where [run] hash_ids is set: who is who, on this terminal alone.")
@as_json
def check(pipeline: str, overrides: tuple[str, ...], load: bool, names: bool, json_: bool) -> int:
    """Check names, options, files and labels; compute nothing.

    PIPELINE is pipeline.toml unless given. With --data every case is loaded and gets a verdict: used, used with a note, or quarantined with the remedy.
    """
    from spinefx.engine import Engine

    plan = read_plan(pipeline, overrides)
    engine = Engine(plan)
    with plugins_aside():
        checked = engine.check()
    if names:
        owners = [(case.id, case.origin.id, case.origin.patient) for case in checked.cases if case.origin is not None]
        table(("case", "in the data", "patient"), owners)
        return 0
    if load:
        from spinefx.cli.verdicts import print_verdicts

        return print_verdicts(plan, engine.loader, checked, as_json=json_)
    if json_:
        dump(_checked_json(plan, checked))
        return 0
    patients = len({case.patient for case in checked.cases})
    say(f"{plan.source}: ok")
    say(f"{counted(len(checked.cases), 'case')} of {counted(patients, 'patient')}, loader {plan.data.name}")
    labels = checked.labels
    if labels.rows:
        say(f"{counted(len(labels.rows), 'label row')}, targets: {', '.join(labels.targets) or 'none'}")
    else:
        say("no labels")
    _ids("patients with images and no label", checked.unlabelled)
    _ids("patients with labels and no image", checked.unseen)
    if labels.rows and len(checked.unlabelled) == patients:
        say("no patient has a label: are ids written alike in images and table, and is it the table of these patients?")
    _list("doubtful in the label table", labels.problems)
    _list("remarks on cases", tuple(f"{case.id}: {note}" for case in checked.cases for note in case.notes))
    return 0


def _ids(what: str, ids: Sequence[str], most: int = 12) -> None:
    if ids:
        ordered = sorted(ids, key=lambda name: (not name.isdigit(), int(name) if name.isdigit() else 0, name))
        say(f"{what}: {len(ids)} ({', '.join(ordered[:most])}{', ...' if len(ids) > most else ''})")


def _list(what: str, items: Sequence[str], most: int = 10) -> None:
    if items:
        say(f"{what}: {len(items)}")
        for item in items[:most]:
            say(f"  {item}")
        if len(items) > most:
            say(f"  and {len(items) - most} more (--json lists all)")


def _checked_json(plan: Plan, checked: Checked) -> dict[str, Any]:
    labels = checked.labels
    return {
        "source": plan.source,
        "cases": [{"case": c.id, "patient": c.patient, "notes": list(c.notes)} for c in checked.cases],
        "labels": {
            "rows": len(labels.rows),
            "targets": list(labels.targets),
            "covariates": list(labels.covariates),
            "kinds": dict(labels.kinds),
            "problems": list(labels.problems),
            "remarks": [f"{r.row.patient} {r.row.level}".strip() + f": {r.text}" for r in labels.remarks],
        },
        "unlabelled": list(checked.unlabelled),
        "unseen": list(checked.unseen),
    }


@click.command()
@pipeline_argument
@overrides
@click.option("--toml", is_flag=True, help="Only the plan, as a pipeline.toml with every default.")
@click.option("--cases", "each", is_flag=True, help="Every step of every case.")
@as_json
def plan(pipeline: str, overrides: tuple[str, ...], toml: bool, each: bool, json_: bool) -> int:
    """Show every option with its default, and what would run.

    PIPELINE is pipeline.toml unless given. The output is itself a pipeline; what would run, and why, follows as comments.
    """
    planned = read_plan(pipeline, overrides)
    if toml:
        say(planned.show())
        return 0
    from spinefx.engine import Engine
    from spinefx.plan.explain import clean

    if not json_ and not each:
        say(planned.show())
    with plugins_aside():
        steps = Engine(planned).preview()
    if json_:
        dump({"plan": planned.to_json(), "steps": [dataclasses.asdict(step) for step in steps]})
    elif each:
        rows = [(step.case or "all", step.step, "cached" if step.cached else "to run", step.why) for step in steps]
        table(("case", "step", "state", "why"), rows)
    else:
        for line in _totals(steps):
            say(f"# {clean(line)}")
    return 0


def _totals(steps: Sequence[Step]) -> list[str]:
    """How much is cached, step by step, and why the rest would run; they follow a shown plan as comments."""
    lines = [counted(len({step.case for step in steps if step.case}), "case")]
    for kind in dict.fromkeys(step.step for step in steps):
        of_kind = [step for step in steps if step.step == kind]
        waiting = [step for step in of_kind if not step.cached]
        why = "; ".join(list(dict.fromkeys(step.why for step in waiting if step.why))[:3])
        if len(of_kind) == 1 and not of_kind[0].case:
            said = "to run" if waiting else "cached"
        else:
            said = f"{len(of_kind) - len(waiting)} cached, {len(waiting)} to run"
        lines.append(f"{kind}: {said}" + (f" ({why})" if why else ""))
    if all(step.case for step in steps):
        lines.append("fit, measure, judge: can be told when the cases are done")
    elif all(step.cached for step in steps):
        lines.append("nothing to do: every step is there already")
    return lines
