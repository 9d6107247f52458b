"""disc-spread: volume and extent of every disc and vertebra.

Options and offer; whatever is slow to import is imported when the stage is built.
"""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, Field

from spinefx.api import Plugin, hookimpl


class Options(BaseModel, frozen=True, extra="forbid"):
    """Options of `disc-spread`, as its table in the TOML holds them."""

    kinds: tuple[str, ...] = Field(("disc",), description="kinds of structures to measure")
    least_ml: float = Field(0.1, ge=0, description="smaller structures are left out, in ml")


def _build(options: Options) -> Any:
    from disc_spread.stage import Stage

    return Stage(options)


@hookimpl
def spinefx_geometry_analysers() -> list[Plugin]:
    """The geometry analyser of this package."""
    summary = "Volume and extent of every disc."
    return [Plugin(name="disc-spread", api=1, version=1, summary=summary, options=Options, build=_build)]
