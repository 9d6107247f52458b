"""How many workers fit into memory."""

from __future__ import annotations

from pathlib import Path

import pytest

from spinefx.contract.case import Case
from spinefx.plan.sections import RunOptions
from spinefx.work.executors import memory
from spinefx.work.executors.memory import BASE_BYTES, room


class Loader:
    """Cases of a size that their ids tell."""

    def cases(self):
        return []

    def load(self, case):
        raise AssertionError("nothing is read")

    def voxels(self, case):
        return int(case.id)


class Silent:
    """A loader that cannot tell."""

    def cases(self):
        return []

    def load(self, case):
        raise AssertionError("nothing is read")


CASES = [Case(str(n), "1") for n in (1000, 100_000_000, 7)]
NEED = BASE_BYTES + 16 * 100_000_000


@pytest.fixture(autouse=True)
def _eight_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "count", lambda workers: workers or 8)


@pytest.mark.parametrize(("free", "workers"), [(9 * NEED, 8), (3 * NEED + 5, 3), (NEED // 2, 1)])
def test_as_many_workers_start_as_the_largest_volume_leaves_room_for(free: int, workers: int) -> None:
    found = room(RunOptions(), Loader(), CASES, free)
    assert found.workers == workers
    assert (found.told != "") == (workers < 8)
    assert workers == 8 or f"{workers} workers instead of 8: the largest scan takes up to 2.1 GB" in found.told


def test_a_number_that_the_user_gave_is_kept_and_doubted() -> None:
    found = room(RunOptions(workers=6), Loader(), CASES, 2 * NEED)
    assert found.workers == 6
    assert "6 workers may not fit; fewer in [run] workers would" in found.told


def test_where_nobody_tells_the_cores_decide() -> None:
    assert room(RunOptions(), Silent(), CASES, NEED).workers == 8
    assert room(RunOptions(), Loader(), CASES, 0).workers == 8
    assert room(RunOptions(executor="serial"), Loader(), CASES, 1).workers == 1


def test_only_the_largest_files_are_looked_into(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "_LOOKED_AT", 2)
    cases = []
    for number, size in ((5, 10), (900, 30), (30, 20)):
        path = tmp_path / f"{number}"
        path.write_bytes(bytes(size))
        cases.append(Case(str(number), "1", {"mask": path}))
    asked = []
    loader = Loader()
    loader.voxels = lambda case: asked.append(case.id) or int(case.id)  # type: ignore[method-assign]
    assert memory.largest(loader, cases) == 900
    assert asked == ["900", "30"]


def test_this_machine_says_how_much_is_free() -> None:
    assert memory.available() > 0
