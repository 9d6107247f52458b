"""The network alone: convolutions from a sample to latents, and two decoders from latents to a sample.

Knows tensors, but no files, no plugin options and no training. Inputs are (n, c, z, y, x); the first output channel is
the mask's logit, the others are intensities. Convolutions run on a grid pooled by 2 along axes of 32 voxels or more: a
soft mask keeps its sub-voxel shape there, and its smooth logit is interpolated back.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812 (its usual name)

Sizes = tuple[int, int, int]


@dataclass(frozen=True)
class Layout:
    """What a network is built from.

    shape, spacing : of a sample, (z, y, x), voxels and mm.   inputs : image channels.   outputs : 1 + intensities.
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

    @property
    def pool(self) -> Sizes:
        """By how much each axis is pooled before the convolutions."""
        z, y, x = (2 if n >= 32 else 1 for n in self.shape)
        return z, y, x

    @property
    def levels(self) -> list[Sizes]:
        """Grid of each level of the encoder, finest first."""
        sizes = [tuple(n // p for n, p in zip(self.shape, self.pool, strict=True))]
        for _ in self.channels[1:]:
            sizes.append(tuple((n + 1) // 2 for n in sizes[-1]))
        return [(z, y, x) for z, y, x in sizes]


def block(inputs: int, outputs: int, stride: int) -> nn.Sequential:
    """Convolution 3x3x3, group norm, SiLU."""
    conv = nn.Conv3d(inputs, outputs, 3, stride, 1, bias=False)
    return nn.Sequential(conv, nn.GroupNorm(math.gcd(outputs, 4), outputs), nn.SiLU())


class Encoder(nn.Module):
    """Sample -> latents and the feature maps of the coarsest level."""

    def __init__(self, layout: Layout) -> None:
        super().__init__()
        self.pool = layout.pool
        pairs = zip((layout.inputs, *layout.channels), layout.channels, strict=False)
        self.blocks = nn.Sequential(*(block(a, b, 1 if i == 0 else 2) for i, (a, b) in enumerate(pairs)))
        self.latents = nn.Linear(layout.channels[-1] * math.prod(layout.levels[-1]), layout.latent_dim)

    def forward(self, image: Tensor) -> tuple[Tensor, Tensor]:
        """(n, d) latents and (n, c, z, y, x) maps of (n, c, z, y, x) samples."""
        pooled = F.avg_pool3d(image, self.pool) if max(self.pool) > 1 else image
        maps = self.blocks(pooled.contiguous(memory_format=torch.channels_last_3d))
        return self.latents(maps.flatten(1)), maps


class ConvDecoder(nn.Module):
    """Latents -> logits by interpolation and convolutions, coarse to fine."""

    def __init__(self, layout: Layout) -> None:
        super().__init__()
        self.shape, self.levels, self.first = layout.shape, layout.levels[::-1], layout.channels[-1]
        n, w = layout.latent_dim, layout.width
        self.hidden = nn.Sequential(nn.Linear(n, w), nn.SiLU(), nn.Linear(w, self.first * math.prod(self.levels[0])))
        down = layout.channels[::-1]
        self.blocks = nn.ModuleList(block(a, b, 1) for a, b in pairwise(down))
        self.out = nn.Conv3d(down[-1], layout.outputs, 3, 1, 1)

    def start(self, mean: Tensor) -> None:
        """Nothing to start from: `mean` is the atlas's."""

    def forward(self, z: Tensor) -> Tensor:
        """(n, outputs, z, y, x) of (n, d) latents."""
        h = self.hidden(z).view(len(z), self.first, *self.levels[0])
        for size, step in zip(self.levels[1:], self.blocks, strict=True):
            h = step(F.interpolate(h, size=size, mode="trilinear"))
        return F.interpolate(self.out(h), size=self.shape, mode="trilinear")


class AtlasDecoder(nn.Module):
    """Latents -> logits by warping and mixing learned templates.

    The mean shape and `templates` others are read at points moved by an affine (the exponential of a linear function of
    the latents, so that sizes and tilts are straight in them) and by a smooth displacement; the latents mix what is read.
    """

    def __init__(self, layout: Layout) -> None:
        super().__init__()
        d, w, k, m = layout.latent_dim, layout.width, layout.templates, math.prod(layout.control)
        self.shape, self.grid, self.control = layout.shape, layout.levels[0], layout.control
        self.outputs, self.templates = layout.outputs, k
        half = torch.tensor(
            [n * s / 2 for n, s in zip(layout.shape[::-1], layout.spacing[::-1], strict=True)], device="cpu"
        )
        self.reach = float(half.max()) / 1.6
        self.extent = tuple((half / self.reach).tolist())
        self.hidden = nn.Sequential(nn.Linear(d, w), nn.SiLU(), nn.Linear(w, w), nn.SiLU())
        self.affine = nn.Linear(d, 12)
        self.bend = nn.Linear(w + d, 3 * m)
        self.mix = nn.Linear(w + d, layout.outputs * k)
        self.lift = nn.Linear(w + d, m)
        self.mean = nn.Parameter(torch.empty(1, layout.outputs, *self.grid))
        self.others = nn.Parameter(torch.empty(1, k, *self.grid))

    def start(self, mean: Tensor) -> None:
        """Begin as the cohort's mean (outputs, z, y, x): mask probabilities first, then intensities."""
        pooled = F.interpolate(mean[None], size=self.grid, mode="area")
        self.mean.copy_(torch.cat([torch.logit(pooled[:, :1].clamp(0.01, 0.99)), pooled[:, 1:]], 1))

    def reset(self, generator: torch.Generator) -> None:
        """Small random templates; changes of shape start near zero."""
        coarse = torch.randn(1, self.templates, 4, 6, 6, generator=generator) * 0.3
        if self.templates:
            self.others.copy_(F.interpolate(coarse, size=self.grid, mode="trilinear", align_corners=True))
        self.mean.zero_()
        for layer, spread in ((self.affine, 0.1), (self.bend, 1e-3), (self.mix, 1e-2), (self.lift, 0.0)):
            layer.weight.normal_(0.0, 1.0, generator=generator).mul_(spread)
            layer.bias.zero_()

    def points(self, device: torch.device) -> Tensor:
        """(z, y, x, 3) centres of the working grid's voxels, (x, y, z), the sample's middle at 0."""
        z, y, x = (
            torch.linspace(h / n - h, h - h / n, n, device=device)
            for n, h in zip(self.grid, self.extent[::-1], strict=True)
        )
        return torch.stack(torch.meshgrid(z, y, x, indexing="ij")[::-1], -1)

    def blend(self, device: torch.device) -> Tensor:
        """(voxels, control points) weights that carry control points, linearly, to the working grid's voxels."""
        weights = torch.ones(1, 1, device=device)
        for n, m in zip(self.grid, self.control, strict=True):
            place = torch.linspace(0, m - 1, n, device=device)[:, None]
            hats = (1.0 - (place - torch.arange(m, device=device)).abs()).clamp_min(0.0)
            weights = torch.kron(weights, hats)
        return weights

    def forward(self, z: Tensor) -> Tensor:
        """(n, outputs, z, y, x) of (n, d) latents."""
        n, k = len(z), self.outputs
        features = torch.cat([self.hidden(z), z], 1)
        affine = self.affine(z).view(n, 3, 4) * 0.3
        matrix = torch.matrix_exp(affine[:, :, :3])
        blend = self.blend(z.device)
        place = self.points(z.device).view(1, -1, 3) @ matrix.transpose(1, 2) + affine[:, None, :, 3]
        place = place + 0.3 * (blend @ self.bend(features).view(n, -1, 3))
        place = (place / torch.tensor(self.extent, device=z.device)).view(n, *self.grid, 3)
        weights = self.mix(features).view(n * k, self.templates)
        mixed = self.mean + (weights @ self.others.reshape(self.templates, math.prod(self.grid))).view(n, k, *self.grid)
        read = F.grid_sample(mixed, place, padding_mode="border", align_corners=False)
        lift = (self.lift(features) @ blend.T).view(n, 1, *self.grid)
        read = torch.cat([read[:, :1] + lift, read[:, 1:]], 1)
        return read if self.grid == self.shape else F.interpolate(read, size=self.shape, mode="trilinear")


class AutoEncoder(nn.Module):
    """Encoder, decoder, and a linear guess of the mask's log-covariance from the latents."""

    def __init__(self, layout: Layout) -> None:
        super().__init__()
        self.encoder = Encoder(layout)
        self.decoder: ConvDecoder | AtlasDecoder = (
            AtlasDecoder(layout) if layout.decoder == "atlas" else ConvDecoder(layout)
        )
        self.shape_guess = nn.Linear(layout.latent_dim, 6)

    def forward(self, image: Tensor) -> tuple[Tensor, Tensor]:
        """Outputs (n, outputs, z, y, x) and latents (n, d)."""
        z, _ = self.encoder(image)
        return self.decoder(z), z


def empty(layout: Layout) -> AutoEncoder:
    """The network without numbers yet, on the CPU; draws nothing from any generator."""
    with torch.device("meta"):
        net = AutoEncoder(layout)
    net = net.to_empty(device="cpu")
    net.encoder.to(memory_format=torch.channels_last_3d)  # type: ignore[call-overload]
    return net


@torch.no_grad()
def fresh(layout: Layout, seed: int, mean: Tensor) -> AutoEncoder:
    """The network before training; all its numbers come from `seed` and the cohort's `mean`."""
    generator = torch.Generator().manual_seed(seed)
    net = empty(layout)
    for module in net.modules():
        if isinstance(module, nn.Conv3d | nn.Linear):
            spread = 1.0 / math.sqrt(math.prod(module.weight.shape[1:]))
            _uniform(module.weight, spread * math.sqrt(3.0), generator)
            if module.bias is not None:
                module.bias.zero_()
        elif isinstance(module, nn.GroupNorm):
            module.weight.fill_(1.0)
            module.bias.zero_()
    if isinstance(net.decoder, AtlasDecoder):
        net.decoder.reset(generator)
    net.decoder.start(mean)
    return net


def _uniform(weight: Tensor, bound: float, generator: torch.Generator) -> None:
    drawn = torch.empty(weight.shape).uniform_(-bound, bound, generator=generator)
    weight.copy_(drawn)


def parameter_groups(net: nn.Module, decay: float) -> Sequence[dict[str, object]]:
    """Parameters for AdamW: matrices and kernels decay; biases, norms and templates do not."""
    named = list(net.named_parameters())
    shrinks = [p for name, p in named if p.ndim > 1 and not name.startswith(("decoder.mean", "decoder.others"))]
    keeps = [p for name, p in named if p.ndim <= 1 or name.startswith(("decoder.mean", "decoder.others"))]
    return [{"params": shrinks, "weight_decay": decay}, {"params": keeps, "weight_decay": 0.0}]
