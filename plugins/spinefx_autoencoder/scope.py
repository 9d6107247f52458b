"""A scope in which torch works with a fixed number of threads and deterministic kernels; all is put back after."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch

from spinefx import kernels


@contextmanager
def calm(threads: int, device: str = "cpu") -> Iterator[None]:
    """Same bytes whoever calls: `threads` threads, deterministic algorithms (where the device has them).

    Memory that every kernel writes anyway is not filled before, which costs a twentieth of a step and changes no byte. The core
    gets one thread: samples are made ready beside torch's threads, and two on one small sample take nearly twice as long.
    """
    before, ours = torch.get_num_threads(), kernels.threads()
    strict, warns = torch.are_deterministic_algorithms_enabled(), torch.is_deterministic_algorithms_warn_only_enabled()
    torch.set_num_threads(threads)
    kernels.set_threads(1)
    memory: Any = torch.utils.deterministic
    fills, memory.fill_uninitialized_memory = memory.fill_uninitialized_memory, False
    torch.use_deterministic_algorithms(True, warn_only=not device.startswith("cpu"))
    try:
        yield
    finally:
        torch.set_num_threads(before)
        kernels.set_threads(ours)
        memory.fill_uninitialized_memory = fills
        torch.use_deterministic_algorithms(strict, warn_only=warns)
