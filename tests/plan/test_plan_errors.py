"""What is wrong in a pipeline.toml is told all at once: where, what was found, what was wanted, the nearest right thing."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spinefx.contract.errors import PlanError, SpinefxError
from spinefx.plan import Plan, Registry
from spinefx.plan.source import MAX_BYTES, parse_source

Write = Callable[[str], Path]
DATA = '[data]\nuse = "folder"\nroot = "x"\n'
TOYS = Path(__file__).with_name("plan_toys.py")


def wrong(path: Path, toys: Registry, *overrides: str) -> list[str]:
    """The problems of a file, without its folder."""
    with pytest.raises(PlanError) as caught:
        Plan.read(path, overrides=overrides, registry=toys)
    return [str(problem).replace(f"{path.parent}/", "") for problem in caught.value.problems]


def test_the_example_of_the_style_page_reads_as_it_does_there(write: Write, toys: Registry) -> None:
    text = DATA + "\n# lots\n# of\n# latents\n[encode]\nuse = 'conv-ae'\nepoch = 5\n"
    assert wrong(write(text), toys) == [
        "pipeline.toml:10:1 [encode]: unknown key `epoch`; did you mean `epochs`?   (spinefx plugins show conv-ae)"
    ]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("[dat]\n" + DATA, "pipeline.toml:1:1: unknown section `dat`; did you mean `data`?"),
        ("", "pipeline.toml: [data] is missing; it says where the cases are   (loaders installed: folder, phantom)"),
        ("[data]\nroot = 1", "pipeline.toml:1:1 [data]: needs the key `use`; installed: folder, phantom"),
        ("[data]\nuse = 7", "pipeline.toml:2:1 [data]: `use` is 7; wanted a name; installed: folder, phantom"),
        ("data = 3", "pipeline.toml:1:1: `data` is 3; wanted one [data] table"),
        ('[[data]]\nuse="folder"', 'pipeline.toml:1:1: `data` is [{"use": "folder"}]; wanted one [data] table'),
        ("[run]\nseed = -1\n" + DATA, "`seed` is -1; wanted greater than or equal to 0"),
        ("run = 1\n" + DATA, "`run` is 1; wanted one [run] table"),
        ("[geometry]\nuse='disc'\n" + DATA, "`geometry` is a table of 1 keys; wanted a list: [[geometry]]"),
        ("augment = ['flip']\n" + DATA, '`augment.0` is "flip"; wanted [[augment]] tables'),
        ("[data]\nuse='foldr'", "no loader is named 'foldr'; did you mean 'folder'?; installed: folder, phantom   (spinefx plugins)"),
        ("[data]\nuse='pca'", "no loader is named 'pca' ('pca' is an encoder); installed: folder, phantom"),
        ("[data]\nuse='folder'", "pipeline.toml:1:1 [data]: needs the key `root`: folder with the images"),
        ("[data]\nuse='folder'\nroot='x'\nmodality='t3'", "`modality` is \"t3\"; wanted 't1', 't2' or 'ct'"),
        ("[data]\nuse='folder'\nroot='x'\ntree={folder='a', fol='b'}", ":4:19 [data]: unknown key `tree.fol`; did you mean `tree.folder`?"),
        ("[data]\nuse='folder'\nroot='x'\ntree={}", "needs the key `folder`: folder inside"),
        (DATA + "[encode]\nuse='pca'\nx=1", "unknown key `x`; it takes no keys"),
        (DATA + "[encode]\nuse='conv-ae'\nwidths=[1,\n'a']", ':7:1 [encode]: `widths.1` is "a"; wanted a valid integer'),
        (DATA + "[run]\naddress='tcp://node1:8786'", "`address` is a dask scheduler's, `executor` is 'processes'; wanted 'dask'"),
        (DATA + "[run]\nexecutor='dask'\naddress='node1'", "`address` is \"node1\"; wanted where a dask scheduler listens, as 'tcp://node1:8786'"),
        (DATA + "[run]\nexecutor='seril'", "`executor` is \"seril\"; wanted 'serial', 'processes' or 'dask'; did you mean 'serial'?"),
        (DATA + "[run]\nexecutor='serial'\nworkers=3", "[run]: executor 'serial' has one worker, `workers` is 3; wanted 'processes'"),
        (DATA + "[run]\ndevice='gpu'", "`device` is \"gpu\"; wanted 'cpu', 'cuda' or a numbered one such as 'cuda:1'"),
        (DATA + "[run]\ntimeout=nan", "`timeout` is NaN; "),
        (DATA + "[split]\nby='series'", "`by` is \"series\"; wanted 'patient'"),
        (DATA + "[split]\ntest=1.5", "`test` is 1.5; wanted less than 1; or wanted a list [...]"),
        (DATA + "[labels]\ntargets='Grade'", "`targets` is \"Grade\"; wanted a list [...]"),
        (DATA + "[split]\ntest=['1']\nvalidation=['1']", "patients 1 are named in `test` and in `validation`"),
        (DATA + "[sample]\nshape=[32,64]", "`shape` is [32, 64]; wanted at least 3 values"),
        (DATA + "[sample]\nspacing=0", "`spacing` is 0; wanted greater than 0"),
        (DATA + "[labels]\nkey={patients='id'}", "unknown key `key.patients`; did you mean `key.patient`?"),
        (DATA + "[[geometry]]\nuse='disc'\n[[geometry]]\nuse='disc'", ":6:1: 'disc' is named twice"),
    ],
)  # fmt: skip
def test_a_mistake_is_told_with_its_place_and_remedy(write: Write, toys: Registry, text: str, told: str) -> None:
    problems = wrong(write(text), toys)
    assert any(told in problem for problem in problems), "\n".join(problems)


def test_every_mistake_of_a_file_is_told_at_once_in_its_order(write: Write, toys: Registry) -> None:
    text = "[run]\nsed = 1\n[data]\nuse = 'foldr'\n[encode]\nuse = 'conv-ae'\nlatent_dim = 0\nepoch = 1\n[repot]\n"
    problems = wrong(write(text), toys, "split.folds=1", "nonsense")
    places = [problem.split(" ")[0] for problem in problems]
    assert places == ["--set", "pipeline.toml:2:1", "pipeline.toml:4:1", "pipeline.toml:7:1", "pipeline.toml:8:1",
                      "pipeline.toml:9:1:", "--set"]  # fmt: skip


def test_a_mistake_is_told_once_per_key(write: Write, toys: Registry) -> None:
    assert len(wrong(write(DATA + "[split]\ntest = 'many'"), toys)) == 1


@pytest.mark.parametrize(
    ("override", "told"),
    [
        ("encode.epoch=5", "--set encode.epoch=5 [encode]: unknown key `epoch`; did you mean `epochs`?"),
        ("encode", "--set encode: is not KEY=VALUE with a dotted key   (wanted: --set encode.epochs=5)"),
        ("encode..epochs=5", "is not KEY=VALUE with a dotted key"),
        ("=5", "is not KEY=VALUE with a dotted key"),
        ("geometry.7.x=1", "`geometry` has 3 entries, counted from 0"),
        ("geometry.first.x=1", "`geometry` is a list of 3; wanted its number, as geometry.0"),
        ("data.root.x=1", "`data.root` is a value, it has no key `x`"),
        ("encode.widths=[1,", "is not a TOML value"),
        ("encode.epochs=", "is not a TOML value"),
        ("a.b=1\nc=2", "the value is not one TOML value"),
        ("encode.epochs=many", '`epochs` is "many"; wanted a valid integer'),
        (".".join("a" * 100) + "=1", "is not KEY=VALUE with a dotted key"),
        ("encode.epochs=" + "9" * 5000, "the value is too long"),
    ],
)
def test_a_wrong_override_is_told_as_typed(write: Write, toys: Registry, override: str, told: str) -> None:
    problems = wrong(write(DATA), toys, override)
    assert any(told in problem for problem in problems), "\n".join(problems)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("[run\n", ":1:5: is not TOML: expected ']' at the end of a table declaration"),
        ("[run]\na = \n", ":2:5: is not TOML: invalid value"),
        ("[run]\na = 'x\n", ":3:1: is not TOML: expected"),
        ("a = 1\na = 2\n", ":2:6: is not TOML: cannot overwrite a value"),
        ('a = """', ":1:8: is not TOML: "),
        ("a = " + "9" * 5000, "cannot be read: Exceeds the limit"),
        ("a = " + "[" * 5000, "nested too deep"),
    ],
)
def test_text_that_is_not_toml_is_told_with_line_and_column(write: Write, toys: Registry, text: str, told: str) -> None:
    (problem,) = wrong(write(text), toys)
    assert told in problem


def test_a_file_that_is_not_there_says_how_to_make_one(tmp_path: Path) -> None:
    with pytest.raises(PlanError, match=r"none\.toml: no such file   \(spinefx init --from folder writes one\)"):
        Plan.read(tmp_path / "none.toml")


def test_a_folder_is_not_a_pipeline(tmp_path: Path) -> None:
    with pytest.raises(PlanError, match="cannot be read: Is a directory"):
        Plan.read(tmp_path)


def test_a_file_that_is_not_utf8_is_told_with_its_line(tmp_path: Path) -> None:
    path = tmp_path / "p.toml"
    path.write_bytes(b"[run]\ntitle = '\xff'\n")
    with pytest.raises(PlanError, match=r"p\.toml:2: is not UTF-8"):
        Plan.read(path)


def test_a_huge_file_is_refused_before_it_is_parsed(tmp_path: Path) -> None:
    path = tmp_path / "p.toml"
    path.write_bytes(b"#" * (MAX_BYTES + 1))
    with pytest.raises(PlanError, match="larger than 256 KiB"):
        Plan.read(path)


@pytest.mark.parametrize("part", ["a.", '"a".', "a . ", "'b'.", '"\\"".', "''."])
@pytest.mark.parametrize("around", ["{}", "[{}]", "x = {{ {} = 1 }}", "x = {{ p = '''\"''', {} = 1 }}", '# """\n{}'])
def test_a_key_of_thousands_of_parts_is_refused_before_it_is_parsed(part: str, around: str) -> None:
    with pytest.raises(PlanError, match=r"a key of \d{4,} dotted parts"):
        parse_source(around.format(part * 10_000 + "a"))


def test_long_text_with_many_dots_is_no_deep_key() -> None:
    text = f'a = """{"a." * 100}"""\nb = "{"a." * 100}"\n# {"1 . 2" * 90}\n'
    assert set(parse_source(text).tables) == {"a", "b"}


@pytest.mark.parametrize(
    "text",
    ['"' + "\\\"" * 100_000, 'a = """' + '\\"' * 100_000 + '"""', "a = [" + "1," * 100_000 + "]", "'" * 200_000],
)  # fmt: skip
def test_hostile_text_of_full_size_is_read_or_refused(text: str) -> None:
    """A scan that is not linear takes minutes on each of these."""
    try:
        assert parse_source(text).spots
    except PlanError as error:
        assert "is not TOML" in str(error)


def test_nothing_in_a_file_can_steer_the_terminal(write: Write, toys: Registry) -> None:
    text = DATA + '[encode]\nuse = "conv-ae"\n"\\u001b[2J" = 1\nepochs = "\\u001b[31m\\u009b"\n[data2]\n'
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f]", "\n".join(wrong(write(text), toys)))


def test_thousands_of_mistakes_are_told_in_moderation(write: Write, toys: Registry) -> None:
    text = DATA + "[encode]\nuse = 'conv-ae'\n" + "".join(f"k{i} = 1\n" for i in range(3000))
    problems = wrong(write(text), toys)
    assert 50 <= len(problems) <= 52
    assert "3000 things are wrong here; the first 50 are told" in "\n".join(problems)
    (problem,) = wrong(write(DATA + "[[geometry]]\n" * 3000), toys)
    assert "[[geometry]] has 3000 entries; wanted at most 100" in problem


def test_a_plugin_file_that_fails_is_told_at_its_place_beside_everything_else(
    write: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SPINEFX_DISABLE", "spinefx")
    (tmp_path / "bad.py").write_text("1 / 0\n")
    path = write(f'[run]\nplugins = [\n  "{TOYS}",\n  "bad.py",\n  "none.py"]\nsed = 1\n' + DATA)
    with pytest.raises(PlanError) as caught:
        Plan.read(path)
    told = [str(problem).replace(f"{tmp_path}/", "") for problem in caught.value.problems]
    assert told == [
        "pipeline.toml:4:3 [run]: bad.py: ZeroDivisionError: division by zero",
        "pipeline.toml:5:3 [run]: none.py: PluginError: none.py does not exist",
        "pipeline.toml:6:1 [run]: unknown key `sed`; did you mean `seed`?   (spinefx plugins show run)",
    ]


def test_a_misspelt_hook_in_a_plugin_file_is_told_at_its_place(write: Write, tmp_path: Path) -> None:
    (tmp_path / "odd.py").write_text(
        "from spinefx.api import hookimpl\n@hookimpl\ndef spinefx_evaluator():\n    return []\n"
    )
    with pytest.raises(
        PlanError, match=r"pipeline\.toml:2:1 \[run\]: odd\.py: unknown hook 'spinefx_evaluator'; did you mean"
    ):
        Plan.read(write("[run]\nplugins = ['odd.py']\n" + DATA))


def test_options_whose_checks_fail_in_an_odd_way_are_told(tmp_path: Path, write: Write) -> None:
    code = TOYS.read_text(encoding="utf-8").replace(
        "class EncoderOptions(BaseModel, frozen=True, extra=\"forbid\"):",
        "from pydantic import field_validator\nclass EncoderOptions(BaseModel, frozen=True, extra=\"forbid\"):\n"
        "    @field_validator('epochs')\n    @classmethod\n    def odd(cls, value): raise KeyError('odd')\n",
    )  # fmt: skip
    (tmp_path / "toys.py").write_text(code, encoding="utf-8")
    toys = Registry.discover([tmp_path / "toys.py"], blocked=["spinefx"])
    problems = wrong(write(DATA + "[encode]\nuse='conv-ae'\nepochs=3"), toys)
    assert "options cannot be checked: KeyError: 'odd'" in problems[0]


def test_a_mapping_is_checked_like_a_file(toys: Registry) -> None:
    with pytest.raises(PlanError, match=r"^plan \[encode\]: unknown key `epoch`; did you mean `epochs`\?"):
        Plan.of({"data": {"use": "phantom"}, "encode": {"use": "conv-ae", "epoch": 1}}, registry=toys)


WORDS = st.sampled_from(
    ["[run]", "[data]", "[[geometry]]", "[encode]", "use", "seed", "plugins", "=", "'folder'", "'pca'", "root", "{", "}", "[", "]",
     "1", "-1", "nan", "1979-05-27", '"x"', ",", ".", "\n", "\n", "#", "[split]", "test", "[sample]", "shape", "[labels]", "key"]
)  # fmt: skip


@settings(max_examples=150, deadline=None)
@given(st.lists(WORDS, max_size=25).map(" ".join), st.lists(st.text(max_size=12), max_size=2))
def test_any_text_gives_a_plan_or_a_plan_error(text: str, overrides: list[str]) -> None:
    from spinefx.plan.resolve import resolve
    from spinefx.plan.source import with_overrides

    problems: list = []
    try:
        source = with_overrides(parse_source(text), overrides, problems)
        resolve(source, Path("/nowhere"), stem="p", registry=Registry.nothing(), problems=problems)
    except SpinefxError as error:
        assert isinstance(error, PlanError)
        assert error.problems
