"""A model used on new scans gives what its own run gave, and refuses what is of another kind with the reason."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import spinefx
from spinefx.api import Case, DataError, PlanError, SampleList, StoreError, Volume
from spinefx.cli import main
from spinefx.engine import Engine
from spinefx.model import Model
from spinefx.phantom import write_cohort
from spinefx.phantom.cohort import Scanner
from spinefx.plan import Plan
from spinefx.testing import phantom_scan

KEY = ["case", "structure", "level"]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a cohort on disk, and a run on all but its last patient's images."""
    folder = tmp_path_factory.mktemp("model")
    machine = Scanner(spacing_mm=(5.0, 1.2, 1.2))
    write_cohort(folder / "data", patients=6, levels=3, scanner=machine)
    write_cohort(folder / "new", patients=8, levels=3, scanner=machine)
    for path in [p for p in (folder / "new").rglob("*.mha") if int(p.name.split("_")[0]) < 6]:
        path.unlink()
    tables: dict[str, Any] = {
        "run": {"out": "run", "executor": "serial"},
        "data": {"use": "spider", "root": "data", "series": ["t2"]},
        "preprocess": [{"use": "normalise"}],
        "sample": {"shape": [12, 20, 24], "spacing": 2.5, "channels": ["mask", "t2"]},
        "encode": {"use": "pca", "latent_dim": 3},
        "geometry": [],
        "evaluate": [],
    }
    assert Engine(Plan.of(tables, folder)).run().exit_code == 0
    return folder


@pytest.fixture
def copy(place: Path, tmp_path: Path) -> Path:
    """The model alone, away from its run and its data."""
    shutil.copytree(place / "run" / "model", tmp_path / "model")
    return tmp_path / "model"


def _recipe(model: Path, change: Callable[[dict[str, Any]], object]) -> None:
    data = json.loads((model / "recipe.json").read_text())
    change(data)
    data.pop("sha256", None)
    (model / "recipe.json").write_text(json.dumps(data))


def test_a_model_encodes_its_own_run_s_scans_to_the_same_bits(place: Path, copy: Path, tmp_path: Path) -> None:
    encoded = spinefx.Model.load(copy).encode(place / "data", out=tmp_path / "out", workers=1)
    frame = encoded.frame().set_index(KEY)
    known = pd.read_parquet(place / "run" / "latents.parquet").set_index(KEY)
    names = ["z0", "z1", "z2"]
    assert np.array_equal(frame[names].to_numpy(), known.loc[frame.index, names].to_numpy())
    assert np.array_equal(frame["seen"].to_numpy(), (known.loc[frame.index, "split"] != "test").to_numpy())
    assert not encoded.left_out
    assert not encoded.notes


def test_new_patients_get_latents_an_overlap_and_a_distance(place: Path, copy: Path) -> None:
    frame = Model.load(copy).encode(place / "new", workers=1).frame()
    assert set(frame["patient"]) == {"6", "7", "8"}
    assert not frame.query("patient != '6'")["seen"].any()
    assert frame["iou"].between(0.2, 1.0).all()
    assert (frame["distance"] > 0).all()


def test_what_lies_on_disk_is_what_python_gives(place: Path, copy: Path, tmp_path: Path) -> None:
    encoded = Model.load(copy).encode(place / "new", out=tmp_path / "out", workers=1)
    pd.testing.assert_frame_equal(pd.read_parquet(tmp_path / "out" / "latents.parquet"), encoded.frame())
    record = json.loads((tmp_path / "out" / "encoding.json").read_text())
    assert "weights.safetensors" in record["model"]
    assert record["plan"]["sections"]["sample"]["shape"] == [12, 20, 24]


def test_scans_and_samples_in_memory_are_encoded_as_files_are(place: Path, copy: Path) -> None:
    model = Model.load(copy)
    loader = model.plan(place / "new", place / "unused", {}).data.build()
    scans = [loader.load(case) for case in loader.cases()]
    files = model.encode(place / "new", workers=1)
    memory = model.encode(scans)
    assert memory.latents.rows == files.latents.rows
    assert np.array_equal(memory.latents.z, files.latents.z)
    assert np.array_equal(model.encode(scans[0]).latents.z, files.latents.z[: len(model.encode(scans[0]).latents.z)])
    assert model.decode(files.latents.z).shape == (len(files.latents.rows), 12, 20, 24)


def test_nothing_is_kept_where_nobody_asked_for_it(place: Path, copy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No sample of a patient stays behind in the folder for temporary files, in a cache of its own either."""
    monkeypatch.delenv("SPINEFX_CACHE", raising=False)
    monkeypatch.setattr("tempfile.tempdir", str(copy.parent))
    before = sorted(copy.parent.rglob("*"))
    assert Model.load(copy).encode(place / "new", workers=1).latents.rows
    assert sorted(copy.parent.rglob("*")) == before


def test_a_toml_with_a_data_section_names_new_data_and_its_other_sections_change_nothing(
    place: Path, copy: Path, tmp_path: Path
) -> None:
    (tmp_path / "new.toml").write_text(
        f'[data]\nuse = "spider"\nroot = "{place / "new"}"\nseries = ["t2"]\n[sample]\nshape = [8, 8, 8]\n'
    )
    model = Model.load(copy)
    assert np.array_equal(
        model.encode(tmp_path / "new.toml", workers=1).latents.z, model.encode(place / "new", workers=1).latents.z
    )
    (tmp_path / "none.toml").write_text("[run]\nseed = 1\n")
    with pytest.raises(PlanError, match=r"no \[data\] section"):
        model.encode(tmp_path / "none.toml")


def test_a_toml_says_how_new_cases_are_worked_on_and_the_argument_outdoes_it(copy: Path, tmp_path: Path) -> None:
    model = Model.load(copy)

    def run(section: str, **given: int) -> tuple[str, int]:
        (tmp_path / "new.toml").write_text(f'[data]\nuse = "phantom"\n[run]\n{section}\n')
        found = model.plan(tmp_path / "new.toml", tmp_path / "out", {}, **given).run
        return found.executor, found.workers

    assert run('executor = "serial"') == ("serial", 1)
    assert run("workers = 2") == ("processes", 2)
    assert run("workers = 2", workers=3) == ("processes", 3)
    assert run("seed = 1") == ("processes", 0)


def test_a_case_of_other_units_or_without_the_modality_is_left_out_with_the_reason(place: Path, copy: Path) -> None:
    model = Model.load(copy)
    loader = model.plan(place / "new", place / "unused", {}).data.build()
    scan = loader.load(loader.cases()[0])
    samples = list(_samples(model, scan))
    other = [replace(s, row=replace(s.row, case="x_t2"), image=s.image * 1000.0) for s in samples]
    encoded = model.encode(SampleList((*samples, *other)))
    assert [row.case for row in encoded.latents.rows] == [scan.case.id] * len(samples)
    assert "another modality, or other units" in encoded.left_out["x_t2"]
    with pytest.raises(DataError, match=r"no case can be encoded .* another modality"):
        model.encode(SampleList(tuple(other)))
    ct = scan.replace(case=Case("y_ct", "y"), images={"ct": Volume(scan.images["t2"].data, scan.images["t2"].grid)})
    with pytest.raises(Exception, match=r"no image 't2' .*\['ct'\]"):
        model.encode(ct)


def _samples(model: Model, scan: Any) -> Any:
    from spinefx.work.cases.casework import Casework

    return Casework(model.plan(Path(), Path("unused"), {}), Path("unused")).samples(scan)[0]


def test_a_model_made_by_another_version_of_a_step_is_refused(copy: Path) -> None:
    _recipe(copy, lambda d: d["plugins"][1].update(version=9))
    with pytest.raises(DataError, match="preprocessor normalise has version 1, the model was made with 9"):
        Model.load(copy)
    _recipe(copy, lambda d: (d["plugins"][1].update(version=1), d.update(cut=0)))
    with pytest.raises(DataError, match="samples were cut by version 0"):
        Model.load(copy)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("{", "not readable as JSON"),
        ("[]", "format None, wanted"),
        ('{"format": "spinefx-recipe-1"}', "damaged"),
        ('{"format": "torch"}', "format 'torch', wanted"),
    ],
)
def test_a_recipe_that_is_none_is_refused(copy: Path, content: str, reason: str) -> None:
    (copy / "recipe.json").write_text(content)
    with pytest.raises(DataError, match=reason):
        Model.load(copy)


def test_a_model_of_one_sample_can_be_used(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    tables: dict[str, Any] = {
        "run": {"out": "run", "executor": "serial"},
        "data": {"use": "phantom", "patients": 1, "levels": 3, "spacing_mm": [5.0, 1.2, 1.2]},
        "sample": {"structures": "spine", "shape": [16, 16, 16], "spacing": 8.0, "channels": ["mask", "t2"]},
        "encode": {"use": "conv-ae", "epochs": 1, "channels": [4, 4], "width": 8, "templates": 2},
        "geometry": [],
        "evaluate": [],
    }
    assert Engine(Plan.of(tables, tmp_path)).run().exit_code == 0
    encoded = Model.load(tmp_path / "run").encode(phantom_scan(5))
    assert len(encoded.frame()) == 1
    assert "too few for 4 latents" in encoded.notes[-1], "nobody is usual because nothing could be told"
    (tmp_path / "new.toml").write_text(
        '[data]\nuse = "phantom"\npatients = 1\nlevels = 3\nspacing_mm = [5.0, 1.2, 1.2]\n'
    )
    words = ["encode", str(tmp_path / "run"), str(tmp_path / "new.toml"), "--out", str(tmp_path / "out"), "-q"]
    assert main(words) == 0
    assert "note: the model was fitted on 1 samples, too few for 4 latents" in capsys.readouterr().out


def test_folders_that_hold_no_model_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no such folder"):
        Model.load(tmp_path / "nowhere")
    (tmp_path / "model.pt").write_bytes(b"\x80\x04.")
    with pytest.raises(DataError, match=r"no recipe\.json"):
        Model.load(tmp_path)


def test_a_model_with_the_weights_of_another_is_refused(copy: Path) -> None:
    path = copy / "weights.safetensors"
    path.write_bytes(path.read_bytes() + b"\0")
    with pytest.raises(DataError, match=r"weights.safetensors: not the file that recipe\.json was written with"):
        Model.load(copy)


@pytest.mark.parametrize(
    ("name", "change", "reason"),
    [
        ("model.json", lambda d: d["sample"]["channels"]["mean"].__setitem__(0, 9.0), "not the file that"),
        ("recipe.json", lambda d: d["latents"]["centre"].__setitem__(0, 9.0), "recipe.json: damaged"),
        ("recipe.json", lambda d: d["sections"]["preprocess"].clear(), "recipe.json: damaged"),
    ],
)
def test_a_number_changed_by_hand_or_by_a_disk_is_refused(
    copy: Path, name: str, change: Callable[[dict[str, Any]], object], reason: str
) -> None:
    data = json.loads((copy / name).read_text())
    change(data)
    (copy / name).write_text(json.dumps(data))
    with pytest.raises(DataError, match=reason):
        Model.load(copy)


def test_a_card_may_be_written_on_and_a_model_of_old_is_read(copy: Path) -> None:
    (copy / "card.md").write_text("Mine.")
    Model.load(copy)
    _recipe(copy, lambda d: d.pop("files"))
    Model.load(copy)


def test_a_run_s_folder_is_never_written_over(place: Path, copy: Path) -> None:
    with pytest.raises(StoreError, match="holds a run"):
        Model.load(copy).encode(place / "new", out=place / "run")


def test_a_model_names_no_patient_and_no_path(place: Path, copy: Path) -> None:
    text = (copy / "recipe.json").read_text()
    assert str(place) not in text
    assert "_t2" not in text


def test_a_model_s_folder_holds_the_files_that_the_documentation_names(copy: Path) -> None:
    page = Path(__file__).parents[2] / "docs" / "run-folder.md"
    (line,) = [line for line in page.read_text().splitlines() if line.startswith("model/ ")]
    named = line.removeprefix("model/").partition("(")[0].split(",")
    assert {name.strip() for name in named} == {path.name for path in copy.iterdir()}


def test_the_command_says_what_it_did(
    place: Path, copy: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["encode", str(copy), str(place / "new"), "--out", str(tmp_path / "out"), "--workers", "1", "-q"]
    assert main(words) == 0
    assert "9 samples encoded" in capsys.readouterr().out
    assert main([*words, "--json", "--set", "series=['t1']"]) == 3
    assert "no series found" in capsys.readouterr().err
