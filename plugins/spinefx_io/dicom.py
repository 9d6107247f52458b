"""`dicom`: series found by what their headers say, never by file names; PET becomes SUVbw.

A case is a study of a patient with the series that `images` names (or one each of CT, PET and MR). Nothing that names a
person leaves this module: ids only, or stand-ins for them; messages name series by number.
"""

from __future__ import annotations

import filecmp
import fnmatch
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from spinefx.api import Case, DataError, GridError, Scan, Volume
from spinefx_io import DicomOptions
from spinefx_io.dicom_header import KINDS, REGIONS, Found, found_in, looks_dicom
from spinefx_io.dicom_regions import Wanted, drawn
from spinefx_io.dicom_series import read_series
from spinefx_io.meaning import Meaning
from spinefx_io.names import is_safe, stand_in, without_person
from spinefx_io.pattern import compile_pattern, walk
from spinefx_io.reading import Reader

_ENDINGS = (".dcm", ".ima", ".dicom")
_BROKEN, _REGIONS = "broken", "regions of "
_STRUCTURAL = ("ct", "mr", "t2", "t1")


class DicomLoader:
    """Finds the series of every patient under a folder, and reads them."""

    def __init__(self, options: DicomOptions) -> None:
        self.options = options
        self._budget = int(options.budget_gb * 1e9)
        self._regions = Wanted.of(options.regions) if options.regions else None
        scheme = self._regions.scheme if self._regions else None
        self._meaning = Meaning.of(
            options.scheme or {"1": "mask"}, schemes=options.schemes, levels=options.levels, drawn=scheme
        )
        self._reader = Reader([options.root], self._meaning, self._budget)
        self._masks = compile_pattern(options.masks) if options.masks else None

    def cases(self) -> Sequence[Case]:
        """Every study with images of CT, MR or PET, ordered by patient.

        Raises
        ------
        DataError
            If the folder is missing or holds no DICOM image.
        """
        root = self.options.root
        if not root.is_dir():
            raise DataError(f"{root}: no such folder")
        studies: dict[tuple[str, str], list[Found]] = {}
        unread: dict[Path, list[str]] = {}
        masks: dict[str, Path] = {}
        for name in walk(root):
            path = root / name
            if self._masks is not None and (match := self._masks.fullmatch(name)):
                masks[match["id"]] = path
            elif looks_dicom(path, root=root) or name.lower().endswith(_ENDINGS) or _leads_out(path, root):
                try:
                    found = found_in(path, root=root)
                except DataError as error:
                    unread.setdefault(path.parent, []).append(str(error))
                    continue
                if found is not None:
                    studies.setdefault((found.patient, found.study), []).append(found)
        studies = {key: files for key, files in studies.items() if any(one.kind in KINDS for one in files)}
        if not studies and not unread:
            raise DataError(f"{root}: no DICOM image of CT, MR or PET in it")
        cases = [self._case(name, patient, files, masks) for name, patient, files in self._named(studies)]
        return self._meaning.marked([*sorted(cases, key=lambda case: case.id), *_unreadable(unread, root)])

    def load(self, case: Case) -> Scan:
        """The series of one study and its mask, each on its own grid; PET in SUVbw unless `raw_pet`."""
        if _BROKEN in case.facts:
            raise DataError(str(case.facts[_BROKEN]))
        series = _series_of(case)
        images = {name: self._volume(name, paths) for name, paths in series.items() if not name.startswith(_REGIONS)}
        for name, paths in series.items():
            if name.startswith(_REGIONS) and self._regions is not None:
                grid = images[name.removeprefix(_REGIONS)].grid
                with self._naming(name, paths):
                    mask, notes = drawn(paths, grid, self._regions, root=self.options.root, budget_bytes=self._budget)
                return self._reader.joined(case, images, mask=self._meaning.applied(mask, case), notes=notes)
        return self._reader.joined(case, images)

    def _volume(self, name: str, paths: Sequence[Path]) -> Volume:
        with self._naming(f"series {name}", paths):
            return read_series(paths, root=self.options.root, budget_bytes=self._budget, suv=not self.options.raw_pet)

    @staticmethod
    @contextmanager
    def _naming(what: str, paths: Sequence[Path]) -> Iterator[None]:
        """Within it, a DataError gets the series' name in front: its files' names may name a patient."""
        try:
            yield
        except DataError as error:
            kind = GridError if isinstance(error, GridError) else DataError
            files = f"{len(paths)} file{'s' if len(paths) > 1 else ''}"
            raise kind(f"{what} ({files}) {error}") from error

    def _named(self, studies: Mapping[tuple[str, str], Sequence[Found]]) -> Iterator[tuple[str, str, Sequence[Found]]]:
        """(case id, patient, files); a patient's studies are numbered in the order of their dates where there are several."""
        people: dict[str, list[tuple[str, str, Sequence[Found]]]] = {}
        for (patient, study), files in studies.items():
            words = frozenset().union(*(one.name_words for one in files))
            name = self._patient(patient, words, study)
            people.setdefault(name, []).append((min(one.date for one in files), study, files))
        for name, listed in people.items():
            for number, (_, _, files) in enumerate(sorted(listed, key=lambda item: item[:2]), start=1):
                yield (name if len(listed) == 1 else f"{name}_{number}"), name, files

    def _patient(self, patient: str, words: frozenset[str], study: str) -> str:
        """What a patient is called: the id in the header, or a stand-in where it is no plain id or somebody's name."""
        parts = set(patient.replace("^", " ").casefold().split())
        named = bool(parts & words) and not any(letter.isdecimal() for letter in patient)
        return patient if is_safe(patient) and not named else stand_in(patient or study)

    def _case(self, name: str, patient: str, files: Sequence[Found], masks: Mapping[str, Path]) -> Case:
        series: dict[str, list[Found]] = {}
        for one in files:
            if one.kind in KINDS:
                series.setdefault(one.series, []).append(one)
        chosen, problem = self._chosen(list(series.values()))
        if problem:
            return Case(name, patient, {}, {_BROKEN: problem}, ("series cannot be told apart",))
        roles: dict[str, Path] = {}
        notes = []
        for modality, listed in chosen.items():
            kept, copies = _without_copies(listed)
            roles |= {f"{modality}/{i:04d}": one.path for i, one in enumerate(kept)}
            notes += [f"{modality}: {copies} files are copies of others, left out"] if copies else []
        if len({one.frame_of_reference for listed in chosen.values() for one in listed}) > 1:
            notes.append(f"{' and '.join(chosen)} do not share a frame of reference: nothing says how they lie")
        if name in masks:
            roles["mask"] = masks[name]
        elif self._regions is not None:
            told, more = self._drawn(chosen, [one for one in files if one.kind in REGIONS])
            roles |= told
            notes += more
        elif self._masks is not None:
            notes.append("no mask")
        facts = next((chosen[name][0].facts for name in _STRUCTURAL if name in chosen), files[0].facts)
        own = files[0].patient
        return Case(name, patient, roles, facts, tuple(notes), known_as=own if own != patient else "")

    def _chosen(self, series: Sequence[Sequence[Found]]) -> tuple[dict[str, list[Found]], str]:
        """Modality -> the files of its series; or what is to be said where the choice is not clear."""
        chosen: dict[str, list[list[Found]]] = {}
        for listed in series:
            for name in self._modalities(listed[0]):
                chosen.setdefault(name, []).append(list(listed))
        for name, several in chosen.items():
            if len(several) > 1:
                shown = "; ".join(_shown(listed) for listed in sorted(several, key=lambda item: item[0].number)[:8])
                return {}, f'has {len(several)} series for {name}: {shown}; name one by `images = {{ {name} = "..." }}`'
        if not chosen:
            shown = "; ".join(_shown(listed) for listed in series[:8])
            return {}, f"has no series that `images` names; it has {shown}"
        return {name: several[0] for name, several in sorted(chosen.items())}, ""

    def _drawn(
        self, chosen: Mapping[str, Sequence[Found]], regions: Sequence[Found]
    ) -> tuple[dict[str, Path], list[str]]:
        """The files of regions that make the mask, those of the structural image before others; and what is to be said."""
        own = {one.series: name for name, listed in chosen.items() for one in listed}
        frames: dict[str, str] = {}
        order = [name for name in (*_STRUCTURAL, *chosen) if name in chosen]
        for name in order:
            frames.setdefault(chosen[name][0].frame_of_reference, name)
        found: dict[str, list[Path]] = {}
        for one in regions:
            name = own.get(one.drawn_on) or ("" if one.drawn_on else frames.get(one.frame_of_reference, ""))
            found.setdefault(name, []).append(one.path)
        notes = (
            [f"{len(lost)} files of regions belong to no image of the case, left out"]
            if (lost := found.pop("", []))
            else []
        )
        if not found:
            return {}, [*notes, "no regions, hence no mask"]
        taken, *others = sorted(found, key=order.index)
        notes += [f"regions drawn on {name} are left out, those on {taken} are the mask" for name in others]
        return {f"{_REGIONS}{taken}/{i:04d}": path for i, path in enumerate(sorted(found[taken]))}, notes

    def _modalities(self, one: Found) -> list[str]:
        if not self.options.images:
            return [KINDS[one.kind]]
        text = one.description.casefold()
        wanted = self.options.images.items()
        return [name for name, pattern in wanted if fnmatch.fnmatchcase(text, pattern.casefold())]


def _leads_out(path: Path, root: Path) -> bool:
    try:
        return path.is_symlink() and not path.resolve().is_relative_to(root.resolve())
    except RuntimeError:  # a loop of links
        return True


def _series_of(case: Case) -> dict[str, list[Path]]:
    series: dict[str, list[Path]] = {}
    for role, path in case.files.items():
        name, slash, _ = role.partition("/")
        if slash:
            series.setdefault(name, []).append(path)
    return series


def _without_copies(files: Sequence[Found]) -> tuple[list[Found], int]:
    """The files of a series, byte-for-byte copies of one instance left out; ordered by instance."""
    kept: dict[str, Found] = {}
    others: list[Found] = []
    copies = 0
    for one in files:
        first = kept.setdefault(one.instance or str(one.path), one)
        if first is one:
            continue
        if filecmp.cmp(first.path, one.path, shallow=False):
            copies += 1
        else:
            others.append(one)
    return [kept[key] for key in sorted(kept)] + others, copies


def _shown(files: Sequence[Found]) -> str:
    """A series in words, without the patient's name: `3 "t2_tse_sag" (MR, 15 files)`."""
    one = files[0]
    return f'{one.number} "{without_person(one.description, one.name_words, one.patient)}" ({one.kind}, {len(files)} files)'


def _unreadable(unread: Mapping[Path, Sequence[str]], root: Path) -> Iterator[Case]:
    """A case for each folder with files that cannot be read: nothing is left out silently."""
    for folder, errors in sorted(unread.items()):
        name = stand_in(folder.relative_to(root).as_posix())
        said = f"{len(errors)} DICOM files of one folder cannot be used; the first {errors[0]}"
        yield Case(name, name, {}, {_BROKEN: said}, (said,))
