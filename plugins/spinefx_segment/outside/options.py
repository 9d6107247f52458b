"""Options of the segmenters that run a tool of others."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, Field, model_validator

Kind = Literal["vertebra", "disc", "canal"]
Known = Literal["spider", "verse", "totalsegmentator", "totalsegmentator-mr", "totalspineseg"]


class OutsideOptions(BaseModel, frozen=True, extra="forbid"):
    """What all of them share."""

    image: str = Field("", description="modality that is segmented; the first by name unless given")
    replace: Literal["all", "missing"] = Field(
        "all", description="whose masks are made: every case's, or only of those whose loader brings none"
    )
    device: str = Field("cpu", pattern=r"^(cpu|cuda(:\d+)?)$", description="where the tool computes: cpu, cuda, cuda:1")
    release: str = Field(
        "", description="what you call the tool's version; masks are kept until it, or another option, changes"
    )
    minutes: Annotated[float, Field(gt=0, le=1440)] = Field(
        60.0, description="a tool that takes longer on one scan is ended"
    )
    lowest: Literal["L3", "L4", "L5", "L6"] = Field(
        "L5", description="level of the lowest vertebra where levels are counted here, not by the tool"
    )
    least_ml: Annotated[float, Field(ge=0)] = Field(
        0.3, description="smaller pieces are no structures where they are told apart here, in ml"
    )


class TrustedOptions(OutsideOptions, frozen=True, extra="forbid"):
    """What those share whose model can run code when it is opened."""

    model: Path = Field(..., description="folder of the trained model")
    sha256: str = Field(
        "",
        pattern=r"^([0-9a-f]{64})?$",
        description="of the model's files, as the refusal names it: they can run code, and are opened only with it",
    )
    scheme: Known | None = Field(None, description="label scheme of what it draws, where it knows levels")
    classes: dict[int, Kind] | None = Field(
        None, description="what each value is, where it knows kinds alone; structures are told apart and named here"
    )

    @model_validator(mode="after")
    def _one_meaning(self) -> TrustedOptions:
        if self.scheme is not None and self.classes is not None:
            raise ValueError("give `scheme` or `classes`, not both: each says what the values of the mask mean")
        return self


class TotalSegmentatorOptions(OutsideOptions, frozen=True, extra="forbid"):
    """Options of the segmenter `totalsegmentator`."""

    task: Literal["total", "total_mr", "vertebrae_mr"] = Field(
        "total", description="its model: CT, MR (kinds alone, levels are counted here), or the vertebrae of MR"
    )
    fast: bool = Field(False, description="its model of 3 mm; not for vertebrae_mr")


class SpinepsOptions(OutsideOptions, frozen=True, extra="forbid"):
    """Options of the segmenter `spineps`."""

    contrast: Literal["T2w", "T1w", "ct"] = Field("T2w", description="how the file it gets is named; it checks that")
    semantic: str = Field("t2w", description="its semantic model, by name or folder")
    instance: str = Field("instance", description="its instance model, by name or folder")
    labelling: str = Field("t2w_labeling", description='its labelling model, by name or folder; "none" for none')


class NnunetOptions(TrustedOptions, frozen=True, extra="forbid"):
    """Options of the segmenter `nnunet`."""

    folds: Annotated[tuple[Literal["0", "1", "2", "3", "4", "all"], ...], Field(min_length=1)] = Field(
        ("0", "1", "2", "3", "4"), description="folds whose networks are averaged"
    )
    checkpoint: str = Field("checkpoint_final.pth", pattern=r"^[\w.-]+\.pth$", description="file in each fold's folder")
    images: tuple[str, ...] = Field(
        (), description="modalities in the order of the model's channels; `image` for a model of one"
    )
    flip: bool = Field(False, description="average over mirrored images: up to eight times the time")


class BundleOptions(TrustedOptions, frozen=True, extra="forbid"):
    """Options of the segmenter `monai-bundle`."""

    config: str = Field(
        "configs/inference.json", pattern=r"^[\w./-]+\.(json|yaml|yml)$", description="its configuration of inference"
    )
