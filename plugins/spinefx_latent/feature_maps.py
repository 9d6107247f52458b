"""Analyser `feature-maps`: where each bottleneck channel looks, in millimetres and in the patient's frame."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from spinefx import kernels
from spinefx.api import Column, Features, Figure, Findings, Grid, Study, Table
from spinefx_latent import FeatureMapsOptions

Floats = NDArray[np.float64]

MEANING = {
    "mass": "sum of the channel's activation above its smallest value in the sample, in cells",
    "left_mm": "where the activation's centre lies from the box's middle, towards the patient's left",
    "back_mm": "the same towards the patient's back",
    "head_mm": "the same towards the patient's head",
    "spread_mm": "root mean square distance of the activation from its centre",
    "axis_tilt_deg": "lean of the activation's longest axis from the head-foot line in the sagittal plane, forward positive",
    "axis_coronal_deg": "the same in the coronal plane, positive to the left",
    "anisotropy": "fractional anisotropy of the activation's covariance: 0 a ball, 1 a line (Basser and Pierpaoli, J Magn "
    "Reson B 111:209, 1996)",
}
"""Measure of one channel -> definition; columns are named `c<channel>_<measure>`."""


class FeatureMaps:
    """Soft mass, centre, spread and axis of every channel of every sample."""

    def __init__(self, options: FeatureMapsOptions) -> None:
        self.options = options

    def measure_latents(self, study: Study) -> tuple[Features, Findings]:
        """Columns per channel and measure; a table of channels over the cohort. Empty, with a warning, without maps."""
        maps, rows = study.latents.maps, study.latents.rows
        if maps is None or not len(rows):
            return Features((), {}), Findings(
                warnings=("This encoder keeps no feature maps (PCA has none), so there is nothing to measure in them.",)
            )
        grids = [study.samples[i].grid for i in range(len(rows))]
        channels = maps.shape[1]
        shown = min(channels, self.options.channels)
        measured = np.stack([measures(maps[i, :shown], grid) for i, grid in enumerate(grids)])
        columns = {
            f"c{channel}_{name}": measured[:, channel, k] for channel in range(shown) for k, name in enumerate(MEANING)
        }
        meaning = {f"c{c}_{name}": f"channel {c}: {text}" for c in range(shown) for name, text in MEANING.items()}
        warnings = []
        if shown < channels:
            warnings.append(f"feature-maps: {shown} of {channels} channels are measured; raise `channels` for more.")
        quiet = [c for c in range(shown) if not np.isfinite(measured[:, c, 1]).any()]
        if quiet:
            warnings.append(f"feature-maps: channels {', '.join(map(str, quiet))} are flat in every sample.")
        table, figure = self._table(measured), self._figure(measured)
        return Features(rows, columns, meaning=meaning), Findings((table,), (figure,), (), tuple(warnings))

    def _table(self, measured: Floats) -> Table:
        lines: list[tuple[str | float, ...]] = []
        for channel in range(measured.shape[1]):
            with np.errstate(invalid="ignore"):
                seen = measured[:, channel][np.isfinite(measured[:, channel]).all(axis=1)]
            middle = np.median(seen, axis=0) if len(seen) else np.full(len(MEANING), np.nan)
            lines.append((f"c{channel}", len(seen), *map(float, middle)))
        columns = (Column("channel", "Channel"), Column("n", "Samples"), *(Column(name) for name in MEANING))
        caption = (
            "Medians over all samples. The maps are those of the encoder's coarsest level, in cells of that level's size; "
            "activation above the smallest value in the sample counts as mass."
        )
        return Table("feature-maps", "Where each channel looks", columns, tuple(lines), caption)

    def _figure(self, measured: Floats) -> Figure:
        z = measured - np.nanmean(measured, axis=0)
        spread = np.nanmean(np.abs(z), axis=0)
        return Figure(
            "feature-maps", "How much each channel's measures differ from sample to sample", "heatmap",
            matrix=tuple(tuple(float(v) for v in line) for line in spread / np.nanmax(spread, axis=0, initial=1e-12)),
            row_names=tuple(f"c{c}" for c in range(len(spread))), column_names=tuple(MEANING),
            caption="Mean absolute deviation from the cohort's mean, each column divided by its largest.",
        )  # fmt: skip


def measures(maps: NDArray[np.float32], box: Grid) -> Floats:
    """(c, 8) `MEANING` of the maps (c, z, y, x) of one sample; NaN where a map is flat.

    The cells are taken to fill `box` evenly; a network whose strides shift them shifts all centres alike.
    """
    raised = maps - maps.min(axis=(1, 2, 3), keepdims=True)
    moments = kernels.soft_moments(np.ascontiguousarray(raised[None], np.float32))[0].astype(np.float64)
    size = np.array(box.shape) * np.array(box.spacing) / np.array(maps.shape[1:])  # mm of one cell, (z, y, x)
    middle = (np.array(maps.shape[1:]) - 1) / 2
    out = np.full((len(maps), len(MEANING)), np.nan)
    for channel, numbers in enumerate(moments):
        mass = numbers[0]
        out[channel, 0] = mass
        if mass <= 1e-6 * max(float(np.abs(maps[channel]).max()), 1e-30):
            continue
        centre = numbers[1:4] / mass
        zz, yy, xx, zy, zx, yx = numbers[4:10] / mass
        second = np.array([[zz, zy, zx], [zy, yy, yx], [zx, yx, xx]]) - np.outer(centre, centre)
        to_world = box.axes * size[:, None]  # one cell along (z, y, x) in the patient's (left, back, head), mm
        covariance = to_world.T @ second @ to_world
        values, vectors = np.linalg.eigh(covariance)
        values = np.maximum(values, 0.0)
        long = vectors[:, 2] * (1.0 if vectors[2, 2] >= 0 else -1.0)
        away = (centre - middle) @ to_world
        even = values.mean()
        anisotropy = np.sqrt(1.5 * ((values - even) ** 2).sum() / max(float((values**2).sum()), 1e-30))
        tilt = np.degrees(np.arctan2(-long[1], long[2])), np.degrees(np.arctan2(long[0], long[2]))
        out[channel, 1:] = (*away, np.sqrt(values.sum()), *tilt, anisotropy)
    return out
