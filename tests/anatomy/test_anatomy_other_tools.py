"""TotalSegmentator's spine report is understood: its rule, done again from its mask, gives its numbers; ours lie beside them."""

from __future__ import annotations

import numpy as np
import other_tools
from measured_spines import analyser

from spinefx.api import Case, Scan


def test_the_spine_report_of_totalsegmentator_is_its_mask_and_its_rule(shared):
    report, mask = other_tools.read()
    found = analyser("vertebra").measure(Scan(Case("ct", "ct"), {}, mask))
    levels, off = [row.level for row in found.rows], []
    for level in other_tools.LEVELS:
        theirs = [report[f"vertebrae_{level}_height_{place}_mm"] for place in other_tools.PLACES]
        again = other_tools.slices_mm(mask, level, other_tools.STEP)
        np.testing.assert_allclose(again[np.argmax(np.ptp(again, axis=1))], theirs, atol=1e-6)
        i = levels.index(level)
        volume = report[f"vertebrae_{level}_volume_ml"]
        assert abs(found.columns["labelled_mm3"][i] / 1000 / volume - 1) < 0.001  # the same mask
        assert abs(found.columns["volume_mm3"][i] / 1000 / volume - 1) < 0.07  # between the endplates only
        off += [found.columns[f"height_{place}_mm"][i] - h for place, h in zip(other_tools.PLACES, theirs, strict=True)]
    assert (np.abs(off) <= 3).sum() >= 12  # one voxel; theirs are of each body's most uneven slice
    assert np.abs(off).max() < 4
