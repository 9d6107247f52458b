"""What `spinefx plugin new` writes: a package with a plugin of one kind, made from the templates in `kit/`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path

KINDS = ("loader", "segmenter", "preprocessor", "augmenter", "encoder", "geometry", "evaluator")
"""Kinds that there is a template for, as `--kind` takes them."""
_PYTHON = "wheel.cmake = false"
_NATIVE = 'minimum-version = "build-system.requires"\ncmake.version = ">=3.25"\nbuild-dir = "build/{wheel_tag}"'


def package(name: str, kind: str, *, cpp: bool) -> dict[Path, str]:
    """Path in the package -> content.

    name : kebab-case; the distribution's and the plugin's.   cpp : with a kernel of its own in C++.
    """
    module = name.replace("-", "_")
    summary = re.findall(r'summary = "(.+)"', _template(kind))[0]
    words = {
        "NAME": name, "PLUGIN": name, "PACKAGE": module, "MODULE": "stage", "SUMMARY": summary,
        "SPOKEN": "geometry analyser" if kind == "geometry" else kind,
        "REQUIRES": '"scikit-build-core>=0.11", "pybind11>=3.0"' if cpp else '"scikit-build-core>=0.11"',
        "CMAKE": _NATIVE if cpp else _PYTHON,
        "ARITHMETIC": "its arithmetic, which `csrc/kernel.cpp` does; `reference.py` is the twin that tests hold it against."
        if cpp
        else "its arithmetic; `spinefx plugin new --cpp` gives a C++ kernel in its place.",
    }  # fmt: skip
    found: dict[Path, str] = {}
    for template in ("every", "cpp" if cpp else "python", kind):
        found |= _parts(_template(template), words)
    found[Path("src") / module / "py.typed"] = ""
    return found


def _template(name: str) -> str:
    return (files("spinefx.cli") / "kit" / f"{name}.in").read_text(encoding="utf-8")


def _parts(text: str, words: Mapping[str, str]) -> dict[Path, str]:
    filled = re.sub(r"@([A-Z]+)@", lambda match: words[match[1]], text)
    _, *parts = re.split(r"^=== (.+)\n", filled, flags=re.MULTILINE)
    return {Path(path): content for path, content in zip(parts[::2], parts[1::2], strict=True)}
