"""`folder`: images and masks found by patterns of their file names.

With `{modality}` in the mask's pattern every series is a case of its own (`<id>_<modality>`); without, all images of an
id are one case and the mask must fit the grid of one of them.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from spinefx.api import Case, DataError, Scan
from spinefx_io import FolderOptions
from spinefx_io.meaning import Meaning
from spinefx_io.names import is_safe, stand_in
from spinefx_io.pattern import compile_pattern, walk
from spinefx_io.reading import Reader


@dataclass
class _Found:
    """What the names said about one case, while the folder is being walked."""

    patient: str
    files: dict[str, Path] = field(default_factory=dict)
    facts: dict[str, str] = field(default_factory=dict)


class FolderLoader:
    """Finds cases by patterns, and reads them."""

    def __init__(self, options: FolderOptions) -> None:
        self.options = options
        self._images = [compile_pattern(pattern) for pattern in options.patterns]
        self._masks = compile_pattern(options.masks) if options.masks else None
        self._per_series = self._masks is not None and "modality" in self._masks.groupindex
        self._meaning = Meaning.of(options.scheme, schemes=options.schemes, levels=options.levels)
        self._reader = Reader([options.root], self._meaning, int(options.budget_gb * 1e9))

    def cases(self) -> Sequence[Case]:
        """Every case that the patterns find, by name alone.

        Raises
        ------
        DataError
            If the root is missing, nothing matches, or two files claim the same role of one case.
        """
        root = self.options.root
        if not root.is_dir():
            raise DataError(f"{root}: no such folder")
        found: dict[str, _Found] = {}
        for name in walk(root):
            if self._masks is not None and (match := self._masks.fullmatch(name)):
                self._add(found, match, "mask", root / name)
                continue  # what is a mask is no image, though {modality} would take its name
            for pattern in self._images:
                if match := pattern.fullmatch(name):
                    modality = match.groupdict().get("modality", self.options.modality)
                    self._add(found, match, modality, root / name)
        if not found:
            wanted = " or ".join(p for p in (*self.options.patterns, self.options.masks) if p)
            raise DataError(f"{root}: no file matches {wanted}")
        return self._meaning.marked(self._case(key, part) for key, part in found.items())

    def voxels(self, case: Case) -> int:
        """Voxels of the case's largest volume, from headers alone."""
        return self._reader.voxels(case)

    def load(self, case: Case) -> Scan:
        """Images and mask of one case."""
        if "name" in case.facts:
            raise DataError(
                f"id {case.facts['name']} must be letters, digits, '.', '_', '+', '-', at most 80; rename it"
            )
        return self._reader.scan(case)

    def _add(self, found: dict[str, _Found], match: re.Match[str], role: str, path: Path) -> None:
        parts = {key: value for key, value in match.groupdict().items() if value is not None}
        modality = parts.pop("modality", self.options.modality)
        key = parts.pop("id")
        patient = parts.pop("patient", key)
        if self._per_series:
            key = f"{key}_{modality}"
        here = found.setdefault(key, _Found(patient))
        if here.patient != patient:
            raise DataError(
                f"case {key} belongs to patient {here.patient} and to {patient}; put {{patient}} into {{id}}"
            )
        if role in here.files:
            raise DataError(f"case {key} has two files for {role}: {here.files[role].name} and {path.name}")
        here.files[role] = path
        here.facts.update(parts)

    def _case(self, key: str, found: _Found) -> Case:
        if not (is_safe(key) and is_safe(found.patient)):
            return Case(stand_in(key), stand_in(found.patient), {}, {"name": ascii(key)[:200]}, ("unusable id",))
        images = [role for role in found.files if role != "mask"]
        notes = ["no mask"] if self._masks is not None and "mask" not in found.files else []
        notes += ["no image, mask alone"] if self._images and not images else []
        return Case(key, found.patient, dict(sorted(found.files.items())), found.facts, tuple(notes))
