"""The JSON schema of a pipeline, with the options of every installed plugin, for editors and checks."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel
from pydantic.errors import PydanticInvalidForJsonSchema

from spinefx.labels.options import LabelOptions
from spinefx.plan.registry import Registry
from spinefx.plan.sections import MANY, SECTIONS, STAGES, ReportOptions, RunOptions, SampleOptions, SplitOptions

DIALECT = "https://json-schema.org/draft/2020-12/schema"

ENGINE_SECTIONS: dict[str, type[BaseModel]] = {
    "run": RunOptions,
    "labels": LabelOptions,
    "split": SplitOptions,
    "sample": SampleOptions,
    "report": ReportOptions,
}
"""Sections whose options are the engine's."""


def pipeline_schema(registry: Registry) -> dict[str, Any]:
    """A JSON schema (2020-12) that a pipeline.toml, read as JSON, meets where `Plan.read` accepts its shape."""
    definitions: dict[str, Any] = {}
    for name, model in ENGINE_SECTIONS.items():
        definitions |= _model_schema(model, name)
    for name, kind in STAGES.items():
        definitions |= _stage_schema(registry, name, kind)
    properties = {}
    for name in SECTIONS:
        here = {"$ref": f"#/$defs/{name}"}
        properties[name] = {"type": "array", "items": here} if name in MANY else here
    return {
        "$schema": DIALECT,
        "title": "spinefx pipeline",
        "description": "pipeline.toml of spinefx, with the options of the plugins that are installed here",
        "type": "object",
        "properties": properties,
        "required": ["data"],
        "additionalProperties": False,
        "$defs": definitions,
    }


def _stage_schema(registry: Registry, section: str, kind: str) -> dict[str, Any]:
    definitions: dict[str, Any] = {}
    uses: dict[str, str] = {}
    twice = [offer.name for offer in registry.offers(kind)]
    for offer in registry.offers(kind):
        name = f"{kind}.{offer.dist}.{offer.name}"
        definitions |= _model_schema(offer.plugin.options, name)
        definitions[name].setdefault("properties", {})["use"] = {"description": offer.plugin.summary}
        uses[f"{offer.dist}:{offer.name}"] = name
        if twice.count(offer.name) == 1:
            uses[offer.name] = name
    definitions[section] = {
        "type": "object",
        "description": f"a {kind.replace('_', ' ')}",
        "properties": {"use": {"type": "string", "enum": list(uses)}},
        "required": ["use"],
        "allOf": [
            {
                "if": {"properties": {"use": {"const": use}}, "required": ["use"]},
                "then": {"$ref": f"#/$defs/{name}"},
            }
            for use, name in uses.items()
        ],
    }
    return definitions


def _model_schema(model: type[BaseModel], name: str) -> dict[str, Any]:
    """The model's schema under `name`, its inner models under `name.<Model>`."""
    try:
        schema = model.model_json_schema(ref_template=f"#/$defs/{name}.{{model}}")
    except PydanticInvalidForJsonSchema:
        return {name: {"type": "object", "description": f"options of {name}; they have no JSON schema"}}
    inner = schema.pop("$defs", {})
    return {name: schema} | {f"{name}.{key}": value for key, value in inner.items()}
