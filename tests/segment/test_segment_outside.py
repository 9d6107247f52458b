"""Tools of others: their command lines, what they leave, what is refused. Stand-ins here; nnU-Net and MONAI run for real."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from outside_tools import nnunet_model, programs
from pydantic import ValidationError
from spinefx_segment import spinefx_segmenters
from spinefx_segment.outside.exchange import read, write
from spinefx_segment.outside.tools import vertebrae_mr
from spinefx_segment.outside.trust import digest

from spinefx.api import Case, DataError, GridError, LabelMap, PluginError, Scan, SchemeError, StageError, Volume
from spinefx.phantom import Scanner, draw_patient, scan_of


@pytest.fixture
def tools(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = programs(tmp_path / "tools")
    monkeypatch.setenv("SPINEFX_TOOLS", str(folder))
    return folder


@pytest.fixture(scope="module")
def scan() -> Scan:
    patient = draw_patient(5, 1, levels=3)
    images, mask = scan_of(patient, seed=5, scanner=Scanner(spacing_mm=(6.0, 3.0, 3.0)))
    return Scan(Case("1_t2", patient.id), images, mask)


def _built(name: str, **options: Any) -> Any:
    plugin = next(p for p in spinefx_segmenters() if p.name == name)
    return plugin.build(plugin.options.model_validate(options))


def _drawn(scan: Scan, name: str, **options: Any) -> LabelMap:
    return _built(name, **options).segment(scan).require_mask()


def _bright(scan: Scan) -> np.ndarray:
    data = scan.images["t2"].data
    low, high = float(data.min()), float(data.max())
    return data > low + (high - low) * 2 / 3


@pytest.mark.parametrize(
    ("name", "options", "values", "structures"),
    [
        ("totalsegmentator", {}, {0, 27}, ["L5"]),
        ("totalsegmentator", {"task": "vertebrae_mr", "device": "cuda:1"}, {0, 2}, ["L5"]),
        ("spineps", {}, {0, 20, 61}, ["L1", "canal"]),
    ],
)
@pytest.mark.usefixtures("tools")
def test_what_a_tool_knows_by_level_comes_back_through_its_scheme(
    scan: Scan, name: str, options: dict[str, Any], values: set[int], structures: list[str]
) -> None:
    mask = _drawn(scan, name, **options)
    assert mask.grid == scan.images["t2"].grid
    assert set(np.unique(mask.labels)) == values
    assert [s.name for s in mask.structures()] == structures
    inside = mask.mask_of(mask.structures()[0])
    assert np.array_equal(inside, _bright(scan)), "every voxel where the tool put it"


@pytest.mark.usefixtures("tools")
def test_organs_that_a_scheme_knows_and_a_spine_has_not_are_background(
    scan: Scan, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STANDIN", "organs")
    assert set(np.unique(_drawn(scan, "totalsegmentator").labels)) == {0, 27}


@pytest.mark.usefixtures("tools")
def test_what_a_tool_knows_by_kind_is_told_apart_and_named_here(scan: Scan, tmp_path: Path) -> None:
    model = nnunet_model(tmp_path / "model")
    trusted = _hash_of(scan, model)
    for name, options in (
        ("totalsegmentator", {"task": "total_mr"}), ("nnunet", {"model": model, "folds": ["0"], "sha256": trusted})
    ):  # fmt: skip
        mask = _drawn(scan, name, **options)
        assert mask.scheme.name == "spider"
        assert {s.kind for s in mask.structures()} == {"vertebra"}
        assert ((mask.labels > 0) <= _bright(scan)).all()
    assert _drawn(scan, name, **options, lowest="L4").structures()[0].level == "L4"


def _hash_of(scan: Scan, model: Path, name: str = "nnunet", **options: Any) -> str:
    """What the refusal says the hash is."""
    options = options or {"folds": ["0"]}
    with pytest.raises(DataError, match="refused without an explicit hash") as refusal:
        _drawn(scan, name, model=model, **options)
    found = re.search('sha256 = "([0-9a-f]{64})"', str(refusal.value))
    assert found
    return found[1]


@pytest.mark.usefixtures("tools")
def test_pickles_are_opened_with_their_own_hash_alone(scan: Scan, tmp_path: Path) -> None:
    model = nnunet_model(tmp_path / "model")
    trusted = _hash_of(scan, model)
    assert _drawn(scan, "nnunet", model=model, folds=["0"], sha256=trusted).structures()
    (model / "fold_0" / "checkpoint_final.pth").write_bytes(b"another")
    with pytest.raises(DataError, match="not the files that `sha256` names"):
        _drawn(scan, "nnunet", model=model, folds=["0"], sha256=trusted)
    with pytest.raises(DataError, match=r"no fold_1/checkpoint_final\.pth"):
        _drawn(scan, "nnunet", model=model, folds=["0", "1"], sha256=trusted)


def test_a_hash_is_of_names_and_contents(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name).write_text(name)
    first = digest(tmp_path, tmp_path.iterdir())
    (tmp_path / "a").rename(tmp_path / "aa")
    assert digest(tmp_path, tmp_path.iterdir()) != first


@pytest.mark.parametrize(
    ("facts", "options", "said"),
    [
        ({"labels": {"background": 0, "bone": 1}}, {}, "its labels are background, bone; say what the values mean"),
        ({"channel_names": {"0": "T1", "1": "T2"}}, {}, r"has 2 channels \(T1, T2\), 1 given"),
        ({}, {"images": ["t1"]}, "has no image t1; it has t2"),
        ({"file_ending": ".png"}, {}, r"was trained on '\.png' files"),
        ({}, {"scheme": "totalspineseg", "device": "cuda"}, None),
        ({}, {"scheme": "totalsegmentator-mr"}, None),
    ],
)
@pytest.mark.usefixtures("tools")
def test_a_model_that_does_not_fit_is_told_why(
    scan: Scan, tmp_path: Path, facts: dict[str, Any], options: dict[str, Any], said: str | None
) -> None:
    model = nnunet_model(tmp_path / "model", **facts)
    trusted = _hash_of(scan, model)
    if said:
        with pytest.raises(DataError, match=said):
            _drawn(scan, "nnunet", model=model, folds=["0"], sha256=trusted, **options)
    else:  # value 1 is the cord there, and an organ here
        found = [s.kind for s in scan_mask(scan, model, trusted, **options)]
        assert found == (["cord"] if options["scheme"] == "totalspineseg" else [])


def scan_mask(scan: Scan, model: Path, trusted: str, **options: Any) -> tuple[Any, ...]:
    try:
        return _drawn(scan, "nnunet", model=model, folds=["0"], sha256=trusted, **options).structures()
    except DataError as error:
        assert "finds no structure" in str(error)
        return ()


@pytest.mark.parametrize(
    ("how", "error", "said"),
    [
        ("fails", StageError, "TotalSegmentator ended with 1:\nno weights were found; run the download"),
        ("quiet", StageError, "left 0 masks, wanted one:\nnothing was drawn"),
        ("hangs", StageError, r"took more than 0\.005 minutes and was ended"),
        ("shifted", GridError, r"lies 1 mm off the image"),
    ],
)
@pytest.mark.usefixtures("tools")
def test_a_tool_that_fails_is_quoted(
    scan: Scan, monkeypatch: pytest.MonkeyPatch, how: str, error: type[Exception], said: str
) -> None:
    monkeypatch.setenv("STANDIN", how)
    with pytest.raises(error, match=said):
        _drawn(scan, "totalsegmentator", **({"minutes": 0.005} if how == "hangs" else {}))


@pytest.mark.parametrize(
    ("name", "remedy"),
    [
        ("totalsegmentator", r"pip install TotalSegmentator.*totalseg_download_weights"),
        ("spineps", r"pip install SPINEPS.*SPINEPS_SEGMENTOR_MODELS"),
    ],
)
def test_a_tool_that_is_not_there_says_how_to_get_it(
    scan: Scan, monkeypatch: pytest.MonkeyPatch, name: str, remedy: str
) -> None:
    monkeypatch.setenv("PATH", "")
    monkeypatch.delenv("SPINEFX_TOOLS", raising=False)
    with pytest.raises(PluginError, match=rf"SPINEFX_TOOLS, beside this Python or on the PATH\. .*{remedy}"):
        _drawn(scan, name)


def test_a_bundle_without_what_runs_it_says_how_to_get_it(scan: Scan, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("spinefx_segment.outside.tools.find_spec", lambda name: None)
    with pytest.raises(PluginError, match=r'pip install "spinefx\[monai-bundle\]"'):
        _drawn(scan, "monai-bundle", model="bundle")


def test_values_have_one_meaning() -> None:
    with pytest.raises(ValidationError, match="not both"):
        _built("nnunet", model="m", scheme="verse", classes={1: "disc"})


def test_vertebrae_of_mr_are_counted_from_the_sacrum_upwards() -> None:
    table = vertebrae_mr().table
    assert [table[n].level or table[n].kind for n in (1, 2, 6, 7, 25)] == ["sacrum", "L5", "L1", "T12", "C1"]


@pytest.mark.parametrize("ending", [".nii.gz", ".nrrd", ".mha"])
def test_a_mask_comes_back_voxel_for_voxel_on_any_grid(scan: Scan, tmp_path: Path, ending: str) -> None:
    for number in range(1, 6):  # both orders of axes, oblique
        patient = draw_patient(5, number, levels=3)
        _, mask = scan_of(patient, seed=5, scanner=Scanner(spacing_mm=(5.0, 3.0, 3.0), oblique_deg=20.0, pir_share=0.5))
        path = tmp_path / f"{number}{ending}"
        write(Volume(mask.labels.astype(np.int16), mask.grid), path)
        assert np.array_equal(read(path, mask.grid), mask.labels)
    write(Volume(np.full(mask.grid.shape, 0.5, np.float32), mask.grid), path)
    with pytest.raises(DataError, match="no whole numbers"):
        read(path, mask.grid)
    with pytest.raises(GridError, match="voxels, wanted the image's"):
        read(path, scan.require_mask().grid)


@pytest.mark.usefixtures("tools")
def test_a_value_without_a_meaning_is_an_error(scan: Scan, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STANDIN_VALUE", "240")
    with pytest.raises(SchemeError, match="240"):
        _drawn(scan, "totalsegmentator")
