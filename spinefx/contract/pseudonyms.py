"""Ids under a key: what cases and patients are called in everything that is written, where `[run] hash_ids` names a secret.

An id becomes 16 hex digits of its HMAC-SHA256. The same secret gives the same ids in images, label tables and later runs;
without it nobody can tell whose they are, nor try names one by one as with a plain hash.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

from spinefx.contract.case import Case
from spinefx.contract.errors import DataError

_DIGITS = 16
_LEAST_BYTES, _MOST_BYTES = 16, 4096


@dataclass(frozen=True)
class Pseudonyms:
    """Names under one key."""

    key: bytes = field(repr=False)

    @classmethod
    def read(cls, path: Path) -> Pseudonyms:
        """The names under the secret in a file; blanks at its ends do not count.

        Raises
        ------
        DataError
            If the file cannot be read or its secret is shorter than 16 bytes.
        """
        try:
            with path.open("rb") as file:
                key = file.read(_MOST_BYTES).strip()
        except OSError as error:
            raise DataError(f"hash_ids: {path.name} cannot be read: {error.strerror or error}") from error
        if len(key) < _LEAST_BYTES:
            raise DataError(
                f"hash_ids: {path.name} holds {len(key)} bytes, wanted {_LEAST_BYTES} or more; "
                f"`openssl rand -hex 32 > {path.name}` makes a good one"
            )
        return cls(key)

    def of(self, name: str) -> str:
        """The pseudonym of an id: 16 hex digits."""
        return hmac.new(self.key, name.encode("utf-8", "surrogateescape"), hashlib.sha256).hexdigest()[:_DIGITS]

    def case(self, case: Case) -> Case:
        """The case under its pseudonym; it keeps the loader's own case, which is written nowhere, for the loader alone."""
        patient = self.of(case.known_as or case.patient)
        name = patient if case.id == case.patient else f"{patient}_{self.of(case.id)[:6]}"
        notes = tuple(self.told(note, case) for note in case.notes)
        return replace(case, id=name, patient=patient, notes=notes, known_as="", origin=case)

    def told(self, text: str, case: Case) -> str:
        """A message about the loader's case without its ids and without its files' names, which may be somebody's.

        Ids of one or two digits are only taken out where they stand as an id: no digit of a size is touched.
        """
        for path, role in _shown(case):
            text = text.replace(path, f"its {role} file")
        for name, stand_in in (
            (case.id, "it"),
            (case.known_as, "it"),
            (case.patient, self.of(case.known_as or case.patient)),
        ):
            if name:
                text = _without(text, name, stand_in)
        return text


def _shown(case: Case) -> Iterator[tuple[str, str]]:
    """(path, role) of every way in which the path of one of the case's files may be written, the longest first."""
    ways: dict[str, str] = {}
    for role, path in case.files.items():
        parts = Path(path).parts
        for written in (str(path), *("/".join(parts[i:]) for i in range(1, len(parts)))):
            ways.setdefault(written, role)
            ways.setdefault(written.encode("unicode_escape").decode("ascii"), role)
    yield from sorted(ways.items(), key=lambda item: -len(item[0]))


def _without(text: str, name: str, stand_in: str) -> str:
    short = name.isdecimal() and len(name) < 3
    before = r"(?<=case )|(?<=patient )|(?<=id )|(?<=')|(?<=\")" if short else r"(?<![^\W_])"
    return re.sub(rf"(?:{before}){re.escape(name)}(?![^\W_])", stand_in, text, flags=re.IGNORECASE)
