"""spinefx: from spine scans to insight."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from spinefx.model import Model as Model

__version__ = "0.1.0"


def __getattr__(name: str) -> Any:
    """`spinefx.Model`, imported when it is asked for: `import spinefx` stays light."""
    if name == "Model":
        from spinefx.model import Model

        return Model
    raise AttributeError(f"module 'spinefx' has no attribute {name!r}")
