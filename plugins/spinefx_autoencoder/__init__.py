"""Encoders: convolutional autoencoders, and what every claim is held against: principal components and radiomic features.

This module holds the offers; torch is imported when an encoder works, not when it is built.
"""

from __future__ import annotations

from typing import Any

from spinefx.api import Plugin, hookimpl
from spinefx_autoencoder.options import (
    ConvAeOptions,
    ConvVaeOptions,
    PcaOptions,
    RadiomicsAnalyserOptions,
    RadiomicsOptions,
)


def _conv_ae(options: ConvAeOptions) -> Any:
    from spinefx_autoencoder.conv_ae import ConvAe

    return ConvAe(options)


def _conv_vae(options: ConvVaeOptions) -> Any:
    from spinefx_autoencoder.conv_ae import ConvVae

    return ConvVae(options)


def _pca(options: PcaOptions) -> Any:
    from spinefx_autoencoder.pca import Pca

    return Pca(options)


def _radiomics(options: RadiomicsOptions) -> Any:
    from spinefx_autoencoder.radiomics.encoder import Radiomics

    return Radiomics(options)


def _radiomics_analyser(options: RadiomicsAnalyserOptions) -> Any:
    from spinefx_autoencoder.radiomics.analyser import Radiomics

    return Radiomics(options)


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
        Plugin(
            "radiomics",
            1,
            1,
            "Radiomic features in place of latents, through MIRP: the rival.",
            RadiomicsOptions,
            _radiomics,
        ),
    ]


@hookimpl
def spinefx_geometry_analysers() -> list[Plugin]:
    """Radiomic features as columns beside the geometry; `predict` gives them a rung of their own."""
    return [
        Plugin(
            "radiomics",
            1,
            1,
            "Radiomic features of each structure by the IBSI's definitions, through MIRP.",
            RadiomicsAnalyserOptions,
            _radiomics_analyser,
        ),
    ]
