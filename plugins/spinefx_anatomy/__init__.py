"""Anatomy: where the structures are, on which grid, and how large they are in millimetres.

This module holds the offers; every implementation is imported when it is built.
"""

from __future__ import annotations

from typing import Any

from spinefx.api import Plugin, hookimpl
from spinefx_anatomy import segmenters, sources
from spinefx_anatomy.options import (
    CanalOptions,
    CropOptions,
    DiscOptions,
    N4Options,
    NormaliseOptions,
    OrientOptions,
    ResampleOptions,
    SpineOptions,
    UptakeOptions,
    VertebraOptions,
)


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
            version=2,
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
