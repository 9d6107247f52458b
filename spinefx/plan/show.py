"""Writes a plan as a pipeline.toml that runs, every option in it, defaults marked."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from typing import Any

from spinefx.plan.explain import clean
from spinefx.plan.sections import MANY


def show(sections: Mapping[str, Any], chosen: Mapping[str, Any], *, name: str) -> str:
    """TOML text of `sections`; `default` behind what is not in `chosen`, and options that are unset as comments."""
    lines = [f"# {clean(name)}: everything that will be used"]
    for section, value in sections.items():
        given = chosen.get(section)
        if section not in MANY:
            lines += ["", f"[{section}]", *_pairs(value, given)]
        elif not value:
            lines += ["", f"{_key(section)} = []  # default" if given is None else f"{_key(section)} = []"]
        for index, table in enumerate(value if section in MANY else ()):
            lines += ["", f"[[{section}]]", *_pairs(table, given[index] if given is not None else None)]
    return "\n".join(_lists_first(lines)) + "\n"


def _pairs(table: Mapping[str, Any], given: Mapping[str, Any] | None) -> list[str]:
    lines = []
    for key, value in table.items():
        if value is None:
            lines.append(f"# {_key(key)} is unset")
        else:
            lines.append(f"{_key(key)} = {toml_value(value)}" + ("" if given and key in given else "  # default"))
    return lines


def _lists_first(lines: list[str]) -> list[str]:
    """Empty lists (`augment = []`) belong to no table, so they stand before the first."""
    empty = [line for line in lines if re.match(r"\w+ = \[\](  # default)?$", line)]
    top = [line for line in empty if line.split(" ")[0] in MANY]
    rest = [line for line in lines if line not in top]
    return [rest[0], *top, *rest[1:]] if top else lines


def _key(key: str) -> str:
    return key if re.fullmatch(r"[A-Za-z0-9_-]+", key) else json.dumps(key)


def toml_value(value: Any) -> str:
    """A JSON value as TOML writes it."""
    if isinstance(value, Mapping):
        return "{ " + ", ".join(f"{_key(k)} = {toml_value(v)}" for k, v in value.items() if v is not None) + " }"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(toml_value(item) for item in value) + "]"
    if isinstance(value, float) and not math.isfinite(value):
        return "nan" if math.isnan(value) else ("inf" if value > 0 else "-inf")
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
    return json.dumps(value)
