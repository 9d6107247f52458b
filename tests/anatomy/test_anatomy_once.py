"""What several analysers need of a mask is found once, and goes when the mask goes."""

from __future__ import annotations

import gc
import weakref

from measured_spines import analyser, drawn
from spinefx_anatomy.disc.find import discs
from spinefx_anatomy.once import once
from spinefx_anatomy.vertebra.find import bodies

from spinefx.api import LabelMap


def copy_of(mask: LabelMap) -> LabelMap:
    return LabelMap(mask.labels.copy(), mask.grid, mask.scheme)


def test_a_mask_is_looked_at_once_and_another_one_again():
    mask = drawn("4 mm sagittal", 1, 3)[0].mask
    seen = []
    look = once(lambda given: seen.append(given.grid) or len(seen))
    assert [look(mask), look(mask), look(copy_of(mask)), look(mask)] == [1, 1, 2, 1]


def test_analysers_share_the_fits_of_a_mask():
    scan, _ = drawn("4 mm sagittal", 2, 3)
    fresh = scan.replace(mask=copy_of(scan.mask))
    first = discs(fresh.mask), bodies(fresh.mask)
    for name in ("disc", "vertebra", "spine", "canal"):
        analyser(name).measure(fresh)
    assert (discs(fresh.mask), bodies(fresh.mask)) == first
    assert discs(fresh.mask) is first[0]
    assert bodies(fresh.mask) is first[1]


def test_what_was_found_does_not_keep_the_mask_alive():
    scan, _ = drawn("4 mm sagittal", 2, 3)
    mask = copy_of(scan.mask)
    found = weakref.ref(discs(mask)[0]), weakref.ref(next(body for body, _ in bodies(mask).values() if body))
    gone = weakref.ref(mask)
    del mask
    gc.collect()
    assert gone() is None
    assert [one() for one in found] == [None, None]
