"""The optimiser `muon`: steps of kernels and matrices with all their singular values alike, AdamW for everything else.

Knows parameters and gradients; nothing of networks.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor
from torch.optim.adamw import adamw

_MOMENTUM = 0.95
_BETAS = (0.9, 0.99)
_OF_VECTORS = 0.05
_FLAT = 1e-6
_EVERY = 3
_LARGE = 128


class Muon(torch.optim.Optimizer):
    """Momentum whose direction is made orthogonal before it is taken, so that what few samples say counts as well.

    groups : as torch's. Where one has `fan_in`, its parameters have two axes or more, and each step changes their entries by
    lr / sqrt(fan_in) on average (root mean square): by the share `lr` of what they were drawn with. All others
    (biases, norms, templates) take AdamW's step at a twentieth of `lr`.
    half : multiply large matrices in bfloat16; for cores that have it.

    Notes
    -----
    Jordan et al., Muon: an optimizer for hidden layers (2024). Their Newton-Schulz iteration costs more than a whole step
    of a small 3-D network; here the matrix's own Gram matrix is turned into its inverse square root, anew every third step.
    `torch.optim.Muon` takes matrices alone.
    """

    def __init__(self, groups: Iterable[dict[str, Any]], lr: float, *, half: bool = False) -> None:
        super().__init__(groups, {"lr": lr, "fan_in": 0, "weight_decay": 0.0})
        self.half = half

    @torch.no_grad()
    def step(self, closure: None = None) -> None:  # type: ignore[override]
        """One step along the gradients that the parameters hold."""
        for group in self.param_groups:
            told = [(p, p.grad) for p in group["params"] if p.grad is not None]
            if group["fan_in"]:
                for p, gradient in told:
                    self._orthogonal(p, gradient, group)
            else:
                self._adamw(told, group)

    def _orthogonal(self, p: Tensor, gradient: Tensor, group: dict[str, Any]) -> None:
        state, lr = self.state[p], group["lr"]
        if not state:
            state |= {"step": torch.zeros(()), "momentum": torch.zeros_like(p)}
        along = gradient.lerp(state["momentum"].lerp_(gradient, 1.0 - _MOMENTUM), _MOMENTUM).movedim(1, -1)
        matrix = along.reshape(-1, p.shape[1]) if _stands(p) else along.reshape(len(p), -1)
        tall = len(matrix) > matrix.shape[1]
        if int(state["step"]) % _EVERY == 0:
            state["root"] = inverse_root(matrix.T @ matrix if tall else matrix @ matrix.T)
        state["step"] += 1
        root, short = state["root"], self.half and min(matrix.shape) >= _LARGE
        left, right = (matrix, root) if tall else (root, matrix)
        turned = (left.bfloat16() @ right.bfloat16()).to(p.dtype) if short else left @ right
        if group["weight_decay"]:
            p.mul_(1.0 - lr * group["weight_decay"])
        size = lr * math.sqrt(max(matrix.shape) / group["fan_in"])
        p.add_(turned.view(along.shape).movedim(-1, 1), alpha=-size)

    def _adamw(self, told: list[tuple[Tensor, Tensor]], group: dict[str, Any]) -> None:
        for p, _ in told:
            if not self.state[p]:
                zeros = {name: torch.zeros_like(p) for name in ("mean", "square")}
                self.state[p] |= {"step": torch.zeros(()), **zeros}
        states = [self.state[p] for p, _ in told]
        adamw(
            [p for p, _ in told],
            [gradient for _, gradient in told],
            [state["mean"] for state in states],
            [state["square"] for state in states],
            [],
            [state["step"] for state in states],
            foreach=False,
            amsgrad=False,
            beta1=_BETAS[0],
            beta2=_BETAS[1],
            lr=group["lr"] * _OF_VECTORS,
            weight_decay=group["weight_decay"],
            eps=1e-8,
            maximize=False,
        )


def _stands(kernel: Tensor) -> bool:
    """Whether its second channel axis is the smaller one, and gives the columns; where `channels_last_3d` has them already."""
    return kernel.ndim > 2 and 1 < kernel.shape[1] < kernel.shape[0]


def inverse_root(gram: Tensor) -> Tensor:
    """G^(-1/2) of a symmetric matrix (n, n) without negative eigenvalues; those far below the largest count as 1e-6 of it."""
    values, vectors = torch.linalg.eigh(gram.double())
    values = values.clamp_min(0.0) + _FLAT * values[-1].clamp_min(1e-30)
    root: Tensor = (vectors * values.rsqrt()) @ vectors.T
    return root.to(gram.dtype)
