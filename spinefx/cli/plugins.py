"""`spinefx plugins` and `plugins show`: what is installed, and the options of each plugin."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from spinefx.cli.console import as_json, dump, more_plugins, plugins_aside, say, table, warn

if TYPE_CHECKING:
    from spinefx.plan import Offer, Registry


def _registry(files: Sequence[str]) -> Registry:
    from spinefx.plan import Registry

    with plugins_aside():
        return Registry.discover([Path(file) for file in files])


@click.group(invoke_without_command=True)
@more_plugins
@as_json
@click.pass_context
def plugins(ctx: click.Context, files: tuple[str, ...], json_: bool) -> int:
    """List the installed plugins, by kind."""
    ctx.obj = files
    if ctx.invoked_subcommand is not None:
        return 0
    registry = _registry(files)
    if json_:
        dump(
            {
                "plugins": [_offer_json(offer) for offer in registry.offers()],
                "broken": [str(broken) for broken in registry.broken],
                "clashes": list(registry.clashes()),
                "blocked": list(registry.blocked),
            }
        )
        return 0
    rows = [
        (offer.name, offer.kind.replace("_", " "), offer.origin, offer.plugin.summary) for offer in registry.offers()
    ]
    table(("name", "kind", "from", "what it does"), rows)
    for clash in registry.clashes():
        warn(f"clash: {clash}; a pipeline that uses it must say dist:name")
    for broken in registry.broken:
        warn(f"not loaded: {broken}")
    for name in registry.blocked:
        warn(f"blocked by SPINEFX_DISABLE: {name}")
    return 0


def _names(_ctx: click.Context, _parameter: click.Parameter, incomplete: str) -> list[str]:
    return sorted({offer.name for offer in _registry(()).offers() if offer.name.startswith(incomplete)})


@plugins.command()
@click.argument("name", shell_complete=_names)
@more_plugins
@as_json
@click.pass_context
def show(ctx: click.Context, name: str, files: tuple[str, ...], json_: bool) -> int:
    """Show the options of a plugin: type, default, unit, meaning.

    NAME is a plugin's (disc, dist:disc, geometry_analyser:disc) or a section of the engine's own (run, labels, split,
    sample, report).
    """
    from spinefx.contract.errors import PluginError
    from spinefx.plan.offers import nearest
    from spinefx.plan.schema import ENGINE_SECTIONS

    registry = _registry((*(ctx.obj or ()), *files))
    found = registry.find(name)
    if not found and name in ENGINE_SECTIONS:
        model = ENGINE_SECTIONS[name]
        about = (model.__doc__ or "").strip().partition("\n")[0]
        shown = [{"section": name, "summary": about.partition(": ")[2] or about, "options": _options(model)}]
    elif found:
        shown = [_offer_json(offer) | {"options": _options(offer.plugin.options)} for offer in found]
    else:
        known = sorted({offer.name for offer in registry.offers()})
        near = nearest(name.rpartition(":")[2], known)
        hint = f"; did you mean '{near}'?" if near else f"; installed: {', '.join(known) or 'none'}"
        lost = "".join(f"\nnot loaded: {broken}" for broken in registry.broken)
        raise PluginError(f"no plugin is named '{name}'{hint}{lost}")
    if json_:
        dump(shown)
        return 0
    for number, item in enumerate(shown):
        if number:
            say()
        _show(item)
    return 0


def _show(item: dict[str, Any]) -> None:
    if "section" in item:
        say(f"[{item['section']}]: {item['summary']}")
    else:
        say(f"{item['name']}: {item['summary']}")
        say(f"{item['kind'].replace('_', ' ')} from {item['dist']} {item['dist_version']}, version {item['version']}")
    say()
    if not item["options"]:
        say("no options")
        return
    rows = [(o["key"], o["type"], o["default"], o["unit"], o["description"]) for o in item["options"]]
    table(("option", "type", "default", "unit", "meaning"), rows)


def _offer_json(offer: Offer) -> dict[str, Any]:
    plugin = offer.plugin
    told: dict[str, Any] = {
        "name": plugin.name,
        "kind": offer.kind,
        "dist": offer.dist,
        "dist_version": offer.version,
        "version": plugin.version,
        "api": plugin.api,
        "summary": plugin.summary,
    }
    return told | ({"scope": plugin.scope} if offer.kind == "geometry_analyser" else {})


def _options(model: Any) -> list[dict[str, str]]:
    from spinefx.cli.options import described

    return described(model)
