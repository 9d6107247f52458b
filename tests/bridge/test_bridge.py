"""Images of other libraries come in where they lie, without a copy where that is possible, and go back the same."""

from __future__ import annotations

import gc
from typing import Any

import numpy as np
import pytest
import SimpleITK as sitk

import spinefx
from spinefx import bridge, kernels
from spinefx.api import DataError, Grid, GridError, SchemeError
from spinefx.testing import phantom_scan

SCAN = phantom_scan()
IMAGE, MASK = SCAN.images["t2"], SCAN.require_mask()


def as_metatensor(volume: Any) -> Any:
    data, affine = bridge.to_nibabel(volume).dataobj, bridge.to_nibabel(volume).affine
    meta = pytest.importorskip("monai.data").MetaTensor
    return meta(np.array(data, np.float32)[None], affine=affine)


@pytest.mark.parametrize(
    "make", [bridge.to_simpleitk, bridge.to_nibabel, as_metatensor], ids=["sitk", "nibabel", "monai"]
)
def test_an_image_comes_back_where_it_was(make: Any) -> None:
    back = bridge.volume(make(IMAGE))
    assert back.grid == IMAGE.grid
    assert np.array_equal(back.data, IMAGE.data)


def test_a_mask_comes_back_with_its_scheme() -> None:
    back = bridge.labels(bridge.to_simpleitk(MASK), "spider")
    assert np.array_equal(back.labels, MASK.labels)
    assert back.structures("disc") == MASK.structures("disc")
    with pytest.raises(SchemeError, match="201"):
        bridge.labels(bridge.to_simpleitk(MASK), "totalsegmentator")


def test_points_are_where_each_library_says() -> None:
    image, grid = bridge.to_simpleitk(IMAGE), IMAGE.grid
    assert np.allclose(image.TransformIndexToPhysicalPoint((3, 5, 7)), grid.to_world((7, 5, 3)))
    ras = bridge.to_nibabel(IMAGE).affine @ [3, 5, 7, 1]
    assert np.allclose(ras[:3] * [-1, -1, 1], grid.to_world((7, 5, 3)))


def test_nothing_is_copied_where_types_and_order_allow() -> None:
    image = bridge.to_simpleitk(IMAGE)
    assert np.shares_memory(bridge.volume(image).data, sitk.GetArrayViewFromImage(image))
    nifti = bridge.to_nibabel(IMAGE)
    assert np.shares_memory(bridge.volume(nifti).data, IMAGE.data)
    array = np.zeros(IMAGE.grid.shape, np.float32)
    assert np.shares_memory(bridge.volume(array, IMAGE.grid).data, array)
    torch = pytest.importorskip("torch")
    tensor = torch.zeros(IMAGE.grid.shape)
    assert bridge.volume(tensor, IMAGE.grid).data.ctypes.data == tensor.data_ptr()


def test_the_voxels_outlive_the_image_that_brought_them() -> None:
    volumes = []
    for _ in range(8):
        image = bridge.to_simpleitk(IMAGE)
        volumes.append(bridge.volume(image))
        del image
        gc.collect()
    junk = [np.full(IMAGE.grid.shape, 7.0, np.float32) for _ in range(8)]
    assert all(np.array_equal(volume.data, IMAGE.data) for volume in volumes)
    assert junk[0].any()


def test_itk_images_come_in_too() -> None:
    itk = pytest.importorskip("itk", reason="itk is not installed here")
    image = itk.image_from_array(np.array(IMAGE.data))
    image.SetSpacing([float(v) for v in IMAGE.grid.spacing[::-1]])
    image.SetOrigin([float(v) for v in IMAGE.grid.origin])
    image.SetDirection(itk.matrix_from_array(np.array(IMAGE.grid.direction)))
    back = bridge.volume(image)
    assert back.grid == IMAGE.grid
    assert np.array_equal(back.data, IMAGE.data)
    del image
    gc.collect()
    assert np.array_equal(back.data, IMAGE.data)


def test_what_is_no_image_is_refused_in_words() -> None:
    with pytest.raises(DataError, match="does not say where it lies; give grid="):
        bridge.volume(np.zeros((2, 3, 4), np.float32))
    with pytest.raises(DataError, match=r"builtins\.dict is no image that is known"):
        bridge.volume({})
    with pytest.raises(DataError, match="three dimensions"):
        bridge.volume(sitk.Image(4, 4, sitk.sitkFloat32))
    nibabel = pytest.importorskip("nibabel")
    sheared = np.eye(4)
    sheared[0, 1] = 0.3
    with pytest.raises(GridError, match="orthonormal"):
        bridge.volume(nibabel.Nifti1Image(np.zeros((4, 4, 4), np.float32), sheared))


def test_stages_work_alone_as_they_do_in_a_run() -> None:
    scan = spinefx.scan({"t2": bridge.to_simpleitk(IMAGE)}, mask=bridge.to_nibabel(MASK), scheme="spider", case="1")
    measured = spinefx.stage("disc").measure(scan)
    plugin = spinefx.stage("disc").measure(SCAN)
    assert np.allclose(measured.columns["height_mm"], plugin.columns["height_mm"], atol=1e-6)
    finer = spinefx.stage("resample", spacing_mm=2.0).process(scan)
    assert finer.mask.grid.spacing == (2.0, 2.0, 2.0)
    target = Grid((40, 40, 40), (3.0, 3.0, 3.0), IMAGE.grid.origin, IMAGE.grid.direction)
    volume = bridge.volume(bridge.to_simpleitk(IMAGE))
    assert kernels.resample(volume.data, volume.grid, target).shape == (40, 40, 40)


def test_a_stage_of_another_name_or_option_is_refused_in_words() -> None:
    from spinefx.api import PluginError

    with pytest.raises(PluginError, match="no plugin 'dics'"):
        spinefx.stage("dics")
    with pytest.raises(PluginError, match=r"spacing_mm.*spinefx plugins show resample"):
        spinefx.stage("resample", spacing_mm="wide")
