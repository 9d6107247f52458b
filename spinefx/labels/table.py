"""A sheet becomes labels: header found, rows keyed by patient and level, cells typed, everything odd said aloud."""

from __future__ import annotations

import difflib
import re
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from spinefx.contract.errors import LabelTableError
from spinefx.contract.labels import LabelRow, Remark
from spinefx.labels.cells import Cell, is_missing, level_of, patient_of, text_of
from spinefx.labels.known import KNOWN, TableForm, recognised
from spinefx.labels.options import LabelKey
from spinefx.labels.sheet import Sheet

HEADER_WITHIN = 50
"""The header is looked for in this many non-blank rows."""
_SHOWN = 40


@dataclass
class Entry:
    """One usable row of the table: whose it is, where it stood, its cells by column, and who read ("" where nobody says)."""

    row: LabelRow
    line: int
    cells: dict[str, Cell]
    rater: str = ""


@dataclass
class Keyed:
    """A sheet whose rows have found their owners."""

    form: TableForm
    where: str
    columns: tuple[str, ...]
    entries: list[Entry] = field(default_factory=list)
    remarks: list[Remark] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)


def keyed(sheet: Sheet, key: LabelKey | None, named: Callable[[str], str] = str) -> Keyed | None:
    """The sheet's rows with their owners, each patient `named`; None if no row of it looks like the header that is wanted."""
    found = _header(sheet, key)
    if found is None:
        return None
    line, header, form = found
    table = Keyed(
        form,
        sheet.where,
        tuple(n for n in header if n and n not in (*form.keys, *form.beside)),
        problems=[*sheet.notes, *sheet.lost],
    )
    _Keying(table, header, named).take((n, cells) for n, cells in sheet.rows.items() if n > line)
    return table


def missing_header(sheets: Iterable[Sheet], key: LabelKey | None) -> LabelTableError:
    """The error that says which column no sheet has, and the nearest that there is."""
    sheets = list(sheets)
    if key is None:
        known = "; ".join(f"{form.name}: {', '.join(form.keys)}" for form in KNOWN)
        where = ", ".join(sheet.where for sheet in sheets)
        return LabelTableError(
            f"{where}: not a table that spinefx knows by its columns ({known}); say which columns hold the patient and "
            f'the level: key = {{patient = "...", level = "..."}}. The table starts with {_first_row(sheets)}'
        )
    wanted = [name for name in (key.patient, key.level, key.ivd, key.rater) if name]
    best = max(sheets, key=lambda sheet: max((_hits(cells, wanted) for cells in _top(sheet)), default=0))
    row = max(_top(best), key=lambda cells: (_hits(cells, wanted), len(cells)), default=())
    names = [text_of(cell) for cell in row if text_of(cell)]
    missing = next((name for name in wanted if name not in names), wanted[0])
    option = next(name for name, column in key.model_dump().items() if column == missing)
    return LabelTableError(f"{best.where}: {no_column(missing, names)}", option=("key", option))


def no_column(name: str, names: Sequence[str]) -> str:
    """`no column "Pfirrmann grade"; closest: "Pfirrman grade"`."""
    folded = {other.casefold(): other for other in names}
    near = difflib.get_close_matches(name.casefold(), folded, n=1, cutoff=0.5)
    hint = f'closest: "{folded[near[0]]}"' if near else f"it has {', '.join(names) or 'no columns'}"
    return f'no column "{name}"; {hint}'


def _top(sheet: Sheet) -> list[Sequence[Cell]]:
    return list(sheet.rows.values())[:HEADER_WITHIN]


def _hits(cells: Sequence[Cell], wanted: Sequence[str]) -> int:
    names = {text_of(cell) for cell in cells}
    return sum(name in names for name in wanted)


def _first_row(sheets: Sequence[Sheet]) -> str:
    first = next((cells for sheet in sheets for cells in sheet.rows.values()), ())
    return ", ".join(text_of(cell)[:40] or "(blank)" for cell in first[:12]) or "nothing: it is empty"


def _header(sheet: Sheet, key: LabelKey | None) -> tuple[int, list[str], TableForm] | None:
    for line, cells in list(sheet.rows.items())[:HEADER_WITHIN]:
        names = _distinct([text_of(cell) for cell in cells])
        form = recognised(names) if key is None else _form_of(key)
        if form is not None and set(form.keys) <= set(names):
            return line, names, form
    return None


def _form_of(key: LabelKey) -> TableForm:
    return TableForm("your table", key.patient, level=key.level or "", number=key.ivd or "", rater=key.rater or "")


def _distinct(names: Sequence[str]) -> list[str]:
    """The names with a number behind every repetition: `Grade`, `Grade (2)`."""
    seen: dict[str, int] = {}
    out = []
    for name in names:
        seen[name] = seen.get(name, 0) + 1
        out.append(name if seen[name] == 1 or not name else f"{name} ({seen[name]})")
    return out


def _shape(patient: str) -> str:
    """What an id looks like: `a-9` for `P-017`."""
    return re.sub(r"[^\W\d_]+", "a", re.sub(r"\d+", "9", patient))


@dataclass
class _Keying:
    """Walks down a table whose patient may be written once and then left blank.

    There, a text where a blank would stand is a remark if it does not look like the other ids and its level goes on
    where the patient's levels stopped; at a level that the patient has already, it is another patient.
    """

    table: Keyed
    header: Sequence[str]
    named: Callable[[str], str] = str
    patient: str = ""
    seen: set[tuple[str, str]] = field(default_factory=set)

    def take(self, rows: Iterable[tuple[int, Sequence[Cell]]]) -> None:
        rows = list(rows)
        place = self.header.index(self.table.form.patient)
        ids = [patient_of(cells[place]) for _, cells in rows if place < len(cells) and not is_missing(cells[place])]
        by_level = bool(self.table.form.level or self.table.form.number)
        fill = by_level and len(ids) < len(rows)
        shape, times = Counter(map(_shape, ids)).most_common(1)[0] if ids else ("", 0)
        usual = shape if fill and 2 * times >= len(ids) else ""
        for line, cells in rows:
            padded = [*cells, *[None] * (len(self.header) - len(cells))]
            named = dict(zip(self.header, padded, strict=False))
            extra = [c for name, c in zip(self.header, padded, strict=False) if not name] + padded[len(self.header) :]
            self._take(line, named, extra, fill, usual)

    def _take(self, line: int, named: dict[str, Cell], extra: Sequence[Cell], fill: bool, usual: str) -> None:
        form, table = self.table.form, self.table
        where = f"{table.where} row {line}"
        remarks = [text_of(cell) for cell in extra if not is_missing(cell)]
        if all(is_missing(cell) for cell in named.values()):
            table.remarks += [Remark(LabelRow(self.patient), text) for text in remarks]
            return
        level, trouble = self._level(named, where)
        rater = text_of(named[form.rater]) if form.rater else ""
        cell = named[form.patient]
        if not is_missing(cell):
            alien = bool(usual) and _shape(patient_of(cell)) != usual
            starts = not alien or level is None or (level, rater) in self.seen
            if starts or not self.patient:
                self.patient, self.seen = self.named(form.patient_of(cell)), set()
            else:
                table.remarks.append(Remark(LabelRow(self.patient), text_of(cell)))
        elif not fill or not self.patient:
            table.problems.append(f'{where}: no patient in "{form.patient}"; not used')
            return
        elif (level, rater) in self.seen:
            table.problems.append(
                f"{where}: level {level} comes again under patient {self.patient}, so the blank "
                f'"{form.patient}" may stand for another; not used'
            )
            return
        if trouble:
            table.problems.append(trouble)
        if level is None:
            return
        if form.rater and not rater:
            table.problems.append(f'{where}: nobody in "{form.rater}"; not used')
            return
        self.seen.add((level, rater))
        row = LabelRow(self.patient, level)
        table.remarks += [Remark(row, text) for text in remarks]
        table.entries.append(Entry(row, line, {name: named[name] for name in table.columns}, rater))

    def _level(self, named: dict[str, Cell], where: str) -> tuple[str | None, str]:
        """The row's level ("" in a table without levels), or None, and what is odd about it."""
        form = self.table.form
        if not form.level and not form.number:
            return "", ""
        written = level_of(named[form.level]) if form.level else None
        if not form.number:
            shown = text_of(named[form.level])[:_SHOWN]
            return (
                written,
                "" if written else f'{where}: {shown!r} in "{form.level}" is no level such as L4-L5; not used',
            )
        counted = form.number_to_level(named[form.number])
        if counted is None:
            shown = text_of(named[form.number])[:_SHOWN]
            return None, f'{where}: {shown or "nothing"} in "{form.number}" is no disc (1 is L5-S1); not used'
        if form.level and written != counted:
            shown = text_of(named[form.level])[:_SHOWN]
            return counted, f'{where}: "{form.level}" says {shown!r}, "{form.number}" says {counted}; used as {counted}'
        return counted, ""
