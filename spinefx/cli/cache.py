"""`spinefx cache`: what the cache holds, whether it is whole, and what no run needs any more."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING

import click

from spinefx.cli.console import as_json, counted, dump, say

if TYPE_CHECKING:
    from spinefx.store.cache import Cache

place = click.argument("folder", default="runs", type=click.Path(path_type=Path))
"""The cache's folder, a run's folder, or the one that holds them."""

_AGES = {"h": 3600, "d": 86400, "w": 7 * 86400}


def _cache(folder: Path) -> Cache:
    """The cache that `folder` is, holds, or lies beside; $SPINEFX_CACHE goes first."""
    from spinefx.store.cache import Cache
    from spinefx.work.folder import CACHE, cache_root

    named = os.environ.get("SPINEFX_CACHE")
    tried = [Path(named).expanduser()] if named else [folder / CACHE, cache_root(folder), folder]
    for root in tried:
        if any((root / part).is_dir() for part in ("steps", "packs", "claims")):
            return Cache(root)
    raise click.UsageError(f"no cache at {' nor '.join(str(root) for root in tried)}; name a run's folder")


def _seconds(_: click.Context, __: click.Parameter, value: str) -> float:
    found = re.fullmatch(r"([0-9]{1,5})([hdw])", value)
    if not found:
        raise click.BadParameter(f"{value!r} is no age; wanted a number of hours, days or weeks: 12h, 7d, 2w")
    return int(found[1]) * _AGES[found[2]]


def _size(count: int) -> str:
    return f"{count / 1e9:.2f} GB" if count >= 1e9 else f"{count / 1e6:.1f} MB"


@click.group()
def cache() -> None:
    """Look after the cache that runs share.

    FOLDER is the cache's own, a run's, or the one that holds runs; `runs` unless given. $SPINEFX_CACHE goes before it.
    """


@cache.command("ls")
@place
@as_json
def ls(folder: Path, json_: bool) -> int:
    """What the cache holds, and for which runs."""
    from spinefx.store.upkeep import stock

    found = _cache(folder)
    told = stock(found)
    if json_:
        runs = {str(claim.out): len(claim.keys) for claim in told.runs}
        numbers = {name: getattr(told, name) for name in ("loose", "packed", "packs", "fits", "size")}
        dump({"cache": str(found.root), **numbers, "runs": runs})
        return 0
    say(f"{found.root}: {_size(told.size)}")
    artefacts = f"{counted(told.loose, 'artefact')} in files of their own"
    say(f"{artefacts}, {told.packed} in {counted(told.packs, 'pack')}; {counted(told.fits, 'fit')}")
    for claim in told.runs:
        say(f"  {claim.out}: stands on {counted(len(claim.keys), 'entry', 'entries')}")
    return 0


@cache.command("verify")
@place
@as_json
def verify(folder: Path, json_: bool) -> int:
    """Read every entry and remove those that are damaged.

    The next run makes them anew. Exit code 5 if there was any.
    """
    from spinefx.store import upkeep

    found = _cache(folder)
    told = upkeep.verify(found)
    if json_:
        dump({"cache": str(found.root), "entries": told.entries, "damaged": list(told.damaged)})
    elif told.damaged:
        say(f"{counted(len(told.damaged), 'damaged entry', 'damaged entries')} of {told.entries} removed; run again")
        for key in told.damaged:
            say(f"  {key}")
    else:
        say(f"{counted(told.entries, 'entry', 'entries')} read, none is damaged")
    return 5 if told.damaged else 0


@cache.command("gc")
@place
@click.option("--older", default="7d", show_default=True, callback=_seconds, help="Keep what is younger: 12h, 7d, 2w.")
@click.option("-n", "--dry-run", is_flag=True, help="Only say what would go.")
@as_json
def gc(folder: Path, older: float, dry_run: bool, json_: bool) -> int:
    """Remove what no run stands on any more, and pack the rest.

    A run stands on what it used when it last finished. What an interrupted run has done is kept by its age alone.
    """
    from spinefx.store.upkeep import collect

    found = _cache(folder)
    told = collect(found, older_s=older, dry=dry_run)
    if json_:
        dump(
            {
                "cache": str(found.root),
                "artefacts": told.artefacts,
                "fits": told.fits,
                "size": told.size,
                "dry": dry_run,
            }
        )
    else:
        parts = f"{counted(told.artefacts, 'artefact')} and {counted(told.fits, 'fit')}, {_size(told.size)}"
        say(f"{'would remove' if dry_run else 'removed'} {parts}")
    return 0
