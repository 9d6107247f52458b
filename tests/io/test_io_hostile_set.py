"""The hostile set, end to end: one clear message each, nothing read outside, no hang over five seconds, bounded memory."""

from __future__ import annotations

import builtins
import os
import re
import signal
import tracemalloc
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from hostile_set import NAMES, TOMLS, write_dicom, write_spider, write_tables

from spinefx.api import LabelTableError, PlanError
from spinefx.contract.labels import Labels
from spinefx.engine import Engine
from spinefx.labels import LabelKey, LabelOptions, read_labels
from spinefx.plan import Plan
from spinefx.work.cases.verdict import Judging, Verdict, judged


@contextmanager
def five_seconds() -> Iterator[None]:
    def late(*_: object) -> None:
        raise TimeoutError("took more than five seconds")

    before = signal.signal(signal.SIGALRM, late)
    signal.alarm(5)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


def verdicts(root: Path, loader: str) -> list[Verdict]:
    plan = Plan.of({"data": {"use": loader, "root": str(root)}, "run": {"executor": "serial"}}, root)
    with five_seconds():
        cases = Engine(plan).check().cases
    judge, out = Judging(plan), []
    for case in cases:
        with five_seconds():
            out.append(judge(case))
    return out


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """Every path that Python code opens while the test runs."""
    seen: list[Path] = []
    for module, name in ((builtins, "open"), (__import__("io"), "open")):
        real = getattr(module, name)

        def spy(file, *words, real=real, **named):
            if isinstance(file, (str, os.PathLike)):
                seen.append(Path(file).resolve())
            return real(file, *words, **named)

        monkeypatch.setattr(module, name, spy)
    return seen


def test_a_hostile_tree_costs_its_cases_and_nothing_else(tmp_path, opened):
    wanted = write_spider(tmp_path / "spider")
    opened.clear()
    tracemalloc.start()
    found = {verdict.case: verdict for verdict in verdicts(tmp_path / "spider", "spider")}
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert len(found) == len(wanted) + len(NAMES)
    for case, said in wanted.items():
        verdict = found.pop(case)
        assert verdict.outcome == ("quarantined" if said else "used"), verdict
        assert len(verdict.said) == bool(said)
        assert all(re.search(said, message) for message in verdict.said), verdict
    for verdict in found.values():
        assert verdict.case.startswith("unnamed-")
        assert verdict.outcome == "quarantined"
        assert verdict.said[0].isprintable()
        assert "name is not" in verdict.said[0]
    assert peak < 40_000_000
    outside = [p for p in opened if p.is_relative_to(tmp_path) and not p.is_relative_to(tmp_path / "spider")]
    assert not outside
    assert Path("/etc/passwd") not in opened


def test_hostile_dicom_costs_its_cases_and_nothing_else(tmp_path, opened):
    write_dicom(tmp_path / "dicom")
    opened.clear()
    tracemalloc.start()
    found = verdicts(tmp_path / "dicom", "dicom")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    said = {verdict.case: (verdict.outcome, "".join(verdict.said)) for verdict in found}
    assert "no mask" in said.pop("P1")[1]
    assert re.search("GB|field of view", said.pop("W")[1])
    assert "one slice" in said.pop("S")[1]
    assert len(said) == 2
    assert all(case.startswith("unnamed-") for case in said)
    assert any("5 DICOM files of one folder cannot be used" in text for _, text in said.values())
    assert "<script>" not in repr(found)
    assert peak < 40_000_000
    assert Path("/etc/passwd") not in opened


def test_verdicts_on_a_hostile_tree_come_from_workers_too(tmp_path):
    wanted = write_spider(tmp_path / "spider")
    data = {"use": "spider", "root": str(tmp_path / "spider")}
    plan = Plan.of({"data": data, "run": {"executor": "processes", "workers": 2}}, tmp_path)
    engine = Engine(plan)
    found = list(judged(plan, engine.loader, engine.check().cases, Labels()))
    assert len(found) == len(wanted) + len(NAMES)
    used = {verdict.case for verdict in found if verdict.outcome != "quarantined"}
    assert used == {case for case, said in wanted.items() if not said}


def test_hostile_label_tables_end_in_one_message_each(tmp_path, opened):
    wanted = write_tables(tmp_path / "tables")
    opened.clear()
    for name, said in wanted.items():
        options = LabelOptions(table=tmp_path / "tables" / name, key=LabelKey(patient="Who", level="Level"))
        with five_seconds():
            if said:
                with pytest.raises(LabelTableError, match=said) as caught:
                    read_labels(options)
                assert len(str(caught.value)) < 600
            else:
                assert read_labels(options).rows
    assert Path("/etc/passwd") not in opened


@pytest.mark.parametrize("name", TOMLS)
def test_a_hostile_pipeline_ends_in_one_message(tmp_path, name):
    content, said = TOMLS[name]
    (tmp_path / "pipeline.toml").write_bytes(content)
    with five_seconds(), pytest.raises(PlanError, match=said):
        Plan.read(tmp_path / "pipeline.toml")
