"""The cache's upkeep: what is in it, whether it is whole, and what no run stands on any more."""

from __future__ import annotations

import shutil
import time
from dataclasses import dataclass
from pathlib import Path

from spinefx.contract.errors import StoreError
from spinefx.store.cache import Cache
from spinefx.store.claims import Claim, claims
from spinefx.store.files import TEMPORARY
from spinefx.store.fits import sealed
from spinefx.store.lock import is_locked
from spinefx.store.tensors import Span, verified


@dataclass(frozen=True)
class Stock:
    """What a cache holds. Sizes in bytes; a packed artefact's bytes stay on disk until its pack is written anew."""

    loose: int
    packed: int
    packs: int
    fits: int
    size: int
    runs: tuple[Claim, ...]


@dataclass(frozen=True)
class Checked:
    """What `verify` found: how many entries were read, and the keys of those that were damaged and are gone now."""

    entries: int
    damaged: tuple[str, ...]


@dataclass(frozen=True)
class Freed:
    """What `collect` removed, or would remove."""

    artefacts: int
    fits: int
    size: int


def stock(cache: Cache) -> Stock:
    """What the cache holds, and for which runs."""
    size = sum(path.stat().st_size for path in cache.root.rglob("*") if path.is_file())
    return Stock(
        loose=sum(1 for _ in cache.loose()),
        packed=sum(1 for _ in cache.packs.keys()),  # noqa: SIM118
        packs=len(cache.packs.files()),
        fits=len(_fits(cache)),
        size=size,
        runs=tuple(claims(cache.root)),
    )


def verify(cache: Cache) -> Checked:
    """Read every entry; what is damaged is removed, and the next run makes it anew."""
    _idle(cache)
    damaged: list[str] = []
    kept: list[str] = []
    entries = 0
    for key in list(cache.loose()):
        entries += 1
        span = cache.span(key)
        if span is not None and not _whole(key, span):
            damaged.append(key)
            cache.path(key).unlink(missing_ok=True)
    for key, span in list(cache.packs.spans()):
        entries += 1
        (kept if _whole(key, span) else damaged).append(key)
    if len(kept) < sum(1 for _ in cache.packs.keys()):  # noqa: SIM118
        _repack(cache, kept)
    for folder in _fits(cache):
        entries += 1
        if (folder / "seal.json").is_file() and sealed(folder) is None:
            damaged.append(folder.name)
            shutil.rmtree(folder, ignore_errors=True)
    return Checked(entries, tuple(damaged))


def collect(cache: Cache, *, older_s: float, dry: bool = False) -> Freed:
    """Remove what no run stands on, and what killed writes left, if older than `older_s` seconds; pack the rest.

    A run stands on what its last finished run used; a folder that is gone stands on nothing. What an interrupted run has
    done already is claimed by nobody: the age protects it.
    """
    _idle(cache)
    needed = frozenset[str]().union(*(claim.keys for claim in claims(cache.root)))
    before = time.time() - older_s
    loose = {key: path.stat() for key in cache.loose() if (path := cache.path(key)).is_file()}
    packed = dict(cache.packs.spans())
    dead = [key for key, status in loose.items() if key not in needed and status.st_mtime < before]
    old_packs = {path for path in cache.packs.files() if path.stat().st_mtime < before}
    dead_packed = [key for key, span in packed.items() if key not in needed and span.path in old_packs]
    fits = [path for path in _fits(cache) if path.name not in needed and path.stat().st_mtime < before]
    size = sum(loose[key].st_size for key in dead) + sum(packed[key].length for key in dead_packed)
    size += sum(path.stat().st_size for folder in fits for path in folder.rglob("*") if path.is_file())
    torn = [path for path in cache.root.rglob(f"{TEMPORARY}*") if path.lstat().st_mtime < before]
    size += sum(path.lstat().st_size for path in torn)
    if not dry:
        for path in torn:
            shutil.rmtree(path, ignore_errors=True) if path.is_dir() else path.unlink(missing_ok=True)
        for key in dead:
            cache.path(key).unlink(missing_ok=True)
        for folder in fits:
            shutil.rmtree(folder, ignore_errors=True)
        if dead_packed:
            _repack(cache, sorted(packed.keys() - set(dead_packed)))
        cache.pack(sorted(loose.keys() - set(dead)))
    return Freed(len(dead) + len(dead_packed), len(fits), size)


def _repack(cache: Cache, keys: list[str]) -> None:
    """Write packs of these packed artefacts alone, then remove the old packs."""
    old = cache.packs.files()
    spans = ((key, span) for key in keys if (span := cache.packs.find(key)) is not None)
    cache.packs.add(spans)
    for pack in old:
        cache.packs.remove(pack)


def _fits(cache: Cache) -> list[Path]:
    return sorted(path for path in cache.root.glob("fits/*") if path.is_dir())


def _whole(key: str, span: Span) -> bool:
    """Whether the artefact can be read and is what was stored; one that has gone since is not damaged."""
    try:
        verified(span, key)
    except FileNotFoundError:
        return True
    except (ValueError, OSError):
        return False
    return True


def _idle(cache: Cache) -> None:
    """StoreError where a run is at work on the cache."""
    for claim in claims(cache.root):
        if is_locked(claim.out):
            raise StoreError(f"{claim.out}: a run is at work there and uses this cache; wait until it has ended")
