"""Patterns of file names with named parts, as `images/{id}_{modality:t1,t2}.nii.gz`."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from spinefx.api import DataError

_PART = re.compile(r"\{([a-z][a-z0-9_]*)(?::([^{}]*))?\}")


def compile_pattern(pattern: str) -> re.Pattern[str]:
    """The pattern as a regular expression over paths relative to the root, `/` between folders.

    A part takes as little as it can, never a `/`; the same name twice must say the same twice; `{name:a,b}` takes `a`
    or `b`; `*` takes anything within one name.

    Raises
    ------
    DataError
        For a pattern that is empty, absolute, climbs out of the root, or has braces that do not pair.
    """
    parts = PurePosixPath(pattern).parts
    if not pattern or pattern.startswith("/") or ".." in parts:
        raise DataError(f"pattern {pattern!r} must be a path inside the root")
    seen: set[str] = set()
    out, place = [], 0
    for match in _PART.finditer(pattern):
        out.append(_literal(pattern[place : match.start()], pattern))
        name, choices = match[1], match[2]
        if name in seen:
            out.append(f"(?P={name})")
        elif choices is not None:
            options = sorted((c.strip() for c in choices.split(",")), key=len, reverse=True)
            out.append(f"(?P<{name}>{'|'.join(map(re.escape, options))})")
        else:
            out.append(f"(?P<{name}>[^/]+?)")
        seen.add(name)
        place = match.end()
    out.append(_literal(pattern[place:], pattern))
    return re.compile("".join(out))


def _literal(text: str, pattern: str) -> str:
    if "{" in text or "}" in text:
        raise DataError(f"pattern {pattern!r}: parts are written {{name}} or {{name:a,b}}, in small letters")
    return re.escape(text).replace(r"\*", "[^/]*")


def walk(root: Path, *, limit: int = 2_000_000) -> Iterator[str]:
    """Every file under `root` as a relative path with `/`, in order; links to folders are not entered.

    Raises
    ------
    DataError
        If there are more than `limit` files: the root is then surely not a data folder.
    """
    count = 0
    for folder, inner, files in os.walk(root):
        inner.sort()
        relative = Path(folder).relative_to(root).as_posix()
        for name in sorted(files):
            count += 1
            if count > limit:
                raise DataError(f"{root}: more than {limit} files; name the data folder itself as root")
            yield name if relative == "." else f"{relative}/{name}"
