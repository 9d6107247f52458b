"""Relative paths in options start at the TOML's own folder."""

from __future__ import annotations

import types
import typing
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel

Model = TypeVar("Model", bound=BaseModel)


def anchor_table(model: type[BaseModel], table: Mapping[str, Any], base: Path) -> dict[str, Any]:
    """A copy of a raw table, with texts under fields that are plainly paths made absolute, before validation.

    So that validators that look at the disk (`FilePath`) look in the right place.
    """
    fields = {field.alias or name: field for name, field in model.model_fields.items()}
    return {key: _anchor(fields[key].annotation, v, base) if key in fields else v for key, v in table.items()}


def anchor_model(options: Model, base: Path) -> Model:
    """The options with every relative `Path` in them, defaults included, made absolute."""
    changed = {}
    for name in type(options).model_fields:
        value = getattr(options, name)
        anchored = anchor_value(value, base)
        if anchored is not value:
            changed[name] = anchored
    return options.model_copy(update=changed) if changed else options


def anchor_value(value: Any, base: Path) -> Any:
    """A value with the relative paths in it made absolute; the value itself where there are none."""
    if isinstance(value, Path):
        return value if value.is_absolute() else base / value
    if isinstance(value, BaseModel):
        return anchor_model(value, base)
    if isinstance(value, Mapping):
        items = {key: anchor_value(item, base) for key, item in value.items()}
        return items if any(items[key] is not value[key] for key in items) else value
    if isinstance(value, list | tuple | set | frozenset):
        parts = [anchor_value(item, base) for item in value]
        make = getattr(type(value), "_make", type(value))
        return make(parts) if any(a is not b for a, b in zip(parts, value, strict=True)) else value
    return value


def _anchor(annotation: Any, value: Any, base: Path) -> Any:
    while typing.get_origin(annotation) is typing.Annotated:
        annotation = typing.get_args(annotation)[0]
    origin, arguments = typing.get_origin(annotation), typing.get_args(annotation)
    if annotation is Path and isinstance(value, str):
        return str(base / value)
    if isinstance(annotation, type) and issubclass(annotation, BaseModel) and isinstance(value, Mapping):
        return anchor_table(annotation, value, base)
    if origin in (typing.Union, types.UnionType):
        kept = [part for part in arguments if part is not type(None)]
        return _anchor(kept[0], value, base) if len(kept) == 1 else value
    if origin in (list, tuple, set, frozenset) and isinstance(value, list) and arguments:
        return [_anchor(arguments[0], item, base) for item in value]
    if isinstance(value, Mapping) and len(arguments) == 2:
        return {key: _anchor(arguments[1], item, base) for key, item in value.items()}
    return value
