"""Rows on augmentation: what one sample costs, beside TorchIO's and MONAI's transforms of the same kinds and strengths."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from spinefx_augment.elastic import Elastic
from spinefx_augment.intensity import Intensity
from spinefx_augment.options import AffineOptions, ElasticOptions, FlipOptions, IntensityOptions
from spinefx_augment.spatial import Affine, Flip

from spinefx.api import Grid, Row, Sample, SampleList
from spinefx.work.cohort.augment import Augmentation
from tests.bench.case import Case

_ALWAYS = {"probability": 1.0}


def _sample(shape: tuple[int, int, int]) -> Sample:
    z, y, x = np.meshgrid(*(np.arange(n) - (n - 1) / 2 for n in shape), indexing="ij")
    mask = np.clip((1 - np.sqrt((z / 6) ** 2 + (y / 17) ** 2 + (x / 24) ** 2)) * 4 + 0.5, 0, 1).astype(np.float32)
    image = np.random.default_rng(0).normal(0, 0.2, shape).astype(np.float32) + mask
    return Sample(Row("a", "a", "disc", "L1-L2"), np.stack([mask, image]), mask, Grid(shape), ("mask", "t2"))


def _compared(name: str, shape: tuple[int, int, int], *, bend: bool, bars: dict[str, float]) -> Case:
    sample = _sample(shape)
    chain: list[Any] = [Flip(FlipOptions(**_ALWAYS)), Affine(AffineOptions(**_ALWAYS, rotation_deg=8.0))]
    chain += [Elastic(ElasticOptions(**_ALWAYS))] if bend else []
    chain += [Intensity(IntensityOptions(**_ALWAYS))]
    ours = Augmentation(SampleList((sample,)), chain, 0)
    epoch = [0]

    def ours_next() -> Any:
        epoch[0] += 1
        return ours(0, epoch[0])

    peers: dict[str, Callable[[], Any]] = {"TorchIO": _torchio(sample, bend=bend), "MONAI": _monai(sample, bend=bend)}
    return Case(name, ours_next, peers, bars=bars, agreeing=())


def _torchio(sample: Sample, *, bend: bool) -> Callable[[], Any]:
    import torch
    import torchio

    subject = torchio.Subject(
        t2=torchio.ScalarImage(tensor=torch.tensor(sample.image[1:2])),
        mask=torchio.LabelMap(tensor=torch.tensor(sample.mask[None])),
    )
    spatial = [torchio.RandomFlip(axes=(2,), flip_probability=1.0), torchio.RandomAffine(scales=0.05, degrees=8)]
    spatial += [torchio.RandomElasticDeformation(num_control_points=6, max_displacement=2.0)] if bend else []
    chain = torchio.Compose([*spatial, torchio.RandomGamma(0.2), torchio.RandomNoise(std=0.05)])
    return lambda: chain(subject)


def _monai(sample: Sample, *, bend: bool) -> Callable[[], Any]:
    import torch
    from monai import transforms

    keys, smooth = ("t2", "mask"), ("bilinear", "nearest")
    spatial: list[Any] = [transforms.RandFlipd(keys, prob=1.0, spatial_axis=2)]
    shared = {"prob": 1.0, "rotate_range": (0.14,) * 3, "scale_range": (0.05,) * 3, "mode": smooth}
    if bend:
        spatial.append(transforms.Rand3DElasticd(keys, sigma_range=(5, 5), magnitude_range=(10, 20), **shared))
    else:
        spatial.append(transforms.RandAffined(keys, **shared))
    chain = transforms.Compose(
        [
            *spatial,
            transforms.RandAdjustContrastd("t2", prob=1.0),
            transforms.RandGaussianNoised("t2", prob=1.0, std=0.05),
        ]
    )
    data = {"t2": torch.tensor(sample.image[1:2]), "mask": torch.tensor(sample.mask[None])}
    return lambda: chain(dict(data))


def augment_affine_disc() -> Case:
    """Flip, affine and intensity of a disc with a T2 channel."""
    return _compared("augment disc 32x64x64: flip, affine, intensity", (32, 64, 64), bend=False, bars={"TorchIO": 2.0})


def augment_elastic_disc() -> Case:
    """The same, bent too."""
    return _compared(
        "augment disc 32x64x64: flip, affine, elastic, intensity", (32, 64, 64), bend=True, bars={"TorchIO": 2.0}
    )


def augment_elastic_vertebra() -> Case:
    """The same of a vertebra."""
    return _compared(
        "augment vertebra 64x96x96: flip, affine, elastic, intensity", (64, 96, 96), bend=True, bars={"TorchIO": 2.0}
    )


def cases() -> list[Callable[[], Case]]:
    """Every row."""
    return [augment_affine_disc, augment_elastic_disc, augment_elastic_vertebra]
