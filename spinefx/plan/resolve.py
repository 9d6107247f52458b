"""Makes a frozen plan of a pipeline's tables, gathering everything that is wrong before it says so."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from spinefx.contract.errors import PlanError, PluginError, Problem
from spinefx.labels.options import LabelOptions
from spinefx.plan.anchor import anchor_model, anchor_table
from spinefx.plan.explain import MAX_TOLD, brief, explain, unknown_key
from spinefx.plan.locate import KeyPath
from spinefx.plan.registry import Registry
from spinefx.plan.sections import (
    MANY,
    SECTIONS,
    STAGES,
    ReportOptions,
    RunOptions,
    SampleOptions,
    SplitOptions,
    default_stages,
)
from spinefx.plan.source import Source
from spinefx.plan.stage import Stage

Options = TypeVar("Options", bound=BaseModel)

MAX_STAGES = 100
"""Longest list of stages."""

_LAST = (1 << 30, 0)


def resolve(
    source: Source, base: Path, *, stem: str, registry: Registry | None, problems: list[Problem]
) -> dict[str, Any]:
    """The fields of the `Plan` that `source` describes.

    base : absolute folder that relative paths start at.   stem : names the default run folder.
    problems : what is already known to be wrong; everything is raised together.

    Raises
    ------
    PlanError
        With every problem, in the order of the file.
    """
    return _Resolver(source, base, problems).plan(stem, registry)


class _Resolver:
    def __init__(self, source: Source, base: Path, problems: list[Problem]) -> None:
        self.source, self.base = source, base
        self.tables = source.tables
        self.found_plugins = True
        self.found: list[tuple[tuple[int, int], Problem]] = [((0, 0), problem) for problem in problems]

    def plan(self, stem: str, registry: Registry | None) -> dict[str, Any]:
        for name in list(self.tables.keys() - set(SECTIONS))[:MAX_TOLD]:
            said = unknown_key(name, dict.fromkeys(SECTIONS)).replace("unknown key", "unknown section")
            self.add((name,), said)
        run = self.section("run", RunOptions)
        self.registry = registry if registry is not None else self.discover()
        labels = self.section("labels", LabelOptions)
        split = self.section("split", SplitOptions)
        sample = self.section("sample", SampleOptions)
        report = self.section("report", ReportOptions)
        stages = self.stages() if self.found_plugins else {}
        if self.found or not (run and labels and split and sample and report):
            raise PlanError([problem for _, problem in sorted(self.found, key=lambda item: item[0])])
        if "out" not in self.table("run"):
            run = run.model_copy(update={"out": self.base / "runs" / stem})
        sections = {"run": run, "labels": labels, "split": split, "sample": sample, "report": report}
        origin = {"base": self.base, "source": self.source.name, "registry": self.registry, "given": self.tables}
        origin["located"] = self.source
        return {**sections, **stages, **origin}

    def add(self, path: KeyPath, what: str, remedy: str = "", *, table: KeyPath = ()) -> None:
        spot = self.source.spot(path)
        self.found.append((spot or _LAST, Problem(self.source.where(path, table), what, remedy)))

    def table(self, name: str) -> Mapping[str, Any]:
        value = self.tables.get(name)
        return value if isinstance(value, dict) else {}

    def section(self, name: str, model: type[Options]) -> Options | None:
        value = self.tables.get(name, {})
        if not isinstance(value, dict):
            self.add((name,), f"`{name}` is {brief(value)}; wanted one [{name}] table")
            return None
        return self.options((name,), value, model, remedy=f"spinefx plugins show {name}")

    def options(self, path: KeyPath, table: dict[str, Any], model: type[Options], *, remedy: str) -> Options | None:
        try:
            return anchor_model(model.model_validate(anchor_table(model, table, self.base)), self.base)
        except ValidationError as error:
            explain(error, table, model, lambda key, what: self.add((*path, *key), what, remedy, table=path))
        except Exception as error:  # a stranger's validator may raise anything
            self.add(path, f"options cannot be checked: {type(error).__name__}: {error}", remedy, table=path)
        return None

    def discover(self) -> Registry:
        """The registry with the plan's plugin files, whatever else is wrong in `[run]`."""
        named = self.table("run").get("plugins")
        texts = [text for text in named if isinstance(text, str)] if isinstance(named, list) else []
        try:
            registry = Registry.discover([self.base / text for text in texts])
        except PluginError as error:
            for problem in error.problems:
                self.add(("run", "plugins"), f"{problem.where}: {problem.what}", problem.remedy, table=("run",))
            self.found_plugins = False
            return Registry.nothing()
        for broken in registry.broken:
            if broken.file is not None:
                index = [self.base / text for text in texts].index(broken.file)
                self.add(("run", "plugins", index), str(broken), table=("run",))
        return registry

    def stages(self) -> dict[str, Any]:
        defaults = default_stages(labelled="labels" in self.tables)
        stages: dict[str, Any] = {}
        for name, kind in STAGES.items():
            value = self.tables.get(name, defaults.get(name))
            if value is None:
                names = ", ".join(offer.name for offer in self.registry.offers(kind)) or "none"
                self.add((name,), f"[{name}] is missing; it says where the cases are", f"loaders installed: {names}")
            elif name not in MANY:
                stages[name] = self.stage((name,), kind, value)
            elif isinstance(value, list) and len(value) > MAX_STAGES:
                self.add((name,), f"[[{name}]] has {len(value)} entries; wanted at most {MAX_STAGES}")
            elif isinstance(value, list):
                found = [self.stage((name, i), kind, item) for i, item in enumerate(value)]
                stages[name] = tuple(stage for stage in found if stage)
            else:
                self.add((name,), f"`{name}` is {brief(value)}; wanted a list: [[{name}]]")
        self.refuse_twins(stages.get("geometry", ()))
        return stages

    def stage(self, path: KeyPath, kind: str, table: Any) -> Stage | None:
        if not isinstance(table, dict):
            wanted = f"[[{path[0]}]] tables" if len(path) > 1 else f"one [{path[0]}] table"
            self.add(path, f"`{'.'.join(map(str, path))}` is {brief(table)}; wanted {wanted}")
            return None
        use = table.get("use")
        if not isinstance(use, str):
            names = ", ".join(sorted({offer.name for offer in self.registry.offers(kind)})) or "none"
            said = "needs the key `use`" if use is None else f"`use` is {brief(use)}; wanted a name"
            self.add((*path, "use") if use is not None else path, f"{said}; installed: {names}", table=path)
            return None
        try:
            offer = self.registry.pick(kind, use)
        except PluginError as error:
            self.add((*path, "use"), str(error), "spinefx plugins", table=path)
            return None
        given = {key: value for key, value in table.items() if key != "use"}
        hint = f"spinefx plugins show {offer.name}"
        options = self.options(path, given, offer.plugin.options, remedy=hint)
        return Stage(kind, use, offer, options) if options is not None else None

    def refuse_twins(self, geometry: tuple[Stage, ...]) -> None:
        names = [stage.name for stage in geometry]
        for index, name in enumerate(names):
            if name in names[:index]:
                self.add(("geometry", index), f"'{name}' is named twice; its columns would share their names")
