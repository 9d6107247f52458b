"""The kernel's twin in NumPy: what it must equal, for tests alone."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def scaled(values: NDArray[np.float32], factor: float, offset: float) -> NDArray[np.float32]:
    """values * factor + offset, float32 of any shape; a new array."""
    return values * np.float32(factor) + np.float32(offset)
