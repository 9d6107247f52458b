"""`spinefx doctor`: what this installation runs on, and whether its parts work."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

import click

from spinefx.cli.console import as_json, dump, more_plugins, plugins_aside, table, warn


@click.command()
@more_plugins
@as_json
def doctor(files: tuple[str, ...], json_: bool) -> int:
    """Show what runs here, and whether it works.

    Exit code 0 where all is well, 2 where a plugin could not be loaded or two share a name, 1 where the core is broken.
    """
    from spinefx.store.provenance import machine, versions

    core, core_faults = _core()
    plugins, plugin_faults = _plugins(files)
    facts: dict[str, Mapping[str, str | int]] = {
        "versions": versions(),
        "machine": {**machine(), "cores for this process": _cores(), "memory": _memory()},
        "core": core,
        "CUDA": {"twins": _cuda()},
        "plugins": plugins,
    }
    faults = [*core_faults, *plugin_faults]
    if json_:
        dump({**facts, "faults": faults})
    else:
        table(("what", "which", "found"), [(w, k, str(v)) for w, some in facts.items() for k, v in some.items()])
        for fault in faults:
            warn(fault)
    return 1 if core_faults else 2 if plugin_faults else 0


def _core() -> tuple[dict[str, str | int], list[str]]:
    """Facts on the compiled core, and its faults; a small volume goes through it."""
    try:
        import numpy as np

        from spinefx import kernels
        from spinefx.contract.grid import Grid

        ramp = np.arange(64, dtype=np.float32).reshape(4, 4, 4)
        found = kernels.resample(ramp, Grid((4, 4, 4)), Grid((3, 3, 3), (1.0, 1.0, 1.0), (0.5, 0.5, 0.5)))
        facts: dict[str, str | int] = {
            "instruction set": _with_source(kernels.isa(), "SPINEFX_ISA"),
            "threads": _with_source(str(kernels.threads()), "SPINEFX_NUM_THREADS"),
        }
    except (ImportError, ValueError) as error:
        return {"works": "no"}, [f"the core: {error}"]
    right = bool(np.array_equal(found, ramp[:3, :3, :3] + 10.5))
    return {**facts, "works": "yes" if right else "no"}, [] if right else ["the core: a linear ramp came out wrong"]


def _with_source(value: str, variable: str) -> str:
    return f"{value} (asked for by {variable})" if os.environ.get(variable) else value


def _plugins(files: tuple[str, ...]) -> tuple[dict[str, str | int], list[str]]:
    """How many plugins each distribution offers, and what could not be loaded."""
    from spinefx.plan import Registry

    with plugins_aside():
        registry = Registry.discover([Path(file) for file in files])
    offers = registry.offers()
    facts: dict[str, str | int] = {}
    for origin in sorted({offer.origin for offer in offers}):
        facts[origin] = sum(offer.origin == origin for offer in offers)
    if registry.blocked:
        facts["blocked by SPINEFX_DISABLE"] = ", ".join(registry.blocked)
    broken = [f"not loaded: {broken}" for broken in registry.broken]
    return facts, [*broken, *(f"clash: {clash}" for clash in registry.clashes())]


def _cuda() -> str:
    try:
        from spinefx.kernels.device import status
    except ImportError:
        return "not known: the core is missing"
    return status()


def _cores() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _memory() -> str:
    """Total and available memory, where the system tells."""
    try:
        page, pages = os.sysconf("SC_PAGE_SIZE"), os.sysconf("SC_PHYS_PAGES")
        free = os.sysconf("SC_AVPHYS_PAGES")
    except (AttributeError, ValueError, OSError):
        return "not told by this system"
    return f"{page * pages / 2**30:.1f} GiB, {page * free / 2**30:.1f} GiB of it unused"
