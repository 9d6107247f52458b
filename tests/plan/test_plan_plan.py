"""From a pipeline.toml to a frozen plan, and back to JSON and TOML."""

from __future__ import annotations

import json
import pickle
import re
import tomllib
from collections.abc import Callable
from pathlib import Path

import pydantic
import pytest
from plan_toys import EncoderOptions

from spinefx.contract.errors import PlanError, PluginError
from spinefx.plan import Plan, Registry

TOYS = Path(__file__).with_name("plan_toys.py")
Write = Callable[[str], Path]

TEN_LINES = """
[data]
use = "folder"
root = "images"

[labels]
table = "annotations.xlsx"

[encode]
use = "conv-ae"
latent_dim = 8
"""

FULL = f"""
[run]
out = "elsewhere"
plugins = ["{TOYS.name}"]
[data]
use = "folder"
root = "images"
tree = {{ folder = "in", others = ["a", "/b"] }}
either = "either"
[labels]
table = "labels.csv"
key = {{ patient = "id", level = "Level" }}
[split]
test = ["7", 12]
stratify = "Pfirrmann"
[segment]
use = "mask"
[[preprocess]]
use = "orient"
[[preprocess]]
use = "crop"
[sample]
structures = "vertebra"
spacing = [2, 1, 1.5]
[[augment]]
use = "flip"
[encode]
use = "conv-ae"
widths = [4, 8, 16]
[[geometry]]
use = "disc"
[[evaluate]]
use = "predict"
[report]
title = "Ünïcode \\u0007 \\"quoted\\""
"""


@pytest.fixture
def beside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with the toy plugin file in it; the packs are left out."""
    monkeypatch.setenv("SPINEFX_DISABLE", "spinefx")
    (tmp_path / TOYS.name).write_text(TOYS.read_text(encoding="utf-8"), encoding="utf-8")
    return tmp_path


def test_a_ten_line_file_gives_a_whole_plan(write: Write, toys: Registry) -> None:
    plan = Plan.read(write(TEN_LINES), registry=toys)
    assert [stage.name for stage in plan.stages()] == [
        "folder", "mask", "conv-ae", "disc", "space", "traversal", "reconstruction", "correlate", "predict",
    ]  # fmt: skip
    assert plan.encode.options.model_dump() == EncoderOptions.model_validate({"latent_dim": 8}).model_dump()
    assert (plan.run.seed, plan.run.workers, plan.run.executor, plan.split.folds) == (0, 0, "processes", 5)
    assert (plan.sample.shape, plan.sample.spacing, plan.sample.channels) == ((32, 64, 64), (1.0, 1.0, 1.0), ("mask",))


def test_nothing_is_predicted_by_default_without_labels(toys: Registry) -> None:
    plan = Plan.of({"data": {"use": "phantom"}}, registry=toys)
    assert [stage.name for stage in plan.evaluate] == ["reconstruction", "correlate"]
    assert plan.labels.table is None


def test_an_empty_list_of_stages_is_no_default(toys: Registry) -> None:
    plan = Plan.of({"data": {"use": "phantom"}, "evaluate": [], "geometry": []}, registry=toys)
    assert plan.evaluate == plan.geometry == ()


def test_the_run_goes_beside_the_file_under_its_name(tmp_path: Path, toys: Registry) -> None:
    path = tmp_path / "study.toml"
    path.write_text(TEN_LINES)
    assert Plan.read(path, registry=toys).run.out == tmp_path / "runs" / "study"


def test_relative_paths_start_at_the_files_own_folder(
    beside: Path, write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir("/")
    plan = Plan.read(write(FULL))
    options = plan.data.options
    assert plan.run.out == beside / "elsewhere"
    assert plan.run.plugins == (beside / TOYS.name,)
    assert plan.labels.table == beside / "labels.csv"
    assert options.root == beside / "images"  # type: ignore[attr-defined]
    assert options.tree.folder == beside / "in"  # type: ignore[attr-defined]
    assert options.tree.others == (beside / "a", Path("/b"))  # type: ignore[attr-defined]
    assert options.beside == beside / "beside"  # type: ignore[attr-defined]


def test_a_word_that_could_be_a_path_stays_a_word(toys: Registry, tmp_path: Path) -> None:
    data = {"use": "folder", "root": "/x"}
    assert Plan.of({"data": data}, tmp_path, registry=toys).data.options.either == "auto"  # type: ignore[attr-defined]
    assert Plan.of({"data": data | {"either": "x"}}, tmp_path, registry=toys).data.options.either == tmp_path / "x"  # type: ignore[attr-defined]


def test_a_path_that_must_exist_is_looked_for_beside_the_file(
    beside: Path, write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    code = TOYS.read_text(encoding="utf-8").replace(
        "root: Path", "root: DirectoryPath"
    ).replace("import BaseModel, Field", "import BaseModel, DirectoryPath, Field")  # fmt: skip
    (beside / TOYS.name).write_text(code, encoding="utf-8")
    (beside / "images").mkdir()
    monkeypatch.chdir("/")
    plan = Plan.read(write(FULL))
    assert plan.data.options.root == beside / "images"  # type: ignore[attr-defined]
    (beside / "images").rmdir()
    with pytest.raises(PlanError, match=r"pipeline\.toml:7:1 \[data\]: `root` is .*path does not point to a directory"):
        Plan.read(write(FULL))


def test_a_plan_cannot_be_changed(toys: Registry) -> None:
    plan = Plan.of({"data": {"use": "phantom"}}, registry=toys)
    with pytest.raises(AttributeError):
        plan.base = Path("/")  # type: ignore[misc]
    with pytest.raises(pydantic.ValidationError, match="frozen"):
        plan.run.seed = 1


def test_the_same_plan_comes_back_from_json(beside: Path, write: Write) -> None:
    plan = Plan.read(write(FULL))
    payload = json.loads(json.dumps(plan.to_json()))
    again = Plan.from_json(payload)
    assert again.to_json() == plan.to_json()
    assert (again.run, again.labels, again.split, again.sample) == (plan.run, plan.labels, plan.split, plan.sample)
    assert again.encode.options.model_dump() == plan.encode.options.model_dump()


def test_a_plan_travels_to_another_process_with_its_plugin_files(beside: Path, write: Write) -> None:
    plan = Plan.read(write(FULL))
    assert pickle.loads(pickle.dumps(plan)).to_json() == plan.to_json()


def test_json_of_another_format_is_refused(toys: Registry) -> None:
    with pytest.raises(PluginError, match="plan has format 99, this spinefx reads 1"):
        Plan.from_json({"format": 99}, registry=toys)


def test_json_names_the_plugins_with_their_versions(toys: Registry) -> None:
    plugins = Plan.of({"data": {"use": "phantom"}}, registry=toys).to_json()["plugins"]
    entry = next(item for item in plugins if item["name"] == "conv-ae")
    assert entry == {
        "kind": "encoder", "name": "conv-ae", "dist": TOYS.name, "dist_version": entry["dist_version"], "version": 1,
    }  # fmt: skip
    assert entry["dist_version"].startswith("sha256:")


@pytest.mark.parametrize("text", [TEN_LINES, FULL.replace(f'plugins = ["{TOYS.name}"]', "")])
def test_what_a_plan_shows_is_a_pipeline_that_gives_the_same_plan(write: Write, toys: Registry, text: str) -> None:
    plan = Plan.read(write(text), registry=toys)
    again = Plan.of(tomllib.loads(plan.show()), "/elsewhere", registry=toys)
    assert again.sections() == plan.sections()


def test_what_a_plan_shows_tells_defaults_from_choices(write: Write, toys: Registry) -> None:
    shown = Plan.read(write(TEN_LINES), registry=toys).show()
    assert "latent_dim = 8\n" in shown
    assert "epochs = 60  # default\n" in shown
    assert "augment = []  # default\n" in shown


def test_options_of_one_stage_are_plain_json(toys: Registry) -> None:
    plan = Plan.of({"data": {"use": "folder", "root": "x"}}, "/base", registry=toys)
    assert plan.data.options_json() == {
        "root": "/base/x", "modality": "t2", "tree": None, "either": "auto", "beside": "/base/beside",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("override", "path", "value"),
    [
        ("encode.epochs=5", ("encode", "epochs"), 5),
        ("encode.learning_rate = 1e-4", ("encode", "learning_rate"), 1e-4),
        ("encode.widths=[4, 8]", ("encode", "widths"), [4, 8]),
        ("run.workers=2", ("run", "executor"), "processes"),
        ("data.modality=ct", ("data", "modality"), "ct"),
        ('data.modality="t1"', ("data", "modality"), "t1"),
        ("data.tree.folder=/a/b c", ("data", "tree", "folder"), "/a/b c"),
        ("report.title=a = b", ("report", "title"), "a = b"),
        ("evaluate.0.use=predict", ("evaluate", 0, "use"), "predict"),
        ("preprocess.0.use=orient", ("preprocess", 0, "use"), "orient"),
        ("geometry=[{use = 'disc'}]", ("geometry",), [{"use": "disc"}]),
    ],
)
def test_an_override_reaches_its_key(
    write: Write, toys: Registry, override: str, path: tuple[str | int, ...], value: object
) -> None:
    text = TEN_LINES + '[[evaluate]]\nuse = "correlate"\n'
    if override.startswith("preprocess"):
        text += '[[preprocess]]\nuse = "crop"\n'
    got: object = Plan.read(write(text), overrides=[override], registry=toys).sections()
    for step in path:
        got = got[step]  # type: ignore[index]
    assert got == value


def test_an_override_of_a_default_stage_reaches_it(write: Write, toys: Registry) -> None:
    plan = Plan.read(write(TEN_LINES), overrides=["geometry.1.use=disc", "geometry.0.use=space"], registry=toys)
    assert [stage.name for stage in plan.geometry][:2] == ["space", "disc"]


def test_an_override_may_add_a_stage_at_the_end(write: Write, toys: Registry) -> None:
    plan = Plan.read(write(TEN_LINES), overrides=["augment.0.use=flip"], registry=toys)
    assert [stage.name for stage in plan.augment] == ["flip"]


@pytest.mark.parametrize(
    ("structures", "shape", "spacing"), [("vertebra", (64, 96, 96), 1.0), ("spine", (128, 64, 64), 2.0)]
)
def test_the_box_fits_the_structure_unless_it_is_given(
    toys: Registry, structures: str, shape: tuple[int, ...], spacing: float
) -> None:
    data = {"use": "phantom"}
    plan = Plan.of({"data": data, "sample": {"structures": structures}}, registry=toys)
    assert (plan.sample.shape, plan.sample.spacing) == (shape, (spacing,) * 3)
    plan = Plan.of({"data": data, "sample": {"structures": structures, "shape": [8, 8, 8]}}, registry=toys)
    assert plan.sample.shape == (8, 8, 8)


def test_a_stage_is_built_with_its_options(toys: Registry) -> None:
    plan = Plan.of({"data": {"use": "phantom"}}, registry=toys)
    assert plan.encode.build().options is plan.encode.options


def test_a_stage_that_lacks_a_method_of_its_kind_is_told(toys: Registry, tmp_path: Path) -> None:
    file = tmp_path / "half.py"
    file.write_text(TOYS.read_text(encoding="utf-8").replace("= decode = save", "= save"), encoding="utf-8")
    plan = Plan.of({"data": {"use": "phantom"}}, registry=Registry.discover([file], blocked=["spinefx"]))
    with pytest.raises(PluginError, match=r"encoder 'conv-ae' from half\.py .* builds a Toy without `decode`"):
        plan.encode.build()


def test_a_stage_that_cannot_be_built_names_its_plugin_and_the_cause(tmp_path: Path) -> None:
    file = tmp_path / "half.py"
    code = TOYS.read_text(encoding="utf-8").replace(
        "        self.options = options", "        raise OSError('no licence')"
    )
    file.write_text(code, encoding="utf-8")
    plan = Plan.of({"data": {"use": "phantom"}}, registry=Registry.discover([file], blocked=["spinefx"]))
    with pytest.raises(PluginError, match=re.escape("cannot be built: OSError: no licence")):
        plan.data.build()


BONE_COUNT = """
from pydantic import BaseModel, Field
from spinefx.api import Features, Plugin, Scan, hookimpl

class Options(BaseModel, frozen=True, extra="forbid"):
    minimum_ml: float = Field(1.0, gt=0, description="ignore smaller bones, in ml")

class BoneCount:
    def __init__(self, options: Options):
        self.options = options

    def measure(self, scan: Scan) -> Features:
        sizes = {s.name: scan.mask.volume_ml(s) for s in scan.mask.structures("vertebra")}
        count = sum(size >= self.options.minimum_ml for size in sizes.values())
        return Features.of_case(scan.case, {"count": count})

@hookimpl
def spinefx_geometry_analysers():
    return [Plugin(name="bone-count", api=1, version=1, summary="How many vertebrae are in view.",
                   options=Options, build=BoneCount)]
"""


def test_the_bone_count_file_works_word_for_word(beside: Path, write: Write) -> None:
    (beside / "bone_count.py").write_text(BONE_COUNT)
    text = (
        FULL.replace(f'"{TOYS.name}"', f'"{TOYS.name}", "bone_count.py"')
        + "[[geometry]]\nuse = 'bone-count'\nminimum_ml = 2\n"
    )
    stage = Plan.read(write(text)).geometry[1]
    assert (stage.name, stage.options_json(), stage.offer.dist) == ("bone-count", {"minimum_ml": 2.0}, "bone_count.py")
    assert stage.build().options.minimum_ml == 2.0
