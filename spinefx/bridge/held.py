"""Memory that belongs to another library's image, shown as an array that keeps the image alive."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray


class _Held:
    """What the array's memory belongs to."""

    def __init__(self, image: Any, view: NDArray[Any]) -> None:
        self.image, self.__array_interface__ = image, view.__array_interface__


def held(image: Any, view: NDArray[Any]) -> NDArray[Any]:
    """The view as an array that holds on to the image, and so do all arrays made of it without a copy."""
    array: NDArray[Any] = np.asarray(_Held(image, np.asarray(view)))
    return array
