from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from spinefx.plan import Registry

TOYS = Path(__file__).with_name("plan_toys.py")


@pytest.fixture
def toys() -> Registry:
    """One toy plugin of every kind, and nothing else."""
    return Registry.discover([TOYS], blocked=["spinefx"])


@pytest.fixture
def write(tmp_path: Path) -> Callable[[str], Path]:
    """Writes a pipeline.toml and gives its path."""

    def write(text: str) -> Path:
        path = tmp_path / "pipeline.toml"
        path.write_text(text, encoding="utf-8")
        return path

    return write


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Installs a distribution with one module and its entry points, as a wheel would leave it."""
    site = tmp_path / "site"
    site.mkdir()
    monkeypatch.syspath_prepend(str(site))
    before = set(sys.modules)

    def install(dist: str, code: str, *, version: str = "1.2", entries: tuple[str, ...] = ("main",)) -> None:
        module = dist.replace("-", "_")
        (site / f"{module}.py").write_text(code, encoding="utf-8")
        info = site / f"{module}-{version}.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {dist}\nVersion: {version}\n", encoding="utf-8")
        lines = "".join(f"{entry} = {module}\n" for entry in entries)
        (info / "entry_points.txt").write_text(f"[spinefx]\n{lines}", encoding="utf-8")

    yield install  # type: ignore[misc]
    for name in set(sys.modules) - before:
        del sys.modules[name]
