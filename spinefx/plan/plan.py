"""The frozen plan of a run: every section and option, checked, with paths made absolute."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from spinefx.contract.errors import PluginError, Problem
from spinefx.labels.options import LabelOptions
from spinefx.plan.registry import Registry
from spinefx.plan.resolve import resolve
from spinefx.plan.sections import SECTIONS, ReportOptions, RunOptions, SampleOptions, SplitOptions
from spinefx.plan.show import show
from spinefx.plan.source import Source, read_source, with_overrides
from spinefx.plan.stage import Stage

FORMAT = 1
"""Version of what `Plan.to_json` writes."""


@dataclass(frozen=True, eq=False)
class Plan:
    """What will be run. Made by `Plan.read`, `Plan.of` or `Plan.from_json`, never by hand.

    base : the folder that relative paths started at.   source : the TOML as it was named, or "plan".
    given : the tables as written, so that defaults can be told from choices.   located : where each key stands.
    """

    run: RunOptions
    data: Stage
    labels: LabelOptions
    split: SplitOptions
    segment: Stage
    preprocess: tuple[Stage, ...]
    sample: SampleOptions
    augment: tuple[Stage, ...]
    encode: Stage
    geometry: tuple[Stage, ...]
    evaluate: tuple[Stage, ...]
    report: ReportOptions
    base: Path
    source: str
    registry: Registry = field(repr=False)
    given: Mapping[str, Any] = field(repr=False)
    located: Source = field(repr=False)

    @classmethod
    def read(cls, path: Path | str, *, overrides: Sequence[str] = (), registry: Registry | None = None) -> Plan:
        """The plan in a pipeline.toml.

        overrides : `encode.epochs=5`, `geometry.0.smooth=true`; values are TOML, words need no quotes.
        registry : the plugins to choose from; found anew, with the files of `[run] plugins`, unless given.

        Raises
        ------
        PlanError
            With everything that is wrong in the file, each with file:line:column and what to do.
        """
        path = Path(path)
        problems: list[Problem] = []
        source = with_overrides(read_source(path), overrides, problems)
        return cls(**resolve(source, path.absolute().parent, stem=path.stem, registry=registry, problems=problems))

    @classmethod
    def of(cls, mapping: Mapping[str, Any], base: Path | str = ".", *, registry: Registry | None = None) -> Plan:
        """The plan that a mapping shaped like a pipeline.toml describes; relative paths start at `base`.

        Raises
        ------
        PlanError
            With everything that is wrong.
        """
        source = Source("plan", _plain(mapping))
        return cls(**resolve(source, Path(base).absolute(), stem="pipeline", registry=registry, problems=[]))

    @classmethod
    def from_json(cls, payload: Mapping[str, Any], *, registry: Registry | None = None) -> Plan:
        """The plan that `to_json` wrote, in this process or another; plugins are found anew, plugin files included.

        Raises
        ------
        PlanError
            If the payload is of another format, or a plugin in it is not here.
        """
        if payload.get("format") != FORMAT:
            raise PluginError(f"plan has format {payload.get('format')!r}, this spinefx reads {FORMAT}")
        source = Source(str(payload["source"]), _plain(payload["sections"]))
        return cls(**resolve(source, Path(payload["base"]), stem="pipeline", registry=registry, problems=[]))

    def where(self, *path: str | int) -> str:
        """`pipeline.toml:9:1 [labels]`, the place of a key, as messages begin."""
        return self.located.where(path, path[:1])

    def to_json(self) -> dict[str, Any]:
        """Plain JSON with every default and absolute paths; `from_json` makes the same plan of it."""
        offers = sorted(
            {(s.kind, s.name, s.offer.dist, s.offer.version, s.offer.plugin.version) for s in self.stages()}
        )
        keys = ("kind", "name", "dist", "dist_version", "version")
        return {
            "format": FORMAT,
            "source": self.source,
            "base": str(self.base),
            "sections": self.sections(),
            "plugins": [dict(zip(keys, offer, strict=True)) for offer in offers],
        }

    def sections(self) -> dict[str, Any]:
        """Section -> its table (or list of tables), in the order of the corridor, with every default."""
        return {name: _section_json(getattr(self, name)) for name in SECTIONS}

    def stages(self) -> Iterator[Stage]:
        """Every stage, in the order of the corridor."""
        for name in SECTIONS:
            value = getattr(self, name)
            if isinstance(value, Stage):
                yield value
            elif isinstance(value, tuple):
                yield from value

    def moved(self, out: Path) -> Plan:
        """The same plan with its results in another folder."""
        return replace(self, run=self.run.model_copy(update={"out": out.absolute()}))

    def show(self) -> str:
        """The plan as a pipeline.toml with every option; what was not chosen is marked as default."""
        return show(self.sections(), self.given, name=self.source)

    def __reduce__(self) -> tuple[Any, ...]:
        return (Plan.from_json, (self.to_json(),))


def _section_json(value: Any) -> Any:
    if isinstance(value, Stage):
        return value.to_json()
    if isinstance(value, tuple):
        return [stage.to_json() for stage in value]
    return value.model_dump(mode="json", by_alias=True)


def _plain(mapping: Mapping[str, Any]) -> dict[str, Any]:
    """A deep copy with paths as text, tuples as lists and no None, as TOML would give it."""
    plain: dict[str, Any] = json.loads(json.dumps(_without_none(mapping), default=str))
    return plain


def _without_none(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _without_none(item) for key, item in value.items() if item is not None}
    if isinstance(value, list | tuple):
        return [_without_none(item) for item in value]
    return value
