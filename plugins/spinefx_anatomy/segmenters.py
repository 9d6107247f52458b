"""The segmenters of this pack: offers; each is imported when it is built."""

from __future__ import annotations

from typing import Any

from spinefx.api import Plugin
from spinefx_anatomy.options import CtBoneOptions, MaskOptions


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
