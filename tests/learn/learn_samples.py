"""Small cohorts of soft ellipsoids of known size and tilt, and the fits that tests share."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from spinefx_autoencoder import ConvAeOptions
from spinefx_autoencoder.conv_ae import ConvAe

from spinefx.api import Fitting, Grid, Row, Sample, SampleList

SHAPE = (16, 24, 24)
SPACING = (1.0, 2.0, 2.0)
SMALL: dict[str, Any] = {"channels": (4, 8, 8), "width": 16, "templates": 2, "epochs": 3, "batch": 8, "threads": 1}


def ellipsoid(half_height: float, radius: float, tilt: float, sway: float) -> np.ndarray:
    """Soft mask of a flat ellipsoid in mm, tilted (radians) in the sagittal and the coronal plane."""
    axes = [(np.arange(n) - (n - 1) / 2) * s for n, s in zip(SHAPE, SPACING, strict=True)]
    z, y, x = np.meshgrid(*axes, indexing="ij")
    z = z - np.tan(tilt) * y - np.tan(sway) * x
    level = np.sqrt((z / half_height) ** 2 + (y / radius) ** 2 + (x / (1.2 * radius)) ** 2)
    return (1.0 / (1.0 + np.exp((level - 1.0) * half_height * 3.0))).astype(np.float32)


def cohort(patients: int, *, levels: int = 3, seed: int = 0, channels: int = 1) -> tuple[SampleList, np.ndarray]:
    """Samples and their (n, 4) true half height, radius, tilt and sway; a second channel is a smooth intensity."""
    rng = np.random.default_rng(seed)
    samples, truth = [], []
    for patient in range(patients):
        size = rng.uniform(0.85, 1.15)
        for level in range(levels):
            known = (rng.uniform(2.5, 5.0), 14.0 * size, rng.uniform(-0.2, 0.2), rng.uniform(-0.1, 0.1))
            mask = ellipsoid(*known)
            image = [mask, 300.0 + 500.0 * mask * known[0] / 5.0 + rng.normal(0, 5, SHAPE)][:channels]
            row = Row(f"p{patient}_t2", f"p{patient}", "disc", f"L{level + 1}")
            samples.append(Sample(row, np.stack(image).astype(np.float32), mask, Grid(SHAPE, SPACING)))
            truth.append(known)
    return SampleList(tuple(samples)), np.array(truth)


def split(samples: SampleList, *, validation: int, test: int) -> tuple[SampleList, SampleList, SampleList]:
    """Training, validation and test samples: the last patients are the test's."""
    names = list(dict.fromkeys(s.patient for s in samples))
    cut = len(names) - test
    parts = names[: cut - validation], names[cut - validation : cut], names[cut:]
    train, held, unseen = (samples.of_patients(part) for part in parts)
    return train, held, unseen


def fitting(
    train: SampleList,
    validation: SampleList,
    workspace: Path,
    *,
    seed: int = 3,
    epoch_done: Callable[[int, int, Mapping[str, float]], None] = lambda epoch, epochs, losses: None,
) -> Fitting:
    """A fit with a light change of every sample that depends on its number and the epoch."""

    def augment(index: int, epoch: int) -> Sample:
        sample = train[index]
        if (index + epoch) % 2:
            return sample
        return Sample(sample.row, sample.image[:, :, :, ::-1], sample.mask[:, :, ::-1], sample.grid)

    workspace.mkdir(parents=True, exist_ok=True)
    return Fitting(train, validation, augment, seed, workspace, epoch_done=epoch_done)


def conv_ae(**options: Any) -> ConvAe:
    """A small autoencoder."""
    return ConvAe(ConvAeOptions(**{**SMALL, **options}))


def iou(decoded: np.ndarray, samples: SampleList) -> float:
    """Mean intersection over union at one half."""
    p, t = decoded > 0.5, np.stack([s.mask for s in samples]) > 0.5
    return float(((p & t).sum((1, 2, 3)) / (p | t).sum((1, 2, 3))).mean())


def killed_at(epoch: int) -> Callable[[int, int, Mapping[str, float]], None]:
    """An observer that ends training after this epoch."""

    def stop(done: int, epochs: int, losses: Mapping[str, float]) -> None:
        if done == epoch:
            raise KeyboardInterrupt

    return stop
