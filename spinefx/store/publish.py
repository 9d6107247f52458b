"""A finished run's folder, brought to any place that fsspec reaches: a bucket, an SFTP server, another disk.

Object stores have no rename, so what makes a copy whole is its manifest, `published.json`: it says `"whole": false` from before
the first file is sent until after the last. A copy that broke off is known by it, and the next one goes on from there.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from spinefx.contract.errors import StoreError
from spinefx.store.files import digests

MANIFEST = "published.json"


def publish(out: Path, url: str) -> tuple[int, int]:
    """Make the folder at `url` the same as `out`; how many files were sent, and how many were removed there.

    out : a finished run's folder, held by the caller.
    url : as fsspec takes it, `s3://bucket/runs/discs` say; credentials come from where its driver looks for them.

    Files that are there with the same content are not sent again. Only files that an earlier call put there are removed.

    Raises
    ------
    StoreError
        If the place cannot be reached or written, its driver is not installed, or it holds something that is no published run.
    """
    with _told(out, url):
        place = _Place(url)
        before = place.manifest()
        if before is None and place.filled():
            raise StoreError(
                f"{url}: holds files and no {MANIFEST}, so no run was published there; choose another place"
            )
        whole, there = before or (True, {})
        wanted = digests(out)
        changed = [name for name, digest in wanted.items() if there.get(name) != digest]
        gone = sorted(there.keys() - wanted.keys())
        if whole and not changed and not gone:
            return 0, 0
        # what is about to change counts as unknown until all of it is there
        place.tell(whole=False, files=there | dict.fromkeys((*changed, *gone), ""))
        for name in changed:
            place.send(out / name, name)
        for name in gone:
            place.remove(name)
        place.tell(whole=True, files=wanted)
    return len(changed), len(gone)


@contextmanager
def _told(out: Path, url: str) -> Iterator[None]:
    """Turn what a driver raises into StoreError; drivers raise what they like."""
    try:
        yield
    except StoreError:
        raise
    except ImportError as error:
        raise StoreError(f"[run] publish = {url!r}: {error}; then run again: {out} is whole") from error
    except Exception as error:
        said = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
        raise StoreError(
            f"{url}: cannot publish: {said}; {out} is whole, and the same command sends what is missing"
        ) from error


class _Place:
    """A folder of an fsspec file system."""

    def __init__(self, url: str) -> None:
        import fsspec

        self._system, self._root = fsspec.core.url_to_fs(url)

    def _path(self, name: str) -> str:
        return f"{self._root.rstrip('/')}/{name}"

    def filled(self) -> bool:
        """Whether anything lies there."""
        self._system.invalidate_cache()
        return bool(self._system.exists(self._root) and self._system.ls(self._root, detail=False))

    def manifest(self) -> tuple[bool, dict[str, str]] | None:
        """Whether the last publishing ended, and the digest of each file put there; None where nothing was published."""
        try:
            content: Any = json.loads(self._system.cat_file(self._path(MANIFEST)))
        except FileNotFoundError:
            return None
        except ValueError:
            content = None
        if not (isinstance(content, dict) and isinstance(content.get("files"), dict)):
            raise StoreError(f"{self._path(MANIFEST)}: not a manifest of spinefx; choose another place, or remove it")
        return content.get("whole") is True, {str(name): str(digest) for name, digest in content["files"].items()}

    def tell(self, *, whole: bool, files: Mapping[str, str]) -> None:
        """Write the manifest."""
        self._system.makedirs(self._root, exist_ok=True)
        said = json.dumps({"whole": whole, "files": dict(sorted(files.items()))}, indent=1) + "\n"
        self._system.pipe_file(self._path(MANIFEST), said.encode())

    def send(self, local: Path, name: str) -> None:
        """Put a file there, over one of that name."""
        path = self._path(name)
        self._system.makedirs(path.rpartition("/")[0], exist_ok=True)
        self._system.put_file(str(local), path)

    def remove(self, name: str) -> None:
        """Remove a file, where it is still there."""
        if re.search(r"(^|/)\.\.(/|$)|^/", name):
            raise StoreError(f"{self._path(MANIFEST)}: {name!r} leads out of its folder; remove the manifest")
        if self._system.exists(self._path(name)):
            self._system.rm_file(self._path(name))
