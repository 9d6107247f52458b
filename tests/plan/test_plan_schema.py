"""The JSON schema of a pipeline: what it accepts, a plan accepts, and it knows every installed plugin's options."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from spinefx.contract.errors import PlanError
from spinefx.plan import Plan, Registry, pipeline_schema

ROOT = Path(__file__).parents[2]

GOOD: list[dict[str, Any]] = [
    {"data": {"use": "phantom"}},
    {"data": {"use": "folder", "root": "x", "modality": "ct", "tree": {"folder": "y"}}},
    {"data": {"use": "plan_toys.py:folder", "root": "x"}},
    {"data": {"use": "phantom"}, "sample": {"spacing": 2, "shape": [4, 5, 6]}, "split": {"test": ["1", 2]}},
    {"data": {"use": "phantom"}, "sample": {"spacing": [1, 2, 3]}, "split": {"test": 0.3}},
    {"data": {"use": "phantom"}, "geometry": [{"use": "disc"}], "augment": []},
    {"data": {"use": "phantom"}, "labels": {"table": "a.csv", "key": {"patient": "id"}, "targets": ["x"]}},
]

BAD: list[dict[str, Any]] = [
    {},
    {"data": {"use": "foldr"}},
    {"data": {"use": "folder"}},
    {"data": {"use": "folder", "root": "x", "modality": "t3"}},
    {"data": {"use": "phantom", "root": "x"}},
    {"data": {"use": "phantom"}, "encode": {"use": "conv-ae", "epoch": 3}},
    {"data": {"use": "phantom"}, "encode": {"use": "conv-ae", "latent_dim": 0}},
    {"data": {"use": "phantom"}, "encoder": {"use": "conv-ae"}},
    {"data": {"use": "phantom"}, "geometry": {"use": "disc"}},
    {"data": {"use": "phantom"}, "run": {"executor": "dask", "address": "node1"}},
    {"data": {"use": "phantom"}, "sample": {"shape": [32, 64]}},
    {"data": {"use": "phantom"}, "sample": {"spacing": 0}},
    {"data": {"use": "phantom"}, "split": {"by": "series"}},
]


@pytest.fixture
def validator(toys: Registry) -> jsonschema.Draft202012Validator:
    schema = json.loads(json.dumps(pipeline_schema(toys)))
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema)


@pytest.mark.parametrize("pipeline", GOOD)
def test_what_a_plan_accepts_the_schema_accepts(
    validator: jsonschema.Draft202012Validator, toys: Registry, pipeline: dict[str, Any]
) -> None:
    Plan.of(pipeline, registry=toys)
    validator.validate(pipeline)


@pytest.mark.parametrize("pipeline", BAD)
def test_what_a_plan_refuses_the_schema_refuses(
    validator: jsonschema.Draft202012Validator, toys: Registry, pipeline: dict[str, Any]
) -> None:
    with pytest.raises(PlanError):
        Plan.of(pipeline, registry=toys)
    assert not validator.is_valid(pipeline)


@pytest.mark.parametrize("pipeline", GOOD)
def test_a_resolved_plan_with_every_default_meets_the_schema(
    validator: jsonschema.Draft202012Validator, toys: Registry, pipeline: dict[str, Any]
) -> None:
    validator.validate(tomllib.loads(Plan.of(pipeline, registry=toys).show()))


def test_every_option_has_its_description_and_default_in_the_schema(toys: Registry) -> None:
    options = pipeline_schema(toys)["$defs"]["encoder.plan_toys.py.conv-ae"]["properties"]
    assert options["epochs"]["description"] == "passes over the training samples"
    assert options["epochs"]["default"] == 60


def test_every_key_of_the_engines_sections_is_described() -> None:
    from spinefx.plan.schema import ENGINE_SECTIONS

    for name, model in ENGINE_SECTIONS.items():
        for key, field in model.model_fields.items():
            assert field.description, f"[{name}] {key} has no description"


def test_options_without_a_json_schema_do_not_break_the_rest(tmp_path: Path) -> None:
    file = tmp_path / "odd.py"
    file.write_text(
        "from collections.abc import Callable\nfrom pydantic import BaseModel\nfrom spinefx.api import Plugin, hookimpl\n"
        'class Options(BaseModel, frozen=True, extra="forbid"):\n    call: Callable[[], int] = int\n'
        '@hookimpl\ndef spinefx_loaders():\n    return [Plugin("odd", 1, 1, "s", Options, lambda o: o)]\n'
    )
    schema = pipeline_schema(Registry.discover([file], blocked=["spinefx"]))
    jsonschema.Draft202012Validator(schema).validate({"data": {"use": "odd"}})


@pytest.mark.parametrize(
    "path",
    sorted(p for p in (ROOT / "examples").glob("**/*.toml") if not (p.parent / "pyproject.toml").exists()),
    ids=lambda path: path.name,
)
def test_every_example_meets_the_schema_of_what_it_uses(path: Path) -> None:
    table = tomllib.loads(path.read_text(encoding="utf-8"))
    files = [path.parent / name for name in table.get("run", {}).get("plugins", [])]
    schema = pipeline_schema(Registry.discover(files, blocked=[]))
    jsonschema.Draft202012Validator(schema).validate(table)
