"""What is found once for each mask and used by several analysers."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import TypeVar
from weakref import WeakKeyDictionary

from spinefx.api import LabelMap

Found = TypeVar("Found")


def once(look: Callable[[LabelMap], Found]) -> Callable[[LabelMap], Found]:
    """`look`, done once for each mask; what it found is kept as long as the mask itself, which never changes.

    What `look` returns must not hold the mask, and nobody may change it.
    """
    kept: WeakKeyDictionary[LabelMap, Found] = WeakKeyDictionary()

    @wraps(look)
    def known(mask: LabelMap) -> Found:
        if mask not in kept:
            kept[mask] = look(mask)
        return kept[mask]

    return known
