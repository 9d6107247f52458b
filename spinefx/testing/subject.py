"""A plugin on the bench: what it is, how another process finds it, and the options it is tried with."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from types import ModuleType
from typing import Any

import pluggy
from pydantic import ValidationError

from spinefx.contract import hookspecs
from spinefx.contract.errors import PluginError
from spinefx.contract.plugin import API, KINDS, Plugin
from spinefx.plan.discover import GROUP
from spinefx.plan.offers import canonical, nearest
from spinefx.plan.pluginfile import load_plugin_file

Options = Mapping[str, Any] | Callable[[Path], Mapping[str, Any]]
"""Options as a TOML would hold them, or a function that makes what they name in an empty folder and returns them."""
SHORT = {"epochs": 2, "steps": 2, "patience": 1}
"""Options that most encoders and segmenters that learn have, kept small unless the author gives others."""


@dataclass(frozen=True)
class Subject:
    """One plugin to be checked.

    kind : one of `KINDS`.   source : `module:NAME`, `file:PATH` or `entry:VALUE`, where another process finds it.
    options : what it is built with.
    truths : feature -> name of the phantom's truth that it should equal; same names by themselves.
    waived : check -> why it does not apply to this plugin.
    """

    kind: str
    plugin: Plugin
    source: str = ""
    options: Options = field(default_factory=dict)
    truths: Mapping[str, str] = field(default_factory=dict)
    waived: Mapping[str, str] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """Its name in the TOML."""
        return self.plugin.name

    def settled(self, folder: Path) -> Subject:
        """The same with its options made: what they name stands in `folder` now."""
        options = dict(self.options(folder) if callable(self.options) else self.options)
        if self.kind in ("encoder", "segmenter"):
            fields = self.plugin.options.model_fields
            options = {key: value for key, value in SHORT.items() if key in fields} | options
        return replace(self, options=options)

    def built_options(self, **changes: Any) -> Any:
        """The options as a model; PluginError tells which are missing."""
        given = dict(self.options) if isinstance(self.options, Mapping) else {}
        try:
            return self.plugin.options.model_validate({**given, **changes})
        except ValidationError as error:
            missing = [str(e["loc"][0]) for e in error.errors() if e["type"] == "missing"]
            if not missing:
                raise PluginError(f"{self.name}: {error}") from error
            raise PluginError(
                f"{self.name} has options without a default ({', '.join(missing)}); give them: "
                f'options={{"{self.name}": {{"{missing[0]}": ...}}}}, or --set {self.name}.{missing[0]}=...'
            ) from error

    def build(self, **changes: Any) -> Any:
        """A fresh stage object."""
        return self.plugin.build(self.built_options(**changes))


def subjects_of(
    source: ModuleType | str | Path | Sequence[Subject],
    *,
    options: Mapping[str, Options] | None = None,
    truths: Mapping[str, Mapping[str, str]] | None = None,
    waived: Mapping[str, Mapping[str, str]] | None = None,
) -> list[Subject]:
    """Every plugin that a source offers.

    source : an imported module, the path of a plugin file, the name of an installed distribution or plugin, or subjects.
    options, truths, waived : plugin name -> what `Subject` says of them.

    Raises
    ------
    PluginError
        If there is no such source, it offers nothing, or it marks a hook that does not exist.
    """
    found = list(source) if isinstance(source, list | tuple) else list(_found(source))
    if not found:
        raise PluginError(f"{_spoken(source)} offers no plugin: no function in it is marked with @hookimpl")
    wanted = set(options or {}) | set(truths or {}) | set(waived or {})
    if unknown := wanted - {subject.name for subject in found}:
        raise PluginError(f"{_spoken(source)} offers no plugin named {sorted(unknown)}")
    return [
        replace(
            subject,
            options=(options or {}).get(subject.name, subject.options),
            truths=(truths or {}).get(subject.name, subject.truths),
            waived=(waived or {}).get(subject.name, subject.waived),
        )
        for subject in found
    ]


def offers_of(source: str) -> list[Subject]:
    """The plugins of a `Subject.source`, in this process or another."""
    how, _, where = source.partition(":")
    if how == "file":
        return list(_offered(load_plugin_file(Path(where)), source))
    if how == "entry":
        return list(_offered(EntryPoint("", where, GROUP).load(), source))
    return list(_offered(importlib.import_module(where), source))


def found_again(source: str, kind: str, name: str) -> Subject:
    """The same plugin in another process."""
    return next(s for s in offers_of(source) if (s.kind, s.name) == (kind, name))


def _found(source: Any) -> Iterator[Subject]:
    if isinstance(source, ModuleType):
        spec = getattr(source, "__spec__", None)
        named = f"module:{source.__name__}" if spec is not None else ""
        yield from _offered(source, named)
    elif Path(source).suffix == ".py":
        yield from offers_of(f"file:{Path(source).absolute()}")
    else:
        yield from _installed(str(source))


def _installed(name: str) -> Iterator[Subject]:
    """The plugins of a distribution or entry point of that name, or the one plugin that is named so."""
    names: set[str] = set()
    for point in sorted(entry_points(group=GROUP), key=lambda p: p.name):
        dist = point.dist.name if point.dist else ""
        names |= {dist, point.name}
        whole = canonical(name) in (canonical(dist), canonical(point.name))
        offered = offers_of(f"entry:{point.value}")
        names |= {subject.name for subject in offered}
        yield from (s for s in offered if whole or s.name == name)
    if name not in names and canonical(name) not in {canonical(n) for n in names}:
        near = nearest(name, names)
        hint = f"; did you mean '{near}'?" if near else ""
        raise PluginError(f"no installed package or plugin is named '{name}'{hint}   (spinefx plugins lists them)")


def _offered(module: object, source: str) -> Iterator[Subject]:
    manager = pluggy.PluginManager("spinefx")
    manager.add_hookspecs(hookspecs)
    try:
        manager.register(module)
        manager.check_pending()
    except pluggy.PluginValidationError as error:
        known = list(KINDS.values())
        raise PluginError(f"{error}; hooks: {', '.join(known)}") from error
    for kind, hook in KINDS.items():
        for plugins in getattr(manager.hook, hook)():
            for plugin in plugins:
                if plugin.api != API:
                    raise PluginError(f"'{plugin.name}' is written for contract {plugin.api}, this spinefx has {API}")
                yield Subject(kind, plugin, source)


def _spoken(source: Any) -> str:
    return str(getattr(source, "__name__", source))
