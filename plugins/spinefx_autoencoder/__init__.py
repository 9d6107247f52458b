"""Encoders: convolutional autoencoders, and the principal components that every claim is held against.

This module holds the offers; torch is imported when an encoder works, not when it is built.
"""

from __future__ import annotations

from typing import Any

from spinefx.api import Plugin, hookimpl
from spinefx_autoencoder.options import ConvAeOptions, ConvVaeOptions, PcaOptions


def _conv_ae(options: ConvAeOptions) -> Any:
    from spinefx_autoencoder.conv_ae import ConvAe

    return ConvAe(options)


def _conv_vae(options: ConvVaeOptions) -> Any:
    from spinefx_autoencoder.conv_ae import ConvVae

    return ConvVae(options)


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
            2,
            "Autoencoder: convolutions to latents, latents warp a learned atlas.",
            ConvAeOptions,
            _conv_ae,
        ),
        Plugin(
            "conv-vae",
            1,
            1,
            "The same with noisy latents that are held near a normal distribution, to draw new shapes from.",
            ConvVaeOptions,
            _conv_vae,
        ),
        Plugin("pca", 1, 1, "Principal components of the masks: the baseline.", PcaOptions, _pca),
    ]
