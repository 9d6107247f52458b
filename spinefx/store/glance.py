"""A run at a glance, as HTML that a notebook shows: what came in, what was found, where the report is."""

from __future__ import annotations

from collections import Counter
from html import escape
from typing import TYPE_CHECKING, Any

from spinefx.contract.errors import StoreError

if TYPE_CHECKING:
    from spinefx.store.run import Run

_QUARANTINED_SHOWN = 8


def glance(run: Run) -> str:
    """An HTML fragment; everything from the run's files is escaped."""
    record = run.record
    counts = Counter(case["outcome"] for case in record["cases"])
    told = ", ".join(f"{n} {name}" for name, n in sorted(counts.items())) or "none yet"
    title = _title(record) or run.folder.name
    parts = [
        f"<p><strong>{escape(title)}</strong> <code>{escape(str(run.folder))}</code></p>",
        f"<p>{len(record['cases'])} cases: {escape(told)}; state: {escape(str(record['state']))}</p>",
    ]
    left_out = [case for case in record["cases"] if case["outcome"] == "quarantined"]
    if left_out:
        lines = [f"{case['case']}: {case['cause']}" for case in left_out[:_QUARANTINED_SHOWN]]
        lines += [f"and {len(left_out) - _QUARANTINED_SHOWN} more"] if len(left_out) > _QUARANTINED_SHOWN else []
        parts.append(_listed("Left out", lines))
    try:
        stages = run.findings()["stages"]
    except StoreError:
        stages = []
    for stage in stages:
        found = stage["findings"]
        if found.get("sentences"):
            parts.append(_listed(stage["name"], found["sentences"][:2]))
    limits = [line for stage in stages for line in stage["findings"].get("warnings", ())]
    if limits:
        parts.append(_listed("What limits this", limits))
    if run.report.is_file():
        link = escape(run.report.absolute().as_uri(), quote=True)
        parts.append(f'<p>Report: <a href="{link}" target="_blank" rel="noopener">{escape(str(run.report))}</a></p>')
    return f'<div class="spinefx-run">{"".join(parts)}</div>'


def _title(record: dict[str, Any]) -> str:
    sections = (record.get("plan") or {}).get("sections") or {}
    return str((sections.get("report") or {}).get("title") or "")


def _listed(head: str, lines: list[str]) -> str:
    items = "".join(f"<li>{escape(str(line))}</li>" for line in lines)
    return f"<p><em>{escape(head)}</em></p><ul>{items}</ul>"
