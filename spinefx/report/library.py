"""The libraries in `vendor/` and the data that they draw, as the page carries them: compressed, started on demand."""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_VENDOR = Path(__file__).parent / "vendor"
TITLES = {"niivue": "NiiVue 0.69.0", "chart": "Chart.js 4.6.1"}
"""Library -> what it is called."""


@dataclass(frozen=True)
class Library:
    """A script that the page may start. `packed`: base64 of its gzip; `hash`: its source for the page's policy."""

    name: str
    title: str
    licence: str
    packed: str
    hash: str


def library(name: str) -> Library:
    """The library of that name: `niivue` draws volumes and surfaces, `chart` clouds of points."""
    content = (_VENDOR / f"{name}.js.gz").read_bytes()
    licence = (_VENDOR / f"{name}.LICENSE").read_text(encoding="utf-8")
    return Library(name, TITLES[name], licence, _base64(content), script_hash(gzip.decompress(content).decode("utf-8")))


def script_hash(script: str) -> str:
    """The script's fingerprint for the page's policy: no other script may run."""
    return f"sha256-{_base64(hashlib.sha256(script.encode()).digest())}"


def packed(told: Any, arrays: Iterable[bytes] = ()) -> str:
    """JSON and the arrays after it as base64 of a gzip; the page's `unpack` is its other half.

    Four bytes give the JSON's length (little-endian), blanks fill it up to a multiple of four; each array begins at
    a multiple of four after it.
    """
    head = json.dumps(told, ensure_ascii=True, separators=(",", ":")).encode()
    head += b" " * (-len(head) % 4)
    body = b"".join(array + b"\0" * (-len(array) % 4) for array in arrays)
    return _base64(gzip.compress(len(head).to_bytes(4, "little") + head + body, 6, mtime=0))


def _base64(content: bytes) -> str:
    return base64.b64encode(content).decode("ascii")
