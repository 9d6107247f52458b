"""Turns what pydantic found into problems a reader can mend: what stands there, what was wanted, the nearest key."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from pydantic import BaseModel, ValidationError

from spinefx.plan.locate import KeyPath
from spinefx.plan.offers import nearest

Add = Callable[[KeyPath, str], None]
"""Takes a problem: the path of the key below its table, and what is wrong."""

MAX_TOLD = 50
"""Most problems told of one table."""


def explain(error: ValidationError, table: Mapping[str, Any], model: type[BaseModel], add: Add) -> None:
    """Every problem in `error`, once per key.

    table : what was validated.   model : the options it was validated against.   add : gets each problem.
    """
    wanted: dict[KeyPath, tuple[list[str], object]] = {}
    found = error.errors(include_url=False)
    if len(found) > MAX_TOLD:
        add((), f"{len(found)} things are wrong here; the first {MAX_TOLD} are told")
    for item in found[:MAX_TOLD]:
        path = _existing(item["loc"], table)
        kind = item["type"]
        if kind == "extra_forbidden":
            add(path, unknown_key(str(path[-1]), _fields_at(model, path[:-1]), inside=path[:-1]))
        elif kind == "missing" and isinstance(item["loc"][-1], int):
            wanted.setdefault(path, ([], _at(table, path)))[0].append(f"wanted at least {item['loc'][-1] + 1} values")
        elif kind == "missing":
            missing = str(item["loc"][-1])
            add(path, f"needs the key `{missing}`{_described(model, (*path, missing))}")
        else:
            wanted.setdefault(path, ([], _at(table, path)))[0].append(_wanted(item["msg"]))
    for path, (wishes, value) in wanted.items():
        said = "; or ".join(dict.fromkeys(wishes))
        add(path, f"`{_key(path)}` is {brief(value)}; {said}{_nearest_literal(value, said)}" if path else said)


def unknown_key(key: str, known: Mapping[str, Any], *, inside: KeyPath = ()) -> str:
    """`unknown key `epoch`; did you mean `epochs`?`, or the keys that there are."""
    if near := nearest(key, known):
        return f"unknown key `{_key((*inside, key))}`; did you mean `{_key((*inside, near))}`?"
    return f"unknown key `{_key((*inside, key))}`; it takes {', '.join(f'`{name}`' for name in known) or 'no keys'}"


def brief(value: object) -> str:
    """A value as TOML writes it, at most some 60 characters, nothing unprintable."""
    if isinstance(value, Mapping):
        return f"a table of {len(value)} keys"
    if isinstance(value, list) and len(value) > 8:
        return f"a list of {len(value)}"
    if isinstance(value, int) and not isinstance(value, bool) and value.bit_length() > 200:
        return "a very large number"
    try:
        text = json.dumps(value, ensure_ascii=False, default=str)
    except (ValueError, RecursionError):
        text = f"a {type(value).__name__}"
    text = clean(text)
    return text if len(text) <= 60 else f"{text[:57]}..."


def clean(text: str) -> str:
    """The text with unprintable characters escaped, so that a file cannot steer a terminal."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text[:200])


def _existing(loc: tuple[str | int, ...], table: Any) -> KeyPath:
    """The part of pydantic's location that is really in the table (unions add names of their branches)."""
    path: KeyPath = ()
    for step in loc:
        if isinstance(table, Mapping) and step in table:
            table = table[str(step)]
        elif isinstance(table, list) and isinstance(step, int) and step < len(table):
            table = table[step]
        else:
            continue
        path = (*path, step)
    return path


def _at(table: Any, path: KeyPath) -> object:
    for step in path:
        table = table[step]
    return table


def _key(path: KeyPath) -> str:
    return clean(".".join(map(str, path)))


def _wanted(message: str) -> str:
    """What pydantic asks for, in the words of TOML."""
    for python, toml in (("a valid tuple", "a list [...]"), ("a valid list", "a list [...]")):
        message = message.replace(python, toml)
    for opening, spoken in (("Input should be ", "wanted "), ("Value error, ", ""), ("Assertion failed, ", "")):
        if message.startswith(opening):
            return spoken + message.removeprefix(opening).partition(", unable to")[0]
    return message[:1].lower() + message[1:]


def _nearest_literal(value: object, said: str) -> str:
    if not isinstance(value, str):
        return ""
    near = nearest(value, said.split("'")[1::2])
    return f"; did you mean '{near}'?" if near else ""


def _fields_at(model: type[BaseModel] | None, path: KeyPath) -> dict[str, Any]:
    for step in path:
        if model is None:
            return {}
        field = model.model_fields.get(str(step))
        model = nested_model(field.annotation) if field else None
    return {f.alias or name: f for name, f in model.model_fields.items()} if model else {}


def nested_model(annotation: object) -> type[BaseModel] | None:
    """The options model inside an annotation such as `Key | None`, if there is one."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    for part in getattr(annotation, "__args__", ()):
        if model := nested_model(part):
            return model
    return None


def _described(model: type[BaseModel], path: KeyPath) -> str:
    field = _fields_at(model, path[:-1]).get(str(path[-1]))
    return f": {field.description}" if field is not None and field.description else ""
