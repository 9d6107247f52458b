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
