"""What the numbers in a mask mean: a known scheme or one of the user's own in TOML, and what a table corrects in it.

[my-scheme]
1 = "vertebra L5"
201 = "disc L5-S1"
100 = "canal"
ignored = [50, 51]
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from spinefx.api import SCHEMES, Case, DataError, LabelMap, Scheme, SchemeError
from spinefx_io.corrections import Correction, corrected, of_case, read_corrections, refuse_misspelt

SCHEME_ROLE = "scheme-file"
"""Role of the scheme's own file among a case's files, so that another content gives other results."""

_BYTES, _LINE = 64 << 10, 2000


@dataclass(frozen=True)
class Meaning:
    """How masks are read.

    scheme : value -> structure.   file : where the scheme was read from, if it was.
    corrections : case or patient -> what the table of levels says.   table : that table's name.
    """

    scheme: Scheme
    file: Path | None = None
    corrections: Mapping[str, Correction] = field(default_factory=dict)
    table: str = ""

    @classmethod
    def of(
        cls,
        scheme: str | Mapping[str, Any],
        *,
        schemes: Path | None = None,
        levels: Path | None = None,
        drawn: Scheme | None = None,
    ) -> Meaning:
        """The meaning that a loader's options name; `drawn` is the scheme of masks that the loader draws itself.

        Raises
        ------
        DataError
            If the file of schemes or the table of levels cannot be read or does not say what it should.
        """
        corrections = read_corrections(levels) if levels is not None else {}
        table = levels.name if levels is not None else ""
        if drawn is not None:
            return cls(drawn, None, corrections, table)
        if not isinstance(scheme, str):
            return cls(inline_scheme("scheme", scheme), None, corrections, table)
        if schemes is None or scheme in SCHEMES:
            return cls(SCHEMES[scheme], None, corrections, table)
        return cls(_from_file(schemes, scheme), schemes, corrections, table)

    def marked(self, cases: Iterable[Case]) -> list[Case]:
        """The cases, each with what the table of levels says of it.

        Raises
        ------
        DataError
            If the table names none of them, or writes an id with other zeros or capitals than they do.
        """
        cases, met = list(cases), set[str]()
        out = [of_case(self.corrections, self._with_file(case), met) for case in cases]
        refuse_misspelt(self.corrections.keys() - met, cases, self.table)
        if self.corrections and not met:
            ids = ", ".join(list(self.corrections)[:5])
            raise DataError(f"{self.table}: names none of the cases; its ids are {ids} ...")
        return out

    def applied(self, mask: LabelMap, case: Case | None = None) -> LabelMap:
        """The mask as it is meant in this case; values without meaning made 0, those that nobody knows refused."""
        return corrected(mask, case)

    def _with_file(self, case: Case) -> Case:
        return (
            replace(case, files={**case.files, SCHEME_ROLE: self.file})
            if self.file is not None and case.files
            else case
        )


def inline_scheme(name: str, table: Mapping[str, Any]) -> Scheme:
    """The scheme of a TOML table: `value = "kind level"`, and `ignored = [values]`."""
    rows = dict(table)
    ignored = rows.pop("ignored", ())
    if not isinstance(ignored, Sequence) or not all(isinstance(v, int) and 0 < v < 65536 for v in ignored):
        raise SchemeError(f"scheme {name!r}: `ignored` must be a list of mask values")
    if wrong := [key for key, text in rows.items() if not isinstance(text, str)]:
        raise SchemeError(f'scheme {name!r}: {wrong[0][:40]!r} must be a text such as "vertebra L5"')
    return Scheme.parse(name, rows, ignored=ignored)


def parse_schemes(content: bytes) -> dict[str, Any]:
    """The tables of a file of schemes, by name.

    Raises
    ------
    DataError
        If it is too large, not UTF-8, or not TOML.
    """
    if len(content) > _BYTES or max(map(len, content.splitlines()), default=0) > _LINE:
        raise DataError(f"is larger than {_BYTES >> 10} KiB or has lines over {_LINE} characters; is it a scheme?")
    try:
        tables = tomllib.loads(content.decode("utf-8"))
    except (UnicodeDecodeError, tomllib.TOMLDecodeError, RecursionError, ValueError) as error:
        raise DataError(f"is no TOML: {str(error)[:200]}") from error
    return {name: table for name, table in tables.items() if isinstance(table, dict)}


def _from_file(path: Path, name: str) -> Scheme:
    if not path.is_file():
        raise DataError(f"schemes: {path}: no such file")
    try:
        with path.open("rb") as file:
            content = file.read(_BYTES + 1)
    except OSError as error:
        raise DataError(f"schemes: {path} cannot be read: {error.strerror or error}") from error
    try:
        tables = parse_schemes(content)
        if name not in tables:
            known = ", ".join([*list(tables)[:20], *SCHEMES])
            raise SchemeError(f"has no scheme {name!r}; known are {known}")
        return inline_scheme(name, tables[name])
    except DataError as error:
        raise type(error)(f"{path.name}: {error}") from error
