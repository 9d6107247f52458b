"""A stranger's package: made from the template, installed beside the wheel in a clean environment, tested and used there."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import numpy
import pandas as pd
import pytest

from spinefx.cli.scaffold import package

ROOT = Path(__file__).resolve().parent.parent
EXAMPLE = ROOT / "examples" / "disc-spread"


def test_the_example_is_what_the_template_makes() -> None:
    made = package("disc-spread", "geometry", cpp=True)
    kept = {p.relative_to(EXAMPLE): p.read_text() for p in EXAMPLE.rglob("*") if p.is_file() and "build" not in p.parts}
    kept = {path: text for path, text in kept.items() if "__pycache__" not in path.parts}
    assert kept == made


class Clean:
    """An environment that holds the wheel of spinefx alone, and sees the dependencies of this one."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.seconds = folder, {}
        subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder / "env"], check=True)
        site = next((folder / "env" / "lib").glob("python*")) / "site-packages"
        (site / "dependencies.pth").write_text(f"{Path(numpy.__file__).parents[1]}\n")
        self.run("wheel", "pip", "wheel", "-q", "--no-build-isolation", "--no-deps", "-w", folder / "wheels", ROOT)
        (wheel,) = (folder / "wheels").glob("spinefx-*.whl")
        self.run("install spinefx", "pip", "install", "-q", "--no-index", "--no-deps", wheel)

    def run(self, what: str, *words: object, cwd: Path | None = None) -> str:
        """One command of the environment, timed; what it printed."""
        python = self.folder / "env" / "bin" / "python"
        if words[0] == "pip":
            at = [] if words[1] == "wheel" else ["--python", str(python)]
            command = [sys.executable, "-P", "-m", "pip", *at, *map(str, words[1:])]
        else:
            command = [
                str(python),
                "-P",
                "-c",
                "from spinefx.cli import main; raise SystemExit(main())",
                *map(str, words[1:]),
            ]
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        environment = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}
        environment |= {"PATH": path, "SPINEFX_CUDA": "OFF"}
        begun = time.perf_counter()
        done = subprocess.run(command, cwd=cwd or self.folder, env=environment, capture_output=True, text=True)
        self.seconds[what] = time.perf_counter() - begun
        assert done.returncode == 0, f"{what}: {done.stdout[-3000:]}\n{done.stderr[-3000:]}"
        return done.stdout


@pytest.fixture(scope="module")
def clean(tmp_path_factory: pytest.TempPathFactory) -> Clean:
    return Clean(tmp_path_factory.mktemp("clean"))


@pytest.mark.slow
@pytest.mark.parametrize("cpp", [False, True], ids=["python", "cpp"])
def test_the_template_is_made_installed_tested_and_used(clean: Clean, cpp: bool) -> None:
    name = "disc-spread-cpp" if cpp else "disc-spread-py"
    folder = clean.folder / name
    clean.run("new", "spinefx", "plugin", "new", name, "--kind", "geometry", *(["--cpp"] if cpp else []))
    clean.run(f"install {name}", "pip", "install", "-q", "--no-index", "--no-build-isolation", "--no-deps", folder)
    assert name in clean.run("plugins", "spinefx", "plugins")
    tested = clean.run(f"test {name}", "spinefx", "plugin", "test", name)
    assert tested.splitlines()[-1] == "no fault was found"
    clean.run(f"run {name}", "spinefx", "run", "pipeline.toml", "-q", cwd=folder)
    features = pd.read_parquet(folder / "runs" / "first" / "features.parquet")
    assert features[f"{name}.volume_mm3"].notna().sum() > 50
    assert (folder / "runs" / "first" / "report.html").is_file()


if __name__ == "__main__":  # python tests/test_package.py: how long each documented command takes
    import tempfile

    with tempfile.TemporaryDirectory() as place:
        environment = Clean(Path(place))
        for native in (False, True):
            test_the_template_is_made_installed_tested_and_used(environment, native)
        for step, took in environment.seconds.items():
            print(f"{step:32s} {took:6.1f} s")
