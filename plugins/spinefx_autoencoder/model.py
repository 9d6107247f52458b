"""The network alone: convolutions from a sample to latents, and a decoder back.

Knows tensors, but no files, no plugin options and no training. Inputs are (n, c, z, y, x); the first output channel is
the mask's logit, the others are intensities. Convolutions run on a grid pooled by 2 along axes of 32 voxels or more: a
soft mask keeps its sub-voxel shape there, and its smooth logit is interpolated back.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812 (its usual name)

from spinefx_autoencoder.decoders import DECODERS, AtlasDecoder, Decoder, TransposedDecoder
from spinefx_autoencoder.layout import Layout, Residual

_WIDEST = 10.0
_Weighted = nn.Conv3d | nn.Linear | nn.ConvTranspose3d


class Passed(NamedTuple):
    """Outputs (n, outputs, z, y, x), latents (n, d), the logarithm of their variance where noisy, and the guessed shape."""

    outputs: Tensor
    z: Tensor
    spread: Tensor | None
    guess: Tensor


class Encoder(nn.Module):
    """Sample -> latents and the feature maps of the coarsest level."""

    def __init__(self, layout: Layout) -> None:
        super().__init__()
        self.pool, self.noisy = layout.pool, layout.noisy
        blocks: list[nn.Module] = []
        for i, (a, b) in enumerate(zip((layout.inputs, *layout.channels), layout.channels, strict=False)):
            blocks.append(layout.block(a, b, layout.first_stride if i == 0 else 2))
            blocks += [Residual(layout, b)] if layout.residual else []
        self.blocks = nn.Sequential(*blocks)
        heads = 2 if layout.noisy else 1
        self.latents = nn.Linear(layout.channels[-1] * math.prod(layout.levels[-1]), heads * layout.latent_dim)

    def whole(self, image: Tensor) -> tuple[Tensor, Tensor | None, Tensor]:
        """(n, d) latents, the logarithm of their variance or None, and (n, c, z, y, x) maps of (n, c, z, y, x) samples."""
        pooled = F.avg_pool3d(image, self.pool) if max(self.pool) > 1 else image
        maps = self.blocks(pooled.contiguous(memory_format=torch.channels_last_3d))
        found = self.latents(maps.flatten(1))
        if not self.noisy:
            return found, None, maps
        z, spread = found.chunk(2, 1)
        return z, spread.clamp(-_WIDEST, _WIDEST), maps

    def forward(self, image: Tensor) -> tuple[Tensor, Tensor]:
        """(n, d) latents and (n, c, z, y, x) maps of (n, c, z, y, x) samples."""
        z, _, maps = self.whole(image)
        return z, maps


class AutoEncoder(nn.Module):
    """Encoder, decoder, and a linear guess of the mask's log-covariance from the latents."""

    def __init__(self, layout: Layout) -> None:
        super().__init__()
        self.encoder = Encoder(layout)
        self.decoder: Decoder = DECODERS[layout.decoder](layout)
        self.shape_guess = nn.Linear(layout.latent_dim, 6)

    def forward(self, image: Tensor, noise: Tensor | None = None) -> Passed:
        """What a batch of samples becomes; where the encoder is noisy, `noise` (n, d) is drawn from a standard normal."""
        z, spread, _ = self.encoder.whole(image)
        seen = z if noise is None or spread is None else z + noise * (0.5 * spread).exp()
        return Passed(self.decoder(seen), z, spread, self.shape_guess(seen))


def empty(layout: Layout) -> AutoEncoder:
    """The network without numbers yet, on the CPU; draws nothing from any generator."""
    with torch.device("meta"):
        net = AutoEncoder(layout)
    net = net.to_empty(device="cpu")
    net.encoder.to(memory_format=torch.channels_last_3d)  # type: ignore[call-overload]
    if isinstance(net.decoder, TransposedDecoder):
        net.decoder.to(memory_format=torch.channels_last_3d)  # type: ignore[call-overload]
    return net


@torch.no_grad()
def fresh(layout: Layout, seed: int, mean: Tensor) -> AutoEncoder:
    """The network before training; all its numbers come from `seed` and the cohort's `mean`."""
    generator = torch.Generator().manual_seed(seed)
    net = empty(layout)
    for module in net.modules():
        if isinstance(module, _Weighted):
            spread = 1.0 / math.sqrt(_fan_in(module))
            _uniform(module.weight, spread * math.sqrt(3.0), generator)
            if module.bias is not None:
                module.bias.zero_()
        elif isinstance(module, nn.GroupNorm | nn.BatchNorm3d):
            module.weight.fill_(1.0)
            module.bias.zero_()
            if isinstance(module, nn.BatchNorm3d):
                for buffer, value in ((module.running_mean, 0.0), (module.running_var, 1.0)):
                    if buffer is not None:
                        buffer.fill_(value)
    if isinstance(net.decoder, AtlasDecoder):
        net.decoder.reset(generator)
    net.decoder.start(mean)
    return net


def _uniform(weight: Tensor, bound: float, generator: torch.Generator) -> None:
    drawn = torch.empty(weight.shape).uniform_(-bound, bound, generator=generator)
    weight.copy_(drawn)


def _fan_in(module: _Weighted) -> float:
    """How many inputs each output is summed from; on average where strided kernels overlap by parts."""
    if isinstance(module, nn.ConvTranspose3d):
        return module.in_channels * math.prod(module.kernel_size) / math.prod(module.stride)
    return float(math.prod(module.weight.shape[1:]))


def parameter_groups(net: nn.Module, decay: float) -> Sequence[dict[str, Any]]:
    """Parameters for an optimiser: matrices and kernels decay; biases, norms and templates do not."""
    named = list(net.named_parameters())
    shrinks = [p for name, p in named if p.ndim > 1 and not name.startswith(("decoder.mean", "decoder.others"))]
    keeps = [p for name, p in named if p.ndim <= 1 or name.startswith(("decoder.mean", "decoder.others"))]
    return [{"params": shrinks, "weight_decay": decay}, {"params": keeps, "weight_decay": 0.0}]


def groups_by_inputs(net: AutoEncoder, decay: float) -> Sequence[dict[str, Any]]:
    """The same for an optimiser that asks how many inputs a hidden layer sums: a group for each such layer's kernel.

    What gives the latents, guesses the shape or moves an atlas is no hidden layer, and stands in the last two groups.
    """
    heads = {id(module) for module in (net.encoder.latents, net.shape_guess, *net.decoder.heads())}
    hidden = [module for module in net.modules() if isinstance(module, _Weighted) and id(module) not in heads]
    taken = {id(module.weight) for module in hidden}
    groups: list[dict[str, Any]] = [
        {"params": [module.weight], "fan_in": _fan_in(module), "weight_decay": decay} for module in hidden
    ]
    for group in parameter_groups(net, decay):
        groups.append({**group, "params": [p for p in group["params"] if id(p) not in taken]})
    return groups
