"""Which versions, on which machine: what a reader needs to run it again."""

from __future__ import annotations

import os
import platform
import sys
from importlib import metadata

PACKAGES = (
    "spinefx",
    "numpy",
    "scipy",
    "pandas",
    "torch",
    "SimpleITK",
    "scikit-image",
    "scikit-learn",
    "pydantic",
    "pluggy",
)


def versions() -> dict[str, str]:
    """Version of Python and of each package that numbers depend on; absent ones are left out."""
    found = {"python": platform.python_version()}
    for name in PACKAGES:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return found


def machine() -> dict[str, str | int]:
    """System, processor and number of cores; no host or user name."""
    return {
        "system": platform.system(),
        "machine": platform.machine(),
        "cores": os.cpu_count() or 1,
        "byteorder": sys.byteorder,
    }
