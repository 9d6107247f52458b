"""Files and folders that appear whole or not at all.

A write goes to a temporary name beside its target, is synced, then renamed over it; a kill at any moment leaves
the old file or the new one, and so does a power cut. Temporary names start with `.tmp-`, so that what a kill left is recognised.
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
import re
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from spinefx.contract.errors import StoreError

TEMPORARY = ".tmp-"
FULL = frozenset({errno.ENOSPC, errno.EDQUOT})
"""What the system says when there is no room left."""


@contextmanager
def _told(path: Path, doing: str) -> Iterator[None]:
    """Turn OSError into StoreError that names the path and what to do."""
    try:
        yield
    except OSError as error:
        remedy = (
            "free some space, then run again: what is done stays done" if error.errno in FULL else "check the folder"
        )
        raise StoreError(f"{path}: cannot {doing}: {error.strerror or error}; {remedy}") from error


def _sync_folder(folder: Path) -> None:
    """Make a rename in `folder` survive a power cut, where the system lets a folder be synced."""
    if os.name == "nt":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def make_folder(folder: Path) -> Path:
    """`folder`, made with its parents where missing; StoreError where it cannot be."""
    with _told(folder, "make the folder"):
        folder.mkdir(parents=True, exist_ok=True)
    return folder


def atomic_write(path: Path, write: Callable[[Path], None], *, synced: bool = True) -> None:
    """Let `write(temporary)` produce the file, then put it in place of `path` in one step.

    synced : whether the file must survive a power cut whole; one that is checked when it is read need not.
    """
    make_folder(path.parent)
    with _told(path, "write"):
        handle, name = tempfile.mkstemp(prefix=TEMPORARY, suffix=path.suffix, dir=path.parent)
        os.close(handle)
        temporary = Path(name)
        try:
            write(temporary)
            if synced:
                with temporary.open("rb") as file:
                    os.fsync(file.fileno())
            temporary.chmod(0o644)
            temporary.replace(path)
            if synced:
                _sync_folder(path.parent)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise


def atomic_write_bytes(path: Path, content: bytes, *, synced: bool = True) -> None:
    """Write `content` to `path`, whole or not at all; `synced` as for `atomic_write`."""
    atomic_write(path, lambda temporary: _write_all(temporary, content), synced=synced)


def _write_all(path: Path, content: bytes) -> None:
    path.write_bytes(content)


def atomic_write_json(path: Path, data: Any) -> None:
    """Write `data` as indented JSON; NaN becomes null."""
    atomic_write_bytes(
        path, (json.dumps(jsonable(data), indent=1, ensure_ascii=False) + "\n").encode(errors="backslashreplace")
    )


@contextmanager
def atomic_folder(folder: Path) -> Iterator[Path]:
    """A temporary folder to fill; on success it takes the place of `folder`, on an error it vanishes."""
    make_folder(folder.parent)
    with _told(folder, "write"):
        temporary = Path(tempfile.mkdtemp(prefix=TEMPORARY, dir=folder.parent))
    try:
        yield temporary
        with _told(folder, "put in place"):
            for path in sorted(temporary.rglob("*")):
                if path.is_file():
                    with path.open("rb") as file:
                        os.fsync(file.fileno())
            old = None
            if folder.exists():
                old = Path(tempfile.mkdtemp(prefix=TEMPORARY, dir=folder.parent))
                folder.replace(old)
            temporary.chmod(0o755)
            temporary.replace(folder)
            _sync_folder(folder.parent)
            if old is not None:
                shutil.rmtree(old, ignore_errors=True)
    except BaseException:
        shutil.rmtree(temporary, ignore_errors=True)
        raise


def sweep(folder: Path) -> None:
    """Remove what killed writes left directly in `folder`; call only while holding the folder's lock."""
    for path in folder.glob(f"{TEMPORARY}*"):
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)


def safe_name(text: str) -> str:
    """`text` as a file name that stays in its folder: odd characters become `_`, and a digest keeps names apart."""
    plain = re.sub(r"[^A-Za-z0-9._-]", "_", text)[:80].lstrip(".") or "_"
    return plain if plain == text else f"{plain}-{hashlib.sha256(text.encode()).hexdigest()[:8]}"


def read_json(path: Path) -> Any:
    """What a JSON file holds; StoreError where it cannot be read."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise StoreError(f"{path}: not readable as JSON: {error}; running again writes it anew") from error


def digests(folder: Path, pattern: str = "**/*") -> dict[str, str]:
    """sha256 of the files below `folder` that match, by their path in it; hidden files are left out."""
    found = {}
    for path in sorted(folder.glob(pattern)):
        inside = path.relative_to(folder)
        if path.is_file() and not any(part.startswith(".") for part in inside.parts):
            with path.open("rb") as file:
                found[inside.as_posix()] = hashlib.file_digest(file, "sha256").hexdigest()
    return found


def jsonable(value: Any) -> Any:
    """`value` in JSON's own types: NumPy scalars and arrays, tuples, paths and NaN are turned; others are an error."""
    if value is None or isinstance(value, (str, bool, int)):
        return value
    if isinstance(value, float):
        return value if value == value and abs(value) != float("inf") else None
    if isinstance(value, Mapping):
        return {str(key): jsonable(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [jsonable(item) for item in value]
    if isinstance(value, (set, frozenset)):
        return sorted(jsonable(item) for item in value)
    if isinstance(value, Path):
        return str(value)
    if hasattr(value, "tolist"):
        return jsonable(value.tolist())
    raise TypeError(f"{type(value).__name__} has no JSON form")
