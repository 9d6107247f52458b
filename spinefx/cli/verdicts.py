"""`spinefx check --data`: every case's verdict, printed."""

from __future__ import annotations

import sys
from collections import Counter
from typing import TYPE_CHECKING

from spinefx.cli.console import counted, dump, say, table, warn

if TYPE_CHECKING:
    from spinefx.contract.stages import Loader
    from spinefx.plan import Plan
    from spinefx.work.checked import Checked

_EVERY = 50
_LISTED = 12


def print_verdicts(plan: Plan, loader: Loader, checked: Checked, *, as_json: bool) -> int:
    """Print what would become of every case; 4 if any would be quarantined, else 0."""
    from spinefx.work.cases.verdict import NOTED, QUARANTINED, USED, audited, judged, told_apart

    place = {case.id: number for number, case in enumerate(checked.cases)}
    found = []
    for number, verdict in enumerate(judged(plan, loader, checked.cases, checked.labels), start=1):
        found.append(verdict)
        if number % _EVERY == 0 and sys.stderr.isatty():
            warn(f"{number} of {len(place)} cases loaded")
    verdicts = told_apart(sorted(found, key=lambda verdict: place[verdict.case]))
    counts = Counter(verdict.outcome for verdict in verdicts)
    join = audited(verdicts, checked.labels)
    if as_json:
        dump(
            {
                "source": plan.source,
                "outcomes": dict(counts),
                "cases": [
                    {"case": v.case, "patient": v.patient, "outcome": v.outcome, "said": v.said, "grid": v.grid}
                    for v in verdicts
                ],
                "labels": {row[0]: {"count": row[1], "which": row[2]} for row in join.table().rows} if join else {},
            }
        )
    else:
        plain = [v.case for v in verdicts if not v.said]
        shown = [v for v in verdicts if v.said or len(plain) <= _LISTED]
        if shown:
            table(
                ("case", "verdict", "note, or cause and remedy"),
                [(v.case, v.outcome, "; ".join(v.said)) for v in shown],
            )
            say()
        if len(plain) > _LISTED:
            say(
                f"used as they are: {len(plain)} ({', '.join(plain[:_LISTED])}, and {len(plain) - _LISTED} more; --json lists all)"
            )
        shares = ", ".join(f"{counts[outcome]} {outcome}" for outcome in (USED, NOTED, QUARANTINED))
        say(f"{counted(len(verdicts), 'case')}: {shares}")
        for what, count, which in join.table().rows if join else ():
            if count or "alike" not in str(what):
                say(f"{what}: {count}" + (f" ({which})" if which and what != "label met a structure" else ""))
    return 4 if counts[QUARANTINED] else 0
