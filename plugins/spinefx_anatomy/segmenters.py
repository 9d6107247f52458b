"""The segmenters of this pack: options and offers; each is imported when it is built."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, Field

from spinefx.api import Plugin


class MaskOptions(BaseModel, frozen=True, extra="forbid"):
    """Options of the segmenter `mask`."""


class CtBoneOptions(BaseModel, frozen=True, extra="forbid"):
    """Options of the segmenter `ct-bone`."""

    image: str = Field("", description="modality of the CT; `ct`, or else the first by name, unless given")
    lowest: Literal["L3", "L4", "L5", "L6"] = Field(
        "L5", description="level of the vertebra on the sacrum, unless the loader's table of levels says otherwise"
    )
    replace: Literal["all", "missing"] = Field(
        "all", description="whose masks are made: every case's, or only of those whose loader brings none"
    )


def _mask(options: MaskOptions) -> Any:
    from spinefx_anatomy.mask import Mask

    return Mask(options)


def _ct_bone(options: CtBoneOptions) -> Any:
    from spinefx_anatomy.ct_bone import CtBone

    return CtBone(options)


def offers() -> list[Plugin]:
    """What the pack offers to the hook."""
    return [
        Plugin(
            name="mask",
            api=1,
            version=1,
            summary="The mask that came with the images, checked against its label scheme.",
            options=MaskOptions,
            build=_mask,
        ),
        Plugin(
            name="ct-bone",
            api=1,
            version=1,
            summary="Vertebrae and canal of a CT by thresholds and the planes of the discs; no model, approximate.",
            options=CtBoneOptions,
            build=_ct_bone,
        ),
    ]
