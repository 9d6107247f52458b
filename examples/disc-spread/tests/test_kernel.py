"""The C++ kernel equals its twin in NumPy, to the last bit."""

from __future__ import annotations

import numpy as np
import pytest

from disc_spread import arithmetic, reference

@pytest.mark.parametrize("shape", [(0,), (1,), (3, 4, 5), (17, 2)])
def test_the_kernel_equals_its_twin(shape):
    values = np.random.default_rng(0).normal(size=shape).astype(np.float32)
    for factor, offset in ((1.0, 0.0), (-2.5, 3.25), (1e-3, 1e4)):
        assert np.array_equal(arithmetic.scaled(values, factor, offset), reference.scaled(values, factor, offset))
