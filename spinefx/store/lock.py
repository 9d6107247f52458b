"""One run per output folder: a lock that names its holder and goes with its process."""

from __future__ import annotations

import json
import os
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TextIO

from spinefx.contract.errors import StoreError
from spinefx.store.files import make_folder

LOCK = ".lock"


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Hold `folder` for this process; StoreError naming the holder where another has it.

    The operating system drops the lock when the process ends, however it ends.
    """
    make_folder(folder)
    path = folder / LOCK
    try:
        file = path.open("a+", encoding="utf-8")
    except OSError as error:
        raise StoreError(f"{path}: cannot write: {error.strerror or error}; check the folder") from error
    with file:
        if not _take(file.fileno()):
            raise StoreError(
                f"{folder}: another run holds this folder ({_holder(file)}); wait, or choose another [run] out"
            )
        file.truncate(0)
        file.write(
            json.dumps({"pid": os.getpid(), "host": socket.gethostname(), "since": datetime.now(UTC).isoformat()})
        )
        file.flush()
        try:
            yield
        finally:
            file.truncate(0)


def _take(handle: int) -> bool:
    try:
        if os.name == "nt":
            import msvcrt

            msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined]
        else:
            import fcntl

            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def _holder(file: TextIO) -> str:
    for _ in range(20):  # it may have the lock and not yet have written its name
        file.seek(0)
        if text := file.read():
            break
        time.sleep(0.05)
    try:
        data = json.loads(text)
        return f"process {data['pid']} on {data['host']} since {data['since']}"
    except (ValueError, KeyError, TypeError):
        return "an unnamed process"


def is_locked(folder: Path) -> bool:
    """Whether some process holds `folder` now."""
    path = folder / LOCK
    if not path.exists():
        return False
    with path.open("r+", encoding="utf-8") as file:
        return not _take(file.fileno())
