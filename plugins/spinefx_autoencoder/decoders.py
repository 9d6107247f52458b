"""Decoders: from latents to a sample.

Inputs are (n, d); the first output channel is the mask's logit, the others are intensities.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812 (its usual name)

from spinefx_autoencoder.layout import Layout


class ConvDecoder(nn.Module):
    """Latents -> logits by interpolation and convolutions, coarse to fine."""

    def __init__(self, layout: Layout) -> None:
        super().__init__()
        self.shape, self.levels, self.first = layout.shape, layout.levels[::-1], layout.channels[-1]
        n, w = layout.latent_dim, layout.width
        self.hidden = nn.Sequential(nn.Linear(n, w), nn.SiLU(), nn.Linear(w, self.first * math.prod(self.levels[0])))
        down = layout.channels[::-1]
        self.blocks = nn.ModuleList(layout.block(a, b, 1) for a, b in pairwise(down))
        self.out = nn.Conv3d(down[-1], layout.outputs, 3, 1, 1)

    def start(self, mean: Tensor) -> None:
        """Nothing to start from: `mean` is the atlas's."""

    def heads(self) -> Sequence[nn.Module]:
        """None: all its layers are hidden ones."""
        return ()

    def forward(self, z: Tensor) -> Tensor:
        """(n, outputs, z, y, x) of (n, d) latents."""
        h = self.hidden(z).view(len(z), self.first, *self.levels[0])
        for size, step in zip(self.levels[1:], self.blocks, strict=True):
            h = step(F.interpolate(h, size=size, mode="trilinear"))
        return F.interpolate(self.out(h), size=self.shape, mode="trilinear")


class TransposedDecoder(nn.Module):
    """Latents -> logits by strided transposed convolutions, each doubling the grid, as the study's network has them."""

    def __init__(self, layout: Layout) -> None:
        super().__init__()
        self.shape, self.levels, self.first = layout.shape, layout.levels[::-1], layout.channels[-1]
        if layout.first_stride == 2:
            self.levels.append(layout.grid)
        self.hidden = nn.Linear(layout.latent_dim, self.first * math.prod(self.levels[0]))
        sizes = layout.channels[::-1] if layout.first_stride == 1 else (*layout.channels[::-1], layout.outputs)
        up = [nn.ConvTranspose3d(a, b, 3, 2, 1) for a, b in pairwise(sizes)]
        self.up = nn.ModuleList(up)
        closed = range(len(up) if layout.first_stride == 1 else len(up) - 1)
        self.after = nn.ModuleList(layout.closed(nn.Identity(), sizes[i + 1]) for i in closed)
        self.out = nn.Conv3d(sizes[-1], layout.outputs, 3, 1, 1) if layout.first_stride == 1 else nn.Identity()

    def start(self, mean: Tensor) -> None:
        """Nothing to start from: `mean` is the atlas's."""

    def heads(self) -> Sequence[nn.Module]:
        """None: all its layers are hidden ones."""
        return ()

    def forward(self, z: Tensor) -> Tensor:
        """(n, outputs, z, y, x) of (n, d) latents."""
        h = self.hidden(z).view(len(z), self.first, *self.levels[0])
        for number, (size, up) in enumerate(zip(self.levels[1:], self.up, strict=True)):
            h = up(h, output_size=list(size))
            if number < len(self.after):
                h = self.after[number](h)
        h = self.out(h)
        return h if tuple(h.shape[2:]) == self.shape else F.interpolate(h, size=self.shape, mode="trilinear")


class AtlasDecoder(nn.Module):
    """Latents -> logits by warping and mixing learned templates.

    The mean shape and `templates` others are read at points moved by an affine (the exponential of a linear function of
    the latents, so that sizes and tilts are straight in them) and by a smooth displacement; the latents mix what is read.
    """

    def __init__(self, layout: Layout) -> None:
        super().__init__()
        d, w, k, m = layout.latent_dim, layout.width, layout.templates, math.prod(layout.control)
        self.shape, self.grid, self.control = layout.shape, layout.grid, layout.control
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

    def heads(self) -> Sequence[nn.Module]:
        """The layers that move and mix templates; they start near zero."""
        return self.affine, self.bend, self.mix, self.lift

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


Decoder = ConvDecoder | TransposedDecoder | AtlasDecoder
DECODERS: dict[str, type[Decoder]] = {"conv": ConvDecoder, "transposed": TransposedDecoder, "atlas": AtlasDecoder}
