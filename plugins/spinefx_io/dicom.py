"""`dicom`: series found by what their headers say, never by file names; PET becomes SUVbw.

A case is a study of a patient with the series that `images` names (or one each of CT, PET and MR). Nothing that names a
person leaves this module: ids only, hashed under a key where one is given; messages name series by number.
"""

from __future__ import annotations

import filecmp
import fnmatch
import hashlib
import hmac
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from spinefx.api import Case, DataError, GridError, Scan, Volume
from spinefx_io import DicomOptions
from spinefx_io.dicom_header import KINDS, Found, found_in, looks_dicom
from spinefx_io.dicom_series import read_series
from spinefx_io.meaning import Meaning
from spinefx_io.names import is_safe, stand_in
from spinefx_io.pattern import compile_pattern, walk
from spinefx_io.reading import Reader

_ENDINGS = (".dcm", ".ima", ".dicom")
_BROKEN = "broken"
_STRUCTURAL = ("ct", "mr", "t2", "t1")


class DicomLoader:
    """Finds the series of every patient under a folder, and reads them."""

    def __init__(self, options: DicomOptions) -> None:
        self.options = options
        self._budget = int(options.budget_gb * 1e9)
        self._meaning = Meaning.of(options.scheme or {"1": "mask"}, schemes=options.schemes, levels=options.levels)
        self._reader = Reader([options.root], self._meaning, self._budget)
        self._masks = compile_pattern(options.masks) if options.masks else None
        self._key = _secret(options.hash_key) if options.hash_key is not None else None

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
        if not studies and not unread:
            raise DataError(f"{root}: no DICOM image of CT, MR or PET in it")
        cases = [self._case(name, patient, files, masks) for name, patient, files in self._named(studies)]
        return self._meaning.marked([*sorted(cases, key=lambda case: case.id), *_unreadable(unread, root)])

    def load(self, case: Case) -> Scan:
        """The series of one study and its mask, each on its own grid; PET in SUVbw unless `raw_pet`."""
        if _BROKEN in case.facts:
            raise DataError(str(case.facts[_BROKEN]))
        images = {name: self._volume(name, paths) for name, paths in _series_of(case).items()}
        return self._reader.joined(case, images)

    def _volume(self, name: str, paths: Sequence[Path]) -> Volume:
        try:
            return read_series(paths, root=self.options.root, budget_bytes=self._budget, suv=not self.options.raw_pet)
        except DataError as error:
            kind = GridError if isinstance(error, GridError) else DataError
            raise kind(f"series {name} ({len(paths)} files) {error}") from error

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
        """What a patient is called: the id in the header, hashed where a key is given or where it is no plain id."""
        if self._key is not None:
            return hmac.new(self._key, (patient or study).encode(), hashlib.sha256).hexdigest()[:16]
        parts = set(patient.replace("^", " ").casefold().split())
        named = bool(parts & words) and not any(letter.isdecimal() for letter in patient)
        return patient if is_safe(patient) and not named else stand_in(patient or study)

    def _case(self, name: str, patient: str, files: Sequence[Found], masks: Mapping[str, Path]) -> Case:
        series: dict[str, list[Found]] = {}
        for one in files:
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
        elif self._masks is not None:
            notes.append("no mask")
        facts = next((chosen[name][0].facts for name in _STRUCTURAL if name in chosen), files[0].facts)
        return Case(name, patient, roles, facts, tuple(notes))

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
    words = [word for word in one.description.split() if not _names(word, one)]
    text = " ".join(words).encode("ascii", "replace").decode()[:48]
    return f'{one.number} "{text}" ({one.kind}, {len(files)} files)'


def _names(word: str, one: Found) -> bool:
    folded = word.casefold()
    return any(len(part) > 1 and part in folded for part in one.name_words) or (
        len(one.patient) > 2 and one.patient in word
    )


def _unreadable(unread: Mapping[Path, Sequence[str]], root: Path) -> Iterator[Case]:
    """A case for each folder with files that cannot be read: nothing is left out silently."""
    for folder, errors in sorted(unread.items()):
        name = stand_in(folder.relative_to(root).as_posix())
        said = f"{len(errors)} DICOM files of one folder cannot be used; the first {errors[0]}"
        yield Case(name, name, {}, {_BROKEN: said}, (said,))


def _secret(path: Path) -> bytes:
    try:
        key = path.read_bytes()[:4096].strip()
    except OSError as error:
        raise DataError(f"hash_key: {path.name} cannot be read: {error.strerror}") from error
    if len(key) < 16:
        raise DataError(f"hash_key: {path.name} holds {len(key)} bytes, wanted 16 or more (openssl rand -hex 32)")
    return key
