"""Whether files that can run code when they are opened are those that the user said to trust."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path

from spinefx.api import DataError


def digest(folder: Path, files: Iterable[Path]) -> str:
    """sha256 over names and contents of the files, whatever their order."""
    whole = hashlib.sha256()
    for path in sorted(files):
        with path.open("rb") as file:
            own = hashlib.file_digest(file, "sha256").hexdigest()
        whole.update(f"{own}  {path.relative_to(folder).as_posix()}\n".encode())
    return whole.hexdigest()


def require(folder: Path, files: Iterable[Path], sha256: str, what: str) -> None:
    """Nothing where `sha256` is the files'; DataError that names theirs for none, and says so for another."""
    there = digest(folder, files)
    if not sha256:
        raise DataError(
            f"{folder}: {what} can run code when opened, and are refused without an explicit hash. If you trust where "
            f'they come from, write   sha256 = "{there}"   into [segment]'
        )
    if there != sha256:
        raise DataError(
            f"{folder}: not the files that `sha256` names ({sha256[:12]}...), theirs is {there}; "
            "they were changed or damaged: get them again, or look at what they are"
        )
