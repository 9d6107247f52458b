"""Samples on disk, read when asked for: what an encoder trains on, whatever the cohort's size."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

from spinefx.contract.features import Row
from spinefx.contract.grid import Grid
from spinefx.contract.scan import Sample
from spinefx.store.cache import Cache


@dataclass(frozen=True, slots=True)
class Place:
    """Where one sample lies: its row, the artefact's key and its number in there. Small: one stays for each sample.

    voxels : the checksum of all samples of its case; equal where their voxels are.
    """

    row: Row
    key: str
    number: int
    voxels: str = ""


def put_samples(cache: Cache, key: str, samples: Sequence[Sample], *, notes: Sequence[str] = ()) -> None:
    """Store the samples of one case as one artefact."""
    arrays = {}
    for number, sample in enumerate(samples):
        arrays[f"{number}.image"] = sample.image
        arrays[f"{number}.mask"] = sample.mask
    rows = [{"row": list(_parts(s.row)), "grid": s.grid.to_json(), "channels": list(s.channels)} for s in samples]
    cache.put(key, arrays, {"samples": rows, "notes": list(notes)})


def places(cache: Cache, key: str) -> list[Place]:
    """The samples of one case's artefact, without their voxels."""
    meta, voxels = cache.content(key)
    return [Place(Row(*entry["row"]), key, number, voxels) for number, entry in enumerate(meta["samples"])]


def _parts(row: Row) -> tuple[str, str, str, str]:
    return row.case, row.patient, row.structure, row.level


@dataclass(frozen=True)
class StoredSamples:
    """A SampleSet over cached artefacts; holds addresses, never voxels."""

    cache: Cache
    places: tuple[Place, ...]

    @property
    def rows(self) -> tuple[Row, ...]:
        """Whose samples these are, in order."""
        return tuple(place.row for place in self.places)

    @property
    def twins(self) -> tuple[tuple[str, ...], ...]:
        """Cases with the very same voxels in all their samples though they are of different patients, a tuple for each."""
        owners: dict[str, dict[str, str]] = {}
        for place in self.places:
            owners.setdefault(place.voxels, {}).setdefault(place.row.patient, place.row.case)
        return tuple(tuple(cases.values()) for cases in owners.values() if len(cases) > 1)

    def __len__(self) -> int:
        return len(self.places)

    def __getitem__(self, index: int, /) -> Sample:
        place = self.places[index]
        meta, (image, mask) = self.cache.some(place.key, [f"{place.number}.image", f"{place.number}.mask"])
        entry = meta["samples"][place.number]
        return Sample(place.row, image, mask, Grid.from_json(entry["grid"]), tuple(entry["channels"]))

    def __iter__(self) -> Iterator[Sample]:
        return (self[index] for index in range(len(self)))

    def of_patients(self, patients: Collection[str]) -> StoredSamples:
        """The samples of these patients, in the same order."""
        return StoredSamples(self.cache, tuple(p for p in self.places if p.row.patient in patients))
