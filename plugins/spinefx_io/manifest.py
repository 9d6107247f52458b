"""`manifest`: a table with one row per case that names its files."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from pathlib import Path

from spinefx.api import Case, DataError, Scan, read_rows
from spinefx_io import ManifestOptions
from spinefx_io.meaning import Meaning
from spinefx_io.names import is_safe, stand_in
from spinefx_io.reading import Reader


class ManifestLoader:
    """Finds cases in a table, and reads their files."""

    def __init__(self, options: ManifestOptions) -> None:
        self.options = options
        self._root = options.root if options.root is not None else options.table.parent
        self._meaning = Meaning.of(options.scheme, schemes=options.schemes, levels=options.levels)
        self._reader = Reader([self._root], self._meaning, int(options.budget_gb * 1e9))

    def cases(self) -> Sequence[Case]:
        """One case per row, in the table's order.

        Raises
        ------
        DataError
            If the table cannot be read, lacks a column, names a case twice, or has rows without an id; every such
            row is listed.
        """
        table = self.options.table
        rows = read_rows(table, sheet=self.options.sheet)
        if not rows:
            raise DataError(f"{table.name}: has no rows under its header")
        self._check_columns(rows[0])
        seen: dict[str, str] = {}
        problems = []
        for row in rows:
            name = row[self.options.id]
            if not name:
                problems.append(f"line {row['line']} has no {self.options.id}")
            elif name in seen:
                problems.append(f"line {row['line']} names {name!a} again (first in line {seen[name]})")
            seen.setdefault(name, row["line"])
        if problems:
            more = f", and {len(problems) - 10} more" if len(problems) > 10 else ""
            raise DataError(f"{table.name}: {'; '.join(problems[:10])}{more}")
        return self._meaning.marked(self._case(row) for row in rows)

    def voxels(self, case: Case) -> int:
        """Voxels of the case's largest volume, from headers alone."""
        return self._reader.voxels(case)

    def load(self, case: Case) -> Scan:
        """Images and mask of one case."""
        if "name" in case.facts:
            raise DataError(
                f"id {case.facts['name']} must be letters, digits, '.', '_', '+', '-', at most 80; rename it"
            )
        if not case.files:
            raise DataError(f"case {case.id}: its row names no file")
        return self._reader.scan(case)

    def _check_columns(self, row: Mapping[str, str]) -> None:
        wanted = [self.options.id, *self.options.images, *self.options.facts]
        wanted += [name for name in (self.options.patient, self.options.mask) if name]
        there = [name for name in row if name != "line"]
        for name in wanted:
            if name not in there:
                near = difflib.get_close_matches(name, there, 1, 0.5)
                hint = f"closest: {near[0]!r}" if near else f"it has {', '.join(map(repr, there))[:200]}"
                raise DataError(f"{self.options.table.name}: no column {name!r}; {hint}")

    def _case(self, row: Mapping[str, str]) -> Case:
        options = self.options
        name = row[options.id]
        patient = (row[options.patient] if options.patient else "") or name
        if not (is_safe(name) and is_safe(patient)):
            return Case(stand_in(name), stand_in(patient), {}, {"name": ascii(name)[:200]}, ("unusable id",))
        columns = {image: image for image in options.images} | ({"mask": options.mask} if options.mask else {})
        files = {role: self._path(row[column]) for role, column in columns.items() if row[column]}
        missing = [f"no {role}" for role in columns if role not in files]
        return Case(
            name, patient, files, {fact: _fact(row[fact]) for fact in options.facts if row[fact]}, tuple(missing)
        )

    def _path(self, text: str) -> Path:
        path = Path(text)
        return path if path.is_absolute() else self._root / path


def _fact(text: str) -> str | float:
    try:
        return float(text)
    except ValueError:
        return text
