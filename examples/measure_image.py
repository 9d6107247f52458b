"""Resample a mask that SimpleITK has read, and measure its discs: python measure_image.py MASK [SPACING_MM]"""

import sys

import SimpleITK as sitk

import spinefx

mask = sitk.ReadImage(sys.argv[1])
scan = spinefx.scan(mask=mask, scheme="spider")
fine = spinefx.stage("resample", spacing_mm=float(sys.argv[2]) if len(sys.argv) > 2 else 1.0).process(scan)
features = spinefx.stage("disc").measure(fine)
for row, height, volume in zip(
    features.rows, features.columns["height_mm"], features.columns["volume_mm3"], strict=True
):
    print(f"{row.level:8s} {height:6.2f} mm {volume / 1000:6.2f} ml")
sitk.WriteImage(spinefx.bridge.to_simpleitk(fine.mask), "resampled.mha")
