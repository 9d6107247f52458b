"""Ids under a key: nothing that a run writes or prints names a patient, and images still meet their labels."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk

from spinefx.api import Case, DataError
from spinefx.cli import main
from spinefx.contract.pseudonyms import Pseudonyms
from spinefx.phantom import draw_patient, grid_around, image_of, render

PEOPLE = ("Musterfrau.Erikalotte", "Mustermann.Max", "Doe.Janeliese", "Roe.Rickardson", "Bloggs.Joe", "Low.Louisiana")
SECRET = "s" * 32
PIPELINE = """
[run]
out = "out"
executor = "{executor}"
hash_ids = "study.key"
[data]
use = "folder"
root = "data"
images = "scans/{{id}}/{{modality}}.mha"
masks = "scans/{{id}}/mask.mha"
scheme = "spider"
[labels]
table = "labels.csv"
key = {{ patient = "Name", level = "Level" }}
[split]
folds = 2
[sample]
shape = [12, 16, 16]
spacing = 3.0
[encode]
use = "pca"
latent_dim = 1
[[geometry]]
use = "disc"
[[evaluate]]
use = "reconstruction"
"""


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("study")
    rows = ["Name,Level,Grade"]
    for number, name in enumerate(PEOPLE, start=1):
        spine = draw_patient(1, number, levels=3).spine
        rendering = render(spine, grid_around(spine, spacing_mm=(5.0, 2.4, 2.2)))
        grid, image = rendering.grid, image_of(rendering, "t2", np.random.default_rng(number))
        here = folder / "data" / "scans" / name
        here.mkdir(parents=True)
        for stem, data in (("t2", image.data), ("mask", rendering.labels().labels.astype(np.int16))):
            itk = sitk.GetImageFromArray(data)
            itk.SetSpacing(grid.spacing[::-1])
            itk.SetOrigin(grid.origin)
            itk.SetDirection(grid.direction.ravel())
            sitk.WriteImage(itk, str(here / f"{stem}.mha"), useCompression=True)
        rows += [f"{name},L5-S1,{number % 3}", f"{name},L4-L5,{(number + 1) % 3}"]
    rows += [f"{PEOPLE[0]},L4-L5,9", f"{PEOPLE[1]},L9,1"]
    broken = folder / "data" / "scans" / PEOPLE[5] / "t2.mha"
    broken.write_bytes(broken.read_bytes()[:-40])
    (folder / "labels.csv").write_text("\n".join(rows) + "\n")
    (folder / "study.key").write_text(SECRET + "\n")
    return folder


def contents(folder: Path) -> str:
    """Every name and every byte under a folder, workbooks inflated, in small letters."""
    out = []
    for path in sorted(folder.rglob("*")):
        out.append(path.name)
        if path.is_file():
            out.append(path.read_bytes().decode("latin-1"))
            if path.suffix == ".xlsx":
                with zipfile.ZipFile(path) as book:
                    out += [book.read(name).decode("latin-1") for name in book.namelist()]
    return "\n".join(out).casefold()


def words() -> set[str]:
    """Long ones: a short one comes up in the letters of some picture by chance."""
    return {word.casefold() for name in PEOPLE for word in (name, *name.split(".")) if len(word) > 5}


def test_a_run_under_a_key_names_nobody_and_still_joins_its_labels(study, capfd, monkeypatch):
    monkeypatch.chdir(study)
    monkeypatch.setenv("SPINEFX_CACHE", str(study / "cache"))
    (study / "pipeline.toml").write_text(PIPELINE.format(executor="processes"))
    assert main(["check", "--data"]) == 4
    assert main(["run"]) == 4
    printed = capfd.readouterr()
    seen = contents(study / "out") + (printed.out + printed.err).casefold()
    assert not sorted(word for word in words() if word in seen)
    record = json.loads((study / "out" / "run.json").read_text())
    names = Pseudonyms(SECRET.encode())
    assert {case["patient"] for case in record["cases"]} == {names.of(name) for name in PEOPLE}
    (lost,) = [case for case in record["cases"] if case["outcome"] == "quarantined"]
    assert lost["case"] == names.of(PEOPLE[5])
    assert lost["cause"].startswith("its t2 file: ")
    assert "label met a structure: 9" in printed.out
    assert f"patient {names.of(PEOPLE[0])} L4-L5 has contradicting rows" in run_json_check(capfd)


def run_json_check(capfd: pytest.CaptureFixture[str]) -> str:
    assert main(["check", "--json"]) == 0
    return capfd.readouterr().out


def test_what_goes_wrong_before_cases_have_pseudonyms_is_told_and_not_written(study, capfd, monkeypatch):
    monkeypatch.chdir(study)
    monkeypatch.setenv("SPINEFX_CACHE", str(study / "cache"))
    text = PIPELINE.format(executor="serial").replace('out = "out"', 'out = "other"')
    (study / "data" / "twice" / "Doe.Janeliese").mkdir(parents=True)
    (study / "data" / "twice" / "Doe.Janeliese" / "t2.mha").write_bytes(b"x")
    (study / "pipeline.toml").write_text(text.replace('images = "scans/', 'images = "*/'))
    assert main(["run"]) == 3
    assert "case Doe.Janeliese has two files for t2" in capfd.readouterr().err
    assert "doe" not in contents(study / "other")
    (study / "data" / "twice" / "Doe.Janeliese" / "t2.mha").unlink()


def test_the_key_holder_can_look_up_who_is_who(study, capfd, monkeypatch):
    monkeypatch.chdir(study)
    (study / "pipeline.toml").write_text(PIPELINE.format(executor="serial"))
    assert main(["check", "--names"]) == 0
    lines = dict(line.split()[:2] for line in capfd.readouterr().out.splitlines()[1:])
    assert lines[Pseudonyms(SECRET.encode()).of("Doe.Janeliese")] == "Doe.Janeliese"


def test_another_secret_gives_other_names_and_a_short_one_is_refused(tmp_path):
    one, other = (Pseudonyms((letter * 32).encode()) for letter in "st")
    assert one.of("12") == Pseudonyms(b"s" * 32).of("12") != other.of("12")
    assert len(one.of("12")) == 16
    assert "s" * 32 not in repr(one)
    (tmp_path / "short").write_text("1234")
    with pytest.raises(DataError, match="short holds 4 bytes, wanted 16 or more; `openssl rand"):
        Pseudonyms.read(tmp_path / "short")
    with pytest.raises(DataError, match="none cannot be read"):
        Pseudonyms.read(tmp_path / "none")


@pytest.mark.parametrize(
    ("text", "becomes"),
    [
        ("images/12_t2.mha: holds 12 voxels", "its t2 file: holds 12 voxels"),
        ("case 12_t2: mask is 12 mm off", "case it: mask is 12 mm off"),
        ("patient 12 lies in two folders", "patient {12} lies in two folders"),
        ("no such file: '/data/images/12_t2.mha'", "no such file: 'its t2 file'"),
        ("id '12' must be letters", "id '{12}' must be letters"),
    ],
)
def test_messages_lose_names_and_keep_their_numbers(text, becomes):
    names = Pseudonyms(b"s" * 32)
    case = Case("12_t2", "12", {"t2": Path("/data/images/12_t2.mha")})
    assert names.told(text, case) == becomes.replace("{12}", names.of("12"))
