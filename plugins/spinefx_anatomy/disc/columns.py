"""What each number of a disc means, and where its definition comes from."""

from __future__ import annotations

_AT = "in the mid-sagittal band, within 7.5 % of the depth before and behind"
_NORMAL = "the normal bisects the two endplate planes"

MEANING = {
    "height_mm": "mean distance between the endplates along the disc's normal over the whole footprint: volume over "
    f"footprint area; {_NORMAL} (after Frobin et al., Clin Biomech 12 Suppl 1:S1, 1997)",
    "height_anterior_mm": "mean height in the anterior third of the mid-sagittal band: all antero-posterior columns within "
    "15 % of the width from its middle, each divided in thirds of its own length",
    "height_middle_mm": "mean height in the middle third of the mid-sagittal band",
    "height_posterior_mm": "mean height in the posterior third of the mid-sagittal band",
    "height_hurxthal_mm": f"mean height {_AT} the middle of the depth (Hurxthal, AJR 103:635, 1968)",
    "height_dabbs_mm": f"mean of the heights at 15 and 85 % of the depth, {_AT} each (Dabbs and Dabbs, Spine 15:1366, 1990)",
    "height_fyllos_mm": f"mean of the heights at 15, 50 and 85 % of the depth, {_AT} each (three-point method of Fyllos: "
    "Spahn et al., Z Orthop Unfall 162:254, 2024)",
    "depth_mm": "largest antero-posterior extent of the footprint in the mid-sagittal band",
    "width_mm": "left-right extent of the footprint",
    "farfan_index": "sum of the heights at 15 and 85 % of the depth over depth_mm (Farfan et al., J Bone Joint Surg Am "
    "54:492, 1972)",
    "bulge_mm": "how far the posterior rim reaches beyond the line through the posterior corners of the neighbouring "
    "bodies, in the mid-sagittal plane, positive outwards (Fardon et al., Spine J 14:2525, 2014)",
    "wedge_deg": "angle between the endplate planes in the disc's sagittal plane, positive opens forward",
    "wedge_coronal_deg": "angle between the endplate planes in the disc's coronal plane, positive opens to the left",
    "tilt_deg": "lean of the normal from the world's z axis in the sagittal plane, positive forward",
    "tilt_coronal_deg": "lean of the normal from the world's z axis in the coronal plane, positive to the left",
    "rotation_deg": "turn of the footprint's long axis about the world's z axis from left-right, positive: left side back",
    "volume_mm3": "volume counted in voxels",
    "surface_mm2": "area of a smooth surface around the voxels, not of voxel faces",
    "sphericity": "surface of the sphere of the same volume over the surface (Wadell, J Geol 43:250, 1935)",
    "footprint_mm2": "area of the disc's projection along its normal",
    "residual_mm": "quality: root mean square distance of the endplates from their fitted planes",
    "slices": "quality: number of slices through the disc",
    "touches_border": "quality: 1 where the disc reaches the image's border, else 0",
}
"""Column -> definition; the unit is the end of the name."""

SIZES = ("height_mm", "width_mm", "rotation_deg", "volume_mm3", "surface_mm2", "sphericity", "footprint_mm2")
"""Columns that a disc cut off at its left or right end no longer has."""

WHOLE = tuple(name for name in MEANING if name not in ("slices", "touches_border"))
"""Columns that a disc cut off anywhere else no longer has."""
