"""Encoders: a convolutional autoencoder, and the principal components that every claim is held against.

This module holds the options and the offers; torch is imported when an encoder works, not when it is built.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field

from spinefx.api import Plugin, hookimpl

Whole = Annotated[int, Field(ge=1)]
Weight = Annotated[float, Field(ge=0, allow_inf_nan=False)]


class ConvAeOptions(BaseModel, frozen=True, extra="forbid"):
    """Options of the encoder `conv-ae`."""

    latent_dim: Annotated[int, Field(ge=1, le=1024)] = Field(4, description="number of latents")
    decoder: Literal["atlas", "conv"] = Field(
        "atlas", description="atlas: latents warp and mix learned templates; conv: transposed pyramid of convolutions"
    )
    channels: Annotated[tuple[Whole, ...], Field(min_length=2, max_length=8)] = Field(
        (8, 16, 32, 64),
        description="feature maps per level of the encoder; every level after the first halves the grid",
    )
    templates: Annotated[int, Field(ge=0, le=256)] = Field(
        8, description="templates that the atlas mixes, beside the mean shape"
    )
    control: tuple[Whole, Whole, Whole] = Field(
        (3, 4, 4), description="control points (z, y, x) of the atlas's warp over the sample"
    )
    width: Whole = Field(64, description="hidden units between latents and decoder")
    epochs: Whole = Field(25, description="passes over the training samples at most")
    patience: Whole = Field(15, description="epochs without a better validation loss after which training stops")
    batch: Whole = Field(4, description="samples per step")
    lr: Annotated[float, Field(gt=0, lt=1)] = Field(5e-3, description="highest learning rate; cosine, after a warm-up")
    weight_decay: Weight = Field(1e-2, description="AdamW's decay of weights (not of biases and norms)")
    clip: Annotated[float, Field(gt=0)] = Field(1.0, description="largest norm of the gradient")
    bce_weight: Weight = Field(0.1, description="weight of the cross-entropy per mask voxel, beside Dice")
    intensity_weight: Weight = Field(
        0.5, description="weight of the L1 error of intensity channels, in standard deviations"
    )
    shape_weight: Weight = Field(
        0.3, description="weight of a linear guess of the mask's log-covariance from the latents; 0 switches it off"
    )
    latent_weight: Weight = Field(1e-3, description="weight of the latents' mean square")
    threads: Annotated[int, Field(ge=1, le=256)] = Field(
        1,
        description="threads of training and encoding (samples are made ready in one more); another number may give other "
        "last bits, and more than there are free cores is slow",
    )
    memory_mb: Annotated[int, Field(ge=0)] = Field(
        1024, description="samples kept in memory at most, in MB; others are read again"
    )


class PcaOptions(BaseModel, frozen=True, extra="forbid"):
    """Options of the encoder `pca`."""

    latent_dim: Annotated[int, Field(ge=1, le=1024)] = Field(4, description="number of components")
    intensity_weight: Weight = Field(
        0.5, description="weight of intensity channels, in standard deviations, beside the mask; 0 leaves them out"
    )
    memory_mb: Annotated[int, Field(ge=1)] = Field(2048, description="samples held at a time at most, in MB")


def _conv_ae(options: ConvAeOptions) -> Any:
    from spinefx_autoencoder.conv_ae import ConvAe

    return ConvAe(options)


def _pca(options: PcaOptions) -> Any:
    from spinefx_autoencoder.pca import Pca

    return Pca(options)


@hookimpl
def spinefx_encoders() -> list[Plugin]:
    """The encoders of this pack."""
    return [
        Plugin(
            "conv-ae",
            1,
            1,
            "Autoencoder: convolutions to latents, latents warp a learned atlas.",
            ConvAeOptions,
            _conv_ae,
        ),
        Plugin("pca", 1, 1, "Principal components of the masks: the baseline.", PcaOptions, _pca),
    ]
