"""What training drives down: Dice and cross-entropy of the mask, L1 of intensities, and a straight view of shape."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812 (its usual name)


def dice_loss(logits: Tensor, mask: Tensor) -> Tensor:
    """1 - soft Dice of each sample, averaged. (n, z, y, x) each; the mask may be soft."""
    p = torch.sigmoid(logits).flatten(1)
    t = mask.flatten(1)
    return (1.0 - (2.0 * (p * t).sum(1) + 1.0) / ((p * p).sum(1) + (t * t).sum(1) + 1.0)).mean()


def bce_loss(logits: Tensor, mask: Tensor) -> Tensor:
    """Cross-entropy summed over voxels, per voxel of each sample's mask, averaged over samples."""
    every = F.binary_cross_entropy_with_logits(logits, mask, reduction="none").flatten(1).sum(1)
    return (every / mask.flatten(1).sum(1).clamp_min(1.0)).mean()


def iou(logits: Tensor, mask: Tensor) -> Tensor:
    """(n,) intersection over union of the two, cut at one half; 1 where both are empty."""
    p, t = (logits > 0).flatten(1), (mask > 0.5).flatten(1)
    union = (p | t).sum(1)
    return torch.where(union > 0, (p & t).sum(1) / union.clamp_min(1), 1.0)


class LogShape:
    """Log-covariance of masks in mm, (n, 6): its diagonal (z, y, x), then sqrt(2) times (zy, zx, yx).

    Logarithms make sizes and tilts additive, and the distance between two such vectors is the affine-invariant one to
    first order, so all six count alike.

    Notes
    -----
    Arsigny et al., Magn Reson Med 56:411 (2006): log-Euclidean metrics.
    """

    def __init__(self, shape: tuple[int, int, int], spacing: tuple[float, float, float], device: str) -> None:
        axes = [(torch.arange(n) - (n - 1) / 2) * s for n, s in zip(shape, spacing, strict=True)]
        z, y, x = (axis.flatten() for axis in torch.meshgrid(*axes, indexing="ij"))
        parts = [torch.ones_like(z), z, y, x, z * z, y * y, x * x, z * y, z * x, y * x]
        self.polynomials = torch.stack(parts, 1).to(device)
        self.floor = float(min(spacing)) ** 2 / 12.0

    @torch.no_grad()
    def __call__(self, masks: Tensor) -> Tensor:
        """Of masks (n, z, y, x)."""
        sums = masks.flatten(1) @ self.polynomials
        mass = sums[:, :1].clamp_min(1e-3)
        first = sums[:, 1:4] / mass
        second = sums[:, 4:] / mass
        zz, yy, xx, zy, zx, yx = second.unbind(1)
        full = torch.stack([zz, zy, zx, zy, yy, yx, zx, yx, xx], 1).view(-1, 3, 3)
        full = full - first[:, :, None] * first[:, None]
        values, vectors = torch.linalg.eigh(full.double())
        logs = values.clamp_min(self.floor).log()
        matrix = ((vectors * logs[:, None]) @ vectors.transpose(1, 2)).float()
        upper = [matrix[:, 0, 1], matrix[:, 0, 2], matrix[:, 1, 2]]
        return torch.stack([matrix[:, 0, 0], matrix[:, 1, 1], matrix[:, 2, 2], *(2**0.5 * u for u in upper)], 1)
