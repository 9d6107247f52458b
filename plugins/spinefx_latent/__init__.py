"""The geometry of latents: the space that samples fill, what moving one latent does to the decoded shape, where channels look.

This module holds the options and the offers; every implementation is imported when it is built.
"""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, Field

from spinefx.api import Plugin, hookimpl


class SpaceOptions(BaseModel, frozen=True, extra="forbid"):
    """Options of the geometry analyser `space`."""

    neighbours: Annotated[int, Field(ge=2, le=200)] = Field(
        10, description="neighbours for local density, trustworthiness and the dimension by maximum likelihood"
    )
    resamples: Annotated[int, Field(ge=0, le=10_000)] = Field(
        200, description="bootstrap resamples over patients for intervals; 0 gives none"
    )
    landmarks: Annotated[int, Field(ge=100, le=100_000)] = Field(
        10_000, description="samples that quadratic measures use at most; a warning says when that cuts the cohort"
    )
    metric_points: Annotated[int, Field(ge=0, le=1000)] = Field(
        40, description="training samples at which the decoder's metric is taken, at most; 0 leaves it out"
    )
    geodesics: Annotated[int, Field(ge=0, le=200)] = Field(
        10, description="pairs of samples between which the geodesic is held against the straight line"
    )


class TraversalOptions(BaseModel, frozen=True, extra="forbid"):
    """Options of the geometry analyser `traversal`."""

    reach_sd: Annotated[float, Field(gt=0, le=10)] = Field(
        3.0, description="how far each latent is moved either way, in standard deviations of the training samples"
    )
    steps: Annotated[int, Field(ge=3, le=21)] = Field(7, description="decoded shapes per latent, ends included")
    pictures: Annotated[int, Field(ge=0, le=64)] = Field(
        8, description="latents that are shown as pictures and as shapes to turn, at most"
    )


class FeatureMapsOptions(BaseModel, frozen=True, extra="forbid"):
    """Options of the geometry analyser `feature-maps`."""

    channels: Annotated[int, Field(ge=1, le=512)] = Field(32, description="channels measured at most, the first ones")


def _feature_maps(options: FeatureMapsOptions) -> Any:
    from spinefx_latent.feature_maps import FeatureMaps

    return FeatureMaps(options)


def _space(options: SpaceOptions) -> Any:
    from spinefx_latent.space import Space

    return Space(options)


def _traversal(options: TraversalOptions) -> Any:
    from spinefx_latent.traversal import Traversal

    return Traversal(options)


@hookimpl
def spinefx_geometry_analysers() -> list[Plugin]:
    """The latent analysers of this pack."""
    return [
        Plugin(
            "space",
            1,
            3,
            "Distances to the cohort, density, dimension, correlation of latents, the decoder's metric and geodesics.",
            SpaceOptions,
            _space,
            scope="latents",
        ),
        Plugin(
            "traversal",
            1,
            3,
            "Moves one latent at a time, decodes, and measures the shape with the run's own analysers.",
            TraversalOptions,
            _traversal,
            scope="latents",
        ),
        Plugin(
            "feature-maps",
            1,
            1,
            "Where each bottleneck channel looks: mass, centre, spread, axis in mm in the patient's frame.",
            FeatureMapsOptions,
            _feature_maps,
            scope="latents",
        ),
    ]
