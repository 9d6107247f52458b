"""Checks of the offer: its words, its options, the keys that hang on them, how it is found."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

from spinefx.contract.plugin import API
from spinefx.plan.show import toml_value
from spinefx.store.keys import step_key
from spinefx.testing.lab import ConformanceError, Lab, told


def the_offer_says_what_it_is(lab: Lab) -> None:
    """The summary is one short sentence, version and contract are whole numbers, options are described."""
    plugin = lab.asked.plugin
    if not re.fullmatch(r"\S[^\n]{8,118}\.", plugin.summary):
        raise ConformanceError(
            f"{lab.what}: its summary {plugin.summary!r} is not one sentence of 10 to 120 letters with a full stop; "
            "`spinefx plugins` shows it in a table"
        )
    if plugin.api != API or not isinstance(plugin.version, int) or plugin.version < 1:
        raise ConformanceError(
            f"{lab.what}: version is {plugin.version!r}; it is a whole number from 1 on, raised by hand"
        )
    silent = [name for name, field in plugin.options.model_fields.items() if not field.description]
    if silent:
        raise ConformanceError(
            f"{lab.what}: option `{silent[0]}` has no description; write Field(..., description=...), with the unit in it"
        )


def its_options_survive_a_round_trip(lab: Lab) -> None:
    """Options written to JSON and read again are the same, and their schema can be made."""
    options = lab.subject.built_options()
    model = type(options)
    written = options.model_dump(mode="json")
    missing = set(model.model_fields) - set(written)
    if missing:
        raise ConformanceError(
            f"{lab.what}: option `{min(missing)}` is left out when options are written (exclude=True?), so that workers and "
            "the cache never see it; remove that"
        )
    try:
        again = model.model_validate(written)
    except ValidationError as error:
        wrong = error.errors()[0]
        raise ConformanceError(
            f"{lab.what}: option `{'.'.join(map(str, wrong['loc']))}` = {toml_value(wrong['input'])} does not pass its own "
            f"rules when it is read again ({wrong['msg']}); a worker could not be given it. Is its default valid?"
        ) from error
    changed = [name for name in model.model_fields if getattr(again, name) != getattr(options, name)]
    if changed:
        before, after = getattr(options, changed[0]), getattr(again, changed[0])
        raise ConformanceError(
            f"{lab.what}: option `{changed[0]}` is {before!r}, and {after!r} after it was written and read again; its "
            "validator must leave a valid value as it is"
        )
    try:
        model.model_json_schema()
    except Exception as error:
        raise ConformanceError(
            f"{lab.what}: no JSON schema can be made of its options ({told(error)}); use plain types, so that "
            "`spinefx schema` and editors know them"
        ) from error


def its_key_follows_version_and_options(lab: Lab) -> None:
    """Another version, and every option that is changed, give another cache key."""
    plugin, options = lab.subject.plugin, lab.subject.built_options()

    def key(version: int, dumped: Any) -> str:
        return step_key(lab.subject.kind, plugin.name, version=version, options=dumped, parents="bench")

    try:
        own = key(plugin.version, options.model_dump())
    except Exception as error:
        raise ConformanceError(
            f"{lab.what}: no cache key can be made of its options ({told(error)}); use numbers, texts, lists and tables"
        ) from error
    if key(plugin.version + 1, options.model_dump()) == own:
        raise ConformanceError(f"{lab.what}: another version gives the same cache key")
    for name, other in _others(options):
        if key(plugin.version, other.model_dump()) == own:
            raise ConformanceError(
                f"{lab.what}: with another `{name}` it has the same cache key, so that old results would be taken for new "
                "ones; the option must be part of model_dump()"
            )


def it_is_found_without_heavy_imports(lab: Lab) -> None:
    """Listing plugins in a fresh process imports nothing that takes seconds."""
    found = lab.elsewhere.found
    if "error" in found:
        raise ConformanceError(f"{lab.what}: a fresh process cannot load {lab.subject.source}: {found['error']}")
    if found["heavy"]:
        raise ConformanceError(
            f"{lab.what}: its module imports {', '.join(found['heavy'])} when plugins are listed, which takes seconds at "
            "every command; import inside the function that builds it, or inside its methods"
        )


def _others(options: BaseModel) -> Iterator[tuple[str, BaseModel]]:
    """Each option that can be given another value, and the options with it; paths aside, whose content is in the key."""
    for name, field in type(options).model_fields.items():
        value = getattr(options, name)
        if isinstance(value, Path) or "Path" in str(field.annotation):
            continue
        for other in _near(value):
            try:
                changed = type(options).model_validate({**options.model_dump(), name: other})
            except ValidationError:
                continue
            if getattr(changed, name) != value:
                yield name, changed
                break


def _near(value: Any) -> list[Any]:
    if isinstance(value, bool):
        return [not value]
    if isinstance(value, int | float):
        return [value + 1, value - 1, value * 1.01, value / 2, value + 0.01]
    if isinstance(value, tuple | list) and value:
        return [(*value[:-1], other) for other in _near(value[-1])] + [value[:-1]]
    return [f"{value}x", "x"] if isinstance(value, str) else []
