"""Data in: loaders for SPIDER, VerSe, BIDS, DICOM, folders of any layout, tables of paths, and phantoms made in memory.

Offers only; headers, the gate and the loaders themselves are imported when a loader is built.
"""

from __future__ import annotations

from typing import Any

from spinefx.api import Plugin, hookimpl
from spinefx_io.options import (
    BidsOptions,
    DicomOptions,
    FolderOptions,
    ManifestOptions,
    PhantomOptions,
    SpiderOptions,
    VerseOptions,
)

__all__ = [
    "BidsOptions", "DicomOptions", "FolderOptions", "ManifestOptions", "PhantomOptions", "SpiderOptions", "VerseOptions",
    "spinefx_loaders",
]  # fmt: skip


def _spider(options: SpiderOptions) -> Any:
    from spinefx_io.spider import SpiderLoader

    return SpiderLoader(options)


def _folder(options: FolderOptions) -> Any:
    from spinefx_io.folder import FolderLoader

    return FolderLoader(options)


def _manifest(options: ManifestOptions) -> Any:
    from spinefx_io.manifest import ManifestLoader

    return ManifestLoader(options)


def _verse(options: VerseOptions) -> Any:
    from spinefx_io.verse import VerseLoader

    return VerseLoader(options)


def _bids(options: BidsOptions) -> Any:
    from spinefx_io.bids import BidsLoader

    return BidsLoader(options)


def _dicom(options: DicomOptions) -> Any:
    from spinefx_io.dicom import DicomLoader

    return DicomLoader(options)


def _phantom(options: PhantomOptions) -> Any:
    from spinefx_io.phantom import PhantomLoader

    return PhantomLoader(options)


@hookimpl
def spinefx_loaders() -> list[Plugin]:
    """The loaders of this pack."""
    return [
        Plugin(
            name="spider", api=1, version=1, options=SpiderOptions, build=_spider,
            summary="Spine MRI and masks in SPIDER's layout, one or several folders.",
        ),
        Plugin(
            name="folder", api=1, version=1, options=FolderOptions, build=_folder,
            summary="Images and masks found by patterns of file names.",
        ),
        Plugin(
            name="manifest", api=1, version=1, options=ManifestOptions, build=_manifest,
            summary="Images and masks named by a table, one row per case.",
        ),
        Plugin(
            name="verse", api=1, version=1, options=VerseOptions, build=_verse,
            summary="CT with vertebra masks and body centres in VerSe's layout.",
        ),
        Plugin(
            name="bids", api=1, version=1, options=BidsOptions, build=_bids,
            summary="Images of a BIDS folder with the masks of one of its derivatives.",
        ),
        Plugin(
            name="dicom", api=1, version=1, options=DicomOptions, build=_dicom,
            summary="CT, MR and PET series as scanners write them; PET becomes SUVbw.",
        ),
        Plugin(
            name="phantom", api=1, version=1, options=PhantomOptions, build=_phantom,
            summary="Lumbar spines of exactly known shape, made in memory, with labels.",
        ),
    ]  # fmt: skip
