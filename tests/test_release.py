"""What a release is made of: an sdist that holds all it needs, a wheel that holds no more, and pins for what is asked for."""

from __future__ import annotations

import re
import subprocess
import sys
import tarfile
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())


def test_the_sdist_holds_what_a_build_needs_and_nothing_built(tmp_path: Path) -> None:
    code = f"from scikit_build_core.build import build_sdist; print(build_sdist({str(tmp_path)!r}))"
    subprocess.run([sys.executable, "-P", "-c", code], cwd=ROOT, check=True, capture_output=True)
    (archive,) = tmp_path.glob("spinefx-*.tar.gz")
    with tarfile.open(archive) as opened:
        names = {name.partition("/")[2] for name in opened.getnames()}
    tracked = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True).stdout.split()
    needed = [
        n
        for n in tracked
        if n.split("/")[0] in ("csrc", "spinefx", "plugins", "CMakeLists.txt", "pyproject.toml", "LICENSE")
    ]
    assert not set(needed) - names
    assert not [name for name in names if name.startswith(("build/", "runs/", ".venv")) or name.endswith((".so", ".o"))]


def test_every_package_that_is_asked_for_is_pinned() -> None:
    pins = {
        re.split("==", line)[0].lower().replace("_", "-")
        for line in (ROOT / "constraints.txt").read_text().splitlines()
    }
    asked = [*PROJECT["project"]["dependencies"]]
    asked += [r for extra in PROJECT["project"]["optional-dependencies"].values() for r in extra]
    names = {re.split(r"[<>=\[;]", requirement)[0].lower().replace("_", "-") for requirement in asked}
    assert not names - pins


def test_wheels_are_configured_for_the_three_systems() -> None:
    wheels = PROJECT["tool"]["cibuildwheel"]
    assert {"linux", "macos", "windows"} <= set(wheels)
    assert "spinefx plugin test" in wheels["test-command"]
