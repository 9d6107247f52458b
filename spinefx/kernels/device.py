"""Arrays on a GPU: where they lie, whose stream they are on, and what is said where there is no GPU.

An array is on a GPU where it has `__cuda_array_interface__` (torch, CuPy, Numba); see
https://numba.readthedocs.io/en/stable/cuda/cuda_array_interface.html. It is used where it lies, and work goes to the
stream on which its library works, which is not waited for. torch is never imported here: a tensor brings it along.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import ModuleType
from typing import Any, Protocol

import numpy as np

from spinefx.contract.errors import SpinefxError

try:
    from spinefx.kernels import _cuda
except ImportError:  # a build without nvcc
    _cuda = None  # type: ignore[assignment]


class OnDevice(Protocol):
    """An array on a GPU; torch's CUDA tensors are."""

    @property
    def __cuda_array_interface__(self) -> dict[str, Any]: ...


class DeviceError(SpinefxError, RuntimeError):
    """There is no GPU, this build has no CUDA twins, the kernel has none, or CUDA refused."""

    exit_code = 2


@dataclass(frozen=True)
class Placed:
    """A C-contiguous array on a GPU: first byte, shape, type, and the stream as a number; `owner` keeps it alive."""

    address: int
    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    stream: int
    owner: object

    @property
    def nbytes(self) -> int:
        """Its size in bytes."""
        return math.prod(self.shape) * self.dtype.itemsize

    @property
    def pixel(self) -> str:
        """Its type as the core takes it: bool is sampled as 0 and 1."""
        return "uint8" if self.dtype == np.bool_ else self.dtype.name


def is_on_device(array: object) -> bool:
    """Whether an array lies on a GPU. torch's own RuntimeError for a tensor that requires grad: detach it first."""
    return hasattr(array, "__cuda_array_interface__")


def placed(array: object, what: str, *, writeable: bool = False) -> Placed:
    """Where an array lies; a torch tensor that is not contiguous is copied once on its device, unless it is written to.

    Raises
    ------
    TypeError, ValueError
        For what lies on no GPU, is not contiguous, masked or read-only.
    """
    if not is_on_device(array):
        raise TypeError(f"{what} must lie on the GPU as the data does, got {type(array).__name__}")
    facts: dict[str, Any] = array.__cuda_array_interface__  # type: ignore[attr-defined]
    shape, dtype = tuple(int(n) for n in facts["shape"]), np.dtype(facts["typestr"])
    address, read_only = facts["data"]
    if facts.get("mask") is not None:
        raise ValueError(f"{what} has a mask, which no kernel heeds")
    if writeable and read_only:
        raise ValueError(f"{what} must be writeable")
    if not _is_contiguous(shape, dtype, facts.get("strides")):
        if writeable or not _is_tensor(array):
            raise ValueError(f"{what} must be C-contiguous, got strides {facts['strides']} of shape {shape}")
        return placed(array.contiguous(), what)  # type: ignore[attr-defined]
    return Placed(int(address or 0), shape, dtype, _stream(array, facts), array)


def _is_contiguous(shape: tuple[int, ...], dtype: np.dtype[Any], strides: tuple[int, ...] | None) -> bool:
    if strides is None or 0 in shape:
        return True
    wanted = dtype.itemsize
    for size, stride in zip(reversed(shape), reversed(strides), strict=True):
        if size > 1 and stride != wanted:
            return False
        wanted *= size
    return True


def _is_tensor(array: object) -> bool:
    torch = sys.modules.get("torch")
    return torch is not None and isinstance(array, torch.Tensor)


def _stream(array: Any, facts: dict[str, Any]) -> int:
    """The stream on which the array's library works: torch's current one, else what the interface tells, else the default."""
    if _is_tensor(array):
        return int(sys.modules["torch"].cuda.current_stream(array.device).cuda_stream)
    told = facts.get("stream")
    if told is not None and (not isinstance(told, int) or told < 1):
        raise ValueError(f"__cuda_array_interface__ tells stream {told!r}, which the protocol does not allow")
    return 0 if told in (None, 1) else int(told)  # 1 is the default stream, as CUDA's 0


def new(like: Any, shape: tuple[int, ...], dtype: str | None = None) -> Any:
    """A new tensor beside `like`, of its type or `dtype`; arrays of other libraries have to bring `out`."""
    if not _is_tensor(like):
        raise TypeError(f"{type(like).__name__} cannot make the result: give `out`, or a torch tensor")
    return like.new_empty(shape) if dtype is None else like.new_empty(shape, dtype=getattr(sys.modules["torch"], dtype))


def shared_stream(*arrays: Placed) -> int:
    """The one stream of all arrays that hold anything; ValueError where they are on several."""
    streams = {array.stream for array in arrays}
    if len(streams) > 1:
        raise ValueError(f"arrays are on streams {sorted(streams)}: bring them to one")
    return streams.pop()


def overlap(a: Placed, b: Placed) -> bool:
    """Whether two arrays share a byte."""
    return a.address < b.address + b.nbytes and b.address < a.address + a.nbytes


@contextmanager
def twins() -> Iterator[ModuleType]:
    """The module of the CUDA twins; what CUDA refuses becomes a DeviceError.

    Raises
    ------
    DeviceError
        Where this build has none: how to get it.
    """
    if _cuda is None:
        raise DeviceError(
            "this build of spinefx has no CUDA kernels: install it from source where nvcc (CUDA 13) is on PATH, with "
            "SPINEFX_CUDA=ON in the environment, or bring the data to the CPU (tensor.cpu().numpy())"
        )
    try:
        yield _cuda
    except _cuda.CudaError as error:
        raise DeviceError(str(error)) from error


def status() -> str:
    """Whether the CUDA twins are built, for which cards, and which are here."""
    if _cuda is None:
        return "not in this build; the core runs on the CPU"
    built = f"built for sm {_cuda.architectures}"
    try:
        found = [f"{name} (sm {major}{minor}, {gib:.0f} GiB)" for name, (major, minor), gib in _cuda.devices()]
    except _cuda.CudaError as error:
        return f"{built}; {error}"
    return f"{built}; {', '.join(found)}"
