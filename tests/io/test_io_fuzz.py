"""The fuzzer runs, finds what it should, and nothing in a short run; long runs are `python -m tests.fuzz`."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import pytest

SPEC = importlib.util.spec_from_file_location("spinefx_fuzz", Path(__file__).parents[1] / "fuzz.py")
assert SPEC is not None
assert SPEC.loader is not None
fuzz = importlib.util.module_from_spec(SPEC)
sys.modules["spinefx_fuzz"] = fuzz
SPEC.loader.exec_module(fuzz)


@pytest.mark.parametrize("name", sorted(fuzz.TARGETS))
def test_a_short_run_parses_some_refuses_the_rest_and_breaks_nothing(name: str) -> None:
    done, accepted, data, how = fuzz.fuzz(name, runs=400, seconds=60.0, seed=3)
    assert (data, how) == (None, "")
    assert done == 400
    assert 0 < accepted < done


def test_a_parser_that_breaks_is_found(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys) -> None:
    def fragile(data: bytes) -> None:
        if b"nan" in data:
            raise ZeroDivisionError("nan")

    monkeypatch.setitem(fuzz.TARGETS, "fragile", fuzz.Target(fragile, lambda: [b"1 2 3"]))
    monkeypatch.chdir(tmp_path)
    assert fuzz.main(["fragile", "--runs", "5000"]) == 1
    assert "BROKEN: ZeroDivisionError: nan" in capsys.readouterr().out
    assert b"nan" in (tmp_path / "fuzz-fragile.bin").read_bytes()


def test_a_parser_that_hangs_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    def endless(data: bytes) -> None:
        while b"inf" in data:
            pass

    monkeypatch.setitem(fuzz.TARGETS, "endless", fuzz.Target(endless, lambda: [b"1 2 3"]))
    monkeypatch.setattr(fuzz, "HANG_S", 1)
    _, _, data, how = fuzz.fuzz("endless", runs=5000, seconds=30.0, seed=0)
    assert data is not None
    assert b"inf" in data
    assert how == "64 runs took more than 1 s"
