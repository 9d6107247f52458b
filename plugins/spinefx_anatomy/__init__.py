"""Anatomy: where the structures are, on which grid, and how large they are in millimetres.

This module holds the options and the offers; every implementation is imported when it is built.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field, model_validator

from spinefx.api import Plugin, hookimpl
from spinefx_anatomy import segmenters, sources

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
    antialias: bool = Field(True, description="blur an image along the axes that get coarser")


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


def _orient(options: OrientOptions) -> Any:
    from spinefx_anatomy.orient import Orient

    return Orient(options)


def _resample(options: ResampleOptions) -> Any:
    from spinefx_anatomy.resample import Resample

    return Resample(options)


def _normalise(options: NormaliseOptions) -> Any:
    from spinefx_anatomy.normalise import Normalise

    return Normalise(options)


def _n4(options: N4Options) -> Any:
    from spinefx_anatomy.n4 import N4

    return N4(options)


def _uptake(options: UptakeOptions) -> Any:
    from spinefx_anatomy.uptake import Uptake

    return Uptake(options)


def _crop(options: CropOptions) -> Any:
    from spinefx_anatomy.crop import Crop

    return Crop(options)


def _disc(options: DiscOptions) -> Any:
    from spinefx_anatomy.disc.measure import Discs

    return Discs(options)


def _vertebra(options: VertebraOptions) -> Any:
    from spinefx_anatomy.vertebra.measure import Vertebrae

    return Vertebrae(options)


def _spine(options: SpineOptions) -> Any:
    from spinefx_anatomy.spine.measure import Spine

    return Spine(options)


def _canal(options: CanalOptions) -> Any:
    from spinefx_anatomy.canal.measure import Canal

    return Canal(options)


@hookimpl
def spinefx_segmenters() -> list[Plugin]:
    """The segmenters of this pack."""
    return segmenters.offers()


@hookimpl
def spinefx_preprocessors() -> list[Plugin]:
    """The preprocessors of this pack."""
    return [
        Plugin(
            name="orient",
            api=1,
            version=1,
            summary="Axes reordered and flipped to a named orientation, without interpolation.",
            options=OrientOptions,
            build=_orient,
        ),
        Plugin(
            name="resample",
            api=1,
            version=1,
            summary="Images and mask on one grid of a chosen voxel size.",
            options=ResampleOptions,
            build=_resample,
        ),
        Plugin(
            name="n4",
            api=1,
            version=1,
            summary="Slow shading of MR images taken out (N4).",
            options=N4Options,
            build=_n4,
            references=sources.N4,
        ),
        Plugin(
            name="normalise",
            api=1,
            version=1,
            summary="Intensities scaled to 0..1 by percentiles of the foreground, or by a fixed window.",
            options=NormaliseOptions,
            build=_normalise,
        ),
        Plugin(
            name="crop",
            api=1,
            version=1,
            summary="Images and mask cut to the structures and a margin around them.",
            options=CropOptions,
            build=_crop,
        ),
    ]


@hookimpl
def spinefx_geometry_analysers() -> list[Plugin]:
    """The geometry analysers of this pack."""
    return [
        Plugin(
            name="disc",
            api=1,
            version=5,
            summary="Heights, depth, width, bulge, wedge, tilt, volume and surface of every disc, in mm and degrees.",
            options=DiscOptions,
            build=_disc,
            references=sources.DISC,
        ),
        Plugin(
            name="vertebra",
            api=1,
            version=5,
            summary="Heights, Genant ratios, depth, width, wedge and tilt of every vertebral body, without its arch.",
            options=VertebraOptions,
            build=_vertebra,
            references=sources.VERTEBRA,
        ),
        Plugin(
            name="spine",
            api=1,
            version=5,
            summary="Lordosis, Cobb angle, and per disc segmental lordosis, slip and disc height index.",
            options=SpineOptions,
            build=_spine,
            references=sources.SPINE,
        ),
        Plugin(
            name="canal",
            api=1,
            version=5,
            summary="Area and diameters of the spinal canal at every disc, normal to its centreline.",
            options=CanalOptions,
            build=_canal,
            references=sources.CANAL,
        ),
        Plugin(
            name="uptake",
            api=1,
            version=2,
            summary="Mean, largest, peak and total uptake of every structure in a PET image.",
            options=UptakeOptions,
            build=_uptake,
            references=sources.UPTAKE,
        ),
    ]
