"""Names of cases and patients: what may be one, and a safe stand-in for what may not."""

from __future__ import annotations

import hashlib
import re

SAFE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]{0,79}")
"""What an id may look like: it ends up in file names, tables and reports."""


def is_safe(name: str) -> bool:
    """Whether `name` may be an id as it is."""
    return SAFE.fullmatch(name) is not None


def stand_in(name: str) -> str:
    """An id for a file whose own name cannot be one: `unnamed-` and a digest of it."""
    return "unnamed-" + hashlib.sha256(name.encode("utf-8", "surrogateescape")).hexdigest()[:10]


def name_words(name: object) -> frozenset[str]:
    """The words of a person's name as DICOM writes it, in small letters."""
    return frozenset(str(name or "").replace("^", " ").replace("=", " ").casefold().split())


def without_person(text: str, words: frozenset[str], patient: str) -> str:
    """A text of a header without the words that name its patient, in plain letters, cut to a line's length."""
    kept = [word for word in text.split() if not _names(word, words, patient)]
    return " ".join(kept).encode("ascii", "replace").decode()[:48]


def _names(word: str, words: frozenset[str], patient: str) -> bool:
    folded = word.casefold()
    return any(len(part) > 1 and part in folded for part in words) or (len(patient) > 2 and patient in word)
