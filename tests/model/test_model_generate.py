"""Generated shapes are what the model decodes, in files that other programs read as the same shapes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import SimpleITK as sitk

from spinefx import generate
from spinefx.api import DataError, PlanError
from spinefx.cli import main
from spinefx.engine import Engine
from spinefx.model import Model
from spinefx.plan import Plan


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of PCA on phantom discs."""
    folder = tmp_path_factory.mktemp("generate")
    tables: dict[str, Any] = {
        "run": {"out": "run", "executor": "serial"},
        "data": {"use": "phantom", "patients": 6, "levels": 3, "spacing_mm": [5.0, 1.2, 1.2]},
        "sample": {"shape": [14, 24, 28], "spacing": [1.5, 2.2, 2.4]},
        "encode": {"use": "pca", "latent_dim": 3},
        "geometry": [],
        "evaluate": [],
    }
    assert Engine(Plan.of(tables, folder)).run().exit_code == 0
    return folder / "run"


def test_a_traversal_passes_through_the_mean_and_leaves_it_both_ways(run: Path) -> None:
    model = Model.load(run)
    made = generate.traversal(model, 0, steps=5, reach_sd=2.0)
    assert np.allclose(made.z[2], model.recipe.centre, atol=1e-3)
    spread = np.sqrt(model.recipe.covariance[0, 0])
    assert np.allclose(made.z[:, 0] - made.z[2, 0], np.linspace(-2, 2, 5) * spread, rtol=1e-3)
    assert np.array_equal(made.masks, model.decode(made.z))
    with pytest.raises(PlanError, match="z0 to z2"):
        generate.traversal(model, 3)


def test_drawn_shapes_have_the_training_latents_mean_and_covariance_and_hang_on_the_seed(run: Path) -> None:
    model = Model.load(run)
    z = generate.samples(model, 4000, seed=1).z.astype(np.float64)
    scale = np.sqrt(np.diag(model.recipe.covariance))
    assert np.allclose(z.mean(axis=0), model.recipe.centre, atol=0.06 * scale.max())
    assert np.allclose(np.cov(z.T), model.recipe.covariance, atol=0.1 * scale.max() ** 2)
    assert np.array_equal(generate.samples(model, 3, seed=1).z, generate.samples(model, 5, seed=1).z[:3])
    assert not np.array_equal(generate.samples(model, 3, seed=2).z, generate.samples(model, 3, seed=1).z)


def test_nifti_is_the_same_shape_in_the_same_place_for_simpleitk(run: Path, tmp_path: Path) -> None:
    made = generate.traversal(Model.load(run), 1, steps=2)
    files = generate.written(made, tmp_path, ["nifti"], stem="z1")
    image = sitk.ReadImage(str(files[0]))
    assert np.allclose(sitk.GetArrayFromImage(image), made.masks[0])
    assert np.allclose(image.GetSpacing(), made.grid.spacing[::-1], atol=1e-6)
    assert np.allclose(image.GetOrigin(), made.grid.origin, atol=1e-5)
    assert np.allclose(image.GetDirection(), np.eye(3).ravel(), atol=1e-6)


def test_meshes_are_closed_and_hold_the_volume_of_what_was_decoded(run: Path, tmp_path: Path) -> None:
    import trimesh

    made = generate.samples(Model.load(run), 1)
    for path in generate.written(made, tmp_path, ["ply", "glb"], stem="s"):
        mesh = trimesh.load(path, force="mesh")
        scale = 1.0 if path.suffix == ".ply" else 1e9
        assert mesh.is_watertight
        wanted = (made.masks[0] > 0.5).sum() * made.grid.voxel_mm3
        assert mesh.volume * scale == pytest.approx(wanted, rel=0.06)
        middle = mesh.center_mass * (1.0 if path.suffix == ".ply" else 1e3)
        index = np.argwhere(made.masks[0] > 0.5).mean(axis=0)
        x, y, z = made.grid.to_world(index)
        assert np.allclose(middle, (x, y, z) if path.suffix == ".ply" else (x, z, -y), atol=0.6)


def test_the_command_goes_along_between_and_anew_and_the_same_seed_gives_the_same_bytes(
    run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["generate", str(run), "--steps", "3", "--to", "png", "--to", "ply"]
    assert main([*words, "--out", str(tmp_path / "along"), "--traverse", "all"]) == 0
    assert {p.name for p in (tmp_path / "along").glob("*.png")} == {"z0.png", "z1.png", "z2.png"}
    assert len(list((tmp_path / "along").glob("*.ply"))) == 9
    ends = ["--between", "1_t2:L5-S1", "2_t2:L4-L5"]
    assert main([*words, "--out", str(tmp_path / "between"), *ends]) == 0
    assert (tmp_path / "between" / "between-050.ply").is_file()
    for name in "ab":
        assert main([*words, "--out", str(tmp_path / name), "--samples", "2", "--seed", "4"]) == 0
    for path in (tmp_path / "a").iterdir():
        assert (tmp_path / "b" / path.name).read_bytes() == path.read_bytes()
    capsys.readouterr()
    assert main([*words, "--between", "nobody:L1", "2_t2:L4-L5"]) == 2
    assert "0 rows are 'nobody:L1'; wanted case:level as 1_t2:" in capsys.readouterr().err
    assert main([*words, "--traverse", "q"]) == 2


def test_every_shape_has_a_file_of_its_own_however_many_steps(run: Path, tmp_path: Path) -> None:
    model = Model.load(run)
    ends = (model.recipe.centre, model.recipe.centre + 1.0)
    for made in (
        generate.interpolation(model, *ends, steps=301),
        generate.traversal(model, 0, steps=300, reach_sd=0.5),
        generate.traversal(model, 0, steps=1000),
    ):
        assert len(set(made.names)) == len(made.names)
    assert generate.interpolation(model, *ends, steps=8).names[2] == "between-029"
    assert generate.traversal(model, 0, steps=3).names == ("z0-2.00sd", "z0+0.00sd", "z0+2.00sd")


def test_a_sample_is_found_in_a_csv_whose_cases_are_numbers_with_zeros_before_them(tmp_path: Path) -> None:
    table = tmp_path / "latents.csv"
    table.write_text("case,patient,structure,level,z0,z1\n007,007,disc,L5-S1,1.5,2.5\n008,008,spine,,3.5,4.5\n")
    assert generate.point_of(table, "007:L5-S1") == [1.5, 2.5]
    assert generate.point_of(table, "008:") == [3.5, 4.5]
    with pytest.raises(PlanError, match="wanted case:level as 007:L5-S1"):
        generate.point_of(table, "7:L5-S1")


def test_an_encoder_without_an_export_says_so(run: Path, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="encoder 'pca' cannot be exported"):
        Model.load(run).export(tmp_path)
