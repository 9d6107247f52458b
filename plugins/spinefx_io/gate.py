"""The gate: a file is looked at as a file, its header is checked, and only then are its voxels read, bounded.

No path in a header leads outside the file's own folder, no pipe or device is opened, nothing is allocated or inflated
beyond what the checked header claims and the budget allows.
"""

from __future__ import annotations

import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spinefx.api import DataError
from spinefx_io.header import Header, check_geometry, check_size
from spinefx_io.inflate import inflated
from spinefx_io.metaimage import parse_metaimage
from spinefx_io.nifti import parse_nifti
from spinefx_io.nrrd import parse_nrrd

FORMATS = (".mha", ".mhd", ".nii", ".nii.gz", ".nrrd")
"""Endings of files that can be read."""

_START, _NIFTI = 65_536, 352


def regular_file(path: Path, *, root: Path) -> int:
    """Size of a regular file that lies under `root`, links resolved; DataError for everything else."""
    try:
        real = path.resolve(strict=True)
        info = real.stat()
    except (OSError, RuntimeError) as error:
        raise DataError(f"cannot be opened: {getattr(error, 'strerror', None) or error}") from error
    if not real.is_relative_to(root.resolve()):
        raise DataError("is a link that leads out of the data folder; copy the file, or name its own folder as root")
    if not stat.S_ISREG(info.st_mode):
        raise DataError("is not a regular file (a pipe, device or folder)")
    return info.st_size


def inspect(path: Path, *, root: Path, budget_bytes: int) -> Header:
    """The checked header of a volume; nothing of its voxels is read.

    Raises
    ------
    DataError, GridError
        Naming the file under `root`, what is wrong and what to do.
    """
    with naming(path, root):
        name = path.name.lower()
        parse = _parser(name)
        regular_file(path, root=root)
        header = parse(path, _first_bytes(path, gzipped=name.endswith(".gz")))
        check_geometry(header)
        stored = regular_file(header.data, root=path.parent if header.data != path else root)
        stored -= 0 if header.packing == "gzip-whole" else header.offset
        check_size(header, budget_bytes=budget_bytes, stored=stored)
        return header


def read_voxels(header: Header, *, root: Path) -> NDArray[Any]:
    """(z, y, x) numbers of a volume whose header `inspect` has let through, in the machine's byte order.

    Raises
    ------
    DataError
        Where the file holds fewer or more voxels than its header claims, or does not inflate.
    """
    with naming(header.path, root):
        try:
            raw = _voxels(header)
        except OSError as error:
            raise DataError(f"its voxels cannot be read: {error.strerror or error}") from error
        if len(raw) != header.nbytes:
            more = "more than" if len(raw) > header.nbytes else f"only {len(raw)} of"
            raise DataError(f"holds {more} the {header.nbytes} bytes of voxels that its header claims")
        data = np.frombuffer(raw, header.dtype).reshape(header.size[::-1])
        native = data.astype(header.dtype.newbyteorder("="), copy=False)
        if header.slope != 1.0 or header.intercept != 0.0:
            return native * np.float64(header.slope) + np.float64(header.intercept)
        return native


class naming:  # noqa: N801  (reads as a phrase: with naming(path, root))
    """Within it, a DataError gets the file's name, as seen from `root`, in front."""

    def __init__(self, path: Path, root: Path) -> None:
        self._name = shown(path, root)

    def __enter__(self) -> None: ...

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, DataError) and not str(error).startswith(self._name):
            raise type(error)(f"{self._name}: {error}") from error


def shown(path: Path, root: Path) -> str:
    """A file's name as seen from `root`, control characters escaped."""
    name = str(path.relative_to(root)) if path.is_relative_to(root) else path.name
    return name.encode("unicode_escape").decode("ascii") if not name.isprintable() else name


def _parser(name: str) -> Callable[[Path, bytes], Header]:
    for endings, parse in (
        ((".mha", ".mhd"), parse_metaimage),
        ((".nii", ".nii.gz"), parse_nifti),
        ((".nrrd",), parse_nrrd),
    ):
        if name.endswith(endings):
            return parse
    raise DataError(f"has none of the known endings {', '.join(FORMATS)}")


def _first_bytes(path: Path, *, gzipped: bool) -> bytes:
    try:
        if gzipped:
            return inflated(path, offset=0, most=_NIFTI, gzipped=True)
        with path.open("rb") as file:
            return file.read(_START)
    except OSError as error:
        raise DataError(f"cannot be read: {error.strerror or error}") from error


def _voxels(header: Header) -> bytes | memoryview:
    """The voxels' bytes, at most one more than the header claims."""
    most = header.nbytes + 1
    match header.packing:
        case "none":
            with header.data.open("rb") as file:
                file.seek(header.offset)
                return file.read(most)
        case "gzip-whole":
            whole = inflated(header.data, offset=0, most=header.offset + most, gzipped=True)
            return memoryview(whole)[header.offset :]
        case packing:
            return inflated(header.data, offset=header.offset, most=most, gzipped=packing == "gzip")
