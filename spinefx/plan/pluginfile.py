"""A plugin in one file: `[run] plugins = ["bone_count.py"]`."""

from __future__ import annotations

import hashlib
import importlib.util
import sys
from pathlib import Path
from types import ModuleType

from spinefx.contract.errors import PluginError


def digest_of(file: Path) -> str:
    """`sha256:` and the first 12 digits of the file's content digest: the version of a plugin that has none."""
    return f"sha256:{hashlib.sha256(file.read_bytes()).hexdigest()[:12]}"


def module_name(file: Path) -> str:
    """The name a plugin file is imported under: the same in every process that loads the same path."""
    place = hashlib.sha256(str(file.resolve()).encode()).hexdigest()[:8]
    return f"spinefx_plugin_{file.stem}_{place}"


def load_plugin_file(file: Path) -> ModuleType:
    """The module in `file`, freshly executed.

    Raises
    ------
    PluginError
        If it is not a Python file that exists. Whatever the file itself raises passes through.
    """
    if file.suffix != ".py":
        raise PluginError(f"{file} is not a .py file")
    if not file.is_file():
        raise PluginError(f"{file} does not exist")
    name = module_name(file)
    spec = importlib.util.spec_from_file_location(name, file)
    if spec is None or spec.loader is None:
        raise PluginError(f"{file} cannot be imported")
    module = importlib.util.module_from_spec(spec)
    previous = sys.modules.get(name)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except BaseException:
        if previous is None:
            del sys.modules[name]
        else:
            sys.modules[name] = previous
        raise
    return module
