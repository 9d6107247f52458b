"""The options of every augmenter."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, Field

Share = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]
Size = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Length = Annotated[float, Field(gt=0, allow_inf_nan=False)]


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


class BiasFieldOptions(BaseModel, frozen=True, extra="forbid"):
    """Options of the augmenter `bias-field`; channels made of the mask stay as they are."""

    probability: Share = Field(0.5, description="chance that a sample is changed at all")
    strength: Size = Field(
        0.3,
        description="largest standard deviation of the field's logarithm over the sample; .3 changes by a third or so",
    )
    order: Annotated[int, Field(ge=1, le=5)] = Field(3, description="degree of the polynomial")


class LowResolutionOptions(BaseModel, frozen=True, extra="forbid"):
    """Options of the augmenter `low-resolution`: what the encoder sees, the mask's channels too, is cut into thick slices."""

    probability: Share = Field(0.5, description="chance that a sample is changed at all")
    thickness_mm: Length = Field(5.0, description="largest slice thickness in mm; drawn from the sample's own to this")
    axis: Literal["left", "back", "head", "any"] = Field(
        "left", description="direction in which slices follow each other; sagittal scans have `left`"
    )


class MaskJitterOptions(BaseModel, frozen=True, extra="forbid"):
    """Options of the augmenter `mask-jitter`: the outline that the encoder sees is drawn by another hand; the one that it must
    rebuild stays.
    """

    probability: Share = Field(0.5, description="chance that a sample is changed at all")
    amplitude_mm: Size = Field(0.5, description="standard deviation in mm of the outline's shift at a control point")
    control_mm: Length = Field(5.0, description="distance in mm between control points")
