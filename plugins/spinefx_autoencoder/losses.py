"""Parts of what training drives down: overlap and distance of the mask, likeness of intensities, order of the latents."""

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


def distance_loss(logits: Tensor, distance: Tensor, *, spacing_mm: float, most_mm: float) -> Tensor:
    """L1 error in mm of the signed distance that logits stand for, both cut off at `most_mm`. (n, z, y, x) each.

    A logit is four times the distance inside the surface, in voxels: the slope of a soft mask at its rim.
    """
    found = -logits * (spacing_mm / 4.0)
    return (found.clamp(-most_mm, most_mm) - distance.clamp(-most_mm, most_mm)).abs().mean()


def ssim(a: Tensor, b: Tensor, *, side: int = 7, span: float = 6.0) -> Tensor:
    """Structural similarity of two images (n, c, z, y, x), averaged over windows of `side` voxels; 1 where they agree.

    span : the range that values are expected in; 6 for standard deviations.

    Notes
    -----
    Wang et al., IEEE Trans Image Process 13:600 (2004), with uniform windows.
    """
    side = min(side, *a.shape[2:])

    def mean(x: Tensor) -> Tensor:
        return F.avg_pool3d(x, side, 1)

    c1, c2 = (0.01 * span) ** 2, (0.03 * span) ** 2
    ma, mb = mean(a), mean(b)
    va, vb, both = mean(a * a) - ma * ma, mean(b * b) - mb * mb, mean(a * b) - ma * mb
    return (((2 * ma * mb + c1) * (2 * both + c2)) / ((ma * ma + mb * mb + c1) * (va + vb + c2))).mean()


def divergence(z: Tensor, spread: Tensor, *, free_bits: float) -> Tensor:
    """Nats between N(z, exp(spread)) and the standard normal, averaged over samples, at least `free_bits` per latent, summed.

    Notes
    -----
    Kingma and Welling, arXiv 1312.6114; free bits: Kingma et al., arXiv 1606.04934.
    """
    every = 0.5 * (z.pow(2) + spread.exp() - 1.0 - spread).mean(0)
    return every.clamp_min(free_bits).sum()


def correlation(z: Tensor) -> Tensor:
    """Mean squared correlation between different latents over a batch (n, d); 0 where there is one latent or one sample."""
    n, d = z.shape
    if n < 2 or d < 2:
        return z.sum() * 0.0
    away = z - z.mean(0)
    scaled = away / away.pow(2).mean(0).add(1e-6).sqrt()
    matrix = scaled.T @ scaled / n
    return (matrix.pow(2).sum() - matrix.diagonal().pow(2).sum()) / (d * (d - 1))


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

    def __init__(self, shape: tuple[int, int, int], spacing: tuple[float, float, float], device: torch.device) -> None:
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
