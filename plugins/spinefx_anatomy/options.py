"""The options of every plugin of this pack."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, Field, model_validator

Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
Spacing = Annotated[float, Field(ge=0, le=100, allow_inf_nan=False)]


class OrientOptions(BaseModel, frozen=True, extra="forbid"):
    """Options of the preprocessor `orient`."""

    to: str = Field(
        "LPS",
        pattern="^[LRPASI]{3}$",
        description="where the array axes run, last axis first, as ITK names it: one of L/R, one of P/A, one of S/I",
    )

    @model_validator(mode="after")
    def _each_direction_once(self) -> OrientOptions:
        if sorted(self.to.translate(str.maketrans("RAI", "LPS"))) != ["L", "P", "S"]:
            raise ValueError(f"orientation {self.to!r} must hold one of L or R, one of P or A and one of S or I")
        return self


class ResampleOptions(BaseModel, frozen=True, extra="forbid"):
    """Options of the preprocessor `resample`."""

    spacing_mm: Positive | tuple[Spacing, Spacing, Spacing] | None = Field(
        None, description="voxel size in mm, one number or three in order (z, y, x), 0 keeps an axis; none keeps all"
    )
    onto: str = Field("", description="modality whose grid is the base; empty: the mask's, or else the first image's")
    labels: Literal["label-thin", "label-smooth", "nearest"] = Field(
        "label-smooth", description="how the mask is resampled: keep thin structures, smooth outlines, or nearest voxel"
    )
    antialias: bool = Field(
        True, description="average away what is finer than the new voxels, along the axes that get coarser"
    )


class NormaliseOptions(BaseModel, frozen=True, extra="forbid"):
    """Options of the preprocessor `normalise`."""

    images: tuple[str, ...] = Field((), description="modalities to normalise; empty: all")
    low: float = Field(1.0, ge=0, lt=100, description="percentile of the foreground that becomes 0")
    high: float = Field(99.0, gt=0, le=100, description="percentile of the foreground that becomes 1")
    window: tuple[float, float] | None = Field(
        None, description="fixed intensities that become 0 and 1 (HU for CT), instead of percentiles"
    )
    clip: bool = Field(True, description="cut the result to 0..1")

    @model_validator(mode="after")
    def _low_below_high(self) -> NormaliseOptions:
        low, high = self.window or (self.low, self.high)
        if not low < high:
            raise ValueError(f"low ({low:g}) must lie below high ({high:g})")
        return self


class N4Options(BaseModel, frozen=True, extra="forbid"):
    """Options of the preprocessor `n4`."""

    images: tuple[str, ...] = Field((), description="modalities to correct; empty: all")
    levels: int = Field(3, ge=1, le=6, description="fitting levels, each twice as fine as the one before")
    iterations: int = Field(30, ge=1, le=500, description="most iterations on each level")


class CropOptions(BaseModel, frozen=True, extra="forbid"):
    """Options of the preprocessor `crop`."""

    structures: tuple[str, ...] = Field((), description='kinds to keep in view ("disc", "vertebra"); empty: all')
    margin_mm: float = Field(10.0, ge=0, le=1000, description="free space around them, in mm")


class DiscOptions(BaseModel, frozen=True, extra="forbid"):
    """Options of the geometry analyser `disc`."""

    cut_off: Literal["missing", "keep"] = Field(
        "missing",
        description="numbers of a disc that the image's border cuts off: leave out, or keep and mark doubtful",
    )


class VertebraOptions(BaseModel, frozen=True, extra="forbid"):
    """Options of the geometry analyser `vertebra`."""

    cut_off: Literal["missing", "keep"] = Field(
        "missing",
        description="numbers of a body that the image's border cuts off: leave out, or keep and mark doubtful",
    )


class SpineOptions(BaseModel, frozen=True, extra="forbid"):
    """Options of the geometry analyser `spine`."""


class CanalOptions(BaseModel, frozen=True, extra="forbid"):
    """Options of the geometry analyser `canal`."""


class UptakeOptions(BaseModel, frozen=True, extra="forbid"):
    """Options of the geometry analyser `uptake`."""

    image: str = Field("pet", description="modality that holds the uptake, in SUV")
    structures: tuple[str, ...] = Field(("vertebra", "disc", "sacrum"), description="kinds of structures to measure")
    least_share: float = Field(0.9, ge=0, le=1, description="share of a structure that must lie inside the image")


class MaskOptions(BaseModel, frozen=True, extra="forbid"):
    """Options of the segmenter `mask`."""


class CtBoneOptions(BaseModel, frozen=True, extra="forbid"):
    """Options of the segmenter `ct-bone`."""

    image: str = Field("", description="modality of the CT; `ct`, or else the first by name, unless given")
    lowest: Literal["L3", "L4", "L5", "L6"] = Field(
        "L5", description="level of the vertebra on the sacrum, unless the loader's table of levels says otherwise"
    )
    replace: Literal["all", "missing"] = Field(
        "all", description="whose masks are made: every case's, or only of those whose loader brings none"
    )
