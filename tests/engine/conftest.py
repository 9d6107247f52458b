"""Benches for the engine's tests."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from toy_bench import Bench


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


@pytest.fixture
def make_bench(tmp_path: Path) -> Callable[[str, int], Bench]:
    def make(name: str, cases: int = 8) -> Bench:
        (tmp_path / name).mkdir()
        return Bench(tmp_path / name, cases)

    return make
