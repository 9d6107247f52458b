"""All plugins of an environment, and the picking of one by its name.

Every distribution's entry points of group `spinefx` and every file of `[run] plugins` are loaded one by one. One that
does not import is reported and skipped; it is fatal only where a plan asks for a name that it may have held.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import pluggy

from spinefx.contract.errors import PluginError
from spinefx.contract.plugin import KINDS
from spinefx.plan.discover import Discovered, discover
from spinefx.plan.offers import Broken, Offer, canonical, nearest, spoken


class Registry:
    """All offers of this environment; made by `Registry.discover`."""

    def __init__(self, found: Discovered) -> None:
        self._manager = found.manager
        self._offers = tuple(sorted(found.offers, key=lambda o: (list(KINDS).index(o.kind), o.name, o.dist)))
        self.broken: tuple[Broken, ...] = tuple(found.broken)
        self.blocked: tuple[str, ...] = tuple(found.blocked)

    @classmethod
    def discover(cls, files: Sequence[Path] = (), *, blocked: Iterable[str] | None = None) -> Registry:
        """Everything installed, plus single-file plugins.

        files : plugin files, as `[run] plugins` names them; one that fails is in `broken` with its path.
        blocked : distributions, entry points, names or `kind:name` to leave out; `$SPINEFX_DISABLE` unless given.

        Raises
        ------
        PluginError
            If a plugin marks a hook that does not exist, or one with arguments that the hook does not have.
        """
        if blocked is None:
            blocked = os.environ.get("SPINEFX_DISABLE", "").split(",")
        return cls(discover(files, {token.strip() for token in blocked} - {""}))

    @classmethod
    def nothing(cls) -> Registry:
        """A registry without any plugin: for reading the rest of a plan when plugins cannot be found."""
        return cls(Discovered(pluggy.PluginManager("spinefx")))

    @property
    def hooks(self) -> Any:
        """pluggy's hook relay, for the observers: `registry.hooks.spinefx_run_started(plan=..., ...)`."""
        return self._manager.hook

    def register(self, observer: object) -> None:
        """Add an object or module whose hook implementations observe a run; it offers nothing."""
        self._manager.register(observer)

    def offers(self, kind: str | None = None) -> tuple[Offer, ...]:
        """All offers, of one kind or of all, sorted by kind and name."""
        return tuple(offer for offer in self._offers if kind in (None, offer.kind))

    def clashes(self) -> tuple[str, ...]:
        """One sentence for each name that several distributions offer; a plan that uses one must say `dist:name`."""
        groups: dict[tuple[str, str], list[Offer]] = {}
        for offer in self._offers:
            groups.setdefault((offer.kind, offer.name), []).append(offer)
        return tuple(_clash(group) for group in groups.values() if len(group) > 1)

    def pick(self, kind: str, use: str) -> Offer:
        """The offer that `use` names: `name`, or `dist:name` to choose between two.

        Raises
        ------
        PluginError
            If nothing has that name (lists what is installed and the nearest), or two have.
        """
        dist, _, name = use.rpartition(":")
        of_kind = self.offers(kind)
        found = [o for o in of_kind if o.name == name and (not dist or _same_dist(o.dist, dist))]
        if len(found) == 1:
            return found[0]
        if found:
            remedy = f'say which: use = "{found[0].dist}:{name}"'
            if len({o.dist for o in found}) == 1:
                remedy = f"{found[0].dist} offers it more than once; ask its authors, or set SPINEFX_DISABLE"
            raise PluginError(f"{_clash(found)}; {remedy}")
        raise PluginError(self._unknown(kind, use, name))

    def find(self, use: str) -> tuple[Offer, ...]:
        """Every offer that `name`, `kind:name` or `dist:name` may mean, of any kind."""
        head, _, name = use.rpartition(":")
        return tuple(
            o for o in self._offers if o.name == name and (not head or head == o.kind or _same_dist(o.dist, head))
        )

    def _unknown(self, kind: str, use: str, name: str) -> str:
        names = sorted({o.name for o in self.offers(kind)})
        text = f"no {spoken(kind)} is named '{use}'"
        if near := nearest(name, names):
            text += f"; did you mean '{near}'?"
        elif others := sorted({spoken(o.kind) for o in self._offers if o.name == name}):
            text += f" ('{name}' is {_article(others[0])})"
        text += f"; installed: {', '.join(names) or 'none'}"
        if any(name == token.rpartition(":")[2] for token in self.blocked):
            text += f"; '{name}' is blocked by SPINEFX_DISABLE"
        refused = [broken for broken in self.broken if name in broken.names]
        if refused:
            text += f"; refused: {'; '.join(map(str, refused))}"
        elif len(self.broken) == 1:
            text += f"; not loaded, and may hold it: {self.broken[0]}"
        elif self.broken:
            text += f"; not loaded, and may hold it: {', '.join(broken.who for broken in self.broken)}"
        return text


def _clash(found: Sequence[Offer]) -> str:
    count = {2: "two", 3: "three"}.get(len(found), str(len(found)))
    origins = " and ".join(offer.origin for offer in found)
    return f"{count} {spoken(found[0].kind)}s are named '{found[0].name}': from {origins}"


def _article(noun: str) -> str:
    return f"{'an' if noun[0] in 'aeiou' else 'a'} {noun}"


def _same_dist(one: str, other: str) -> bool:
    return canonical(one) == canonical(other)
