"""A plugin: a named offer that the registry picks by the name in the TOML."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from pydantic import BaseModel

from spinefx.contract.errors import PluginError

API = 1
"""The contract's whole number. Raised when a plugin written for the old one could misbehave with the new."""

KINDS = {
    "loader": "spinefx_loaders",
    "segmenter": "spinefx_segmenters",
    "preprocessor": "spinefx_preprocessors",
    "augmenter": "spinefx_augmenters",
    "encoder": "spinefx_encoders",
    "geometry_analyser": "spinefx_geometry_analysers",
    "evaluator": "spinefx_evaluators",
}
"""Kind of plugin -> the hook that collects its offers."""


@dataclass(frozen=True)
class Plugin:
    """One offer.

    name : kebab-case, as typed in `use = "..."`.
    api : the contract it was written for, by hand.
    version : raised when the same options give other numbers (part of every cache key).
    summary : one sentence, shown by `spinefx plugins`.
    options : a frozen pydantic model with `extra="forbid"`; its fields are the keys of the TOML table.
    build : options -> the stage object; cheap, without heavy imports.
    scope : for geometry analysers, what they measure: a `scan`, or the `latents` of the cohort.
    references : what a paper that uses it cites, one entry a work as it would stand in a bibliography, DOI last.

    Raises
    ------
    PluginError
        If the name is not kebab-case, or the options are not a frozen model that forbids unknown keys.
    """

    name: str
    api: int
    version: int
    summary: str
    options: type[BaseModel]
    build: Callable[[Any], Any]
    scope: Literal["scan", "latents"] = "scan"
    references: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not re.fullmatch(r"[a-z][a-z0-9]*(-[a-z0-9]+)*", self.name):
            raise PluginError(f"plugin name {self.name!r} is not kebab-case (letters, digits, single hyphens)")
        config = self.options.model_config
        if not config.get("frozen") or config.get("extra") != "forbid":
            raise PluginError(
                f'options of plugin {self.name!r} must be a pydantic model with frozen=True, extra="forbid"'
            )
