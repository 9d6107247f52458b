"""Finding plugins and picking one by name; distributions are installed as a wheel leaves them."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from pathlib import Path

import pytest

from spinefx.contract import hookspecs
from spinefx.contract.errors import PluginError
from spinefx.contract.hookspecs import hookimpl
from spinefx.contract.plugin import KINDS
from spinefx.plan import Registry

Install = Callable[..., None]

PACK = """
from pydantic import BaseModel
from spinefx.api import Plugin, hookimpl

class Options(BaseModel, frozen=True, extra="forbid"):
    pass

@hookimpl
def spinefx_loaders():
    return [Plugin(name="our-pacs", api=1, version=3, summary="s", options=Options, build=lambda o: o)]
"""


def discover(files: tuple[Path, ...] = (), *blocked: str) -> Registry:
    return Registry.discover(files, blocked=["spinefx", *blocked])


def test_a_distribution_with_an_entry_point_is_found(install: Install) -> None:
    install("spine-lab", PACK, version="1.2")
    found = discover().pick("loader", "our-pacs")
    assert (found.dist, found.version, found.plugin.version, found.origin) == ("spine-lab", "1.2", 3, "spine-lab 1.2")


def test_two_plugins_of_one_name_are_refused(install: Install) -> None:
    install("spine-lab", PACK, version="1.2")
    install("other-lab", PACK, version="0.3")
    registry = discover()
    with pytest.raises(PluginError, match=r"two loaders are named 'our-pacs': from other-lab 0\.3 and spine-lab 1\.2"):
        registry.pick("loader", "our-pacs")
    assert registry.clashes() == ("two loaders are named 'our-pacs': from other-lab 0.3 and spine-lab 1.2",)


@pytest.mark.parametrize("spelt", ["spine-lab", "Spine_Lab"])
def test_a_distribution_before_the_name_picks_one_on_purpose(install: Install, spelt: str) -> None:
    install("spine-lab", PACK)
    install("other-lab", PACK)
    assert discover().pick("loader", f"{spelt}:our-pacs").dist == "spine-lab"


def test_one_distribution_offering_a_name_twice_is_refused(install: Install) -> None:
    install("spine-lab", PACK.replace("return [", "return 2 * ["))
    with pytest.raises(PluginError, match="spine-lab offers it more than once"):
        discover().pick("loader", "spine-lab:our-pacs")


def test_the_same_name_in_two_kinds_is_no_clash(tmp_path: Path) -> None:
    file = tmp_path / "twins.py"
    file.write_text(PACK + PACK.split("@hookimpl")[1].join(["\n@hookimpl", ""]).replace("_loaders", "_encoders"))
    registry = discover((file,))
    assert registry.clashes() == ()
    assert registry.pick("encoder", "our-pacs").kind == "encoder"


def test_a_plugin_that_does_not_import_is_reported_and_the_rest_is_there(install: Install, toys: Registry) -> None:
    install("bad-lab", "import nothing_of_this_name")
    install("spine-lab", PACK)
    registry = discover()
    assert [offer.name for offer in registry.offers("loader")] == ["our-pacs"]
    (broken,) = registry.broken
    assert (broken.dist, broken.entry) == ("bad-lab", "main")
    assert "ModuleNotFoundError: No module named 'nothing_of_this_name'" in str(broken)


def test_a_plugin_that_exits_on_import_does_not_take_the_program_along(install: Install) -> None:
    install("exit-lab", "raise SystemExit(7)")
    assert "SystemExit" in str(discover().broken[0])


def test_an_unknown_name_tells_what_may_have_held_it(install: Install) -> None:
    install("bad-lab", "raise ImportError('libfoo.so.1 is missing')")
    with pytest.raises(PluginError, match=r"may hold it: bad-lab \(entry point 'main'\): ImportError: libfoo\.so\.1"):
        discover().pick("loader", "our-pacs")


def test_an_unknown_name_lists_what_is_installed_and_the_nearest(toys: Registry) -> None:
    with pytest.raises(
        PluginError, match=r"no loader is named 'foldr'; did you mean 'folder'\?; installed: folder, phantom"
    ):
        toys.pick("loader", "foldr")
    with pytest.raises(PluginError, match=r"did you mean 'conv-ae'\?"):
        toys.pick("encoder", "Conv_AE")


def test_a_name_of_another_kind_is_told_as_such(toys: Registry) -> None:
    with pytest.raises(PluginError, match=r"no geometry analyser is named 'pca' \('pca' is an encoder\)"):
        toys.pick("geometry_analyser", "pca")


def test_a_misspelt_hook_is_an_error_that_names_the_plugin(install: Install) -> None:
    install("spine-lab", PACK.replace("spinefx_loaders", "spinefx_loader"))
    with pytest.raises(
        PluginError, match=r"spine-lab 1\.2.*unknown hook 'spinefx_loader'; did you mean 'spinefx_loaders'\?"
    ):
        discover()


def test_a_misspelt_hook_can_be_stepped_over(install: Install) -> None:
    install("spine-lab", PACK.replace("spinefx_loaders", "spinefx_loader"))
    with pytest.raises(PluginError, match="SPINEFX_DISABLE=spine-lab"):
        discover()
    assert discover((), "spine-lab").offers() == ()


def test_every_misspelt_hook_is_told_at_once(install: Install) -> None:
    install("spine-lab", PACK.replace("spinefx_loaders", "spinefx_loader"))
    install("other-lab", PACK.replace("spinefx_loaders", "spinefx_lodaers"))
    with pytest.raises(PluginError) as caught:
        discover()
    assert len(caught.value.problems) == 2


def test_an_observer_with_an_argument_that_the_hook_lacks_is_an_error(install: Install) -> None:
    code = "from spinefx.api import hookimpl\n@hookimpl\ndef spinefx_case_done(case, colour): pass\n"
    install("spine-lab", code)
    with pytest.raises(PluginError, match=r"spine-lab 1\.2.*colour"):
        discover()


def test_a_plugin_for_another_contract_is_refused_where_it_is_used(install: Install) -> None:
    install("spine-lab", PACK.replace("api=1", "api=2"))
    registry = discover()
    assert registry.offers() == ()
    with pytest.raises(PluginError, match="'our-pacs' is written for contract 2, this spinefx has 1"):
        registry.pick("loader", "our-pacs")


@pytest.mark.parametrize(
    ("offered", "told"),
    [
        ("None", "must return a list of Plugin, got NoneType"),
        ('["folder"]', "must return a list of Plugin, got str in it"),
        ("1 / 0", "spinefx_loaders failed: ZeroDivisionError"),
    ],
)
def test_a_hook_that_returns_no_list_of_plugins_is_reported(tmp_path: Path, offered: str, told: str) -> None:
    file = tmp_path / "odd.py"
    file.write_text(f"from spinefx.api import hookimpl\n@hookimpl\ndef spinefx_loaders():\n    return {offered}\n")
    (broken,) = discover((file,)).broken
    assert told in str(broken)


def test_a_module_without_any_hook_is_reported(tmp_path: Path) -> None:
    file = tmp_path / "bare.py"
    file.write_text("def spinefx_loaders():\n    return []\n")
    assert "offers nothing: no function is marked with `@hookimpl`" in str(discover((file,)).broken[0])


def test_an_option_named_use_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "use.py"
    file.write_text(PACK.replace("    pass", "    use: int = 1"))
    assert "has an option `use`" in str(discover((file,)).broken[0])


@pytest.mark.parametrize(
    "token", ["spine-lab", "spine_lab", "main", "our-pacs", "loader:our-pacs", "spine-lab:our-pacs"]
)
def test_blocking_works_by_distribution_entry_and_name(install: Install, token: str) -> None:
    install("spine-lab", PACK)
    registry = discover((), token)
    assert registry.offers() == ()
    assert registry.blocked != ()


def test_a_blocked_name_is_told_as_blocked(install: Install, monkeypatch: pytest.MonkeyPatch) -> None:
    install("spine-lab", PACK)
    monkeypatch.setenv("SPINEFX_DISABLE", " spinefx , loader:our-pacs ")
    with pytest.raises(PluginError, match="'our-pacs' is blocked by SPINEFX_DISABLE"):
        Registry.discover().pick("loader", "our-pacs")


def test_a_file_is_a_plugin_under_its_own_name(tmp_path: Path) -> None:
    file = tmp_path / "our_pacs.py"
    file.write_text(PACK)
    found = discover((file,)).pick("loader", "our-pacs")
    assert found.dist == "our_pacs.py"
    before = found.version
    file.write_text(PACK + "# changed\n")
    assert discover((file,)).pick("loader", "our-pacs").version != before


def test_a_plugin_file_that_fails_names_the_file_and_the_cause(tmp_path: Path) -> None:
    file = tmp_path / "bad.py"
    file.write_text("def broken(:\n")
    (broken,) = discover((file,)).broken
    assert broken.file == file
    assert str(broken).startswith("bad.py: SyntaxError")


def test_a_plugin_file_has_the_same_module_name_in_every_process(tmp_path: Path) -> None:
    from spinefx.plan.pluginfile import load_plugin_file, module_name

    file = tmp_path / "our_pacs.py"
    file.write_text(PACK)
    assert load_plugin_file(file).Options.__module__ == module_name(file) == module_name(file.resolve())


def test_observers_are_called_through_the_registry() -> None:
    seen: list[str] = []

    class Counter:
        @hookimpl
        def spinefx_case_done(self, case: str, outcome: str) -> None:
            seen.append(f"{case} {outcome}")

    registry = discover()
    registry.register(Counter())
    registry.hooks.spinefx_case_done(case="1_t2", outcome="done", seconds=1.0)
    assert seen == ["1_t2 done"]


HOOKS = {name: hook for name, hook in vars(hookspecs).items() if name.startswith("spinefx_")}


@pytest.mark.parametrize("name", HOOKS)
def test_every_hook_is_documented_with_an_example_that_the_registry_takes(name: str, tmp_path: Path) -> None:
    doc = inspect.getdoc(HOOKS[name]) or ""
    about, _, example = doc.partition("@hookimpl\n")
    assert len(about.split()) > 3
    head = example.splitlines()[0]
    assert head == f"def {name}({', '.join(inspect.signature(HOOKS[name]).parameters)}):"
    file = tmp_path / "example.py"
    file.write_text(f"from spinefx.api import hookimpl\n\n@hookimpl\n{example}\n")
    registry = discover((file,))
    assert getattr(registry.hooks, name).get_hookimpls()


def test_every_hook_that_offers_has_a_toy_and_is_collected(toys: Registry) -> None:
    assert {found.kind for found in toys.offers()} == set(KINDS)


def test_a_name_is_found_in_any_kind(toys: Registry) -> None:
    assert [found.kind for found in toys.find("disc")] == ["geometry_analyser"]
    assert [found.kind for found in toys.find("geometry_analyser:disc")] == ["geometry_analyser"]
    assert toys.find("encoder:disc") == ()


def test_a_hook_that_ends_the_process_is_reported_and_skipped(tmp_path: Path) -> None:
    file = tmp_path / "leaver.py"
    file.write_text(
        "import sys\nfrom spinefx.api import hookimpl\n@hookimpl\ndef spinefx_loaders():\n    sys.exit(7)\n"
    )
    broken = [str(b) for b in Registry.discover([file]).broken]
    assert broken == ["leaver.py: spinefx_loaders failed: SystemExit: 7"]


def test_a_misspelt_hook_is_the_only_thing_told(tmp_path: Path) -> None:
    from spinefx.contract.errors import PlanError
    from spinefx.plan import Plan

    (tmp_path / "odd.py").write_text(
        "from spinefx.api import hookimpl\n@hookimpl\ndef spinefx_loader():\n    return []\n"
    )
    with pytest.raises(PlanError) as caught:
        Plan.of({"run": {"plugins": ["odd.py"]}, "data": {"use": "phantom"}}, tmp_path)
    assert "did you mean 'spinefx_loaders'" in str(caught.value)
    assert "no loader is named" not in str(caught.value)
