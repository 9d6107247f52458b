"""Where each key of a TOML text stands; tomllib reads values but keeps no positions.

The scan is meant for text that tomllib has accepted, takes time linear in its length, and never fails: where it loses
the thread it stops, and keys it has not seen are told by their table's line.
"""

from __future__ import annotations

import contextlib
import re
import tomllib
from collections.abc import Mapping
from typing import NamedTuple

KeyPath = tuple[str | int, ...]
"""`("geometry", 0, "smooth")`: keys and list indices from the top."""

MAX_NESTING = 64
"""How deep arrays and inline tables are followed."""


class Spot(NamedTuple):
    """A place in a text, counted from 1."""

    line: int
    column: int


_BLANK = re.compile(r"(?:[ \t\r\n]|#[^\n]*)*+")
_BARE = re.compile(r"[A-Za-z0-9_-]+")
_BASIC = re.compile(r'"(?:[^"\\\n]|\\.)*+"')
_LITERAL = re.compile(r"'[^'\n]*+'")
_LONG_BASIC = re.compile(r'"""(?:[^"\\]|\\.|"(?!""))*+"{3,5}', re.DOTALL)
_LONG_LITERAL = re.compile(r"'''(?:[^']|'(?!''))*+'{3,5}", re.DOTALL)
_SCALAR = re.compile(r"[^,\]}\n#]+")
_SPACE = re.compile(r"[ \t]*+")
_TOKEN = re.compile(
    r"""(?P<skip>\#[^\n]*+ | [ \t]++)
      | (?P<text>\"{3}(?:[^"\\]|\\.|"(?!""))*+\"{0,5} | '{3}(?:[^']|'(?!''))*+'{0,5})
      | (?P<part>[A-Za-z0-9_-]++ | "(?:[^"\\\n]|\\[^\n])*+["\\]? | '[^'\n]*+'?)
      | (?P<dot>\.)
      | (?P<other>[^\#"'.A-Za-z0-9_\ \t-]++)""",
    re.VERBOSE | re.DOTALL,
)


class _LostError(Exception):
    """The scan does not understand what it sees."""


def deepest_key(text: str) -> tuple[int, int]:
    """Parts of the longest dotted key and its line, in one pass over any text, TOML or not."""
    most, place, parts, joined = 0, 0, 0, False
    for token in _TOKEN.finditer(text):
        if token.lastgroup == "part":
            parts = parts + 1 if joined else 1
            joined = False
            if parts > most:
                most, place = parts, token.start()
        elif token.lastgroup == "dot":
            joined = True
        elif token.lastgroup != "skip":
            parts, joined = 0, False
    return most, text.count("\n", 0, place) + 1


def locate(text: str) -> Mapping[KeyPath, Spot]:
    """Key path -> line and column of the key (of the header for a table, of the value for a list's item)."""
    scan = _Scan(text.replace("\r\n", "\n"))
    with contextlib.suppress(_LostError, ValueError):  # what was seen up to there stands
        scan.document()
    return scan.spots()


class _Scan:
    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0
        self.offsets: dict[KeyPath, int] = {}
        self.lengths: dict[KeyPath, int] = {}

    def spots(self) -> dict[KeyPath, Spot]:
        """Offsets as lines and columns, in one pass over the text."""
        found: dict[KeyPath, Spot] = {}
        line, start, seen = 1, 0, 0
        for path, offset in sorted(self.offsets.items(), key=lambda item: item[1]):
            newlines = self.text.count("\n", seen, offset)
            if newlines:
                line += newlines
                start = self.text.rfind("\n", seen, offset) + 1
            seen = offset
            found[path] = Spot(line, offset - start + 1)
        return found

    def document(self) -> None:
        table: KeyPath = ()
        while True:
            self.take(_BLANK)
            if self.at >= len(self.text):
                return
            start = self.at
            if self.text.startswith("[[", start):
                table = self.header(start, 2)
            elif self.text[start] == "[":
                table = self.header(start, 1)
            else:
                self.pair(table, 0)

    def header(self, start: int, brackets: int) -> KeyPath:
        self.at += brackets
        self.take(_SPACE)
        keys = [key for key, _ in self.keys()]
        self.expect("]" * brackets)
        path = self.inside(keys[:-1], start)
        path = (*path, keys[-1])
        self.offsets.setdefault(path, start)
        if brackets == 2:
            index = self.lengths.get(path, 0)
            self.lengths[path] = index + 1
            path = (*path, index)
        elif path in self.lengths:
            path = (*path, self.lengths[path] - 1)
        self.offsets.setdefault(path, start)
        return path

    def inside(self, keys: list[str], start: int) -> KeyPath:
        path: KeyPath = ()
        for key in keys:
            path = (*path, key)
            self.offsets.setdefault(path, start)
            if path in self.lengths:
                path = (*path, self.lengths[path] - 1)
        return path

    def pair(self, table: KeyPath, depth: int) -> None:
        path = table
        for key, offset in self.keys():
            path = (*path, key)
            self.offsets.setdefault(path, offset)
        self.expect("=")
        self.take(_SPACE)
        self.value(path, depth)

    def keys(self) -> list[tuple[str, int]]:
        found = []
        while True:
            offset = self.at
            if raw := self.take(_BARE):
                key = raw
            elif (raw := self.take(_BASIC)) or (raw := self.take(_LITERAL)):
                key = next(iter(tomllib.loads(f"{raw} = 0"))) if "\\" in raw else raw[1:-1]
            else:
                raise _LostError
            found.append((key, offset))
            self.take(_SPACE)
            if not self.text.startswith(".", self.at):
                return found
            self.at += 1
            self.take(_SPACE)

    def value(self, path: KeyPath, depth: int) -> None:
        if depth > MAX_NESTING:
            raise _LostError
        if self.text.startswith("[", self.at):
            self.items(path, depth + 1)
        elif self.text.startswith("{", self.at):
            self.inline(path, depth + 1)
        elif not any(self.take(kind) for kind in (_LONG_BASIC, _LONG_LITERAL, _BASIC, _LITERAL, _SCALAR)):
            raise _LostError

    def items(self, path: KeyPath, depth: int) -> None:
        self.expect("[")
        index = 0
        while True:
            self.take(_BLANK)
            if self.text.startswith("]", self.at):
                self.at += 1
                return
            self.offsets.setdefault((*path, index), self.at)
            self.value((*path, index), depth)
            index += 1
            self.take(_BLANK)
            if self.text.startswith(",", self.at):
                self.at += 1
            elif not self.text.startswith("]", self.at):
                raise _LostError

    def inline(self, path: KeyPath, depth: int) -> None:
        self.expect("{")
        while True:
            self.take(_BLANK)
            if self.text.startswith("}", self.at):
                self.at += 1
                return
            self.pair(path, depth)
            self.take(_BLANK)
            if self.text.startswith(",", self.at):
                self.at += 1
            elif not self.text.startswith("}", self.at):
                raise _LostError

    def take(self, pattern: re.Pattern[str]) -> str:
        match = pattern.match(self.text, self.at)
        if match is None:
            return ""
        self.at = match.end()
        return match[0]

    def expect(self, token: str) -> None:
        self.take(_SPACE)
        if not self.text.startswith(token, self.at):
            raise _LostError
        self.at += len(token)
