"""A fitted model, used on new scans with the very preprocessing of its run.

model = Model.load("runs/pipeline")
encoded = model.encode("new_patients.toml")     # or a folder, scans in memory, or samples
encoded.frame()
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from spinefx.contract.encoder import Encoder
from spinefx.contract.errors import DataError, PlanError, PluginError, StoreError
from spinefx.contract.samples import Latents, SampleList, SampleSet
from spinefx.contract.scan import Sample, Scan
from spinefx.engine import Engine
from spinefx.plan import Plan, Registry
from spinefx.plan.source import read_source
from spinefx.store.files import atomic_write_json, digests, make_folder
from spinefx.store.lock import locked
from spinefx.store.log import Log
from spinefx.store.run import RECORD
from spinefx.store.samples import StoredSamples, places
from spinefx.store.tables import write_table
from spinefx.work.cases.casework import Casework
from spinefx.work.cases.outcome import CaseResult, at
from spinefx.work.cohort.learned import SEGMENTER
from spinefx.work.cohort.recipe import Recipe, content_of
from spinefx.work.observers import Observers

if TYPE_CHECKING:
    import pandas as pd

UNUSUAL = 0.001
"""How unlikely the distance of a sample to the training latents must be to be called unusual."""
_AT_ONCE = 32
_NOWHERE = {"use": "phantom"}
"""Stands for a loader where scans or samples are in memory already."""


@dataclass(frozen=True, eq=False)
class Encoded:
    """Latents of new samples, and how far they can be relied on.

    iou : (n,) of each sample's mask with itself, encoded and decoded.   distance : (n,) Mahalanobis, to the training latents.
    chance : (n,) how likely a sample as far or farther is.   seen : (n,) whether the model was fitted on this very sample.
    left_out : case -> why it has no latents.   notes : what a reader should know.
    """

    latents: Latents
    iou: NDArray[np.float64]
    distance: NDArray[np.float64]
    chance: NDArray[np.float64]
    seen: NDArray[np.bool_]
    left_out: Mapping[str, str]
    notes: tuple[str, ...] = ()

    def frame(self) -> pd.DataFrame:
        """One row per sample: case, patient, structure, level, z0 ... zN, iou, distance, unusual, seen."""
        import pandas as pd

        head = [(r.case, r.patient, r.structure, r.level) for r in self.latents.rows]
        frame = pd.DataFrame(head, columns=["case", "patient", "structure", "level"], dtype="str")
        z = pd.DataFrame(self.latents.z, columns=list(self.latents.names), index=frame.index)
        judged = pd.DataFrame({"iou": self.iou, "distance": self.distance}, index=frame.index)
        return pd.concat([frame, z, judged], axis=1).assign(unusual=self.chance < UNUSUAL, seen=self.seen)


class Model:
    """A model that a run left. Made by `Model.load`."""

    def __init__(self, folder: Path, recipe: Recipe, registry: Registry) -> None:
        self.folder, self.recipe, self.registry = folder, recipe, registry

    @classmethod
    def load(cls, folder: Path | str, *, plugins: Sequence[Path | str] = ()) -> Model:
        """The model in a run's folder, or in the `model` folder of one.

        plugins : plugin files that its run used; a model never says itself which code to load.

        Raises
        ------
        DataError
            If it is no model of spinefx, is damaged, or was made by other versions of the plugins; with the reason.
        """
        folder = Path(folder)
        if not folder.is_dir():
            raise DataError(f"{folder}: no such folder; name the folder of a run, or the `model` folder in it")
        if not (folder / "recipe.json").is_file() and (folder / "model").is_dir():
            folder = folder / "model"
        recipe = Recipe.read(folder)
        model = cls(folder, recipe, Registry.discover([Path(path) for path in plugins]))
        recipe.refuse_others(model._plan(_NOWHERE))
        _ = model.encoder
        return model

    @cached_property
    def encoder(self) -> Encoder:
        """The fitted encoder."""
        stage = self.recipe.sections["encode"]
        try:
            offer = self.registry.pick("encoder", stage["use"])
            options = {key: item for key, item in stage.items() if key != "use"}
            encoder: Encoder = offer.plugin.build(offer.plugin.options.model_validate(options))
        except (PluginError, ValueError) as error:
            raise DataError(f"{self.folder}: its encoder {stage['use']!r} cannot be built: {error}") from error
        encoder.load(self.folder)
        return encoder

    def encode(
        self,
        data: Path | str | Scan | list[Scan] | tuple[Scan, ...] | SampleSet,
        *,
        out: Path | str | None = None,
        options: Mapping[str, Any] | None = None,
        workers: int = 0,
        observers: Sequence[object] = (),
    ) -> Encoded:
        """Latents of new data, made ready exactly as the model's own were.

        Parameters
        ----------
        data : a TOML with a [data] section; a folder, read as the model's own data were; scans; or samples.
        out : folder for latents.parquet, latents.csv, encoding.json and log.jsonl; nothing is kept where it is None.
        options : more options of the loader, where `data` is a folder.
        workers : cases worked on at a time, 0 for one a core.

        Raises
        ------
        DataError
            If no case could be encoded; with the reason of the first.
        """
        if isinstance(data, Scan):
            return self._of_scans([data])
        if isinstance(data, list | tuple):
            return self._of_scans(data)
        if not isinstance(data, str | Path):
            return self._encoded(data, {})
        with ExitStack() as stack:
            # a folder within the temporary one, so that the cache beside it goes with it
            folder = Path(out or Path(stack.enter_context(TemporaryDirectory(prefix="spinefx-")), "encoding"))
            return self._of_cases(self.plan(data, folder, options or {}, workers), observers, keep=out is not None)

    def decode(self, z: NDArray[np.float32]) -> NDArray[np.float32]:
        """(n, d) latents -> (n, z, y, x) mask probabilities on the samples' grid."""
        return self.encoder.decode(z)

    def export(self, out: Path | str, kinds: Sequence[str] = ("onnx",)) -> list[Path]:
        """Write the encoder alone for other programs (`onnx`, `torch`), checked against this one; the files.

        Raises
        ------
        DataError
            If this encoder cannot be exported, or what was written gives other latents.
        """
        export = getattr(self.encoder, "export", None)
        if export is None:
            raise DataError(f"encoder {self.recipe.sections['encode']['use']!r} cannot be exported")
        files: list[Path] = export(Path(out), list(kinds))
        return files

    def plan(self, data: Path | str, out: Path, options: Mapping[str, Any], workers: int = 0) -> Plan:
        """The plan by which new data are made ready; PlanError for whatever is wrong with them."""
        path = Path(data)
        run: dict[str, Any] = {}
        if path.is_dir():
            own = dict(self.recipe.sections["data"])
            fields = self.registry.pick("loader", own["use"]).plugin.options.model_fields
            if "root" not in fields:
                raise PlanError(
                    f"{path}: the model's own data came by loader {own['use']!r}, which has no `root`; write a TOML with "
                    "a [data] section and name that"
                )
            table, base = {**own, "root": str(path.absolute()), **options}, Path.cwd()
        else:
            source = read_source(path)
            if "data" not in source.tables:
                raise PlanError(f"{path}: no [data] section; it says which loader reads the new scans")
            table, base = {**source.tables["data"], **options}, path.absolute().parent
            run = {key: item for key, item in source.tables.get("run", {}).items() if key not in ("out", "plugins")}
        if workers or run.get("executor") != "serial":
            run["workers"] = workers or run.get("workers", 0)
        return self._plan(table, run=run | {"out": str(out.absolute())}, base=base)

    def _plan(
        self,
        data: Mapping[str, Any],
        *,
        run: Mapping[str, Any] | None = None,
        base: Path | None = None,
    ) -> Plan:
        """The model's own steps on `data`."""
        sections = {name: self.recipe.sections[name] for name in ("segment", "preprocess", "sample", "encode")}
        tables = {**sections, "run": dict(run or {}), "geometry": [], "evaluate": [], "data": dict(data)}
        return Plan.of(tables, base or Path.cwd(), registry=self.registry)

    @property
    def _segmenter(self) -> Path | None:
        """The folder of the segmenter that made the model's masks, where one had to be fitted."""
        folder = self.folder / SEGMENTER
        return folder if folder.is_dir() else None

    def _of_cases(self, plan: Plan, observers: Sequence[object], *, keep: bool) -> Encoded:
        out = make_folder(plan.run.out)
        if (out / RECORD).exists():
            raise StoreError(f"{out}: holds a run, whose latents would be written over; choose another folder")
        with locked(out):
            log = Log(out / "log.jsonl")
            watch = Observers(self.registry.hooks, observers, log)
            engine = Engine(plan, observers=observers, segmenter=self._segmenter)
            cases = engine.check().cases
            log.write("encoding started", cases=len(cases), model=digests(self.folder))
            watch.run_started(plan.to_json(), out, len(cases))
            results = engine.casework(cases, watch, log)
            left_out = {
                r.case: f"{r.failure.stage} {r.failure.plugin}: {r.failure.cause}" for r in results if r.failure
            }
            kept = [r for r in results if r.failure is None]
            found, notes = _stored(engine, kept)
            encoded = self._encoded(found, left_out, notes)
            if keep:
                self._write(out, plan, encoded)
            log.write("encoding done", samples=len(encoded.latents.rows), left_out=len(encoded.left_out))
            watch.run_done(out, 4 if encoded.left_out else 0)
        return encoded

    def _of_scans(self, scans: Sequence[Scan]) -> Encoded:
        with TemporaryDirectory(prefix="spinefx-") as folder:
            work = Casework(self._plan(_NOWHERE), Path(folder), self._segmenter)
        samples: list[Sample] = []
        notes: list[str] = []
        for scan in scans:
            made, more = work.samples(work.segmented(scan))
            samples += made
            notes += [f"{scan.case.id}: {note}" for note in more]
        return self._encoded(SampleList(tuple(samples)), {}, notes)

    def _encoded(self, samples: SampleSet, left_out: Mapping[str, str], notes: Iterable[str] = ()) -> Encoded:
        """Latents of samples that are of the model's kind; a case that is not is left out with the reason."""
        seen, why = [], dict(left_out)
        for sample in samples:
            seen.append(content_of(sample) in self.recipe.content)
            if sample.case not in why and (reason := self.recipe.stranger([sample])):
                why[sample.case] = reason
        fits = np.array([row.case not in why for row in samples.rows], bool)
        if not fits.any():
            told = "; ".join(f"{case}: {reason}" for case, reason in list(why.items())[:3]) or "there are no samples"
            raise DataError(f"no case can be encoded by {self.folder}: {told}")
        if not fits.all():
            samples = _chosen(samples, fits)
        with at("encode", self.recipe.sections["encode"]["use"]):
            latents = self.encoder.encode(samples)
            overlap = np.concatenate(list(self._overlaps(samples, latents)))
        judged, doubts = self.recipe.distances(latents), (*notes, *self.recipe.doubts)
        return Encoded(latents, overlap, *judged, np.array(seen, bool)[fits], why, doubts)

    def _overlaps(self, samples: SampleSet, latents: Latents) -> Iterator[NDArray[np.float64]]:
        """IoU of each sample's mask with the decoded one, some at a time."""
        for start in range(0, len(samples), _AT_ONCE):
            stop = min(start + _AT_ONCE, len(samples))
            drawn = np.stack([samples[i].mask for i in range(start, stop)]) > 0.5
            made = self.encoder.decode(latents.z[start:stop]) > 0.5
            both, either = (drawn & made).sum((1, 2, 3)), (drawn | made).sum((1, 2, 3))
            yield np.where(either > 0, both / np.maximum(either, 1), 1.0)

    def _write(self, out: Path, plan: Plan, encoded: Encoded) -> None:
        write_table(encoded.frame(), out, "latents", kinds=("parquet", "csv"))
        record = {
            "model": digests(self.folder),
            "plan": plan.to_json(),
            "left_out": dict(encoded.left_out),
            "notes": list(encoded.notes),
        }
        atomic_write_json(out / "encoding.json", record)


def _stored(engine: Engine, results: Sequence[CaseResult]) -> tuple[StoredSamples, list[str]]:
    """The samples of these cases, and the notes on them."""
    found, notes = [], []
    for result in results:
        if result.keys is not None:
            found += places(engine.cache, result.keys.samples)
            notes += [f"{result.case}: {note}" for note in engine.cache.meta(result.keys.samples)["notes"]]
    return StoredSamples(engine.cache, tuple(found)), notes


def _chosen(samples: SampleSet, fits: NDArray[np.bool_]) -> SampleSet:
    """The samples that fit, in order."""
    if isinstance(samples, StoredSamples):
        return StoredSamples(samples.cache, tuple(p for p, fit in zip(samples.places, fits, strict=True) if fit))
    return SampleList(tuple(sample for sample, fit in zip(samples, fits, strict=True) if fit))
