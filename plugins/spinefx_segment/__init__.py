"""Segmenters that make masks from images, and the evaluator that judges masks.

This module holds the options and the offers; torch and MONAI are imported when a segmenter works, not when it is built.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field

from spinefx.api import Plugin, hookimpl
from spinefx_segment.outside.options import BundleOptions, NnunetOptions, SpinepsOptions, TotalSegmentatorOptions

Whole = Annotated[int, Field(ge=1)]
Share = Annotated[float, Field(ge=0, le=1)]
Millimetres = Annotated[float, Field(gt=0, le=100, allow_inf_nan=False)]
Kind = Literal["vertebra", "disc", "canal"]

_NNUNET = (
    "Isensee F et al. nnU-Net: a self-configuring method for deep learning-based biomedical image segmentation. "
    "Nat Methods 18:203-211 (2021). doi:10.1038/s41592-020-01008-z"
)
_MONAI = "Cardoso MJ et al. MONAI: an open-source framework for deep learning in healthcare. arXiv:2211.02701 (2022)."


class UnetOptions(BaseModel, frozen=True, extra="forbid"):
    """Options of the segmenter `unet`."""

    model: Path | None = Field(
        None, description="folder of a fitted model (`model/segmenter` of a run); none: fitted here"
    )
    image: str = Field("", description="modality that is segmented; the first by name unless given")
    kinds: tuple[Kind, ...] = Field(
        ("vertebra", "disc", "canal"), min_length=1, description="what is learned, as far as training masks hold it"
    )
    replace: Literal["all", "missing"] = Field(
        "all", description="whose masks are made: every case's, or only of those whose loader brings none"
    )
    lowest: Literal["L3", "L4", "L5", "L6"] = Field(
        "L5", description="level of the lowest vertebra in view, unless the loader's table of levels says otherwise"
    )
    least_ml: Annotated[float, Field(ge=0)] = Field(0.3, description="smaller pieces are no structures, in ml")
    network: Literal["resunet", "dynunet", "unet", "segresnet", "swinunetr"] = Field(
        "resunet", description="a residual U-Net, or one of MONAI's"
    )
    channels: Annotated[tuple[Whole, ...], Field(min_length=3, max_length=7)] = Field(
        (24, 48, 64, 96, 96),
        description="feature maps per level; every level after the first halves what is fine enough",
    )
    fold: Literal[1, 2] = Field(
        2, description="so many voxels along each fine axis go into channels: fine edges at a fraction of the time"
    )
    finest_mm: Millimetres = Field(0.6, description="voxels that the network sees are at least so large")
    patch: tuple[Whole, Whole, Whole] = Field(
        (16, 160, 160), description="voxels (left-right, head-foot, front-back) of a training patch"
    )
    window: tuple[float, float] | None = Field(
        None, description="intensities from .. to, as (-200, 1000) for CT; percentiles of each scan unless given"
    )
    epochs: Whole = Field(24, description="epochs at most")
    steps: Whole = Field(40, description="steps per epoch")
    batch: Whole = Field(2, description="patches per step; on a CPU each alone, `threads` at a time")
    patience: Whole = Field(10, description="epochs without a better validation loss after which training stops")
    lr: Annotated[float, Field(gt=0, lt=1)] = Field(3e-3, description="highest learning rate; cosine, after a warm-up")
    turn_deg: Annotated[float, Field(ge=0, le=45)] = Field(10.0, description="patches are turned by up to this")
    resize: Annotated[float, Field(ge=0, lt=0.5)] = Field(0.1, description="and made larger or smaller by this share")
    noise: Annotated[float, Field(ge=0, le=1)] = Field(0.15, description="most noise, in standard deviations")
    memory_gb: Annotated[float, Field(ge=1, le=4096)] = Field(
        6.0,
        description="most memory for segmenting one scan, by slabs; naming adds 30 bytes a voxel of the spine's box",
    )
    precision: Literal["auto", "full", "mixed"] = Field(
        "auto",
        description="float32, bfloat16 convolutions, or whichever this machine is faster at; masks differ in few voxels",
    )
    flip: bool = Field(False, description="average over left-right mirrored images: twice the time")
    threads: Annotated[int, Field(ge=1, le=256)] = Field(
        1, description="cores that take the patches of a step and the tiles of a scan in turn; the bytes stay the same"
    )
    flag_below: Share = Field(0.85, description="a case is flagged where a kind's expected Dice is lower")


class JudgeOptions(BaseModel, frozen=True, extra="forbid"):
    """Options of the evaluator `segmentation`."""

    resamples: Annotated[int, Field(ge=100, le=100_000)] = Field(2000, description="of the bootstrap over patients")
    pictured: Annotated[int, Field(ge=0, le=40)] = Field(4, description="how many of the worst cases are pictured")


def _judge(options: JudgeOptions) -> Any:
    from spinefx_segment.judge import Judge

    return Judge(options)


def _unet(options: UnetOptions) -> Any:
    from spinefx_segment.unet import Unet

    return Unet(options)


def _totalsegmentator(options: TotalSegmentatorOptions) -> Any:
    from spinefx_segment.outside.segmenter import Outside
    from spinefx_segment.outside.tools import TotalSegmentator

    return Outside(options, TotalSegmentator(options))


def _spineps(options: SpinepsOptions) -> Any:
    from spinefx_segment.outside.segmenter import Outside
    from spinefx_segment.outside.tools import Spineps

    return Outside(options, Spineps(options))


def _nnunet(options: NnunetOptions) -> Any:
    from spinefx_segment.outside.segmenter import Outside
    from spinefx_segment.outside.tools import Nnunet

    return Outside(options, Nnunet(options))


def _bundle(options: BundleOptions) -> Any:
    from spinefx_segment.outside.segmenter import Outside
    from spinefx_segment.outside.tools import Bundle

    return Outside(options, Bundle(options))


@hookimpl
def spinefx_segmenters() -> list[Plugin]:
    """The segmenters of this pack."""
    return [
        Plugin(
            "unet",
            1,
            3,
            "A network fitted on the training patients' masks; structures told apart and named by level.",
            UnetOptions,
            _unet,
            references=(
                _NNUNET,
                _MONAI,
            ),
        ),
        Plugin(
            "totalsegmentator",
            1,
            1,
            "TotalSegmentator, run in an environment of its own with its own weights.",
            TotalSegmentatorOptions,
            _totalsegmentator,
            references=(
                "Wasserthal J et al. TotalSegmentator: robust segmentation of 104 anatomic structures in CT images. "
                "Radiol Artif Intell 5:e230024 (2023). doi:10.1148/ryai.230024",
            ),
        ),
        Plugin(
            "spineps",
            1,
            1,
            "SPINEPS, run in an environment of its own with its own weights.",
            SpinepsOptions,
            _spineps,
            references=(
                "Moeller H et al. SPINEPS - automatic whole spine segmentation of T2-weighted MR images using a two-phase "
                "approach to multi-class semantic and instance segmentation. Eur Radiol (2024). doi:10.1007/s00330-024-11155-y",
            ),
        ),
        Plugin(
            "nnunet",
            1,
            1,
            "A trained nnU-Net v2 folder, run in an environment of its own.",
            NnunetOptions,
            _nnunet,
            references=(_NNUNET,),
        ),
        Plugin(
            "monai-bundle",
            1,
            1,
            "A MONAI bundle on disk, run in a process of its own as its configuration says.",
            BundleOptions,
            _bundle,
            references=(_MONAI,),
        ),
    ]


@hookimpl
def spinefx_evaluators() -> list[Plugin]:
    """The evaluator of this pack."""
    return [
        Plugin(
            "segmentation",
            1,
            1,
            "Masks that a segmenter made beside those that the loader brought.",
            JudgeOptions,
            _judge,
            references=(
                "Maier-Hein L et al. Metrics reloaded: recommendations for image analysis validation. "
                "Nat Methods 21:195-212 (2024). doi:10.1038/s41592-023-02151-z",
            ),
        )
    ]
