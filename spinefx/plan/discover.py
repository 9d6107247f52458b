"""Loads what may offer plugins, one by one, and collects the offers.

A distribution or file that fails is reported and skipped; a hook that does not exist is an error that names its plugin.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path

import pluggy

from spinefx.contract import hookspecs
from spinefx.contract.errors import PluginError, Problem
from spinefx.contract.plugin import API, KINDS, Plugin
from spinefx.plan.offers import Broken, Offer, canonical, nearest
from spinefx.plan.pluginfile import digest_of, load_plugin_file

GROUP = "spinefx"
"""The entry-point group."""


@dataclass(frozen=True)
class _Source:
    """One registered plugin module."""

    plugin: object
    dist: str
    version: str
    entry: str
    file: Path | None = None


@dataclass
class Discovered:
    """What was found: pluggy's manager with every plugin in it, the offers, the failures, what was left out."""

    manager: pluggy.PluginManager
    offers: list[Offer] = field(default_factory=list)
    broken: list[Broken] = field(default_factory=list)
    blocked: list[str] = field(default_factory=list)


def discover(files: Sequence[Path], blocked: set[str]) -> Discovered:
    """Everything installed and everything in `files`, but for what is `blocked`.

    Raises
    ------
    PluginError
        If a plugin marks a hook that does not exist, or one with arguments that the hook does not have.
    """
    return _Discovery(blocked).run(files)


class _Discovery:
    """Loads sources one by one, then collects their offers."""

    def __init__(self, blocked: set[str]) -> None:
        self.blocked = blocked
        self.manager = pluggy.PluginManager("spinefx")
        self.manager.add_hookspecs(hookspecs)
        self.found = Discovered(self.manager)
        self.sources: list[_Source] = []
        self.problems: list[Problem] = []

    def run(self, files: Sequence[Path]) -> Discovered:
        for point in sorted(entry_points(group=GROUP), key=lambda p: (p.dist.name if p.dist else "", p.name)):
            self._load_entry(point)
        for file in files:
            self._load_file(file)
        self._refuse_unknown_hooks()
        if self.problems:
            raise PluginError(self.problems)
        for source in self.sources:
            self._collect(source)
        return self.found

    def _is_blocked(self, *names: str) -> bool:
        tokens = {canonical(token) for token in self.blocked}
        found = [name for name in names if canonical(name) in tokens]
        self.found.blocked += [name for name in found if name not in self.found.blocked]
        return bool(found)

    def _load_entry(self, point: EntryPoint) -> None:
        dist, version = (point.dist.name, point.dist.version) if point.dist else (point.module, "")
        if self._is_blocked(dist, point.name):
            return
        try:
            plugin = point.load()
        except (Exception, SystemExit) as error:
            self.found.broken.append(Broken(dist, point.name, _told(error)))
            return
        self._register(_Source(plugin, dist, version, point.name))

    def _load_file(self, file: Path) -> None:
        if self._is_blocked(file.name, file.stem):
            return
        try:
            plugin = load_plugin_file(file)
        except (Exception, SystemExit) as error:
            self.found.broken.append(Broken(file.name, file.name, _told(error), file))
            return
        self._register(_Source(plugin, file.name, digest_of(file), file.name, file))

    def _register(self, source: _Source) -> None:
        try:
            self.manager.register(source.plugin, name=f"{source.dist}:{source.file or source.entry}")
        except pluggy.PluginValidationError as error:
            self.problems.append(Problem(_who(source), _first_line(error), _way_out(source)))
        except ValueError as error:
            self.found.broken.append(Broken(source.dist, source.entry, _told(error), source.file))
        else:
            self.sources.append(source)

    def _refuse_unknown_hooks(self) -> None:
        known = [name for name in vars(hookspecs) if name.startswith("spinefx_")]
        while True:
            try:
                self.manager.check_pending()
            except pluggy.PluginValidationError as error:
                culprit = next(s for s in self.sources if s.plugin is error.plugin)
                match = re.search(r"unknown hook '(\w+)'", str(error))
                wrong = match[1] if match else "?"
                near = nearest(wrong, known)
                what = f"unknown hook '{wrong}'" + (
                    f"; did you mean '{near}'?" if near else f"; hooks: {', '.join(known)}"
                )
                self.problems.append(Problem(_who(culprit), what, _way_out(culprit)))
                self.manager.unregister(error.plugin)
            else:
                return

    def _collect(self, source: _Source) -> None:
        calls = self.manager.get_hookcallers(source.plugin) or []
        if not calls:
            why = "offers nothing: no function is marked with `@hookimpl` from spinefx.api"
            self.found.broken.append(Broken(source.dist, source.entry, why, source.file))
        kinds = {hook: kind for kind, hook in KINDS.items()}
        for caller in calls:
            if caller.name not in kinds:
                continue
            impl = next(i for i in caller.get_hookimpls() if i.plugin is source.plugin)
            try:
                offered = impl.function()
            except (Exception, SystemExit) as error:
                self._refuse(source, f"{caller.name} failed: {_told(error)}")
                continue
            if not isinstance(offered, list | tuple):
                self._refuse(source, f"{caller.name} must return a list of Plugin, got {type(offered).__name__}")
                continue
            for plugin in offered:
                self._offer(source, kinds[caller.name], plugin)

    def _offer(self, source: _Source, kind: str, plugin: object) -> None:
        if not isinstance(plugin, Plugin):
            self._refuse(source, f"{KINDS[kind]} must return a list of Plugin, got {type(plugin).__name__} in it")
        elif plugin.api != API:
            self._refuse(
                source, f"'{plugin.name}' is written for contract {plugin.api}, this spinefx has {API}", plugin.name
            )
        elif "use" in plugin.options.model_fields:
            self._refuse(source, f"'{plugin.name}' has an option `use`, a key that is the engine's", plugin.name)
        elif not self._is_blocked(plugin.name, f"{kind}:{plugin.name}", f"{source.dist}:{plugin.name}"):
            self.found.offers.append(Offer(kind, plugin, source.dist, source.version))

    def _refuse(self, source: _Source, why: str, *names: str) -> None:
        self.found.broken.append(Broken(source.dist, source.entry, why, source.file, names))


def _told(error: BaseException) -> str:
    return f"{type(error).__name__}: {_first_line(error)}"


def _first_line(error: BaseException) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return " ".join(lines)[:300] if lines else "no message"


def _who(source: _Source) -> str:
    return source.dist if source.file else f"{source.dist} {source.version} (entry point {source.entry!r})"


def _way_out(source: _Source) -> str:
    return "mend the file" if source.file else f"to go on without it: SPINEFX_DISABLE={source.dist}"
