"""Every format, orientation and number type is read as SimpleITK reads it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from io_files import itk_image
from spinefx_io.gate import inspect, read_voxels

from spinefx.api import Grid
from spinefx.phantom import direction_of, rotation

ENDINGS = (".mha", ".mhd", ".nii", ".nii.gz", ".nrrd")
TURN = rotation(sagittal_deg=11.0, coronal_deg=-7.0, axial_deg=5.0)


def read(path: Path) -> tuple[np.ndarray, Grid]:
    header = inspect(path, root=path.parent, budget_bytes=1 << 30)
    return read_voxels(header, root=path.parent), header.grid()


@pytest.mark.parametrize("ending", ENDINGS)
@pytest.mark.parametrize("order", ["LPS", "PIR", "RAS", "ASL", "LAS"])
@pytest.mark.parametrize("turned", [False, True], ids=["straight", "oblique"])
def test_the_same_volume_lies_at_the_same_place_whatever_it_is_written_as(tmp_path, ending, order, turned):
    direction = (TURN if turned else np.eye(3)) @ direction_of(order)
    grid = Grid((4, 5, 6), (4.0, 0.7, 1.3), (12.5, -33.25, 101.0), direction)
    data = np.arange(120, dtype=np.int16).reshape(4, 5, 6) - 60
    path = tmp_path / f"volume{ending}"
    sitk.WriteImage(itk_image(data, grid), str(path), useCompression=ending != ".nii")
    found, where = read(path)
    assert np.array_equal(found, data)
    assert where.difference_mm(grid) < 1e-4


@pytest.mark.parametrize("ending", ENDINGS)
@pytest.mark.parametrize("dtype", ["u1", "i1", "i2", "u2", "i4", "u4", "f4", "f8"])
def test_every_number_type_is_read_as_it_was_written(tmp_path, ending, dtype):
    low, high = (-1e3, 1e3) if dtype[0] == "f" else (np.iinfo(dtype).min, np.iinfo(dtype).max)
    data = np.random.default_rng(0).uniform(low, high, (3, 4, 5)).astype(dtype)
    path = tmp_path / f"volume{ending}"
    sitk.WriteImage(sitk.GetImageFromArray(data), str(path))
    found, _ = read(path)
    assert found.dtype == data.dtype
    assert np.array_equal(found, data)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    shape=st.tuples(*[st.integers(2, 7)] * 3),
    spacing=st.tuples(*[st.floats(0.06, 29.0)] * 3),
    origin=st.tuples(*[st.floats(-900, 900)] * 3),
    angles=st.tuples(*[st.floats(-90, 90)] * 3),
    ending=st.sampled_from(ENDINGS),
)
def test_any_sane_geometry_comes_back(tmp_path, shape, spacing, origin, angles, ending):
    turn = rotation(sagittal_deg=angles[0], coronal_deg=angles[1], axial_deg=angles[2])
    grid = Grid(shape, spacing, origin, turn)
    data = np.random.default_rng(1).integers(-9, 9, shape).astype(np.int16)
    path = tmp_path / f"volume{ending}"
    sitk.WriteImage(itk_image(data, grid), str(path))
    found, where = read(path)
    itk = sitk.ReadImage(str(path))
    last = tuple(int(n) - 1 for n in itk.GetSize())
    assert np.array_equal(found, data)
    assert np.allclose(where.to_world(last[::-1]), itk.TransformIndexToPhysicalPoint(last), atol=2e-3)


def test_big_endian_voxels_are_turned(tmp_path):
    data = np.arange(24, dtype=">i2").reshape(2, 3, 4)
    header = (
        "ObjectType = Image\nNDims = 3\nBinaryData = True\nBinaryDataByteOrderMSB = True\nCompressedData = False\n"
        "TransformMatrix = 1 0 0 0 1 0 0 0 1\nOffset = 0 0 0\nElementSpacing = 1 1 1\nDimSize = 4 3 2\n"
        "ElementType = MET_SHORT\nElementDataFile = LOCAL\n"
    )
    path = tmp_path / "big.mha"
    path.write_bytes(header.encode() + data.tobytes())
    found, _ = read(path)
    assert np.array_equal(found, np.arange(24).reshape(2, 3, 4))
    assert np.array_equal(found, sitk.GetArrayFromImage(sitk.ReadImage(str(path))))


def test_nifti_slope_and_intercept_are_applied(tmp_path):
    data = np.arange(60, dtype=np.int16).reshape(3, 4, 5)
    path = tmp_path / "scaled.nii"
    sitk.WriteImage(sitk.GetImageFromArray(data), str(path))
    raw = bytearray(path.read_bytes())
    raw[112:120] = np.array([0.5, -1000.0], "<f4").tobytes()
    path.write_bytes(raw)
    found, _ = read(path)
    assert np.allclose(found, data * 0.5 - 1000)
    assert np.allclose(found, sitk.GetArrayFromImage(sitk.ReadImage(str(path))))


def test_all_real_volumes_are_read_as_simpleitk_reads_them(shared):
    paths = [p for p in sorted(shared.rglob("*")) if p.name.endswith(ENDINGS)]
    for path in paths[::3]:
        header = inspect(path, root=shared, budget_bytes=1 << 31)
        itk = sitk.ReadImage(str(path))
        assert np.array_equal(read_voxels(header, root=shared), sitk.GetArrayFromImage(itk)), path.name
        last = tuple(int(n) - 1 for n in itk.GetSize())
        assert np.allclose(header.grid().to_world(last[::-1]), itk.TransformIndexToPhysicalPoint(last), atol=1e-3)
    assert len(paths) >= 60
