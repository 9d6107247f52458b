"""A pipeline.toml as read: its tables, where each key stands, and what `--set` changed.

Nothing of it is executed, expanded or imported. Size and depth are capped before tomllib sees the text: a dotted key
of 40 kB would cost it ten seconds.
"""

from __future__ import annotations

import copy
import json
import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from spinefx.contract.errors import PlanError, Problem
from spinefx.plan.locate import KeyPath, Spot, deepest_key, locate
from spinefx.plan.sections import default_stages

MAX_BYTES = 256 * 1024
"""Largest pipeline file that is read."""

MAX_DOTS = 32
"""Most parts of one dotted key."""

_PLAIN_WORD = re.compile(r"""[^\s\[{"'][^"'\n]*""")


@dataclass(frozen=True)
class Source:
    """A pipeline's tables with their places.

    name : how messages call it (the path as typed).   tables : what tomllib read, with the overrides in.
    """

    name: str
    tables: dict[str, Any]
    spots: Mapping[KeyPath, Spot] = field(default_factory=dict)
    overrides: Mapping[KeyPath, str] = field(default_factory=dict)

    def spot(self, path: KeyPath) -> Spot | None:
        """Place of the key, else of the nearest table around it, else None."""
        for end in range(len(path), 0, -1):
            if path[:end] in self.spots:
                return self.spots[path[:end]]
        return None

    def where(self, path: KeyPath, table: KeyPath = ()) -> str:
        """`pipeline.toml:9:1 [encode]`, as every message begins; for an overridden key, the override."""
        label = f" [{'.'.join(map(str, table))}]" if table else ""
        for end in range(len(path), 0, -1):
            if path[:end] in self.overrides:
                return f"--set {self.overrides[path[:end]]}{label}"
        made = [told for key, told in self.overrides.items() if key[: len(path)] == path]
        if made and path not in self.spots:
            return f"--set {made[0]}{label}"
        spot = self.spot(path)
        return f"{self.name}:{spot.line}:{spot.column}{label}" if spot else f"{self.name}{label}"


def read_source(path: Path) -> Source:
    """The pipeline file at `path`.

    Raises
    ------
    PlanError
        If it is not there, too large, not UTF-8, nested absurdly deep, or not TOML (with line and column).
    """
    name = str(path)
    try:
        with path.open("rb") as stream:
            raw = stream.read(MAX_BYTES + 1)
    except OSError as error:
        why = "no such file" if isinstance(error, FileNotFoundError) else f"cannot be read: {error.strerror}"
        raise PlanError([Problem(name, why, "spinefx init --from folder writes one")]) from error
    if len(raw) > MAX_BYTES:
        raise PlanError([Problem(name, f"is larger than {MAX_BYTES // 1024} KiB; is it a pipeline?")])
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise PlanError([Problem(f"{name}:{line}", "is not UTF-8 text", "save it as UTF-8")]) from error
    return parse_source(text, name=name)


def parse_source(text: str, *, name: str = "pipeline.toml") -> Source:
    """The same from text.

    Raises
    ------
    PlanError
        As `read_source`.
    """
    parts, line = deepest_key(text)
    if parts > MAX_DOTS:
        raise PlanError([Problem(f"{name}:{line}", f"a key of {parts} dotted parts; wanted at most {MAX_DOTS}")])
    try:
        tables = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise PlanError([_syntax_problem(str(error), text, name)]) from error
    except RecursionError as error:
        raise PlanError([Problem(name, "lists or tables are nested too deep to be a pipeline")]) from error
    except ValueError as error:  # a number of thousands of digits
        raise PlanError([Problem(name, f"cannot be read: {str(error)[:120]}")]) from error
    return Source(name, tables, locate(text))


def _syntax_problem(message: str, text: str, name: str) -> Problem:
    match = re.fullmatch(r"(.*?) \(at (?:line (\d+), column (\d+)|end of document)\)", message, re.DOTALL)
    if match is None:
        return Problem(name, f"is not TOML: {message}")
    what, line, column = match[1], match[2], match[3]
    if line is None:
        lines = text.split("\n")
        line, column = str(len(lines)), str(len(lines[-1]) + 1)
    return Problem(f"{name}:{line}:{column}", f"is not TOML: {what[:1].lower()}{what[1:]}", "https://toml.io")


def with_overrides(source: Source, overrides: Sequence[str], problems: list[Problem]) -> Source:
    """The source with `encode.epochs=5`, `geometry.0.smooth=true` put in; what cannot be is added to `problems`.

    Values are TOML; a word that is no TOML value is taken as text, so that `encode.use=pca` needs no quotes.
    """
    tables, places = copy.deepcopy(source.tables), dict(source.overrides)
    for override in overrides:
        try:
            path = _put(tables, override)
        except ValueError as error:
            problems.append(Problem(f"--set {override}", str(error), "wanted: --set encode.epochs=5"))
        else:
            places[path] = override
    return replace(source, tables=tables, overrides=places)


def _put(tables: dict[str, Any], override: str) -> KeyPath:
    key, equals, value = override.partition("=")
    parts = [part.strip() for part in key.split(".")]
    if not equals or not all(parts) or len(parts) > MAX_DOTS:
        raise ValueError("is not KEY=VALUE with a dotted key")
    parsed = _value_of(value.strip())
    here: Any = tables
    path: KeyPath = ()
    defaults = default_stages(labelled="labels" in tables)
    if len(parts) > 1 and parts[0] in defaults:
        tables.setdefault(parts[0], defaults[parts[0]])
    for depth, part in enumerate(parts):
        last = depth == len(parts) - 1
        step = _step(here, part, path)
        path = (*path, step)
        if last:
            _assign(here, step, parsed)
        elif isinstance(here, list) and step == len(here):
            here.append({})
            here = here[-1]
        else:
            here = here.setdefault(step, {}) if isinstance(here, dict) else here[step]
    return path


def _step(here: Any, part: str, path: KeyPath) -> str | int:
    at = ".".join(map(str, path))
    if isinstance(here, dict):
        return part
    if not isinstance(here, list):
        raise ValueError(f"`{at}` is a value, it has no key `{part}`")
    if not part.isascii() or not part.isdigit():
        raise ValueError(f"`{at}` is a list of {len(here)}; wanted its number, as {at}.0")
    if int(part[:6]) > len(here):
        raise ValueError(f"`{at}` has {len(here)} entries, counted from 0")
    return int(part)


def _assign(here: Any, step: str | int, value: Any) -> None:
    if isinstance(here, list) and step == len(here):
        here.append(value)
    else:
        here[step] = value


def _value_of(text: str) -> Any:
    if len(text) > 4096:
        raise ValueError("the value is too long")
    try:
        read = tomllib.loads(f"value = {text}")
        if list(read) == ["value"]:
            return read["value"]
    except (ValueError, RecursionError) as error:
        if not _PLAIN_WORD.fullmatch(text):
            raise ValueError(f"{json.dumps(text)[:80]} is not a TOML value") from error
    if not _PLAIN_WORD.fullmatch(text):
        raise ValueError("the value is not one TOML value")
    return text
