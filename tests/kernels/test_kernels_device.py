"""Arrays on a GPU: what is refused before anything is touched, here; the numbers, where there is a GPU."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

from spinefx import kernels
from spinefx.api import Grid
from spinefx.contract.errors import GridError, SpinefxError
from spinefx.kernels import device

SOURCE = Grid((7, 20, 31), (3.0, 0.6, 0.7), (4.0, -3.0, 2.0))
TARGET = Grid((11, 25, 40), (1.5, 0.5, 0.6), (3.0, -2.0, 2.5))
ANGLE = np.deg2rad(20.0)
TURN = np.array([[np.cos(ANGLE), -np.sin(ANGLE), 0, 1], [np.sin(ANGLE), np.cos(ANGLE), 0, -2], [0, 0, 1, 0.5]])

needs_gpu = pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no GPU here that torch can use")
needs_twins = pytest.mark.skipif(device._cuda is None, reason="this build has no CUDA kernels")


class Abroad:
    """What says that it lies on a GPU; its memory is a NumPy array's, which no kernel may get to see."""

    def __init__(self, array: np.ndarray[Any, Any], **facts: Any) -> None:
        self.array, self.facts = array, facts

    @property
    def __cuda_array_interface__(self) -> dict[str, Any]:
        told = self.array.__array_interface__
        return {key: told[key] for key in ("shape", "typestr", "data", "strides")} | {"version": 3} | self.facts


def image(dtype: str = "float32") -> np.ndarray[Any, Any]:
    drawn = np.random.default_rng(3).uniform(0, 250, SOURCE.shape)
    return drawn.astype(dtype)


def test_an_array_tells_where_it_lies() -> None:
    array = image()
    found = device.placed(Abroad(array), "data")
    assert (found.address, found.shape, found.dtype) == (array.ctypes.data, SOURCE.shape, np.float32)
    assert (found.nbytes, found.stream, found.pixel) == (array.nbytes, 0, "float32")
    assert device.placed(Abroad(array, stream=1), "data").stream == 0  # both are the default stream
    assert device.placed(Abroad(array, stream=77), "data").stream == 77
    assert device.placed(Abroad(np.zeros((2, 2), bool)), "data").pixel == "uint8"
    assert device.placed(Abroad(np.zeros((0, 3))), "data").nbytes == 0


@pytest.mark.parametrize(
    ("array", "what"),
    [
        (Abroad(image()[:, ::2]), "data must be C-contiguous, got strides"),
        (Abroad(image()[::-1]), "data must be C-contiguous"),
        (Abroad(image(), mask=1), "mask"),
        (Abroad(image(), stream=0), "stream 0, which the protocol does not allow"),
    ],
)
def test_arrays_that_no_kernel_can_read_are_refused(array: Abroad, what: str) -> None:
    with pytest.raises(ValueError, match=what):
        kernels.resample(array, SOURCE, TARGET)


def test_one_voxel_axes_may_have_any_stride() -> None:
    odd = np.lib.stride_tricks.as_strided(np.zeros(12, np.float32), (1, 3, 4), (999, 16, 4))
    assert device.placed(Abroad(odd), "data").shape == (1, 3, 4)


@needs_twins
@pytest.mark.parametrize(
    ("arguments", "error", "what"),
    [
        ({"out": Abroad(np.empty(TARGET.shape))}, ValueError, "out must have shape"),
        ({"out": np.empty(TARGET.shape, np.float32)}, TypeError, "out must lie on the GPU"),
        ({"out": Abroad(np.broadcast_to(np.float32(0), TARGET.shape), strides=None)}, ValueError, "writeable"),
        ({"out": Abroad(np.empty(TARGET.shape, np.float32), stream=9)}, ValueError, r"streams \[0, 9\]"),
        ({}, TypeError, "Abroad cannot make the result: give `out`"),
    ],
)
def test_results_that_do_not_fit_are_refused(arguments: Any, error: type[Exception], what: str) -> None:
    with pytest.raises(error, match=what):
        kernels.resample(Abroad(image()), SOURCE, TARGET, **arguments)


@needs_twins
def test_a_result_over_its_source_is_refused() -> None:
    both = np.empty(40_000, np.float32)
    data, out = both[: np.prod(SOURCE.shape)], both[100 : 100 + np.prod(TARGET.shape)]
    with pytest.raises(ValueError, match="overlap"):
        kernels.resample(Abroad(data.reshape(SOURCE.shape)), SOURCE, TARGET, out=Abroad(out.reshape(TARGET.shape)))


@pytest.mark.parametrize(
    ("call", "what"),
    [
        (lambda a: kernels.resample(a, SOURCE, TARGET, method="cubic"), "cubic has no CUDA kernel"),
        (lambda a: kernels.resample(a, SOURCE, TARGET, antialias=True), "linear with antialias has no CUDA kernel"),
        (lambda a: kernels.label_statistics(a, SOURCE, a), "statistics of an image have no CUDA kernel"),
    ],
)
def test_what_has_no_twin_is_named(call: Callable[[Any], Any], what: str) -> None:
    with pytest.raises(kernels.DeviceError, match=what):
        call(Abroad(image()))


def test_grids_and_types_are_checked_as_on_the_cpu() -> None:
    with pytest.raises(GridError, match="its last three axes must be the source grid's"):
        kernels.resample(Abroad(image()), TARGET, SOURCE)
    with pytest.raises(TypeError, match="linear takes float32"):
        kernels.resample(Abroad(image("float64")), SOURCE, TARGET)
    with pytest.raises(TypeError, match="labels must be uint16, uint8 or bool"):
        kernels.label_statistics(Abroad(image()), SOURCE)
    with pytest.raises(TypeError, match="maps must be float32"):
        kernels.soft_moments(Abroad(image()))
    with pytest.raises(ValueError, match="displacement must be float32"):
        kernels.warp(Abroad(image()), SOURCE, TARGET, displacement=Abroad(np.zeros((2, *TARGET.shape), np.float32)))


def test_a_build_without_cuda_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(device, "_cuda", None)
    with pytest.raises(SpinefxError, match=r"no CUDA kernels: install it from source where nvcc .* SPINEFX_CUDA=ON"):
        kernels.resample(Abroad(image()), SOURCE, TARGET)
    with pytest.raises(kernels.DeviceError, match="no CUDA kernels"):
        kernels.label_statistics(Abroad(image("uint8")), SOURCE)
    assert device.status() == "not in this build; the core runs on the CPU"


@needs_twins
@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU here")
def test_a_machine_without_a_gpu_says_so() -> None:
    out = Abroad(np.empty(TARGET.shape, np.float32))
    none = "no NVIDIA driver|no NVIDIA GPU|NVIDIA driver is for"
    with pytest.raises(kernels.DeviceError, match=none):
        kernels.resample(Abroad(image()), SOURCE, TARGET, out=out)
    with pytest.raises(kernels.DeviceError, match=none):
        kernels.label_statistics(Abroad(image("uint8")), SOURCE)
    assert device.status().startswith("built for sm 75")


# From here on a GPU is needed; the same bodies run on the CPU in csrc/tests/test_blocks.cpp.


def on_gpu(array: np.ndarray[Any, Any]) -> torch.Tensor:
    return torch.from_numpy(np.ascontiguousarray(array)).cuda()


@needs_gpu
@needs_twins
@pytest.mark.parametrize("dtype", ["float32", "int16", "uint8", "float16", "bool"])
@pytest.mark.parametrize("method", ["linear", "nearest"])
def test_resampling_has_the_bits_of_the_cpu(dtype: str, method: Any) -> None:
    data = np.stack([image(dtype), image(dtype)[::-1]])
    found = kernels.resample(on_gpu(data), SOURCE, TARGET, method=method, fill=1)
    assert isinstance(found, torch.Tensor) and found.is_cuda
    np.testing.assert_array_equal(found.cpu().numpy(), kernels.resample(data, SOURCE, TARGET, method=method, fill=1))


@needs_gpu
@needs_twins
@pytest.mark.parametrize("method", ["linear", "nearest"])
def test_warping_has_the_numbers_of_the_cpu(method: Any) -> None:
    data, field = image(), np.random.default_rng(4).normal(0, 2, (3, *TARGET.shape)).astype(np.float32)
    for matrix, moved in ((TURN, None), (None, field), (TURN, field)):
        wanted = kernels.warp(data, SOURCE, TARGET, matrix=matrix, displacement=moved, method=method)
        there = None if moved is None else on_gpu(moved)
        found = kernels.warp(on_gpu(data), SOURCE, TARGET, matrix=matrix, displacement=there, method=method)
        off = np.abs(found.cpu().numpy() - wanted).max()
        assert off <= (250 * 1e-5 if method == "linear" else 0)  # the CPU locates by floats there


@needs_gpu
@needs_twins
def test_tensors_of_any_stride_are_sampled_and_out_is_used() -> None:
    data = image()
    turned = on_gpu(np.ascontiguousarray(data.transpose(2, 1, 0))).permute(2, 1, 0)
    out = torch.empty(TARGET.shape, device="cuda")
    assert kernels.resample(turned, SOURCE, TARGET, out=out) is out
    np.testing.assert_array_equal(out.cpu().numpy(), kernels.resample(data, SOURCE, TARGET))
    with pytest.raises(ValueError, match="out must be C-contiguous"):
        kernels.resample(turned, SOURCE, SOURCE, out=torch.empty_like(turned))


@needs_gpu
@needs_twins
def test_work_goes_to_the_callers_stream_and_can_be_captured() -> None:
    data, out = on_gpu(image()), torch.empty(TARGET.shape, device="cuda")
    kernels.resample(data, SOURCE, TARGET, out=out)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        kernels.resample(data, SOURCE, TARGET, out=out)
    out.zero_()
    graph.replay()
    np.testing.assert_array_equal(out.cpu().numpy(), kernels.resample(image(), SOURCE, TARGET))


@needs_gpu
@needs_twins
@pytest.mark.parametrize("dtype", ["uint8", "uint16"])
def test_label_statistics_are_those_of_the_cpu(dtype: str) -> None:
    labels = np.random.default_rng(5).integers(0, 256 if dtype == "uint8" else 40_000, SOURCE.shape).astype(dtype)
    labels[2:5, 3:12, 4:20] = 7
    wanted, found = kernels.label_statistics(labels, SOURCE), kernels.label_statistics(on_gpu(labels), SOURCE)
    for name in ("value", "voxels", "volume_mm3", "centroid_mm", "covariance_mm2", "box"):
        np.testing.assert_array_equal(getattr(found, name), getattr(wanted, name))


@needs_gpu
@needs_twins
@pytest.mark.parametrize("shape", [(64, 32, 16, 16, 16), (2, 3, 150, 4, 70), (0, 3, 4, 4, 4), (2, 2, 0, 4, 4)])
def test_soft_moments_have_the_bits_of_the_cpu(shape: tuple[int, ...]) -> None:
    maps = np.random.default_rng(6).normal(0, 1, shape).astype(np.float32)
    found = kernels.soft_moments(on_gpu(maps))
    assert found.dtype == torch.float64 and found.is_cuda
    np.testing.assert_array_equal(found.cpu().numpy(), kernels.soft_moments(maps))


@needs_twins
@pytest.mark.skipif(torch.cuda.device_count() < 2, reason="there are not two GPUs here")
def test_the_second_gpu_is_used_where_the_tensor_lies_there() -> None:
    there = torch.from_numpy(image()).cuda(1)
    found = kernels.resample(there, SOURCE, TARGET)
    assert found.device == there.device
    np.testing.assert_array_equal(found.cpu().numpy(), kernels.resample(image(), SOURCE, TARGET))
    with pytest.raises(kernels.DeviceError, match="arrays lie on devices"):
        kernels.resample(there, SOURCE, TARGET, out=torch.empty(TARGET.shape, device="cuda:0"))
