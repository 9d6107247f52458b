"""A run at a glance, as HTML that a notebook shows: what came in, what was found, where the report is."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from html import escape
from pathlib import Path
from typing import Any

_QUARANTINED_SHOWN = 8


def glance(folder: Path, record: dict[str, Any], stages: Sequence[dict[str, Any]], report: Path) -> str:
    """An HTML fragment; everything from the run's files is escaped.

    record : the run's record.   stages : of its findings, none where it did not get that far.   report : where it is, or will be.
    """
    counts = Counter(case["outcome"] for case in record["cases"])
    told = ", ".join(f"{n} {name}" for name, n in sorted(counts.items())) or "none yet"
    title = _title(record) or folder.name
    parts = [
        f"<p><strong>{escape(title)}</strong> <code>{escape(str(folder))}</code></p>",
        f"<p>{len(record['cases'])} cases: {escape(told)}; state: {escape(str(record['state']))}</p>",
    ]
    left_out = [case for case in record["cases"] if case["outcome"] == "quarantined"]
    if left_out:
        lines = [f"{case['case']}: {case['cause']}" for case in left_out[:_QUARANTINED_SHOWN]]
        lines += [f"and {len(left_out) - _QUARANTINED_SHOWN} more"] if len(left_out) > _QUARANTINED_SHOWN else []
        parts.append(_listed("Left out", lines))
    for stage in stages:
        found = stage["findings"]
        if found.get("sentences"):
            parts.append(_listed(stage["name"], found["sentences"][:2]))
    limits = [line for stage in stages for line in stage["findings"].get("warnings", ())]
    if limits:
        parts.append(_listed("What limits this", limits))
    if report.is_file():
        link = escape(report.absolute().as_uri(), quote=True)
        parts.append(f'<p>Report: <a href="{link}" target="_blank" rel="noopener">{escape(str(report))}</a></p>')
    return f'<div class="spinefx-run">{"".join(parts)}</div>'


def _title(record: dict[str, Any]) -> str:
    sections = (record.get("plan") or {}).get("sections") or {}
    return str((sections.get("report") or {}).get("title") or "")


def _listed(head: str, lines: list[str]) -> str:
    items = "".join(f"<li>{escape(str(line))}</li>" for line in lines)
    return f"<p><em>{escape(head)}</em></p><ul>{items}</ul>"
