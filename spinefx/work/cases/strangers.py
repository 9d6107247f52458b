"""Plugins are strangers: what one does beside giving its result is undone where it can be, and named.

Not seen from here: what native code does behind Python's back.
"""

# ruff: noqa: NPY002, S311  (the legacy state is what is watched)

from __future__ import annotations

import os
import random
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from spinefx.contract.errors import DataError
from spinefx.contract.scan import Scan
from spinefx.work.chance import words


@contextmanager
def watched(name: str, seed: int, told: Callable[[str], None], scan: Scan | None = None) -> Iterator[None]:
    """Watch a plugin at work on one case.

    name : of the case and the stage. The global generators of `random` and NumPy stand at a state that hangs on it and on
    `seed` alone while the plugin works, and where they stood before afterwards: one that draws from them gives the same
    numbers for any number of workers, and is told of.
    told : gets one line for each thing that a plugin should not have done.
    scan : its input.

    Raises
    ------
    DataError
        If it has made its input writable: what stands there now, nobody knows.
    """
    before = random.getstate(), np.random.get_state()
    folder, running = _folder(), set(threading.enumerate())
    random.setstate(random.Random(f"{seed} {name}").getstate())
    np.random.set_state(np.random.RandomState(words(f"{seed} {name}")).get_state())
    fresh = _states()
    try:
        yield
    finally:
        drawn = _states() != fresh
        random.setstate(before[0])
        np.random.set_state(before[1])
        if drawn:
            told(
                "drew from the global random state; it should use the generator it gets, or one with a seed of its own"
            )
        if folder is not None and _folder() != folder:
            os.chdir(folder)
            told("changed the working folder; it was set back")
        left = [t for t in threading.enumerate() if t not in running and t.is_alive() and not t.daemon]
        if left:
            told(f"left {len(left)} thread{'s' if len(left) > 1 else ''} running ({left[0].name})")
    if scan is not None and _writable(scan):
        raise DataError("made its input writable; it must copy what it wants to change")


def _writable(scan: Scan) -> bool:
    images = any(image.data.flags.writeable for image in scan.images.values())
    return images or (scan.mask is not None and scan.mask.labels.flags.writeable)


def _states() -> tuple[object, bytes, int]:
    """Where the global generators stand, comparable."""
    state = np.random.get_state(legacy=False)["state"]
    return random.getstate(), state["key"].tobytes(), state["pos"]


def _folder() -> Path | None:
    try:
        return Path.cwd()
    except FileNotFoundError:  # somebody has removed it
        return None
