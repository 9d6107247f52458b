"""How many samples a step can hold, from what one costs and what is free."""

from __future__ import annotations

import os
from pathlib import Path

import torch
from torch import Tensor
from torch.autograd.graph import saved_tensors_hooks

from spinefx_autoencoder.layout import Layout
from spinefx_autoencoder.model import AutoEncoder

MOST = 64
_SPARE = 2.0


def batch_that_fits(net: AutoEncoder, layout: Layout, device: torch.device, *, samples: int) -> int:
    """The largest power of two, `MOST` and `samples` at most, whose step takes half of the memory that is free now.

    A step's memory is what the backward pass keeps of one sample, counted, times two.
    """
    kept: dict[int, int] = {}

    def count(tensor: Tensor) -> Tensor:
        kept[tensor.untyped_storage().data_ptr()] = tensor.untyped_storage().nbytes()
        return tensor

    held = {p.untyped_storage().data_ptr() for p in net.parameters()}
    training = net.training
    net.train(False)
    with saved_tensors_hooks(count, lambda tensor: tensor):
        net(torch.zeros(1, layout.inputs, *layout.shape, device=next(net.parameters()).device))
    net.train(training)
    each = _SPARE * sum(size for place, size in kept.items() if place not in held)
    batch = 1
    while 2 * batch <= min(MOST, samples) and 2 * batch * each <= free_bytes(device) / 2:
        batch *= 2
    return batch


def free_bytes(device: torch.device) -> int:
    """Memory that is free now: the GPU's, or the machine's as the system counts it."""
    if device.type == "cuda":
        return int(torch.cuda.mem_get_info(device)[0])
    told = Path("/proc/meminfo")
    if told.is_file():
        for line in told.read_text().splitlines():
            if line.startswith("MemAvailable:"):
                return int(line.split()[1]) * 1024
    return int(os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"))
