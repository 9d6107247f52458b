"""Augmentation: random changes of samples, drawn from a generator and applied by the engine in one resampling.

This module holds the options and the offers; every implementation is imported when it is built.
"""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, Field

from spinefx.api import Plugin, hookimpl

Share = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]
Size = Annotated[float, Field(ge=0, allow_inf_nan=False)]


class FlipOptions(BaseModel, frozen=True, extra="forbid"):
    """Options of the augmenter `flip`."""

    probability: Share = Field(0.5, description="chance that a sample is mirrored left to right; 0 mirrors none")


class AffineOptions(BaseModel, frozen=True, extra="forbid"):
    """Options of the augmenter `affine`."""

    probability: Share = Field(1.0, description="chance that a sample is changed at all")
    rotation_deg: Annotated[float, Field(ge=0, le=180)] = Field(
        5.0, description="largest angle in degrees about each world axis, drawn evenly between minus and plus"
    )
    translation_mm: Size = Field(0.0, description="largest shift in mm along each world axis")
    scale: Annotated[float, Field(ge=0, lt=1)] = Field(
        0.05, description="largest relative change of size, the same along all axes; .05 draws from 1/1.05 to 1.05"
    )
    stretch: Annotated[float, Field(ge=0, lt=1)] = Field(
        0.05, description="largest relative change of size along each world axis on its own"
    )


class ElasticOptions(BaseModel, frozen=True, extra="forbid"):
    """Options of the augmenter `elastic`."""

    probability: Share = Field(0.5, description="chance that a sample is changed at all")
    amplitude_mm: Size = Field(1.0, description="standard deviation in mm of the displacement at a control point")
    control_mm: Annotated[float, Field(gt=0, allow_inf_nan=False)] = Field(
        16.0, description="distance in mm between control points; larger is smoother"
    )


class IntensityOptions(BaseModel, frozen=True, extra="forbid"):
    """Options of the augmenter `intensity`; channels that hold the mask stay as they are."""

    probability: Share = Field(0.8, description="chance that a sample is changed at all")
    gain: Annotated[float, Field(ge=0, lt=1)] = Field(
        0.1, description="largest relative change of contrast; .1 draws from 1/1.1 to 1.1"
    )
    offset: Size = Field(0.05, description="largest shift of brightness, in standard deviations of the channel")
    gamma: Annotated[float, Field(ge=0, lt=1)] = Field(
        0.2, description="largest relative change of the exponent on the channel's own range"
    )
    noise: Size = Field(0.05, description="largest standard deviation of added noise, in those of the channel")


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


@hookimpl
def spinefx_augmenters() -> list[Plugin]:
    """The augmenters of this pack."""
    return [
        Plugin("flip", 1, 1, "Mirrors samples left to right, by chance.", FlipOptions, _flip),
        Plugin(
            "affine", 1, 1, "Turns, shifts, scales and stretches samples about their centre.", AffineOptions, _affine
        ),
        Plugin("elastic", 1, 1, "Bends samples smoothly, by cubic B-splines.", ElasticOptions, _elastic),
        Plugin("intensity", 1, 1, "Changes contrast, brightness, gamma and noise.", IntensityOptions, _intensity),
    ]
