"""A U-Net of residual blocks whose skips are added, not stacked: three steps in the time of two of a stacked one.

MONAI's DynUNet stacks the maps of the way down onto those of the way up and convolves twice as many channels there, where
maps are finest and convolutions dearest. He et al. 2016 for the blocks, Ronneberger et al. 2015 for the shape.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn.functional import batch_norm, leaky_relu

_SLOPE = 0.01


class Instances(nn.Module):
    """Instance norm with a scale and a shift per channel, as batch norm of each sample alone.

    PyTorch's own turns every map out of channels-last and back, and its group norm is slow on the way back: a step of .53 s
    on one core takes .36 s with batch norm's code.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(channels))
        self.bias = nn.Parameter(torch.zeros(channels))

    def forward(self, seen: Tensor) -> Tensor:
        """(n, channels, ...) to the same."""
        alone = [batch_norm(one, None, None, self.weight, self.bias, training=True) for one in torch.split(seen, 1)]
        return alone[0] if len(alone) == 1 else torch.cat(alone)


class Block(nn.Module):
    """So many convolutions, each with its norm, beside a way around them."""

    def __init__(self, channels: int, kernel: Sequence[int], depth: int) -> None:
        super().__init__()
        size, rim = _three(kernel), _three([k // 2 for k in kernel])
        self.convolutions = nn.ModuleList(
            nn.Conv3d(channels, channels, size, padding=rim, bias=False) for _ in range(depth)
        )
        self.norms = nn.ModuleList(Instances(channels) for _ in range(depth))

    def forward(self, seen: Tensor) -> Tensor:
        """(n, channels, ...) to the same."""
        out = seen
        for number, (convolve, norm) in enumerate(zip(self.convolutions, self.norms, strict=True)):
            out = norm(convolve(out if number == 0 else leaky_relu(out, _SLOPE)))
        return leaky_relu(out + seen, _SLOPE)


class ResUnet(nn.Module):
    """channels, strides, kernels : per level; the first level is not halved.

    Two convolutions a level on the way down, one on the way up.
    """

    def __init__(
        self,
        inputs: int,
        outputs: int,
        channels: Sequence[int],
        strides: Sequence[Sequence[int]],
        kernels: Sequence[Sequence[int]],
    ) -> None:
        super().__init__()
        steps = [(a, b, _three(s)) for (a, b), s in zip(pairwise(channels), strides[1:], strict=True)]
        self.stem = nn.Conv3d(inputs, channels[0], 1)
        self.down = nn.ModuleList(Block(c, k, 2) for c, k in zip(channels, kernels, strict=True))
        self.halve = nn.ModuleList(nn.Conv3d(a, b, s, s, bias=False) for a, b, s in steps)
        self.level = nn.ModuleList(Instances(b) for _, b, _ in steps)
        self.grow = nn.ModuleList(nn.ConvTranspose3d(b, a, s, s, bias=False) for a, b, s in steps)
        self.up = nn.ModuleList(Block(c, k, 1) for c, k in zip(channels[:-1], kernels, strict=False))
        first = _three(kernels[0])
        self.out = nn.Conv3d(channels[0], outputs, first, padding=_three([k // 2 for k in first]))

    def forward(self, seen: Tensor) -> Tensor:
        """(n, inputs, ...) to (n, outputs, ...)."""
        here, kept = self.down[0](self.stem(seen)), []
        for halve, norm, block in zip(self.halve, self.level, self.down[1:], strict=True):
            kept.append(here)
            here = block(norm(halve(here)))
        for grow, block in zip(self.grow[::-1], self.up[::-1], strict=True):
            here = block(grow(here) + kept.pop())
        out: Tensor = self.out(here)
        return out


def _three(sizes: Sequence[int]) -> tuple[int, int, int]:
    a, b, c = sizes
    return a, b, c
