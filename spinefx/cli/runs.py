"""`spinefx status` and `report`: everything that takes a run's folder."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import click

from spinefx.cli.console import as_json, dump, say

run_argument = click.argument("run", type=click.Path(path_type=Path))
"""A run's folder."""


@click.command()
@run_argument
@click.option(
    "--compare", "other", type=click.Path(path_type=Path), help="Another run's folder: write the two side by side."
)
@click.option("--open", "open_", is_flag=True, help="Open it in the browser.")
@as_json
def report(run: Path, other: Path | None, open_: bool, json_: bool) -> int:
    """Write a run's report again; compute nothing.

    With --compare, RUN gets a file compare-OTHER.html: what differs in the plans, what both found, the same cases in both.
    """
    from spinefx.report import render, render_comparison
    from spinefx.store.run import Run

    _ = [Run(folder).record for folder in (run, other) if folder is not None]
    path = render(run) if other is None else render_comparison(run, other)
    if json_:
        dump({"report" if other is None else "comparison": str(path)})
    else:
        say(f"{'report' if other is None else 'comparison'}: {path}")
    if open_:
        click.launch(path.absolute().as_uri())
    return 0


@click.command()
@run_argument
@as_json
def status(run: Path, json_: bool) -> int:
    """How a run stands, also while it runs."""
    from spinefx.store.run import Run

    told = _status(Run(run))
    if json_:
        dump(told)
        return 0
    state = told["state"]
    say(f"{run}: {'running, ' if told['running'] else ''}{state}")
    if told["state"] != "finished" and not told["running"] and state != "stopped":
        say("it was killed; the same `spinefx run` goes on from here")
    counts = ", ".join(f"{number} {outcome}" for outcome, number in told["outcomes"].items()) or "none yet"
    say(f"cases: {told['done']} of {told['cases']} ({counts})")
    for case in told["quarantined"]:
        say(f"  {case['case']}: {case['cause']} [{case['stage']} {case['plugin']}]")
    for failure in told["failed"]:
        say(f"  {failure['stage']} {failure['plugin']} failed: {failure['cause']}")
    if told["error"]:
        say(f"error: {told['error']}")
    if told["exit_code"] is not None:
        say(f"exit code: {told['exit_code']}")
    if told["report"]:
        say(f"report: {told['report']}")
    return 0


def _status(run: Any) -> dict[str, Any]:
    """What is known of a run from its record and, while it is not finished, from its log."""
    record = run.record
    state, cases = record["state"], list(record["cases"])
    if state != "finished":
        cases = [event for event in _events(run.folder / "log.jsonl") if event.get("event") == "case done"]
    return {
        "folder": str(run.folder),
        "state": state,
        "running": run.running,
        "cases": record.get("expected", len(cases)),
        "done": len(cases),
        "outcomes": dict(Counter(case["outcome"] for case in cases)),
        "quarantined": [
            {key: case.get(key, "") for key in ("case", "stage", "plugin", "cause")}
            for case in cases
            if case["outcome"] == "quarantined"
        ],
        "failed": list(record.get("failed", ())),
        "error": record.get("error", "") if state == "stopped" else "",
        "exit_code": record["exit_code"],
        "report": str(run.report) if run.report.is_file() else "",
    }


def _events(log: Path) -> list[dict[str, Any]]:
    """The log's events since the last start; a line cut short by a kill is left out."""
    events: list[dict[str, Any]] = []
    if not log.is_file():
        return events
    for line in log.read_text(encoding="utf-8", errors="replace").splitlines():
        try:
            event = json.loads(line)
        except ValueError:
            continue
        if isinstance(event, dict):
            events = [event] if event.get("event") == "run started" else [*events, event]
    return events
