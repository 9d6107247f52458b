"""The CUDA twins compile where nvcc is, for the cards that are promised; whoever asks for them in vain is told why."""

from __future__ import annotations

import os
import shutil
import struct
import subprocess
import sys
from pathlib import Path

import pytest

from spinefx.kernels import device

ROOT = Path(__file__).resolve().parents[2]
TOOLS = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
"""This environment's CMake comes first: the system's may be older than the build wants."""
CARDS = {("sm", 75), ("sm", 80), ("sm", 90), ("sm", 100), ("sm", 120), ("ptx", 120)}
nvcc = os.environ.get("CUDACXX") or shutil.which("nvcc")
needs_nvcc = pytest.mark.skipif(nvcc is None, reason="there is no nvcc here (neither CUDACXX nor one on PATH)")


def configured(folder: Path, *options: str, path: str | None = None) -> subprocess.CompletedProcess[str]:
    settings = ["-DSPINEFX_PYTHON=OFF", "-DCMAKE_BUILD_TYPE=Release", *options]
    environment = {k: v for k, v in os.environ.items() if k != "CUDACXX"} if path else dict(os.environ)
    command = ["cmake", "-S", str(ROOT), "-B", str(folder), "-G", "Ninja", *settings]
    return subprocess.run(
        command, env=environment | {"PATH": path or TOOLS}, capture_output=True, text=True, check=False
    )


def cards(binary: bytes) -> set[tuple[str, int]]:
    """What the CUDA code in a library is for, from the headers of its fat binaries (`cuobjdump` lists the same)."""
    found: set[tuple[str, int]] = set()
    magic = struct.pack("<I", 0xBA55ED50)
    start = binary.find(magic)
    while start >= 0:
        _, version, header, size = struct.unpack_from("<IHHQ", binary, start)
        at, end = start + header, start + header + size
        while version == 1 and at < end <= len(binary):
            kind, _, head, body = struct.unpack_from("<HHIQ", binary, at)
            (card,) = struct.unpack_from("<I", binary, at + 28)
            found.add(({1: "ptx", 2: "sm"}.get(kind, str(kind)), card))
            at += head + body
        start = binary.find(magic, start + 4)
    return found


@needs_nvcc
@pytest.mark.slow
def test_the_twins_are_built_for_the_promised_cards(tmp_path: Path) -> None:
    """Those of the installed module; where it has none, though nvcc is there, they are built here."""
    if device._cuda is not None and device._cuda.__file__ is not None:
        library = Path(device._cuda.__file__)
    else:
        asked = configured(tmp_path, "-DSPINEFX_CUDA=ON")
        assert asked.returncode == 0, asked.stderr
        made = subprocess.run(
            ["cmake", "--build", tmp_path, "--target", "spinefx_cuda"],
            env=os.environ | {"PATH": TOOLS},
            capture_output=True,
            text=True,
        )
        assert made.returncode == 0, made.stdout
        library = tmp_path / "libspinefx_cuda.a"
    assert cards(library.read_bytes()) == CARDS


@pytest.mark.skipif(device._cuda is None, reason="this build has no CUDA kernels")
def test_the_module_needs_no_cuda_library_to_be_imported() -> None:
    reader = shutil.which("readelf")
    if reader is None:
        pytest.skip("there is no readelf here")
    assert device._cuda.__file__ is not None
    told = subprocess.run([reader, "-d", device._cuda.__file__], capture_output=True, text=True, check=True).stdout
    needed = [line for line in told.splitlines() if "NEEDED" in line]
    assert needed and not [line for line in needed if "cuda" in line or "torch" in line]


def test_asking_for_cuda_where_nvcc_is_not_is_an_error(tmp_path: Path) -> None:
    """And AUTO goes on without it."""
    tools = tmp_path / "tools"
    tools.mkdir()
    for name in ("cmake", "ninja", "c++", "g++", "gcc", "cc", "ld", "as", "ar", "ranlib", "nm", "strip", "objdump"):
        if found := shutil.which(name, path=TOOLS):
            (tools / name).symlink_to(found)
    without = {"path": str(tools)}
    asked = configured(tmp_path / "on", "-DSPINEFX_CUDA=ON", **without)
    assert asked.returncode != 0 and "SPINEFX_CUDA=ON: no working nvcc" in asked.stderr
    free = configured(tmp_path / "auto", "-DSPINEFX_CUDA=AUTO", **without)
    assert free.returncode == 0, free.stderr
    assert "CUDA twins: OFF" in free.stdout
    wrong = configured(tmp_path / "odd", "-DSPINEFX_CUDA=YES", **without)
    assert wrong.returncode != 0 and "must be AUTO, ON or OFF, got 'YES'" in wrong.stderr
