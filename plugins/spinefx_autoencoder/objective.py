"""What training drives down, put together from its parts."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812 (its usual name)

from spinefx.api import DataError, SampleSet
from spinefx_autoencoder import losses
from spinefx_autoencoder.cohort import Kind
from spinefx_autoencoder.losses import LogShape
from spinefx_autoencoder.model import Passed
from spinefx_autoencoder.options import ConvOptions, ConvVaeOptions

_AT_ONCE = 32


@dataclass(frozen=True)
class Dice:
    """The chance that a step needs: noise (n, d) for the latents and, where blocks are hidden, (n, 1, z, y, x) of 0 and 1.

    Drawn for the whole batch from seed, epoch and step, so that who shares it among processes changes no number.
    """

    noise: Tensor | None
    shown: Tensor | None

    def part(self, here: slice, device: torch.device) -> Dice:
        """What falls to the samples `here`."""
        noise = None if self.noise is None else self.noise[here].to(device)
        return Dice(noise, None if self.shown is None else self.shown[here].to(device))


@dataclass
class Objective:
    """The loss of a batch under some options."""

    options: ConvOptions
    kind: Kind

    def __post_init__(self) -> None:
        if self.options.distance_weight and self.kind.channels.distance < 0:
            raise DataError(
                'distance_weight needs the channel `distance`: [sample] channels = ["mask", "distance", ...]'
            )

    def prepare(self, train: SampleSet, device: torch.device) -> None:
        """Where log-covariances of the training masks (not augmented) lie, and how far they spread."""
        self.log_shape = LogShape(self.kind.shape, self.kind.spacing, device)
        if self.options.shape_weight == 0:
            return
        known = []
        for i in range(0, len(train), _AT_ONCE):
            part = np.stack([train[j].mask for j in range(i, min(i + _AT_ONCE, len(train)))])
            known.append(self.log_shape(torch.from_numpy(part).to(device)))
        shapes = torch.cat(known)
        self.shape_mean = shapes.mean(0)
        self.shape_spread = (shapes - self.shape_mean).pow(2).sum(1).mean().sqrt().clamp_min(1e-3)

    def drawn(self, seed: int, epoch: int, step: int, count: int) -> Dice:
        """The chance of one step of `count` samples."""
        o = self.options
        noisy = isinstance(o, ConvVaeOptions)
        if not (noisy or o.hide):
            return Dice(None, None)
        word = int(np.random.SeedSequence([seed, epoch, step]).generate_state(1, np.uint64)[0] >> 1)
        generator = torch.Generator().manual_seed(word)
        noise = torch.randn(count, o.latent_dim, generator=generator) if noisy else None
        if not o.hide:
            return Dice(noise, None)
        blocks = [max(1, round(n * s / o.hide_mm)) for n, s in zip(self.kind.shape, self.kind.spacing, strict=True)]
        coarse = (torch.rand(count, 1, *blocks, generator=generator) >= o.hide).float()
        return Dice(noise, F.interpolate(coarse, size=self.kind.shape, mode="nearest"))

    def order(self, z: Tensor) -> Tensor:
        """The part of the loss that hangs on a whole batch's latents (n, d) at once."""
        weight = self.options.decorrelation_weight
        return weight * losses.correlation(z) if weight else torch.zeros((), device=z.device)

    def loss(self, passed: Passed, image: Tensor, mask: Tensor) -> Tensor:
        """The loss of a batch, an average over its samples. image, mask : what was to be rebuilt; nothing hidden."""
        o, channels = self.options, self.kind.channels
        logits = passed.outputs[:, 0]
        target = (mask > 0.5).to(mask.dtype) if o.target == "binary" else mask
        loss = passed.guess.sum() * 0.0
        if o.dice_weight:
            loss = loss + o.dice_weight * losses.dice_loss(logits, target)
        if o.bce_weight:
            loss = loss + o.bce_weight * losses.bce_loss(logits, target)
        if o.latent_weight:
            loss = loss + o.latent_weight * passed.z.pow(2).mean()
        if o.distance_weight:
            wanted, least = image[:, channels.distance] * 10.0, min(self.kind.spacing)
            away = losses.distance_loss(logits, wanted, spacing_mm=least, most_mm=o.distance_mm)
            loss = loss + o.distance_weight * away
        if channels.intensities and (o.intensity_weight or o.ssim_weight):
            truth = image[:, list(channels.intensities)]
            loss = loss + o.intensity_weight * (passed.outputs[:, 1:] - truth).abs().mean()
            if o.ssim_weight:
                loss = loss + o.ssim_weight * (1.0 - losses.ssim(passed.outputs[:, 1:], truth))
        if o.shape_weight:
            wanted = (self.log_shape(mask) - self.shape_mean) / self.shape_spread
            loss = loss + o.shape_weight * (passed.guess - wanted).pow(2).sum(1).mean()
        if isinstance(o, ConvVaeOptions) and passed.spread is not None:
            loss = loss + o.beta * losses.divergence(passed.z, passed.spread, free_bits=o.free_bits)
        return loss
