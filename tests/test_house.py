"""The house keeps its shape: floors, nevers and names, as the architecture draws them."""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
FLOORS = {
    "contract": 1,
    "api": 2,
    "labels": 2,
    "kernels": 2,
    "phantom": 2,
    "plan": 2,
    "store": 3,
    "work": 4,
    "engine": 5,
    "report": 5,
    "model": 6,
    "sweep": 6,
    "generate": 7,
    "testing": 7,
    "bridge": 7,
    "alone": 8,
    "cli": 9,
    "__main__": 10,
}
"""Room -> floor; imports only ever point down."""
SIDEWAYS = {("engine", "report"), ("plan", "labels"), ("phantom", "kernels"), ("api", "labels")}
"""Doors on one floor."""
STAIRS = {"chance": 1, "executors": 1, "pictures": 1, "observers": 1, "cases": 2, "cohort": 3, "folder": 4}
"""The rooms inside `work`, as floors inside that floor; what is not named stands on top."""
HEAVY = {"torch", "itk", "SimpleITK", "skimage", "monai"}
PACKS = {path.name for path in (ROOT / "plugins").iterdir() if path.is_dir()}
PYTHON = sorted([*(ROOT / "spinefx").rglob("*.py"), *(ROOT / "plugins").rglob("*.py")])
NATIVE = sorted(p for p in (ROOT / "csrc").rglob("*") if p.suffix in {".hpp", ".cpp", ".cu", ".cuh"})


def _name(path: Path) -> str:
    return str(path.relative_to(ROOT))


def imports(source: str) -> Iterator[str]:
    """Every module that a source imports, wherever the import stands, type-checking blocks included."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names if node.module == "spinefx")


def room_of(module: str) -> str:
    parts = module.split(".")
    return parts[1] if parts[0] == "spinefx" and len(parts) > 1 else ""


def upward(room: str, source: str) -> list[str]:
    """Imports of `source`, standing in `room`, that point up or sideways through no door."""
    wrong = []
    for module in imports(source):
        target = room_of(module)
        if target in FLOORS and target != room and FLOORS[target] >= FLOORS[room] and (room, target) not in SIDEWAYS:
            wrong.append(module)
    return wrong


def upstairs(room: str, source: str) -> list[str]:
    """Imports of `source`, standing in `room` of `work`, that point up or sideways inside `work`."""
    inner = [parts[2] for m in imports(source) if (parts := m.split("."))[:2] == ["spinefx", "work"] and len(parts) > 2]
    return [name for name in inner if name != room and STAIRS.get(name, 5) >= STAIRS.get(room, 6)]


def calls(source: str) -> Iterator[tuple[str, ast.Call]]:
    """(dotted name, node) of every call."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call):
            yield ast.unparse(node.func), node


def unsafe(source: str) -> list[str]:
    """Calls and imports that no file may hold."""
    wrong = [
        m
        for m in imports(source)
        if m.split(".")[0] in {"pickle", "cPickle", "dill", "cloudpickle", "marshal", "shelve"}
    ]
    for name, node in calls(source):
        keywords = {k.arg: ast.unparse(k.value) for k in node.keywords}
        if name in {"eval", "exec", "builtins.eval", "builtins.exec"}:
            wrong.append(name)
        if name == "torch.load" and keywords.get("weights_only") != "True":
            wrong.append("torch.load without weights_only=True")
        if name in {"np.load", "numpy.load"} and keywords.get("allow_pickle", "False") != "False":
            wrong.append("np.load with allow_pickle")
    return wrong


def global_chance(source: str) -> list[str]:
    """Uses of global random state."""
    allowed = {"default_rng", "Generator", "SeedSequence", "PCG64", "Philox"}
    wrong = []
    for name, _ in calls(source):
        head, _, tail = name.rpartition(".")
        if head in {"np.random", "numpy.random"} and tail not in allowed:
            wrong.append(name)
        if name in {"torch.manual_seed", "torch.random.manual_seed", "torch.seed", "random.seed"}:
            wrong.append(name)
        if head == "random":
            wrong.append(name)
    return wrong


@pytest.mark.parametrize("path", [p for p in PYTHON if p.relative_to(ROOT).parts[0] == "spinefx"][1:], ids=_name)
def test_imports_only_ever_point_down(path: Path) -> None:
    room = path.relative_to(ROOT).parts[1].removesuffix(".py")
    assert room in FLOORS, f"{path.name} stands in no known room"
    assert not upward(room, path.read_text())
    if room == "work":
        assert not upstairs(path.relative_to(ROOT).parts[2].removesuffix(".py"), path.read_text())


@pytest.mark.parametrize("path", PYTHON, ids=_name)
def test_a_pack_sees_only_the_contract_the_kernels_and_the_phantom(path: Path) -> None:
    parts = path.relative_to(ROOT).parts
    seen = set(imports(path.read_text()))
    if parts[0] == "plugins":
        allowed = re.compile(r"spinefx\.(api|kernels|phantom)(\.|$)")
        assert not [m for m in seen if m.split(".")[0] == "spinefx" and m != "spinefx" and not allowed.match(m)]
        assert not {m.split(".")[0] for m in seen} & (PACKS - {parts[1]})
    else:
        assert not {m.split(".")[0] for m in seen} & PACKS, "the engine's side imports a pack"


@pytest.mark.parametrize("path", PYTHON, ids=_name)
def test_the_engine_never_imports_what_only_a_pack_may(path: Path) -> None:
    if path.relative_to(ROOT).parts[0] == "spinefx":
        assert not {m.split(".")[0] for m in imports(path.read_text())} & HEAVY


def test_the_contract_imports_numpy_pydantic_and_pluggy_only() -> None:
    allowed = {"numpy", "pydantic", "pluggy", "spinefx", "__future__"} | set(sys.stdlib_module_names)
    for path in (ROOT / "spinefx" / "contract").rglob("*.py"):
        assert {m.split(".")[0] for m in imports(path.read_text())} <= allowed, path.name


@pytest.mark.parametrize("path", NATIVE, ids=_name)
def test_the_core_knows_neither_python_nor_torch(path: Path) -> None:
    if "bindings" not in path.parts:
        assert not re.search(r"#\s*include\s*[<\"](pybind11|Python\.h|torch|ATen|c10)", path.read_text())


@pytest.mark.parametrize("path", PYTHON, ids=_name)
def test_nothing_unsafe_is_called_or_imported(path: Path) -> None:
    assert not unsafe(path.read_text())


@pytest.mark.parametrize(
    "path", [p for p in PYTHON if p.name not in ("strangers.py", "watch.py")], ids=_name
)  # watchmen
def test_there_is_no_global_random_state(path: Path) -> None:
    assert not global_chance(path.read_text())


@pytest.mark.parametrize("path", PYTHON, ids=_name)
def test_only_the_command_line_prints(path: Path) -> None:
    if "cli" not in path.relative_to(ROOT).parts:
        assert "print" not in {name for name, _ in calls(path.read_text())}


@pytest.mark.parametrize("path", [*PYTHON, *NATIVE], ids=_name)
def test_no_file_needs_scrolling(path: Path) -> None:
    assert len(path.read_text().splitlines()) <= 300


@pytest.mark.parametrize("path", [*PYTHON, *NATIVE], ids=_name)
def test_rooms_are_named_for_what_they_hold(path: Path) -> None:
    vague = {"utils", "util", "helpers", "helper", "common", "misc"}
    assert not vague & {part.split(".")[0] for part in path.relative_to(ROOT).parts}


def test_there_is_no_import_circle() -> None:
    modules = {}
    for path in PYTHON:
        parts = list(path.relative_to(ROOT).with_suffix("").parts)
        parts = parts[1:] if parts[0] == "plugins" else parts
        modules[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    graph = {}
    for name, path in modules.items():
        at_import = [n for n in ast.parse(path.read_text()).body if isinstance(n, (ast.Import, ast.ImportFrom))]
        named = set()
        for node in at_import:
            if isinstance(node, ast.ImportFrom):
                inner = {f"{node.module}.{alias.name}" for alias in node.names}
                named |= inner & modules.keys()
                outer = {alias for alias in inner - modules.keys() if not alias.endswith(("._core", "._cuda"))}
                named |= {str(node.module)} if outer else set()
            else:
                named |= {alias.name for alias in node.names}
        graph[name] = named & modules.keys() - {name}
    state: dict[str, str] = {}

    def visit(name: str, path: tuple[str, ...]) -> None:
        assert state.get(name) != "open", f"import circle: {' -> '.join([*path[path.index(name) :], name])}"
        if name not in state:
            state[name] = "open"
            for target in graph[name]:
                visit(target, (*path, name))
            state[name] = "done"

    for name in graph:
        visit(name, ())


def test_only_known_things_lie_at_the_top() -> None:
    known = {
        "spinefx",
        "csrc",
        "plugins",
        "examples",
        "tests",
        "docs",
        "CMakeLists.txt",
        "CMakePresets.json",
        "pyproject.toml",
    }
    known |= {
        "README.md",
        "LICENSE",
        "CHANGELOG.md",
        "CITATION.cff",
        "Makefile",
        "constraints.txt",
        "build",
        "runs",
        "dist",
    }
    assert not {p.name for p in ROOT.iterdir() if not p.name.startswith(".")} - known


@pytest.mark.parametrize(
    ("check", "source"),
    [
        (lambda s: upward("plan", s), "from spinefx.engine import Engine"),
        (lambda s: upward("contract", s), "def f():\n    import spinefx.store.cache"),
        (lambda s: upward("kernels", s), "from spinefx import phantom"),
        (lambda s: upstairs("cases", s), "from spinefx.work.cohort.split import deal"),
        (lambda s: upstairs("pictures", s), "from spinefx.work.executors import local"),
        (unsafe, "import pickle"),
        (unsafe, "torch.load(path)"),
        (unsafe, "x = eval(text)"),
        (unsafe, "np.load(p, allow_pickle=True)"),
        (global_chance, "np.random.seed(0)"),
        (global_chance, "torch.manual_seed(0)"),
        (global_chance, "random.shuffle(x)"),
    ],
)
def test_the_guards_see_what_they_guard_against(check: object, source: str) -> None:
    assert check(source)  # type: ignore[operator]
