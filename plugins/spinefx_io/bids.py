"""`bids`: the Brain Imaging Data Structure, as spine groups use it.

    sub-01/[ses-a/]anat/sub-01_[ses-a_]T2w.nii.gz
    derivatives/<pipeline>/sub-01/[ses-a/]anat/sub-01_[ses-a_]T2w<mask>.nii.gz    (or without the T2w)
    participants.tsv                                                             sex and age

A case is an image; its id is the file's name without the ending.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from spinefx.api import Case, DataError, Scan, read_rows
from spinefx_io import BidsOptions
from spinefx_io.meaning import Meaning
from spinefx_io.names import is_safe, stand_in
from spinefx_io.pattern import walk
from spinefx_io.reading import Reader

_MODALITIES = {"T1w": "t1", "T2w": "t2"}
_STEM = re.compile(r"sub-(?P<patient>[A-Za-z0-9]+)(?:_ses-(?P<session>[A-Za-z0-9]+))?.*_(?P<suffix>[A-Za-z0-9]+)")


@dataclass
class _Tree:
    """Files by stem, while the folder is being walked."""

    images: dict[str, Path] = field(default_factory=dict)
    masks: dict[str, list[Path]] = field(default_factory=dict)


class BidsLoader:
    """Finds and reads the images of a BIDS folder with the masks of one of its derivatives."""

    def __init__(self, options: BidsOptions) -> None:
        self.options = options
        self._meaning = Meaning.of(options.scheme, schemes=options.schemes, levels=options.levels)
        self._reader = Reader([options.root], self._meaning, int(options.budget_gb * 1e9))

    def cases(self) -> Sequence[Case]:
        """Every image there is, by name alone.

        Raises
        ------
        DataError
            If the folder is missing or holds no image, an image lies there twice, or several derivatives have a mask
            for it.
        """
        root = self.options.root
        if not root.is_dir():
            raise DataError(f"{root}: no such folder")
        tree = self._tree(root)
        if not tree.images:
            raise DataError(
                f"{root}: no image sub-*_{{{','.join(self.options.suffixes)}}}.nii.gz in it; is it a BIDS folder?"
            )
        people = self._participants(root / "participants.tsv")
        return self._meaning.marked(
            self._case(stem, path, tree.masks, people) for stem, path in sorted(tree.images.items())
        )

    def voxels(self, case: Case) -> int:
        """Voxels of the case's largest volume, from headers alone."""
        return self._reader.voxels(case)

    def load(self, case: Case) -> Scan:
        """Image and mask of one case."""
        if "name" in case.facts:
            raise DataError(
                f"name {case.facts['name']} must be at most 80 letters, digits, '.', '_', '+', '-'; rename it"
            )
        return self._reader.scan(case)

    def _tree(self, root: Path) -> _Tree:
        tree = _Tree()
        for name in walk(root):
            stem = _stem(name)
            parts = name.split("/")
            if stem is None or parts[0] in ("sourcedata", "code"):
                continue
            if parts[0] == "derivatives":
                if not self.options.pipeline or parts[1] == self.options.pipeline:
                    tree.masks.setdefault(stem, []).append(root / name)
            elif stem.rpartition("_")[2] in self.options.suffixes:
                if stem in tree.images:
                    raise DataError(f"{stem} lies there twice: {tree.images[stem].relative_to(root)} and {name}")
                tree.images[stem] = root / name
        return tree

    def _case(
        self, stem: str, path: Path, masks: Mapping[str, list[Path]], people: Mapping[str, Mapping[str, str | float]]
    ) -> Case:
        match = _STEM.fullmatch(stem)
        if match is None or not is_safe(stem):
            return Case(stand_in(stem), stand_in(stem), {}, {"name": ascii(stem)[:200]}, ("unusable name",))
        short = stem.rpartition("_")[0]
        found = masks.get(stem + self.options.mask) or masks.get(short + self.options.mask) or []
        if len(found) > 1:
            where = " and ".join(str(p.relative_to(self.options.root).parts[1]) for p in found)
            raise DataError(f"{stem} has masks in {where}; name one derivative as `pipeline`")
        files = {_MODALITIES.get(match["suffix"], match["suffix"].lower()): path} | (
            {"mask": found[0]} if found else {}
        )
        facts: dict[str, str | float] = {**people.get(match["patient"], {})}
        if match["session"]:
            facts["session"] = match["session"]
        return Case(stem, match["patient"], files, facts, () if found else ("no mask",))

    def _participants(self, path: Path) -> dict[str, dict[str, str | float]]:
        """Sex and age by patient; nothing else of the table is kept."""
        if not path.is_file():
            return {}
        out: dict[str, dict[str, str | float]] = {}
        for row in read_rows(path):
            facts: dict[str, str | float] = {}
            if (sex := row.get("sex", "")) not in ("", "n/a"):
                facts["sex"] = sex
            with suppress(ValueError):
                facts["age"] = float(row.get("age", ""))
            out[row.get("participant_id", "").removeprefix("sub-")] = facts
        return out


def _stem(name: str) -> str | None:
    """The file's name without .nii or .nii.gz if it is a subject's volume."""
    last = name.rpartition("/")[2]
    for ending in (".nii.gz", ".nii"):
        if last.startswith("sub-") and last.endswith(ending):
            return last[: -len(ending)]
    return None
