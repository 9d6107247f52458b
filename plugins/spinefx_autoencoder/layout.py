"""What a network is built from, and the blocks that its parts share."""

from __future__ import annotations

import math
from dataclasses import dataclass

from torch import Tensor, nn

from spinefx.api import DataError
from spinefx_autoencoder.cohort import Kind
from spinefx_autoencoder.options import ConvOptions, ConvVaeOptions

Sizes = tuple[int, int, int]

_SMALLEST, _LARGEST = 8, 512


@dataclass(frozen=True)
class Layout:
    """What a network is built from.

    shape, spacing : of a sample, (z, y, x), voxels and mm.   inputs : image channels.   outputs : 1 + intensities.
    noisy : whether the encoder gives a spread beside each latent.
    """

    shape: Sizes
    spacing: tuple[float, float, float]
    inputs: int
    outputs: int
    latent_dim: int
    channels: tuple[int, ...]
    decoder: str
    templates: int
    control: Sizes
    width: int
    halved: bool = True
    first_stride: int = 1
    norm: str = "group"
    activation: str = "silu"
    residual: bool = False
    noisy: bool = False

    @property
    def pool(self) -> Sizes:
        """By how much each axis is pooled before the convolutions."""
        z, y, x = (2 if n >= 32 and self.halved else 1 for n in self.shape)
        return z, y, x

    @property
    def grid(self) -> Sizes:
        """The grid after pooling, on which convolutions begin and decoders end."""
        z, y, x = (n // p for n, p in zip(self.shape, self.pool, strict=True))
        return z, y, x

    @property
    def levels(self) -> list[Sizes]:
        """Grid of each level of the encoder, finest first."""
        sizes = [_halved(self.grid) if self.first_stride == 2 else self.grid]
        for _ in self.channels[1:]:
            sizes.append(_halved(sizes[-1]))
        return sizes

    def block(self, inputs: int, outputs: int, stride: int) -> nn.Sequential:
        """Convolution 3x3x3, norm, activation."""
        return self.closed(nn.Conv3d(inputs, outputs, 3, stride, 1, bias=self.norm == "none"), outputs)

    def closed(self, convolution: nn.Module, outputs: int) -> nn.Sequential:
        """The convolution with the norm and the activation that follow it."""
        act = nn.SiLU() if self.activation == "silu" else nn.ReLU()
        if self.norm == "none":
            return nn.Sequential(convolution, act)
        if self.norm == "group":
            return nn.Sequential(convolution, nn.GroupNorm(math.gcd(outputs, 4), outputs), act)
        batch = nn.BatchNorm3d(outputs)
        batch.num_batches_tracked = None  # not needed at a fixed momentum, and no number to be saved as a float
        return nn.Sequential(convolution, batch, act)


def _halved(sizes: Sizes) -> Sizes:
    z, y, x = ((n + 1) // 2 for n in sizes)
    return z, y, x


class Residual(nn.Module):
    """A block whose result is added to what went in."""

    def __init__(self, layout: Layout, channels: int) -> None:
        super().__init__()
        self.block = layout.block(channels, channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        """The same shape."""
        out: Tensor = x + self.block(x)
        return out


def layout_of(kind: Kind, options: ConvOptions) -> Layout:
    """The network for these samples; DataError where their grid does not allow it."""
    for axis, n in zip("zyx", kind.shape, strict=True):
        if not _SMALLEST <= n <= _LARGEST or (options.pool and n >= 32 and n % 2):
            raise DataError(
                f"conv-ae needs {_SMALLEST} to {_LARGEST} voxels along each axis, an even number from 32 on; [sample] "
                f"shape {kind.shape} has {n} along {axis}"
            )
    return Layout(
        shape=kind.shape,
        spacing=kind.spacing,
        inputs=kind.channels.count,
        outputs=1 + len(kind.channels.intensities),
        latent_dim=options.latent_dim,
        channels=options.channels,
        decoder=options.decoder,
        templates=options.templates,
        control=options.control,
        width=options.width,
        halved=options.pool,
        first_stride=options.first_stride,
        norm=options.norm,
        activation=options.activation,
        residual=options.residual,
        noisy=isinstance(options, ConvVaeOptions),
    )
