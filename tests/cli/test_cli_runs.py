"""`run`, `check`, `plan`, `status`, `report` on six toy cases."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from spinefx.contract.errors import StoreError

Command = Callable[..., Any]


def test_run_ends_with_a_report_and_says_where(spinefx: Command, study: Path) -> None:
    answer = spinefx("run")
    assert answer.code == 0, answer.err
    assert answer.out.splitlines() == ["6 cases: 6 done", f"report: {study / 'run' / 'report.html'}"]
    assert (study / "run" / "report.html").is_file()
    assert "6 cases -> " in answer.err
    assert "case p0_t2: done in" in answer.err
    assert "(6/6)" in answer.err
    assert "epoch 3/3: " in answer.err


def test_the_same_command_again_does_no_work_and_says_so(spinefx: Command, study: Path) -> None:
    spinefx("run")
    (study / "journal.txt").write_text("")
    answer = spinefx("run", "--quiet")
    assert answer.code == 0
    assert "case" not in answer.err
    assert "6 cases: 6 cached\nnothing to do: every step was there already\n" in answer.out
    assert (study / "journal.txt").read_text() == ""


def test_set_changes_one_option_and_redoes_what_hangs_on_it(spinefx: Command, study: Path) -> None:
    spinefx("run")
    (study / "journal.txt").write_text("")
    answer = spinefx("run", "--set", "geometry.0.factor=2", "--set", "report.title=twice")
    assert answer.code == 0
    assert {line.split()[0] for line in (study / "journal.txt").read_text().splitlines()} >= {"measure"}
    assert "fit" not in (study / "journal.txt").read_text()


def test_run_answers_programs_in_json(spinefx: Command, study: Path) -> None:
    told = spinefx("run", "--json").json
    assert told["outcomes"] == {"done": 6}
    assert (told["exit_code"], told["worked"], told["quarantined"]) == (0, True, [])
    assert Path(told["report"]).is_file()


def test_a_failing_case_is_told_and_the_exit_code_is_4(spinefx: Command, study: Path) -> None:
    answer = spinefx("run", "--set", 'data.bad=["p2_t2"]')
    assert answer.code == 4
    assert "6 cases: 5 done, 1 quarantined" in answer.out
    assert "p2_t2: ValueError: the toy is broken" in answer.out
    assert "case p2_t2: quarantined" in answer.err
    status = spinefx("status", "run")
    assert status.code == 0
    assert "p2_t2: ValueError: the toy is broken [loader toy]" in status.out
    assert "exit code: 4" in status.out


def test_check_counts_cases_and_labels_and_computes_nothing(spinefx: Command, study: Path) -> None:
    answer = spinefx("check")
    assert answer.code == 0
    assert answer.out.splitlines() == [
        "pipeline.toml: ok",
        "6 cases of 6 patients, loader toy",
        "6 label rows, targets: tall",
    ]
    assert (study / "journal.txt").read_text() == ""
    assert not (study / "run").exists()
    assert spinefx("check", "--json").json["labels"]["kinds"] == {"tall": "binary"}


def test_check_names_whose_label_or_image_is_missing(spinefx: Command, study: Path) -> None:
    (study / "labels.csv").write_text("who,tall\np0,1\np1,0\np2,1\n10,0\n9,1\n")
    out = spinefx("check", "--set", "labels.table=labels.csv", "--set", 'labels.key={patient="who"}').out
    assert "patients with images and no label: 3 (p3, p4, p5)" in out
    assert "patients with labels and no image: 2 (9, 10)" in out
    assert "no patient has a label" not in out


def test_a_label_table_of_other_patients_is_said_by_check_and_in_the_report(spinefx: Command, study: Path) -> None:
    (study / "labels.csv").write_text("who,tall\nq0,1\nq1,0\nq2,1\n")
    ours = ("--set", "labels.table=labels.csv", "--set", 'labels.key={patient="who"}')
    assert "no patient has a label: are ids written alike" in spinefx("check", *ours).out
    spinefx("run", *ours)
    stages = json.loads((study / "run" / "findings.json").read_text())["stages"]
    cohort = next(stage["findings"] for stage in stages if stage["name"] == "cohort")
    assert any(w.startswith("no label met a structure") for w in cohort["warnings"])


def test_check_of_an_empty_folder_is_a_data_error(spinefx: Command, study: Path) -> None:
    (study / "empty").mkdir()
    answer = spinefx("check", "--set", "data.root=empty")
    assert answer.code == 3
    assert "finds no case" in answer.err
    assert "Traceback" not in answer.err


def test_every_mistake_of_a_pipeline_is_told_and_the_exit_code_is_2(spinefx: Command, study: Path) -> None:
    answer = spinefx("run", "--set", "encode.epoch=5", "--set", "rum.seed=1")
    assert answer.code == 2
    assert answer.err.splitlines() == [
        "--set encode.epoch=5 [encode]: unknown key `epoch`; did you mean `epochs`?   (spinefx plugins show toy-mean)",
        "--set rum.seed=1: unknown section `rum`; did you mean `run`?",
    ]


def test_plan_shows_every_default_and_what_would_run(spinefx: Command, study: Path) -> None:
    answer = spinefx("plan")
    assert answer.code == 0
    shown = tomllib.loads(answer.out)
    assert shown["split"]["folds"] == 5
    assert "# cut: 0 cached, 6 to run" in answer.out
    spinefx("run")
    again = spinefx("plan")
    assert "# cut: 6 cached, 0 to run" in again.out
    assert "# nothing to do: every step is there already" in again.out


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="needs a place where even root cannot write")
def test_plan_looks_where_nothing_can_be_written(spinefx: Command, study: Path) -> None:
    answer = spinefx("plan", "--set", "run.out=/proc/self/nowhere/run")
    assert answer.code == 0
    assert "# cut: 0 cached, 6 to run" in answer.out


def test_plan_tells_each_step_of_each_case(spinefx: Command, study: Path) -> None:
    lines = spinefx("plan", "--cases").out.splitlines()
    assert lines[0].split() == ["case", "step", "state", "why"]
    assert any(line.startswith("p3_t2  cut") and "to run" in line for line in lines)
    steps = spinefx("plan", "--json").json["steps"]
    assert {step["case"] for step in steps} == {f"p{n}_t2" for n in range(6)}


def test_plan_tells_why_a_step_would_run(spinefx: Command, study: Path) -> None:
    spinefx("run")
    out = spinefx("plan", "--set", "geometry.0.factor=3").out
    assert "# geometry toy-height: 0 cached, 6 to run (toy-height: factor is 3.0, was 1.0)" in out
    assert "# cut: 6 cached, 0 to run" in out
    assert "# fit, measure, judge: can be told when the cases are done" in out
    out = spinefx("plan", "--set", "encode.epochs=5").out
    assert "# fit toy-mean: to run (toy-mean: epochs is 5, was 3)" in out
    assert "# cut: 6 cached, 0 to run" in out


def test_what_plan_shows_runs_to_the_same_features(spinefx: Command, study: Path) -> None:
    spinefx("run")
    before = (study / "run" / "features.csv").read_bytes()
    (study / "whole.toml").write_text(spinefx("plan", "--toml").out)
    answer = spinefx("run", "whole.toml", "--set", "run.out=again")
    assert answer.code == 0
    assert (study / "again" / "features.csv").read_bytes() == before


def test_report_is_written_again_without_computing(spinefx: Command, study: Path) -> None:
    spinefx("run")
    (study / "run" / "report.html").unlink()
    (study / "journal.txt").write_text("")
    answer = spinefx("report", "run")
    assert (answer.code, answer.out) == (0, "report: run/report.html\n")
    assert (study / "run" / "report.html").is_file()
    assert (study / "journal.txt").read_text() == ""
    assert spinefx("report", "run", "--json").json == {"report": "run/report.html"}


@pytest.mark.parametrize("command", ["status", "report"])
def test_a_folder_that_is_no_runs_is_told(spinefx: Command, study: Path, command: str) -> None:
    answer = spinefx(command, "cases")
    assert answer.code == StoreError.exit_code == 5
    assert "no run.json in it; is this a run's folder?" in answer.err


def test_status_of_a_finished_run(spinefx: Command, study: Path) -> None:
    spinefx("run")
    assert spinefx("status", "run").out.splitlines() == [
        "run: finished",
        "cases: 6 of 6 (6 done)",
        "exit code: 0",
        "report: run/report.html",
    ]


def test_status_of_a_killed_run_counts_what_was_done(spinefx: Command, study: Path) -> None:
    spinefx("run")
    record = json.loads((study / "run" / "run.json").read_text())
    record |= {"state": "casework", "cases": [], "exit_code": None}
    (study / "run" / "run.json").write_text(json.dumps(record))
    events = (study / "run" / "log.jsonl").read_text().splitlines()
    begun = next(i for i, line in enumerate(events) if '"run started"' in line)
    (study / "run" / "log.jsonl").write_text("\n".join(events[: begun + 5]) + '\n{"event": "case do')
    told = spinefx("status", "run", "--json").json
    assert (told["running"], told["done"], told["cases"]) == (False, 3, 6)
    assert "it was killed; the same `spinefx run` goes on from here" in spinefx("status", "run").out


def test_a_damaged_record_is_told(spinefx: Command, study: Path) -> None:
    spinefx("run")
    (study / "run" / "run.json").write_text("{")
    answer = spinefx("status", "run")
    assert answer.code == 5
    assert "run.json" in answer.err
    assert "Traceback" not in answer.err
