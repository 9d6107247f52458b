"""Changing some of a scan's images and leaving the others."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from spinefx.api import DataError, Scan, Volume


def with_changed(scan: Scan, names: Sequence[str], change: Callable[[Volume], Volume]) -> Scan:
    """The scan with the images of these modalities (of all, where none is named) changed.

    Raises
    ------
    DataError
        If a named image is not there.
    """
    chosen = names or tuple(scan.images)
    missing = [name for name in chosen if name not in scan.images]
    if missing:
        raise DataError(f"case {scan.case.id}: no image {missing}; it has {', '.join(scan.images) or 'none'}")
    return scan.replace(images={name: change(v) if name in chosen else v for name, v in scan.images.items()})
