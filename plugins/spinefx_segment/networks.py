"""MONAI's networks, laid out for voxels of unequal size and begun from a seed of their own."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from spinefx.api import DataError

Steps = list[list[int]]


@dataclass(frozen=True)
class Layout:
    """What a network is made of; enough to build it again. spacing, patch : along (left, head, back)."""

    network: str
    channels: tuple[int, ...]
    classes: int
    spacing: tuple[float, float, float]
    patch: tuple[int, int, int]

    def strides(self) -> Steps:
        """Per level, by how much each axis is halved: an axis waits until the others are as coarse as it is."""
        spacing, sizes, out = list(self.spacing), list(self.patch), [[1, 1, 1]]
        for _ in self.channels[1:]:
            fine = 2 * min(spacing)
            step = [2 if s < fine and n % 2 == 0 and n >= 8 else 1 for s, n in zip(spacing, sizes, strict=True)]
            spacing = [s * k for s, k in zip(spacing, step, strict=True)]
            sizes = [n // k for n, k in zip(sizes, step, strict=True)]
            out.append(step)
        return out

    def kernels(self) -> Steps:
        """Per level, 1 along an axis that is much coarser than the others, else 3."""
        spacing, out = list(self.spacing), []
        for step in self.strides():
            spacing = [s * k for s, k in zip(spacing, step, strict=True)]
            out.append([1 if s > 2 * min(spacing) else 3 for s in spacing])
        return out

    @property
    def multiple(self) -> tuple[int, int, int]:
        """What the sizes of an input must be multiples of."""
        if self.network == "swinunetr":
            return (32, 32, 64)  # its coarsest maps are 32 times smaller, and one voxel has no spread
        whole = [1, 1, 1]
        for step in self.strides() if self.network != "segresnet" else [[2, 2, 2]] * (len(self.channels) - 1):
            whole = [n * k for n, k in zip(whole, step, strict=True)]
        return (whole[0], whole[1], whole[2])


def built(layout: Layout) -> nn.Module:
    """The network with arbitrary weights; DataError where its options do not allow one."""
    if any(n % k for n, k in zip(layout.patch, layout.multiple, strict=True)):
        raise DataError(f"{layout.network} needs [segment] patch in multiples of {layout.multiple}, got {layout.patch}")
    with torch.random.fork_rng(devices=[]):  # MONAI draws from the global state; that of others is left as it was
        return _built(layout)


def _built(layout: Layout) -> nn.Module:
    from monai.networks import nets as there

    f, strides, nets = layout.channels, layout.strides(), vars(there)
    common: dict[str, Any] = {"in_channels": 1, "out_channels": layout.classes, "spatial_dims": 3}
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
    return net


@torch.no_grad()
def fresh(layout: Layout, seed: int) -> nn.Module:
    """The network as it begins: weights from `seed` alone (He et al. 2015)."""
    net, dice = built(layout), torch.Generator()
    dice.manual_seed(seed % 2**63)
    for name, value in sorted(net.named_parameters()):
        if value.ndim > 1:
            value.copy_(torch.randn(value.shape, generator=dice) * (2.0 / value[0].numel()) ** 0.5)
        else:
            value.fill_(1.0 if name.endswith("weight") else 0.0)
    return net
