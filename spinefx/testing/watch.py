"""Watches a plugin at work: what it prints, writes, draws, asks of the network, and leaves behind.

Python's audit hooks tell; native code that goes behind Python's back is not seen.
"""

# ruff: noqa: NPY002  (the legacy state is what is watched)

from __future__ import annotations

import io
import os
import random
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

_NETWORK = {"socket.connect": "connect to", "socket.getaddrinfo": "look up", "socket.sendto": "send to"}
_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_TRUNC
_TEMPORARY = Path(tempfile.gettempdir())
_HOMES = (_TEMPORARY, Path("/dev"), Path("/proc"), Path.home() / ".cache", Path.home() / ".config")
_watching: list[Seen] = []
_hooked: list[bool] = []


@dataclass(eq=False)  # one watch is not another that saw the same
class Seen:
    """What a plugin did beside giving its result.

    said : what it printed.   network : what it asked the network for.   written : files it opened to write, and may not.
    drew : global generators that it drew from or reseeded.   left : what else is not as it was.
    """

    may_write: tuple[Path, ...] = ()
    folder: Path = field(default_factory=Path.cwd)
    said: str = ""
    network: list[str] = field(default_factory=list)
    written: list[str] = field(default_factory=list)
    drew: list[str] = field(default_factory=list)
    left: list[str] = field(default_factory=list)


@contextmanager
def watched(*may_write: Path) -> Iterator[Seen]:
    """Watch what is done inside; the network and files outside `may_write` and the temporary folder are refused."""
    if not _hooked:
        sys.addaudithook(_audit)
        _hooked.append(True)
    seen = Seen(may_write)
    before, folder, threads = _states(), Path.cwd(), set(threading.enumerate())
    environment, numpy = dict(os.environ), np.geterr()
    with _spoken(seen):
        _watching.append(seen)
        try:
            yield seen
        finally:
            _watching.remove(seen)
    seen.drew += [name for name, state in _states().items() if name in before and before[name] != state]
    if Path.cwd() != folder:
        os.chdir(folder)
        seen.left.append("changed the working folder (os.chdir); use absolute paths")
    if dict(os.environ) != environment:
        names = sorted({name for name, _ in set(os.environ.items()) ^ set(environment.items())})
        seen.left.append(f"changed environment variables ({', '.join(names)}), which every other plugin sees")
    if np.geterr() != numpy:
        np.seterr(**numpy)
        seen.left.append("changed NumPy's error handling (np.seterr); use `with np.errstate(...)`")
    running = [t.name for t in threading.enumerate() if t not in threads and t.is_alive() and not t.daemon]
    if running:
        seen.left.append(f"left threads running ({', '.join(running)}); join them before you return")


@contextmanager
def _spoken(seen: Seen) -> Iterator[None]:
    """stdout caught, Python's and the file descriptor's."""
    python = io.StringIO()
    with tempfile.TemporaryFile() as caught:
        sys.stdout.flush()
        kept = os.dup(1)
        os.dup2(caught.fileno(), 1)
        try:
            with redirect_stdout(python):
                yield
        finally:
            os.dup2(kept, 1)
            os.close(kept)
            caught.seek(0)
            seen.said = python.getvalue() + caught.read().decode(errors="replace")


def _audit(event: str, arguments: tuple[Any, ...]) -> None:
    if not _watching:
        return
    seen = _watching[-1]
    if event in _NETWORK:
        where = arguments[0] if event == "socket.getaddrinfo" else arguments[-1]
        if isinstance(where, str | bytes) and event != "socket.getaddrinfo":
            return  # a socket of this machine's own file system
        seen.network.append(f"{_NETWORK[event]} {where!r}")
        raise OSError(f"spinefx.testing: a plugin may not use the network ({_NETWORK[event]} {where!r})")
    if event == "open" and isinstance(arguments[0], str | os.PathLike) and (arguments[2] or 0) & _WRITING:
        path = Path(os.path.abspath(arguments[0]))  # noqa: PTH100  (resolve would follow links, and ask the disk)
        # the working folder may itself lie in the temporary one
        here = path.is_relative_to(seen.folder) and seen.folder != _TEMPORARY
        homes = seen.may_write if here else (*seen.may_write, *_HOMES)
        if "__pycache__" in path.parts or any(path.is_relative_to(home) for home in homes):
            return
        seen.written.append(str(path))
        raise PermissionError(f"spinefx.testing: a plugin writes into its workspace only, not {path}")


def _states() -> dict[str, object]:
    """Generator -> where it stands, comparable."""
    numpy: Any = np.random.get_state(legacy=False)["state"]
    states: dict[str, object] = {
        "random (the standard library's)": random.getstate(),
        "np.random": (numpy["key"].tobytes(), numpy["pos"]),
    }
    if torch := sys.modules.get("torch"):
        states["torch"] = torch.random.get_rng_state().numpy().tobytes()
    return states
