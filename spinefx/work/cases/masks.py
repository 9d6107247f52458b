"""Masks that a segmenter made, as they lie in the cache; those that a loader brought are not kept twice."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from spinefx.contract.grid import Grid
from spinefx.contract.scan import LabelMap, Scan
from spinefx.contract.scheme import Scheme, Structure
from spinefx.plan import Stage
from spinefx.store.cache import Cache
from spinefx.store.files import digests


def put_mask(cache: Cache, key: str, scan: Scan) -> None:
    """Keep the mask of `scan`, with what its segmenter said of it."""
    mask = scan.require_mask()
    meta = {"grid": mask.grid.to_json(), "scheme": scheme_json(mask), "notes": scan.notes, "quality": scan.quality}
    cache.put(key, {"labels": mask.labels}, meta)


def masked(cache: Cache, key: str, scan: Scan) -> Scan | None:
    """The scan as its loader gave it, with the mask that a segmenter made of it earlier; None where there is none."""
    kept = cache.get(key)
    if kept is None:
        return None
    meta: dict[str, Any] = kept.meta
    table = {int(value): Structure(*parts) for value, parts in meta["scheme"]["table"].items()}
    mask = LabelMap(kept.arrays["labels"], Grid.from_json(meta["grid"]), Scheme(meta["scheme"]["name"], table))
    return scan.replace(mask=mask, notes=tuple(meta["notes"]), quality=meta["quality"], reference=scan.mask)


def models(stage: Stage, learned: Path | None) -> list[Mapping[str, str]]:
    """Digests of the models that a segmenter's masks hang on: those that options name, and the one fitted in this run."""
    named = [value for _, value in stage.options if isinstance(value, Path)]
    places = (*named, *([learned] if learned else ()))
    return [digests(place) if place.is_dir() else digests(place.parent, place.name) for place in places]


def scheme_json(mask: LabelMap) -> dict[str, Any]:
    """A mask's scheme as JSON."""
    table = {str(value): [s.kind, s.level, s.name] for value, s in mask.scheme.table.items()}
    return {"name": mask.scheme.name, "table": table}
