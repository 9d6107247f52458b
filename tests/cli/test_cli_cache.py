"""`cache` and `explain` on six toy cases."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

Command = Callable[..., Any]


def test_the_cache_says_what_it_holds_and_for_whom(spinefx: Command, study: Path) -> None:
    spinefx("run")
    answer = spinefx("cache", "ls", "run")
    assert answer.code == 0
    assert f"{study / 'run'}: stands on " in answer.out
    told = spinefx("cache", "ls", "run", "--json").json
    assert told["loose"] > 6 * 3
    assert told["fits"] == 1
    assert told["runs"][str(study / "run")] >= told["loose"] - 1


def test_gc_takes_what_another_option_left_behind_and_the_run_stays_done(spinefx: Command, study: Path) -> None:
    spinefx("run")
    spinefx("run", "--set", "sample.spacing=1.5")
    assert spinefx("cache", "gc", "run").out.startswith("removed 0 artefacts and 0 fits")
    dry = spinefx("cache", "gc", "run", "--older", "0h", "--dry-run", "--json").json
    wet = spinefx("cache", "gc", "run", "--older", "0h", "--json").json
    assert dry | {"dry": False} == wet
    assert wet["artefacts"] >= 6
    assert wet["fits"] == 1
    told = spinefx("run", "--set", "sample.spacing=1.5", "--json").json
    assert (told["worked"], told["outcomes"]) == (False, {"cached": 6})


def test_verify_finds_damage_and_the_next_run_mends_it(spinefx: Command, study: Path) -> None:
    spinefx("run")
    assert spinefx("cache", "verify", "run").out.endswith("entries read, none is damaged\n")
    before = (study / "run" / "features.parquet").read_bytes()
    victim = sorted((study / ".spinefx-cache" / "steps").rglob("*.safetensors"))[0]
    victim.write_bytes(victim.read_bytes()[:-2])
    answer = spinefx("cache", "verify", "run")
    assert answer.code == 5
    assert victim.stem in answer.out
    assert spinefx("run").code == 0
    assert (study / "run" / "features.parquet").read_bytes() == before
    assert spinefx("cache", "verify", "run").code == 0


def test_a_folder_without_a_cache_and_an_age_that_is_none_are_usage_errors(spinefx: Command, study: Path) -> None:
    answer = spinefx("cache", "ls", "nowhere")
    assert (answer.code, "name a run's folder" in answer.err) == (2, True)
    spinefx("run")
    answer = spinefx("cache", "gc", "run", "--older", "soon")
    assert (answer.code, "wanted a number of hours, days or weeks" in answer.err) == (2, True)


def test_explain_tells_from_what_and_why(spinefx: Command, study: Path) -> None:
    answer = spinefx("explain", "p3_t2")
    assert answer.code == 0, answer.err
    assert "case p3_t2, patient p3" in answer.out
    assert "in no finished run of this folder yet" in answer.out
    spinefx("run")
    told = spinefx("explain", "p3_t2", "--json").json
    assert [step["step"] for step in told["steps"]] == ["geometry toy-height", "picture", "cut"]
    assert all(step["cached"] and step["made"] for step in told["steps"])
    by = ["loader toy, version 1", "segmenter mask, version 1", "geometry analyser toy-height, version 1"]
    assert told["steps"][0]["stages"] == by
    assert len(told["files"]["mask"]["sha256"]) == 64
    assert told["last_run"]["outcome"] == "done"
    answer = spinefx("explain", "p3_t2", "--set", "geometry.0.factor=2")
    assert "toy-height: factor is 2.0, was 1.0" in " ".join(answer.out.split())


def test_explain_names_the_nearest_case(spinefx: Command, study: Path) -> None:
    answer = spinefx("explain", "p3_t1")
    assert (answer.code, "did you mean" in answer.err) == (2, True)
