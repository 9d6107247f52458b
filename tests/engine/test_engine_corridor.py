"""What a run leaves, what running again does, and that results hang on content alone."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
from toy_bench import Bench

from spinefx.contract.errors import DataError, PlanError, StoreError
from spinefx.engine import Engine
from spinefx.store.cache import Cache
from spinefx.store.lock import locked
from spinefx.store.run import Run

FILES = {
    "run.json",
    "features.parquet",
    "features.csv",
    "features.xlsx",
    "latents.parquet",
    "latents.csv",
    "findings.json",
}
FILES |= {"report.html", "model", "qc", "log.jsonl", "split.json", "features_dictionary.csv", "features_missing.csv"}


def _bytes(run: Run) -> dict[str, bytes]:
    names = (
        "features.parquet",
        "features.csv",
        "features.xlsx",
        "latents.parquet",
        "latents.csv",
        "findings.json",
        "split.json",
    )
    return {name: (run.folder / name).read_bytes() for name in names}


def test_one_person_under_two_names_is_told(make_bench: Callable[[str, int], Bench]) -> None:
    bench = make_bench("twins", 4)
    (bench.root / "p3_t2.txt").write_text((bench.root / "p1_t2.txt").read_text())
    said = [text for stage in bench.run().findings()["stages"] for text in stage["findings"].get("warnings", ())]
    assert [text for text in said if "one person twice" in text] == [
        "cases p1_t2, p3_t2 are of different patients and hold the same voxels: one person twice, perhaps in training and in "
        "test? Keep one, or give them one patient id."
    ]


def test_a_run_leaves_what_the_page_says(bench: Bench) -> None:
    run = bench.run()
    assert run.exit_code == 0
    assert {p.name for p in run.folder.iterdir()} >= FILES
    features = run.features()
    assert list(features.columns) == ["case", "patient", "structure", "level", "toy-height.height_mm"]
    truth = {f"p{n}_t2": 2.0 * (2 + n % 4) for n in range(8)}
    assert dict(zip(features["case"], features["toy-height.height_mm"], strict=True)) == truth
    assert set(run.latents()["split"]) == {"train", "validation", "test"}
    said = next(s for s in run.findings()["stages"] if s["name"] == "toy-say")
    assert said["findings"]["tables"][0]["rows"] == [[16]]


def test_the_same_command_again_does_no_work_and_says_so(bench: Bench) -> None:
    before = _bytes(bench.run())
    bench.lines()
    again = bench.run()
    assert bench.lines() == []
    assert not again.worked
    assert "nothing to do" in again.summary()
    assert set(again.outcomes.values()) == {"cached"}
    assert _bytes(again) == before


@pytest.mark.parametrize(
    ("change", "redone"),
    [
        ({"geometry": {"factor": 2.0}}, {"load", "measure", "evaluate"}),
        ({"sample": {"spacing": 1.5}}, {"load", "fit", "epoch", "encode", "evaluate"}),
        ({"encode": {"epochs": 4}}, {"fit", "epoch", "encode", "evaluate"}),
        ({"evaluate": {"word": "so"}}, {"evaluate"}),
        ({"run": {"seed": 1}}, {"fit", "epoch", "encode", "evaluate"}),
        ({"report": {"title": "T"}}, set()),
    ],
    ids=lambda v: "-".join(v) if isinstance(v, dict) else "",
)
def test_one_changed_option_redoes_only_what_hangs_on_it(
    bench: Bench, change: dict[str, dict[str, object]], redone: set[str]
) -> None:
    bench.run()
    bench.lines()
    bench.run(**change)
    assert {line.split()[0] for line in bench.lines()} == redone


def test_one_changed_file_redoes_only_its_case(bench: Bench) -> None:
    bench.run()
    bench.lines()
    (bench.root / "p3_t2.txt").write_text("6")
    run = bench.run()
    assert [line for line in bench.lines() if line.startswith(("load", "measure"))] == ["load p3_t2", "measure p3_t2"]
    assert list(run.features().set_index("case").loc["p3_t2", "toy-height.height_mm"]) == [12.0, 12.0]


def test_workers_and_executors_change_no_byte(make_bench) -> None:  # type: ignore[no-untyped-def]
    one = _bytes(make_bench("one").run())
    two = _bytes(make_bench("two").run(run={"executor": "processes", "workers": 2}))
    assert one == two


def test_a_fit_never_sees_a_test_patient(bench: Bench) -> None:
    run = bench.run()
    fitted = next(line for line in bench.lines() if line.startswith("fit")).rpartition(" ")[2].split(",")
    latents = run.latents()
    tested = set(latents.loc[latents["split"] == "test", "patient"])
    assert tested
    assert not tested & set(fitted)
    assert latents.groupby("patient")["split"].nunique().max() == 1


def test_a_loader_that_gives_an_id_twice_or_no_case_is_refused(bench: Bench) -> None:
    with pytest.raises(DataError, match="two cases the id 'p0_t2'"):
        bench.run(data={"double": True})
    for path in bench.root.iterdir():
        path.unlink()
    with pytest.raises(DataError, match="finds no case"):
        bench.run()
    assert json.loads((bench.folder / "run" / "run.json").read_text())["exit_code"] == 3


def test_a_folder_that_another_run_holds_is_refused_with_its_holder(bench: Bench) -> None:
    with locked(bench.folder / "run"), pytest.raises(StoreError, match=r"another run holds this folder \(process \d+"):
        bench.run()


def test_test_patients_can_be_named_and_strangers_are_refused(bench: Bench) -> None:
    run = bench.run(split={"test": ["p1", "p6"]})
    latents = run.latents()
    assert set(latents.loc[latents["split"] == "test", "patient"]) == {"p1", "p6"}
    with pytest.raises(PlanError, match="not in the cohort: p99"):
        bench.run(split={"test": ["p99"]})


def test_a_preview_tells_cached_from_to_do_and_does_nothing(bench: Bench) -> None:
    assert not any(step.cached for step in Engine(bench.plan()).preview())
    assert bench.lines() == []
    bench.run()
    bench.lines()
    assert all(step.cached for step in Engine(bench.plan()).preview())
    changed = Engine(bench.plan(geometry={"factor": 3.0})).preview()
    assert {step.step for step in changed if not step.cached} == {"geometry toy-height"}


def test_observers_hear_everything_and_one_that_raises_is_logged(bench: Bench) -> None:
    heard: list[str] = []

    class Watcher:
        def spinefx_run_started(self, plan, folder, cases):  # type: ignore[no-untyped-def]
            heard.append(f"started {cases}")

        def spinefx_case_done(self, case, outcome, seconds):  # type: ignore[no-untyped-def]
            heard.append(f"case {outcome}")
            raise RuntimeError("an observer's own trouble")

        def spinefx_epoch_done(self, epoch, epochs, losses):  # type: ignore[no-untyped-def]
            heard.append(f"epoch {epoch}/{epochs} {losses['loss']:g}")

        def spinefx_run_done(self, folder, exit_code):  # type: ignore[no-untyped-def]
            heard.append(f"done {exit_code}")

    run = Engine(bench.plan(), observers=(Watcher(),)).run()
    assert run.exit_code == 0
    assert heard == ["started 8", *["case done"] * 8, "epoch 1/3 1", "epoch 2/3 0.5", "epoch 3/3 0.333333", "done 0"]
    log = [json.loads(line) for line in (run.folder / "log.jsonl").read_text().splitlines()]
    assert sum(line["event"] == "observer failed" for line in log) == 8


def test_the_one_file_plugin_of_the_architecture_works_word_for_word(bench: Bench) -> None:
    plugin = Path(__file__).parents[2] / "examples" / "bone_count.py"
    tables = bench.tables()
    tables["run"]["plugins"].append(str(plugin))
    tables["geometry"].append({"use": "bone-count", "minimum_ml": 0.5})
    from spinefx.plan import Plan

    features = Engine(Plan.of(tables, bench.folder)).run().features()
    wide = features[features["structure"] == "spine"]
    assert list(wide["bone-count.count"]) == [0.0] * 8
    assert isinstance(features, pd.DataFrame)


def test_a_preview_says_why_a_step_would_run(bench: Bench) -> None:
    assert {step.why for step in Engine(bench.plan()).preview()} == {"no run in this folder yet"}
    bench.run()
    assert {(s.case, s.why) for s in Engine(bench.plan()).preview() if not s.case} == {("", "")}
    changed = {s.step: s.why for s in Engine(bench.plan(geometry={"factor": 3.0})).preview() if not s.cached}
    assert changed == {"geometry toy-height": "toy-height: factor is 3.0, was 1.0"}
    changed = {s.step: s.why for s in Engine(bench.plan(encode={"epochs": 9})).preview() if not s.cached}
    assert changed["fit toy-mean"] == "toy-mean: epochs is 9, was 3"
    assert "evaluate toy-say" in changed
    changed = {s.step: s.why for s in Engine(bench.plan(run={"seed": 9})).preview() if not s.cached}
    assert changed["fit toy-mean"] == "[run] seed is 9, was 0"
    (bench.root / "p3_t2.txt").write_text("6")
    changed = {s.case: s.why for s in Engine(bench.plan()).preview() if not s.cached}
    assert changed == {"p3_t2": "its input has changed or is new"}


def test_an_encoder_refitted_for_a_fold_sees_all_its_patients_and_no_other(bench: Bench) -> None:
    split = {"test": ["p1", "p6"], "validation": ["p2"]}
    bench.run(split=split, evaluate={"refit": ["p0", "p1", "p2"]})
    fits = [line.rpartition(" ")[2] for line in bench.lines() if line.startswith("fit")]
    assert fits == ["p0,p2,p3,p4,p5,p7", "p0,p1,p2"]


def test_artefacts_of_finished_cases_move_into_packs_and_stay_done(make_bench, monkeypatch: pytest.MonkeyPatch) -> None:  # type: ignore[no-untyped-def]
    straight = make_bench("straight", 20).run()
    monkeypatch.setattr("spinefx.work.rounds.PACK_AFTER", 15)
    bench = make_bench("packed", 20)
    run = bench.run()
    cache = bench.folder / ".spinefx-cache"
    assert len(list((cache / "packs").glob("*.pack"))) == 4
    assert len(list(Cache(cache).packs.spans())) == 20 * 3
    for name in ("features.parquet", "latents.parquet", "findings.json"):
        assert (run.folder / name).read_bytes() == (straight.folder / name).read_bytes()
    bench.lines()
    assert not bench.run().worked
    assert bench.lines() == []
