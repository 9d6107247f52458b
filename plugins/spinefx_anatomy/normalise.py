"""Intensities scaled to 0..1, per image, by what is foreground."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from spinefx.api import DataError, Scan, Volume
from spinefx_anatomy.chosen import with_changed

if TYPE_CHECKING:
    from spinefx_anatomy.options import NormaliseOptions

PILE = 1e-3
"""Share of all voxels from which the smallest (largest) value counts as padding (saturation)."""

ENOUGH = 200_000
"""Voxels that are looked at; a larger image is thinned evenly."""


def foreground(data: NDArray[Any]) -> NDArray[np.float32]:
    """(n,) intensities of the foreground, sorted.

    Padding (the smallest value where it piles up: -1000 or 0) and saturation (the largest value where it does) are
    left out, then everything below Otsu's threshold, which is air. An image of one value gives that value.

    Notes
    -----
    Otsu, IEEE Trans Syst Man Cybern 9:62 (1979).
    """
    flat = data.reshape(-1)
    values = np.sort(flat[:: max(1, flat.size // ENOUGH)].astype(np.float32))
    values = values[np.isfinite(values)]
    if not values.size or values[0] == values[-1]:
        return values[:1]
    low = np.searchsorted(values, values[0], "right")
    high = np.searchsorted(values, values[-1], "left")
    inner = values[low if low > PILE * values.size else 0 : high if values.size - high > PILE * values.size else None]
    if inner.size < 2 or inner[0] == inner[-1]:
        return values
    return inner[inner > otsu(inner)]


def otsu(values: NDArray[np.float32]) -> float:
    """The threshold that parts sorted values into two groups of the largest variance between them; below the maximum."""
    n = np.arange(1, values.size)
    total = np.cumsum(values, dtype=np.float64)
    below, above = total[:-1] / n, (total[-1] - total[:-1]) / (values.size - n)
    between = n * (values.size - n) * (above - below) ** 2
    between[values[:-1] == values[1:]] = -1.0
    return float(values[:-1][int(np.argmax(between))])


class Normalise:
    """Scales images by foreground percentiles, or by a fixed window."""

    def __init__(self, options: NormaliseOptions) -> None:
        self.options = options

    def process(self, scan: Scan) -> Scan:
        """The scan with the chosen images as float32 around 0..1.

        Raises
        ------
        DataError
            If a chosen image is not there.
        """
        return with_changed(scan, self.options.images, self._scaled)

    def _scaled(self, image: Volume) -> Volume:
        low, high = self.options.window or self._limits(image)
        data = (image.data.astype(np.float32) - np.float32(low)) * np.float32(1.0 / max(high - low, 1e-12))
        if self.options.clip:
            np.clip(data, 0, 1, out=data)
        return Volume(data, image.grid)

    def _limits(self, image: Volume) -> tuple[float, float]:
        values = foreground(image.data)
        if not values.size:
            raise DataError("an image holds no finite intensity")
        low, high = np.percentile(values, [self.options.low, self.options.high])
        return float(low), float(high) if high > low else float(low) + 1.0
