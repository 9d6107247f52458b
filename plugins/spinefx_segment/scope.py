"""How torch computes while the segmenter does: the same bytes whoever calls, and with however many threads."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import torch


@contextmanager
def calm(device: str) -> Iterator[None]:
    """One thread for each convolution, and deterministic algorithms where the device has them; others' settings come back.

    Memory that every kernel writes anyway is not filled before.
    """
    before, strict = torch.get_num_threads(), torch.are_deterministic_algorithms_enabled()
    warns = torch.is_deterministic_algorithms_warn_only_enabled()
    torch.set_num_threads(1)
    memory: Any = torch.utils.deterministic
    fills, memory.fill_uninitialized_memory = memory.fill_uninitialized_memory, False
    torch.use_deterministic_algorithms(True, warn_only=device != "cpu")
    try:
        yield
    finally:
        torch.set_num_threads(before)
        memory.fill_uninitialized_memory = fills
        torch.use_deterministic_algorithms(strict, warn_only=warns)


def crew(threads: int) -> ThreadPoolExecutor:
    """Threads that take patches or tiles in turn, each alone: what comes out does not hang on their number."""
    return ThreadPoolExecutor(threads, "spinefx-segment", torch.set_num_threads, (1,))
