"""`spinefx check --data`: every case's verdict without running, over a tree of SPIDER's size in flat memory."""

from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np
import pytest
from io_files import write_pair
from spider_tree import series, write_tree

from spinefx.api import LabelMap, Scan
from spinefx.cli import main
from spinefx.engine import Engine
from spinefx.plan import Plan
from spinefx.work.cases.verdict import judged, told_apart

PIPELINE = '[run]\nexecutor = "{executor}"\n[data]\nuse = "spider"\nroot = "."\n{more}'


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("spider")
    assert write_tree(folder) == 447
    return folder


def resident_mb() -> float:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def test_the_tree_is_like_spiders() -> None:
    listed = series()
    assert len(listed) == len(set(listed)) == 447
    assert len({patient for patient, _ in listed}) == 218
    assert [sum(name == one for _, name in listed) for one in ("t1", "t2", "t2_SPACE")] == [196, 210, 41]
    assert len(set(range(1, 258)) - {int(patient) for patient, _ in listed}) == 39


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="resident memory is read from /proc")
def test_447_series_are_judged_one_by_one_in_flat_memory(whole: Path) -> None:
    plan = Plan.read(whole / "pipeline.toml", overrides=["run.executor=serial"])
    engine = Engine(plan)
    checked = engine.check()
    found, used = [], []
    for verdict in judged(plan, engine.loader, checked.cases, checked.labels):
        found.append(verdict)
        used.append(resident_mb())
    assert max(used[100:]) - used[100] < 16
    outcomes = [verdict.outcome for verdict in told_apart(found)]
    assert len(outcomes) == 447
    assert "quarantined" not in outcomes
    twins = [v for v in told_apart(found) if "one person twice?" in "".join(v.said)]
    assert len({v.patient for v in twins}) == 2
    ungraded = [v for v in found if any(note.startswith("graded but not segmented: L1-L2, T12-L1") for note in v.said)]
    assert {v.patient for v in ungraded} == {min((p for p, _ in series()), key=int)}


@pytest.fixture
def study(tmp_path: Path, small, monkeypatch: pytest.MonkeyPatch) -> Path:
    image, mask = small
    write_pair(tmp_path, "1_t2", small)
    write_pair(tmp_path, "2_t2", (type(image)(image.data + np.int16(3), image.grid), mask))
    write_pair(tmp_path, "3_t2", small)
    (tmp_path / "masks" / "2_t2.mha").unlink()
    raw = (tmp_path / "images" / "3_t2.mha").read_bytes()
    (tmp_path / "images" / "3_t2.mha").write_bytes(raw[:-9])
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize("executor", ["serial", "processes"])
def test_each_case_is_used_noted_or_quarantined_with_the_remedy(study, capsys, executor) -> None:
    (study / "pipeline.toml").write_text(PIPELINE.format(executor=executor, more=""))
    assert main(["check", "--data"]) == 4
    out = capsys.readouterr().out
    lines = {line.split()[0]: line for line in out.splitlines() if line[:1].isdigit()}
    assert lines["1_t2"].split()[1] == "used"
    assert "quarantined" in lines["2_t2"]
    assert "name a segmenter in [segment]" in lines["2_t2"]
    assert "images/3_t2.mha: " in lines["3_t2"]
    assert "3 cases: 1 used, 0 used with a note, 2 quarantined" in out
    assert not (study / "runs").exists()


def test_of_many_cases_those_that_need_a_look_are_shown(study, capsys, small) -> None:
    image, mask = small
    for number in range(10, 30):
        labels = mask.labels.copy()
        labels[tuple(np.argwhere(labels)[number])] = 0
        other = LabelMap(labels, mask.grid, mask.scheme)
        write_pair(study, f"{number}_t2", (type(image)(image.data + np.int16(number), image.grid), other))
    (study / "pipeline.toml").write_text(PIPELINE.format(executor="serial", more=""))
    assert main(["check", "--data"]) == 4
    out = capsys.readouterr().out
    assert "used as they are: " in out
    assert "and 9 more; --json lists all" in out
    assert not [line for line in out.splitlines() if line.startswith("15_t2")]
    assert [line for line in out.splitlines() if line.startswith("3_t2")]


def test_verdicts_are_json_for_programs_and_the_exit_code_is_0_where_all_is_well(study, capsys) -> None:
    (study / "pipeline.toml").write_text(PIPELINE.format(executor="serial", more=""))
    for stem in ("2_t2", "3_t2"):
        for kind in ("images", "masks"):
            (study / kind / f"{stem}.mha").unlink(missing_ok=True)
    assert main(["check", "--data", "--json"]) == 0
    (case,) = json.loads(capsys.readouterr().out)["cases"]
    assert case["outcome"] == "used"
    assert case["grid"].endswith("mm (z, y, x)")


@pytest.mark.parametrize(
    ("more", "says"),
    [
        ('[sample]\nchannels = ["t1"]\n', "no image 't1' for [sample] channels; it has ['t2']"),
        ('[sample]\nstructures = "vertebra"\n', "used"),
    ],
)
def test_what_later_stages_would_refuse_is_said_too(study, capsys, more, says) -> None:
    (study / "pipeline.toml").write_text(PIPELINE.format(executor="serial", more=more))
    main(["check", "--data"])
    (line,) = [line for line in capsys.readouterr().out.splitlines() if line.startswith("1_t2")]
    assert says in line


def test_a_plugin_that_breaks_costs_its_case_alone(study, monkeypatch) -> None:
    (study / "pipeline.toml").write_text(PIPELINE.format(executor="serial", more=""))
    plan = Plan.read(study / "pipeline.toml")
    engine = Engine(plan)

    class Broken:
        def cases(self):
            return engine.loader.cases()

        def load(self, case) -> Scan:
            if case.id == "1_t2":
                raise ZeroDivisionError("oh")
            return None  # type: ignore[return-value]

    checked = engine.check()
    found = list(judged(plan, Broken(), checked.cases, checked.labels))
    assert [v.outcome for v in found] == ["quarantined"] * 3
    assert "ZeroDivisionError: oh" in found[0].said[0]
    assert "gave NoneType, wanted Scan" in found[1].said[0]
