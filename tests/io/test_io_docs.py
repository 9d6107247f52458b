"""docs/data-in.md: every block of TOML in it is run, and its tables are what the scripts print."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk
from dicom_writing import write_series
from hostile_set import table as hostile_table
from io_files import itk_image, write_pair
from scheme_table import table as scheme_table
from test_io_regions import around, structure_set

from spinefx.api import Grid, LabelMap, Volume
from spinefx.cli import main
from spinefx.engine import Engine
from spinefx.phantom import direction_of
from spinefx.plan import Plan
from spinefx.work.cases.verdict import Judging

PAGE = Path(__file__).resolve().parents[2] / "docs" / "data-in.md"
TEXT = PAGE.read_text()
BLOCKS = re.findall(r"```toml\n# (\S+)\n(.*?)```", TEXT, re.DOTALL)
PIPELINES = [block for name, block in BLOCKS if name == "pipeline.toml"]
OTHERS = {name: block for name, block in BLOCKS if name != "pipeline.toml"}


def between(command: str) -> str:
    """What stands in the page between a command and the end of its output."""
    return TEXT.partition(f"<!-- {command} -->\n")[2].partition("<!-- end -->")[0]


def put(path: Path, volume: Volume | LabelMap, values: dict[int, int] | None = None) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    data = volume.labels.astype(np.int16) if isinstance(volume, LabelMap) else volume.data
    if values is not None:
        renamed = np.zeros_like(data)
        for old, new in values.items():
            renamed[data == old] = new
        data = renamed
    sitk.WriteImage(itk_image(data, volume.grid), str(path), useCompression=True)


@pytest.fixture(scope="module")
def places(small: tuple[Volume, LabelMap], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Data for every block, where the blocks look for it."""
    here = tmp_path_factory.mktemp("docs")
    image, mask = small
    for stem in ("1_t2", "2_t2", "3_t2"):
        write_pair(here / "spider", stem, small)
        number = int(stem[0])
        put(here / "hospital" / "north" / f"p{number}" / "ct.nii.gz", image)
        put(here / "hospital" / "north" / f"p{number}" / "segmentation.nii.gz", mask, {1: 27, 2: 28})
        put(here / "manifest" / f"{number}.mha", image)
        put(here / "manifest" / f"{number}_mask.mha", mask, {1: 24, 2: 23, 201: 124})
        stem = f"sub-{number}"
        put(here / "bids" / stem / "anat" / f"{stem}_T2w.nii.gz", image)
        put(
            here / "bids" / "derivatives" / "seg" / stem / "anat" / f"{stem}_T2w_label-spine_dseg.nii.gz",
            mask,
            {1: 45, 201: 100},
        )
        put(here / "verse" / f"{stem}_ct.nii.gz", image)
        put(here / "verse" / f"{stem}_seg-vert_msk.nii.gz", mask, {1: 24, 2: 23})
        put(here / "own" / f"{number}_t2.mha", image)
        put(here / "own" / f"{number}_mask.mha", mask, {1: 1, 2: 2, 201: 201, 202: 202, 100: 100})
        grid = Grid((6, 20, 24), (4.0, 0.7, 0.9), (0.0, 0.0, 0.0), direction_of("PIR"))
        data = np.random.default_rng(number).integers(0, 99, grid.shape).astype(np.int16)
        box = np.zeros(grid.shape, bool)
        box[1:4, 4:11, 5:15] = True
        write_series(here / "pacs" / str(number), data, grid, PatientID=f"P{number}", SeriesDescription="t2_tse_sag")
        regions = structure_set({"L5 body": around(box, grid), "disc L5/S1": around(np.roll(box, 7, 1), grid)})
        regions.PatientID, regions.StudyInstanceUID = f"P{number}", _study(here / "pacs" / str(number))
        regions.ReferencedFrameOfReferenceSequence = None
        regions.FrameOfReferenceUID = _frame(here / "pacs" / str(number))
        regions.save_as(here / "pacs" / str(number) / "rs.dcm", enforce_file_format=True)
    rows = [f"{n},p{n},manifest/{n}.mha,,manifest/{n}_mask.mha,F,5{n}" for n in (1, 2, 3)]
    (here / "cases.csv").write_text("\n".join(["case,person,t2,t1,segmentation,sex,age", *rows]))
    (here / "gradings.csv").write_text("Patient,IVD label,Disc narrowing\n1,1,0\n2,1,1\n3,1,0\n1,2,1\n")
    (here / "readings.csv").write_text("ID,Level,Reader,Pfirrmann\n1,L5-S1,AB,3\n1,L5-S1,CD,4\n2,L4/5,AB,2\n")
    (here / "second.csv").write_text("ID,Level,Reader,Pfirrmann\n1,L5-S1,EF,3\n")
    (here / "levels.csv").write_text("patient,case,lowest,thoracic,value,structure\n1,,L6,,,\n,2,,,2,ignored\n")
    (here / "study.key").write_text("k" * 32)
    for name, block in OTHERS.items():
        (here / name).write_text(block)
    return here


def _study(folder: Path) -> str:
    return str(_first(folder).StudyInstanceUID)


def _frame(folder: Path) -> str:
    return str(_first(folder).FrameOfReferenceUID)


def _first(folder: Path):
    from pydicom import dcmread

    return dcmread(next(folder.iterdir()), stop_before_pixels=True)


@pytest.mark.parametrize("block", PIPELINES, ids=lambda block: re.search(r'use = "(\w+)"', block)[1])
def test_every_pipeline_of_the_page_finds_its_cases_and_loads_them(places, block):
    (places / "pipeline.toml").write_text(block)
    plan = Plan.read(places / "pipeline.toml", overrides=["run.executor=serial"])
    checked = Engine(plan).check()
    assert len(checked.cases) == 3
    judge = Judging(plan)
    for case in checked.cases:
        verdict = judge(case)
        assert verdict.outcome != "quarantined", verdict
    if "[labels]" in block:
        assert checked.labels.rows


def test_the_pages_blocks_are_all_seen():
    assert TEXT.count("```toml") == len(BLOCKS) == len(PIPELINES) + len(OTHERS)
    assert set(OTHERS) == {"schemes.toml"}
    loaders = {re.search(r'use = "(\w+)"', block)[1] for block in PIPELINES}
    assert loaders == {"spider", "folder", "manifest", "bids", "verse", "dicom", "phantom"}


def test_the_page_says_what_check_says_of_ids_under_a_key(places, capsys, monkeypatch):
    monkeypatch.chdir(places)
    (block,) = [block for block in PIPELINES if "hash_ids" in block]
    (places / "pipeline.toml").write_text(block)
    assert main(["check", "--names"]) == 0
    assert "1_t2" in capsys.readouterr().out


def test_the_pages_tables_are_what_the_scripts_print(tmp_path):
    assert between("python tests/io/scheme_table.py") == scheme_table()
    told, longest = hostile_table(tmp_path / "set")
    assert between("python tests/io/hostile_set.py FOLDER") == told
    assert longest < 5.0
