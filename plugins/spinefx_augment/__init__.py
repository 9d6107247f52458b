"""Augmentation: random changes of samples, drawn from a generator and applied by the engine in one resampling.

This module holds the offers; every implementation is imported when it is built.
"""

from __future__ import annotations

from typing import Any

from spinefx.api import Plugin, hookimpl
from spinefx_augment.options import (
    AffineOptions,
    BiasFieldOptions,
    ElasticOptions,
    FlipOptions,
    IntensityOptions,
    LowResolutionOptions,
    MaskJitterOptions,
)


def _flip(options: FlipOptions) -> Any:
    from spinefx_augment.spatial import Flip

    return Flip(options)


def _affine(options: AffineOptions) -> Any:
    from spinefx_augment.spatial import Affine

    return Affine(options)


def _elastic(options: ElasticOptions) -> Any:
    from spinefx_augment.elastic import Elastic

    return Elastic(options)


def _intensity(options: IntensityOptions) -> Any:
    from spinefx_augment.intensity import Intensity

    return Intensity(options)


def _bias_field(options: BiasFieldOptions) -> Any:
    from spinefx_augment.bias import BiasField

    return BiasField(options)


def _low_resolution(options: LowResolutionOptions) -> Any:
    from spinefx_augment.slices import LowResolution

    return LowResolution(options)


def _mask_jitter(options: MaskJitterOptions) -> Any:
    from spinefx_augment.elastic import MaskJitter

    return MaskJitter(options)


@hookimpl
def spinefx_augmenters() -> list[Plugin]:
    """The augmenters of this pack."""
    return [
        Plugin("flip", 1, 1, "Mirrors samples left to right, by chance.", FlipOptions, _flip),
        Plugin(
            "affine", 1, 1, "Turns, shifts, scales and stretches samples about their centre.", AffineOptions, _affine
        ),
        Plugin("elastic", 1, 2, "Bends samples smoothly, by cubic B-splines.", ElasticOptions, _elastic),
        Plugin("intensity", 1, 2, "Changes contrast, brightness, gamma and noise.", IntensityOptions, _intensity),
        Plugin("bias-field", 1, 2, "Shades intensities smoothly, as a coil does.", BiasFieldOptions, _bias_field),
        Plugin(
            "low-resolution",
            1,
            1,
            "Shows the encoder thick slices, and asks for thin ones.",
            LowResolutionOptions,
            _low_resolution,
        ),
        Plugin(
            "mask-jitter",
            1,
            2,
            "Shows the encoder an outline drawn by another hand.",
            MaskJitterOptions,
            _mask_jitter,
        ),
    ]
