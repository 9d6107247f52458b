"""Damaged files, made of good ones: what a loader meets when a copy broke off or somebody mixed names up."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path


def _cut(good: Path, bad: Path) -> None:
    content = good.read_bytes()
    bad.write_bytes(content[: max(1, len(content) * 2 // 3)])


def _text(_: Path, bad: Path) -> None:
    bad.write_bytes(b"<html><body>404 Not Found</body></html>\n" * 20)


def _noise(good: Path, bad: Path) -> None:
    size = min(good.stat().st_size, 200_000)
    bad.write_bytes(bytes((37 * i * i + 11 * i) % 251 for i in range(size)))


HOSTILE: Mapping[str, Callable[[Path, Path], None]] = {
    "an empty file": lambda good, bad: bad.touch(),
    "a file that is cut off": _cut,
    "a web page in place of the file": _text,
    "noise in place of the file": _noise,
    "a file that is gone": lambda good, bad: None,
}
"""What is wrong -> function that writes it (good file, where the bad one goes)."""


def write_hostile(good: Path, folder: Path) -> dict[str, Path]:
    """Damaged copies of a good file, one folder each, under the good one's name; what is wrong -> path."""
    found = {}
    for what, spoil in HOSTILE.items():
        place = folder / what.replace(" ", "-") / good.name
        place.parent.mkdir(parents=True)
        spoil(good, place)
        found[what] = place
    return found
