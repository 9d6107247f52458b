"""A mark holds points in the world, or is refused."""

from __future__ import annotations

import numpy as np
import pytest

from spinefx.api import DataError, Mark, MarkSource


def test_points_are_kept_read_only():
    mark = Mark("sagittal", np.array([[0, 1, 2], [3, 4, 5]]), "8.1 mm", "length")
    assert mark.points.dtype == np.float64
    assert not mark.points.flags.writeable


@pytest.mark.parametrize("points", [np.zeros(3), np.zeros((0, 3)), np.zeros((2, 2)), np.full((1, 3), np.nan)])
def test_other_points_are_refused(points):
    with pytest.raises(DataError, match="finite world mm"):
        Mark("coronal", points)


def test_an_analyser_that_gives_marks_is_known_by_its_method():
    class Shows:
        def marks(self, scan):
            return ()

    assert isinstance(Shows(), MarkSource)
    assert not isinstance(object(), MarkSource)
