"""A plan as TOML: what a reader saves to run it again."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from spinefx.report.folder import Json


def toml_of(plan: Json) -> str:
    """The plan as TOML text; keys without a value stand as comments, since TOML has no null."""
    loose = {key: value for key, value in plan.items() if not _tables(value)}
    parts = ["\n".join(_lines(loose))] if loose else []
    for key, value in plan.items():
        if isinstance(value, Mapping):
            parts.extend(_section([key], value))
        elif _tables(value):
            for table in value:
                parts.append("\n".join([f"[[{_key(key)}]]", *_lines(table)]))
    return "\n\n".join(parts) + "\n" if parts else ""


def _section(path: list[str], table: Json) -> Iterator[str]:
    inner = {key: value for key, value in table.items() if isinstance(value, Mapping) and value}
    flat = {key: value for key, value in table.items() if key not in inner}
    if flat or not inner:
        yield "\n".join([f"[{'.'.join(map(_key, path))}]", *_lines(flat)])
    for key, value in inner.items():
        yield from _section([*path, key], value)


def _lines(table: Json) -> Iterator[str]:
    for key, value in table.items():
        yield f"# {_key(key)}: not set" if value is None else f"{_key(key)} = {_value(value)}"


def _tables(value: Any) -> bool:
    """Whether `value` needs a table's head of its own: a mapping, or a list of mappings."""
    return isinstance(value, Mapping) or (
        isinstance(value, list | tuple) and bool(value) and all(isinstance(item, Mapping) for item in value)
    )


def _key(key: str) -> str:
    bare = bool(key) and all(c.isascii() and (c.isalnum() or c in "-_") for c in key)
    return key if bare else json.dumps(key, ensure_ascii=False)


def _value(value: Any) -> str:
    if isinstance(value, Mapping):
        return "{ " + ", ".join(f"{_key(str(k))} = {_value(v)}" for k, v in value.items() if v is not None) + " }"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(_value(item) for item in value if item is not None) + "]"
    return json.dumps(value, ensure_ascii=False, default=str)
