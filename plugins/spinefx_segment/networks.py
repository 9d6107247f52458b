"""Networks, MONAI's and our own, laid out for voxels of unequal size and begun from a seed of their own."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from einops import rearrange
from torch import Tensor, nn

from spinefx.api import DataError
from spinefx_segment.resunet import Instances, ResUnet
from spinefx_segment.views import OUTSIDE

Steps = list[list[int]]
_UNDECIDED = 0.02
"""Spread of the weights that decide the class, at the start: every class is about as likely."""
_EVEN = 1.5
"""Axes count as equally fine up to this ratio of their spacings."""


@dataclass(frozen=True)
class Layout:
    """What a network is made of; enough to build it again. spacing, patch : along (left, head, back).

    fold : along the axes that are as fine as the finest, so many neighbouring voxels are taken into channels.
    """

    network: str
    channels: tuple[int, ...]
    classes: int
    spacing: tuple[float, float, float]
    patch: tuple[int, int, int]
    fold: int = 1

    @property
    def folds(self) -> tuple[int, int, int]:
        """Voxels along each axis that are one voxel of the network within."""
        fine = 2 * min(self.spacing)
        a, b, c = (self.fold if s < fine else 1 for s in self.spacing)
        return a, b, c

    @property
    def shift(self) -> tuple[int, int, int]:
        """By how much a tile moves for a second look: which voxels share a block is chance, and edges depend on it."""
        a, b, c = (int(k > 1 and n >= 8) for k, n in zip(self.folds, self.patch, strict=True))
        return a, b, c

    def strides(self) -> Steps:
        """Per level, by how much each axis is halved: an axis waits until the others are as coarse as it is."""
        spacing, sizes, out = self._within(), [n // k for n, k in zip(self.patch, self.folds, strict=True)], [[1, 1, 1]]
        for _ in self.channels[1:]:
            fine = _EVEN * min(spacing)
            step = [2 if s < fine and n % 2 == 0 and n >= 8 else 1 for s, n in zip(spacing, sizes, strict=True)]
            spacing = [s * k for s, k in zip(spacing, step, strict=True)]
            sizes = [n // k for n, k in zip(sizes, step, strict=True)]
            out.append(step)
        return out

    def kernels(self) -> Steps:
        """Per level, 1 along an axis that is much coarser than the others, else 3."""
        spacing, out = self._within(), []
        for step in self.strides():
            spacing = [s * k for s, k in zip(spacing, step, strict=True)]
            out.append([1 if s > _EVEN * min(spacing) else 3 for s in spacing])
        return out

    def _within(self) -> list[float]:
        return [s * k for s, k in zip(self.spacing, self.folds, strict=True)]

    @property
    def multiple(self) -> tuple[int, int, int]:
        """What the sizes of an input must be multiples of."""
        a, b, c = self.folds
        if self.network == "swinunetr":
            return (32 * a, 32 * b, 64 * c)  # its coarsest maps are 32 times smaller, and one voxel has no spread
        whole = [a, b, c]
        for step in self.strides() if self.network != "segresnet" else [[2, 2, 2]] * (len(self.channels) - 1):
            whole = [n * k for n, k in zip(whole, step, strict=True)]
        return (whole[0], whole[1], whole[2])


class Folded(nn.Module):
    """A network that sees blocks of voxels as channels and gives every voxel of a block its own classes.

    Most of a network's time goes into its finest maps; taken two by two in a slice they are a quarter, and the edges that
    it draws stay as fine as the voxels (Shi et al., arXiv:1609.05158). Where the scan ends is told in channels of its own.
    """

    def __init__(self, inner: nn.Module, folds: tuple[int, int, int]) -> None:
        super().__init__()
        self.inner, self.folds = inner, folds

    def forward(self, seen: Tensor) -> Tensor:
        """(n, 1, ...) to (n, classes, ...); voxels at `OUTSIDE` lie beyond the scan."""
        i, j, k = self.folds
        there = (seen > OUTSIDE + 0.25).to(seen.dtype)
        both = torch.cat([seen * there, there], 1)
        inside = rearrange(both, "n c (z i) (y j) (x k) -> n (c i j k) z y x", i=i, j=j, k=k)
        out = self.inner(inside.contiguous(memory_format=torch.channels_last_3d))
        unfolded: Tensor = rearrange(out, "n (c i j k) z y x -> n c (z i) (y j) (x k)", i=i, j=j, k=k)
        return unfolded


def built(layout: Layout) -> nn.Module:
    """The network with arbitrary weights; DataError where its options do not allow one."""
    if any(n % k for n, k in zip(layout.patch, layout.multiple, strict=True)):
        raise DataError(f"{layout.network} needs [segment] patch in multiples of {layout.multiple}, got {layout.patch}")
    with torch.random.fork_rng(
        devices=[]
    ):  # torch and MONAI draw from the global state; that of others is left as it was
        return _built(layout)


def _built(layout: Layout) -> nn.Module:
    from monai.networks import nets as there

    f, strides, block = layout.channels, layout.strides(), math.prod(layout.folds)
    if layout.network == "resunet":
        return Folded(ResUnet(2 * block, layout.classes * block, f, strides, layout.kernels()), layout.folds)
    nets = vars(there)
    common: dict[str, Any] = {"in_channels": 2 * block, "out_channels": layout.classes * block, "spatial_dims": 3}
    own: dict[str, Any]
    if layout.network == "dynunet":
        own = {"kernel_size": layout.kernels(), "strides": strides, "upsample_kernel_size": strides[1:]}
        own |= {"filters": list(f), "norm_name": ("INSTANCE", {"affine": True})}
        name = "DynUNet"
    elif layout.network == "unet":
        name, own = "UNet", {"channels": f, "strides": [tuple(s) for s in strides[1:]], "num_res_units": 1}
    elif layout.network == "segresnet":
        name = "SegResNet"
        own = {
            "init_filters": 8 * max(1, round(f[0] / 8)),
            "blocks_down": (1,) * len(f),
            "blocks_up": (1,) * (len(f) - 1),
        }
    else:
        name, own = "SwinUNETR", {"feature_size": 12 * max(1, round(f[0] / 12))}
    net: nn.Module = nets[name](**common, **own)
    _exchange(net)
    return Folded(net, layout.folds)


def _exchange(net: nn.Module) -> None:
    """Every instance norm with weights for `Instances`."""
    for parent in list(net.modules()):
        for name, child in list(parent.named_children()):
            if isinstance(child, nn.InstanceNorm3d) and child.affine:
                setattr(parent, name, Instances(child.num_features))


def precise(precision: str, device: str) -> Callable[[], torch.autocast]:
    """A context in which a network computes: bfloat16 where that is faster, or as told.

    precision : `auto`, `full` (float32) or `mixed` (bfloat16).
    """
    kind = device.partition(":")[0]
    able = kind == "cuda" or any(_abilities().get(name) for name in ("avx512_bf16", "amx_bf16"))
    mixed = precision == "mixed" or (precision == "auto" and able)
    return lambda: torch.autocast(kind, torch.bfloat16, enabled=mixed)


def _abilities() -> dict[str, Any]:
    """What this processor can; nothing where torch cannot tell (before 2.11)."""
    known: Callable[[], dict[str, Any]] = getattr(torch.cpu, "get_capabilities", dict)
    return known()


@torch.no_grad()
def fresh(layout: Layout, seed: int) -> nn.Module:
    """The network as it begins: weights from `seed` alone (He et al. 2015)."""
    net, dice = built(layout), torch.Generator()
    dice.manual_seed(seed % 2**63)
    for name, value in sorted(net.named_parameters()):
        if value.ndim > 1:
            spread = _UNDECIDED if name == "inner.out.weight" else (2.0 / value[0].numel()) ** 0.5
            value.copy_(torch.randn(value.shape, generator=dice) * spread)
        else:
            value.fill_(1.0 if name.endswith("weight") else 0.0)
    return net
