"""What each number of a vertebra means, and where its definition comes from."""

from __future__ import annotations

_AT = "{} % of the depth from the front, +- 7.5 %, in the mid-sagittal band"
_SOURCE = "Genant et al., J Bone Miner Res 8:1137, 1993"

MEANING = {
    "height_mm": "mean distance between the endplates along the body's normal over the central 75 % of the footprint's "
    "diameter; the normal bisects the endplate planes",
    "height_anterior_mm": f"distance between the endplates along the body's normal at {_AT.format(15)} ({_SOURCE})",
    "height_middle_mm": f"distance between the endplates along the body's normal at {_AT.format(50)} ({_SOURCE})",
    "height_posterior_mm": f"distance between the endplates along the body's normal at {_AT.format(85)} ({_SOURCE})",
    "wedge_ratio": f"anterior over posterior height ({_SOURCE})",
    "biconcavity_ratio": f"middle over posterior height ({_SOURCE})",
    "crush_ratio": f"posterior height over the mean posterior height of the neighbouring vertebrae ({_SOURCE})",
    "depth_mm": "largest antero-posterior extent in the mid-sagittal band, of the larger endplate",
    "width_mm": "left-right extent of the larger endplate",
    "wedge_deg": "angle between the endplate planes in the body's sagittal plane, positive opens forward",
    "wedge_coronal_deg": "angle between the endplate planes in the body's coronal plane, positive opens to the left",
    "tilt_deg": "lean of the normal from the world's z axis in the sagittal plane, positive forward",
    "tilt_coronal_deg": "lean of the normal from the world's z axis in the coronal plane, positive to the left",
    "rotation_deg": "turn of the body's left-right axis, as the canal behind it shows it, about the world's z axis",
    "volume_mm3": "volume of the body between its endplates, without the arch",
    "labelled_mm3": "volume of the whole vertebra as labelled, counted in voxels",
    "residual_mm": "quality: root mean square distance of the endplates from their fitted planes",
    "slices": "quality: number of slices through the body",
    "touches_border": "quality: 1 where the vertebra reaches the image's border, else 0",
}
"""Column -> definition; the unit is the end of the name."""
