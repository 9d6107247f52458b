"""Arithmetic that the plugin's work is made of, in C++ (`csrc/kernel.cpp`); `reference.py` is its twin for tests."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from disc_spread import _core


def scaled(values: NDArray[np.float32], factor: float, offset: float) -> NDArray[np.float32]:
    """values * factor + offset, float32 of any shape; a new array."""
    values = np.ascontiguousarray(values, np.float32)
    out = np.empty_like(values)
    _core.scaled(values.reshape(-1), factor, offset, out.reshape(-1))
    return out
