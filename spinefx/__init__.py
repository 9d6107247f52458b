"""spinefx: from spine scans to insight.

Plan.read(path) -> Engine(plan).run() -> Run: `spinefx.Plan`, `Engine`, `Run` and `Model`. One stage by itself, on images that
another library has read: `spinefx.scan`, `spinefx.stage`. All are imported when they are asked for, so that
`import spinefx` stays light.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from spinefx import bridge as bridge
    from spinefx.alone import scan as scan
    from spinefx.alone import stage as stage
    from spinefx.engine import Engine as Engine
    from spinefx.model import Model as Model
    from spinefx.plan import Plan as Plan
    from spinefx.store.run import Run as Run

__version__ = "0.1.0"

_HOMES = {
    "Engine": "spinefx.engine", "Model": "spinefx.model", "Plan": "spinefx.plan", "Run": "spinefx.store.run",
    "scan": "spinefx.alone", "stage": "spinefx.alone",
}  # fmt: skip
"""Name -> the module that holds it."""


def __getattr__(name: str) -> Any:
    """One of the names, from where it lives."""
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    if name == "bridge":
        return import_module("spinefx.bridge")
    raise AttributeError(f"module 'spinefx' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*globals(), *_HOMES])
