"""Content keys: equal key, equal result.

A step's key is the SHA-256 of its contract number, the kernels' number, kind, plugin name, plugin version, options and its parent's
key; a case's first key comes from the content of its files.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from spinefx.contract.case import Case
from spinefx.contract.errors import DataError
from spinefx.contract.plugin import API
from spinefx.store.files import jsonable

KERNELS = 2
"""Raised when the core's kernels give other numbers for the same input: part of every step's key."""

Stamp = tuple[int, int, int]
"""(size, mtime_ns, inode) of a file: while it stands, the file's digest is believed without reading it again."""


def digest(data: Any) -> str:
    """Hex SHA-256 of `data` as canonical JSON."""
    text = json.dumps(jsonable(data), sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return hashlib.sha256(text.encode()).hexdigest()


def without_paths(options: Any) -> Any:
    """Options as they enter a key: paths are left out, since what they name is in the key by content."""
    if isinstance(options, Path):
        return None
    if isinstance(options, Mapping):
        return {key: without_paths(item) for key, item in options.items()}
    if isinstance(options, (list, tuple)):
        return [without_paths(item) for item in options]
    return options


def step_key(kind: str, name: str, *, version: int, options: Any, parents: Any) -> str:
    """Key of one step: changes with the contract, the plugin, its version, its options or any parent."""
    return digest([API, KERNELS, kind, name, version, without_paths(options), parents])


@dataclass
class Fingerprints:
    """Digests of files, with a memory of those that have not changed since.

    known : path -> (stamp, digest). Filled as files are read; the caller keeps it between runs.
    """

    known: dict[str, tuple[Stamp, str]] = field(default_factory=dict)

    def of_file(self, path: Path) -> str:
        """Hex SHA-256 of the file's content; DataError where it cannot be read."""
        try:
            if not path.is_file():
                raise DataError(f"{path}: not a regular file, or gone")
            status = path.stat()
            stamp = (status.st_size, status.st_mtime_ns, status.st_ino)
            memory = self.known.get(str(path))
            if memory and tuple(memory[0]) == stamp:
                return memory[1]
            with path.open("rb") as file:
                value = hashlib.file_digest(file, "sha256").hexdigest()
        except OSError as error:
            raise DataError(f"{path}: cannot be read: {error.strerror or error}") from error
        self.known[str(path)] = (stamp, value)
        return value

    def of_case(self, case: Case) -> str:
        """Key of a case before it is loaded: its ids, facts and the content of its files."""
        files = {role: self.of_file(Path(path)) for role, path in sorted(case.files.items())}
        return digest([case.id, case.patient, dict(case.facts), files])
