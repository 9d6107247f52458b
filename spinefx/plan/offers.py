"""An offer, what failed to offer, and the nearest right name."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from spinefx.contract.plugin import Plugin


@dataclass(frozen=True)
class Offer:
    """A plugin and who brings it.

    kind : one of `KINDS`.   dist, version : its distribution; the file name and a content digest for a single file.
    """

    kind: str
    plugin: Plugin
    dist: str
    version: str

    @property
    def name(self) -> str:
        """The plugin's name, as in `use = "..."`."""
        return self.plugin.name

    @property
    def origin(self) -> str:
        """`spine-lab 1.2`, as messages name it."""
        return f"{self.dist} {self.version}".strip()


@dataclass(frozen=True)
class Broken:
    """Something that should have offered plugins and did not: who, through which entry, why.

    file : the path where it is a file of `[run] plugins`.   names : the offers lost with it, where they are known.
    """

    dist: str
    entry: str
    error: str
    file: Path | None = None
    names: tuple[str, ...] = ()

    @property
    def who(self) -> str:
        """`spine-lab (entry point 'lab')`, or the file."""
        return self.dist if self.file or self.entry == self.dist else f"{self.dist} (entry point {self.entry!r})"

    def __str__(self) -> str:
        return f"{self.who}: {self.error}"


def nearest(name: str, known: Iterable[str]) -> str:
    """The known name that `name` was probably meant to be, or ""."""
    spelt = {item.casefold().replace("_", "-"): item for item in known}
    close = difflib.get_close_matches(name[:80].casefold().replace("_", "-"), spelt, n=1, cutoff=0.6)
    return spelt[close[0]] if close else ""


def canonical(name: str) -> str:
    """The name as package registries compare it: case, `_` and `.` do not matter."""
    return re.sub(r"[-_.]+", "-", name).lower()


def spoken(kind: str) -> str:
    """The kind as a reader would say it: `geometry analyser`."""
    return kind.replace("_", " ")
