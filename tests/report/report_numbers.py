"""Numbers as a reader meets them on the page, and as `findings.json` holds them."""

from __future__ import annotations

import base64
import gzip
import json
import re
from collections.abc import Iterator
from typing import Any

_NUMBER = re.compile(r"(?<![\w.])[-\u2212+]?\d[\d\u202f]*(?:\.\d+)?(?:[e\u00d7]\S+)?")


def told(value: Any) -> Iterator[float]:
    """Every number in JSON, those inside its text included."""
    if isinstance(value, bool) or value is None:
        return
    if isinstance(value, int | float):
        yield float(value)
    elif isinstance(value, str):
        yield from spoken(value)
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from told(key)
            yield from told(item)
    else:
        for item in value:
            yield from told(item)


def spoken(text: str) -> Iterator[float]:
    """Every number that stands in a text by itself."""
    for found in _NUMBER.findall(text):
        plain = found.replace("\u2212", "-").replace("\u202f", "").replace("+", "")
        try:
            yield float(plain)
        except ValueError:
            continue


def carried(data: str) -> Any:
    """The JSON of data that the page carries packed."""
    content = gzip.decompress(base64.b64decode(data))
    length = int.from_bytes(content[:4], "little")
    return json.loads(content[4 : 4 + length])
