"""The command line: parse, call the engine, print. Nothing is computed here.

Each command imports what it needs when it is called, so that `spinefx plugins` answers at once.
"""

from __future__ import annotations

from spinefx.cli.exits import main

__all__ = ["main"]
