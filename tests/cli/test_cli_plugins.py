"""`plugins`, `plugins show`, `schema`: what is installed, told to people and programs."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from spinefx.contract.plugin import KINDS
from spinefx.plan import Registry

Command = Callable[..., Any]
TOYS = str(Path(__file__).parents[1] / "plan" / "plan_toys.py")


@pytest.fixture(autouse=True)
def only_toys(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SPINEFX_DISABLE", "spinefx")


def test_plugins_lists_every_kind(spinefx: Command) -> None:
    answer = spinefx("plugins", "--with", TOYS)
    lines = answer.out.splitlines()
    assert answer.code == 0
    assert lines[0].split() == ["name", "kind", "from", "what", "it", "does"]
    assert {kind for kind in KINDS if any(kind.replace("_", " ") in line for line in lines)} == set(KINDS)


def test_plugins_tells_what_is_blocked_and_broken(spinefx: Command, tmp_path: Path) -> None:
    (tmp_path / "bad.py").write_text("import nothing_of_this_name")
    answer = spinefx("plugins", "--with", str(tmp_path / "bad.py"))
    assert answer.code == 0
    assert "not loaded: bad.py: ModuleNotFoundError" in answer.err
    assert "blocked by SPINEFX_DISABLE: spinefx" in answer.err


def test_plugins_tells_a_clash(spinefx: Command, tmp_path: Path) -> None:
    (tmp_path / "twin.py").write_text(Path(TOYS).read_text())
    answer = spinefx("plugins", "--with", TOYS, "--with", str(tmp_path / "twin.py"), "--json")
    assert "two loaders are named 'folder': from plan_toys.py" in answer.json["clashes"][0]
    shown = spinefx("plugins", "--with", TOYS, "--with", str(tmp_path / "twin.py"), "show", "pca").out
    assert shown.count("pca: A toy pca.") == 2


def test_plugins_answers_programs_in_json(spinefx: Command) -> None:
    told = spinefx("plugins", "--with", TOYS, "--json").json
    space = next(item for item in told["plugins"] if item["name"] == "space")
    assert (space["kind"], space["scope"], space["api"]) == ("geometry_analyser", "latents", 1)


def test_show_tells_each_option_with_type_default_and_meaning(spinefx: Command) -> None:
    lines = spinefx("plugins", "show", "conv-ae", "--with", TOYS).out.splitlines()
    assert lines[0] == "conv-ae: A toy conv-ae."
    assert lines[1].startswith("encoder from plan_toys.py sha256:")
    row = next(line for line in lines if line.startswith("latent_dim"))
    assert [part.strip() for part in row.split("  ") if part.strip()] == [
        "latent_dim", "whole number >= 1, <= 512", "4", "size of the latent space",
    ]  # fmt: skip


def test_show_goes_into_tables_and_names_what_is_required(spinefx: Command) -> None:
    options = spinefx("plugins", "--with", TOYS, "show", "folder", "--json").json[0]["options"]
    told = {option["key"]: (option["type"], option["default"]) for option in options}
    assert told["root"] == ("path", "required")
    assert told["modality"] == ('"t1" or "t2" or "ct"', '"t2"')
    assert told["tree"] == ("table", "unset")
    assert told["tree.others"] == ("list of path", "[]")
    assert told["either"] == ('path or "auto"', '"auto"')


def test_show_gives_units(spinefx: Command) -> None:
    options = {o["key"]: o for o in spinefx("plugins", "show", "sample", "--json").json[0]["options"]}
    assert (options["spacing"]["unit"], options["shape"]["unit"], options["margin"]["unit"]) == ("mm", "voxels", "mm")
    assert {o["key"]: o["unit"] for o in spinefx("plugins", "show", "run", "--json").json[0]["options"]}[
        "timeout"
    ] == "seconds"


def test_show_of_a_plugin_without_options_says_so(spinefx: Command) -> None:
    assert "no options" in spinefx("plugins", "show", "mask", "--with", TOYS).out


@pytest.mark.parametrize("section", ["run", "labels", "split", "sample", "report"])
def test_show_knows_the_engines_own_sections(spinefx: Command, section: str) -> None:
    answer = spinefx("plugins", "show", section)
    assert answer.out.startswith(f"[{section}]: ")


def test_show_of_an_unknown_name_gives_the_nearest(spinefx: Command) -> None:
    answer = spinefx("plugins", "show", "conv_aee", "--with", TOYS)
    assert (answer.code, answer.err) == (2, "spinefx: no plugin is named 'conv_aee'; did you mean 'conv-ae'?\n")


def test_schema_is_a_schema_with_the_plugins_options(spinefx: Command) -> None:
    schema = spinefx("schema", "--with", TOYS).json
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.validate({"data": {"use": "phantom"}, "encode": {"use": "conv-ae", "epochs": 3}}, schema)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({"data": {"use": "phantom"}, "encode": {"use": "conv-ae", "epoch": 3}}, schema)


def test_every_option_of_every_installed_plugin_is_described(monkeypatch: pytest.MonkeyPatch) -> None:
    from spinefx.cli.options import described

    monkeypatch.delenv("SPINEFX_DISABLE")
    silent = [
        f"{offer.name}.{option['key']}"
        for offer in Registry.discover().offers()
        for option in described(offer.plugin.options)
        if not option["description"]
    ]
    assert silent == []


def test_every_installed_plugin_can_be_shown(spinefx: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SPINEFX_DISABLE")
    names = [item["name"] for item in spinefx("plugins", "--json").json["plugins"]]
    assert "disc" in names
    for name in names:
        answer = spinefx("plugins", "show", name)
        assert answer.code == 0
