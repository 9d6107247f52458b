"""An options model in words: each key with its type, default, unit and meaning, read from its JSON schema."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel

from spinefx.contract.features import unit_of
from spinefx.plan.show import toml_value

_PLAIN = {
    "integer": "whole number",
    "number": "number",
    "string": "text",
    "boolean": "true or false",
    "object": "table",
}
_UNIT = re.compile(r"\bin (mm|degrees|seconds|voxels|ml|GB)\b|^(mm|degrees|seconds|voxels)\b")
_BOUNDS = {"minimum": ">=", "exclusiveMinimum": ">", "maximum": "<=", "exclusiveMaximum": "<"}


def described(model: type[BaseModel]) -> list[dict[str, str]]:
    """One entry a key: key (dotted inside tables), type, default, unit, description."""
    schema = model.model_json_schema()
    return list(_rows(schema, schema.get("$defs", {}), ""))


def _rows(schema: Mapping[str, Any], inner: Mapping[str, Any], prefix: str) -> list[dict[str, str]]:
    rows = []
    for key, field in schema.get("properties", {}).items():
        needed = key in schema.get("required", ())
        rows.append(
            {
                "key": f"{prefix}{key}",
                "type": type_text(field, inner),
                "default": "required" if needed else _default(field),
                "unit": _unit(key, field.get("description", "")),
                "description": field.get("description", ""),
            }
        )
        if (table := _table_in(field, inner)) and prefix.count(".") < 3:
            rows += _rows(table, inner, f"{prefix}{key}.")
    return rows


def _unit(key: str, description: str) -> str:
    """From the end of the key's name, else from its description."""
    told = _UNIT.search(description)
    return unit_of(key) or (told[1] or told[2] if told else "")


def _default(field: Mapping[str, Any]) -> str:
    if "default" not in field:
        return ""
    return "unset" if field["default"] is None else toml_value(field["default"])


def _table_in(field: Mapping[str, Any], inner: Mapping[str, Any]) -> Mapping[str, Any] | None:
    for part in (field, *field.get("anyOf", ()), *field.get("allOf", ())):
        found = inner.get(str(part.get("$ref", "")).rpartition("/")[2])
        if found is not None and found.get("properties"):
            table: Mapping[str, Any] = found
            return table
    return None


def type_text(field: Mapping[str, Any], inner: Mapping[str, Any]) -> str:
    """A schema's type as a reader says it: `whole number >= 1`, `"a" or "b"`, `list of 3 numbers`."""
    if "$ref" in field:
        return type_text(inner.get(field["$ref"].rpartition("/")[2], {}), inner)
    if "const" in field:
        return toml_value(field["const"])
    if "enum" in field:
        return " or ".join(toml_value(value) for value in field["enum"])
    if "anyOf" in field:
        parts = [type_text(part, inner) for part in field["anyOf"] if part.get("type") != "null"]
        return " or ".join(dict.fromkeys(parts))
    kind = field.get("type", "")
    if kind == "array":
        items = field.get("prefixItems")
        if items:
            return f"list of {len(items)}: {type_text(items[0], inner)}"
        return f"list of {type_text(field.get('items', {}), inner) or 'anything'}"
    if kind == "string" and str(field.get("format", "")).endswith("path"):
        return "path"
    bounds = [f"{sign} {field[name]:g}" for name, sign in _BOUNDS.items() if name in field]
    return " ".join([_PLAIN.get(kind, kind), ", ".join(bounds)]).strip()
