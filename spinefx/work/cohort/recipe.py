"""What goes beside a fitted model so that it can be used on new scans: how its samples were made, and what they were like.

`recipe.json` holds names, options and versions of every step from a scan to a sample, and summaries of the samples that
the model was fitted on: no patient, no path, no code.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from spinefx.contract.errors import DataError, StoreError
from spinefx.contract.samples import Latents, SampleSet
from spinefx.contract.scan import Sample
from spinefx.plan import Plan, Stage
from spinefx.store import provenance
from spinefx.store.files import digests, jsonable, read_json
from spinefx.store.keys import without_paths
from spinefx.work.cases import cut

Floats = np.ndarray[Any, np.dtype[np.float64]]

RECIPE = "recipe.json"
FORMAT = "spinefx-recipe-1"
_FAR = 6.0
"""Spreads of the training samples' means beyond which a channel is of another kind."""


@dataclass(frozen=True)
class Recipe:
    """How a model's samples were made, and what they were like.

    sections : section -> its table, `data` without paths.
    plugins : kind, name, distribution and version of each plugin that numbers hang on.
    content : digests of the samples it was fitted on.   channels : name -> mean over them, and spread of their means.
    centre, covariance : of their latents, (d,) and (d, d).   count : how many there were.
    """

    sections: Mapping[str, Any]
    plugins: Sequence[Mapping[str, Any]]
    cut: int
    content: frozenset[str]
    channels: Mapping[str, tuple[float, float]]
    centre: np.ndarray[Any, np.dtype[np.float64]]
    covariance: np.ndarray[Any, np.dtype[np.float64]]
    count: int

    def to_json(self, files: Mapping[str, str] | None = None) -> dict[str, Any]:
        """As plain values, with what `read` tells damage by.

        files : digests of the files beside it, by their names.
        """
        told: dict[str, Any] = jsonable(
            self._told() | {"files": {name: found for name, found in (files or {}).items() if _kept(name)}}
        )
        return told | {"sha256": _digest(told)}

    def _told(self) -> dict[str, Any]:
        return {
            "format": FORMAT,
            "spinefx": provenance.versions().get("spinefx", ""),
            "sections": self.sections,
            "plugins": list(self.plugins),
            "cut": self.cut,
            "content": sorted(self.content),
            "channels": {name: list(pair) for name, pair in self.channels.items()},
            "latents": {"count": self.count, "centre": self.centre.tolist(), "covariance": self.covariance.tolist()},
        }

    @classmethod
    def read(cls, folder: Path) -> Recipe:
        """The recipe in a model's folder; DataError where there is none, none that this spinefx reads, or a damaged file."""
        path = folder / RECIPE
        if not path.is_file():
            raise DataError(f"{folder}: no {RECIPE}; name the folder of a run, or the `model` folder in it")
        try:
            data = read_json(path)
        except StoreError as error:
            raise DataError(str(error)) from error
        found = data.get("format") if isinstance(data, dict) else None
        if found != FORMAT:
            raise DataError(f"{path}: format {found!r}, wanted {FORMAT!r}; run its pipeline again with this spinefx")
        _refuse_damaged(folder, data)
        try:
            latents = data["latents"]
            centre = np.array(latents["centre"], np.float64)
            covariance = np.array(latents["covariance"], np.float64).reshape(len(centre), len(centre))
            channels = {
                str(name): (float(mean), np.inf if spread is None else float(spread))  # of one sample there is none
                for name, (mean, spread) in data["channels"].items()
            }
            sections = {name: data["sections"][name] for name in ("data", "segment", "preprocess", "sample", "encode")}
            plugins = [{key: p[key] for key in ("kind", "name", "dist", "version")} for p in data["plugins"]]
            content = frozenset(map(str, data["content"]))
            return cls(
                sections, plugins, int(data["cut"]), content, channels, centre, covariance, int(latents["count"])
            )
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise DataError(f"{path}: damaged ({error}); run its pipeline again") from error

    def refuse_others(self, plan: Plan) -> None:
        """DataError where a step of `plan` is not the very step that the model's samples went through."""
        if self.cut != cut.VERSION:
            raise DataError(f"samples were cut by version {self.cut}, this spinefx cuts by {cut.VERSION}; fit it again")
        for stage in _stages(plan):
            known = [p for p in self.plugins if (p["kind"], p["name"]) == (stage.kind, stage.name)]
            version = stage.offer.plugin.version
            if known and known[0]["version"] != version:
                raise DataError(
                    f"{stage.kind} {stage.name} has version {version}, the model was made with {known[0]['version']} "
                    f"({known[0]['dist']}); fit it again, or install the version of its run"
                )

    def stranger(self, samples: Iterable[Sample]) -> str:
        """Why samples of one case are of another kind than those the model was fitted on; "" where they are not."""
        for sample in samples:
            for number, name in enumerate(self.sections["sample"]["channels"]):
                mean, spread = self.channels.get(name, (0.0, np.inf))
                found = float(sample.image[number].mean())
                if not abs(found - mean) <= _FAR * spread:
                    return (
                        f"{name} of {sample.structure.name} has a mean of {found:.4g}, the model was fitted on "
                        f"{mean:.4g} +- {spread:.2g}: another modality, or other units"
                    )
        return ""

    @property
    def doubts(self) -> tuple[str, ...]:
        """What a reader of `distances` should know."""
        n, d = self.count, len(self.centre)
        if n > d + 1:
            return ()
        return (
            f"the model was fitted on {n} samples, too few for {d} latents: distances to them tell little, and no sample can be "
            "called unusual",
        )

    def distances(self, latents: Latents) -> tuple[Floats, Floats]:
        """(n,) Mahalanobis distance of each sample to the training latents, and (n,) how likely one as far or farther is.

        Notes
        -----
        Hotelling's T squared for one new observation: F with (d, n - d) degrees of freedom; NaN where n <= d.
        """
        from scipy.stats import f

        n, d = self.count, len(self.centre)
        away = latents.z.astype(np.float64) - self.centre
        squared = np.einsum("ni,ij,nj->n", away, np.linalg.pinv(self.covariance), away).clip(0.0)
        if n <= d + 1:
            return np.sqrt(squared), np.full(len(squared), np.nan)
        return np.sqrt(squared), f.sf(squared * n * (n - d) / (d * (n * n - 1.0)), d, n - d)


def of_fit(plan: Plan, samples: SampleSet, latents: Latents, patients: Collection[str]) -> Recipe:
    """The recipe of a model that was fitted by `plan` on those `samples`, with those `latents`, that are of these patients."""
    here = np.array([row.patient in patients for row in latents.rows], bool)
    rows = tuple(row for row, known in zip(latents.rows, here, strict=True) if known)
    return of_samples(plan, samples.of_patients(patients), Latents(rows, latents.z[here]))


def of_samples(plan: Plan, samples: Iterable[Sample], latents: Latents) -> Recipe:
    """The recipe of a model that was fitted by `plan` on `samples`, whose latents these are. Reads each sample once."""
    names = plan.sample.channels
    content, means = set(), []
    for sample in samples:
        content.add(content_of(sample))
        means.append(sample.image.mean(axis=(1, 2, 3), dtype=np.float64))
    whole = np.array(means).reshape(-1, len(names))
    spread = np.maximum(whole.std(axis=0, ddof=1), 1e-6) if len(whole) > 1 else np.full(len(names), np.inf)
    channels = {
        name: (float(mean), float(wide)) for name, mean, wide in zip(names, whole.mean(axis=0), spread, strict=True)
    }
    z = latents.z.astype(np.float64)
    covariance = np.cov(z.T).reshape(z.shape[1], z.shape[1]) if len(z) > 1 else np.eye(z.shape[1])
    sections = {name: _section(plan, name) for name in ("preprocess", "sample", "encode")}
    for name, stage in (("data", plan.data), ("segment", plan.segment)):
        told = without_paths(stage.options.model_dump())
        sections[name] = {"use": stage.use} | {key: item for key, item in told.items() if _tellable(item)}
    plugins = [
        {
            "kind": s.kind,
            "name": s.name,
            "dist": f"{s.offer.dist} {s.offer.version}",
            "version": s.offer.plugin.version,
        }
        for s in _stages(plan)
    ]
    return Recipe(sections, plugins, cut.VERSION, frozenset(content), channels, z.mean(axis=0), covariance, len(z))


def content_of(sample: Sample) -> str:
    """Digest of a sample's voxels: tells whether a model has seen it, and nothing else."""
    return hashlib.sha256(sample.image.tobytes() + sample.mask.tobytes()).hexdigest()[:24]


def _kept(name: str) -> bool:
    """Whether a file beside the recipe must stay as it was; cards may be written on."""
    return name != RECIPE and not name.endswith(".md")


def _digest(told: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()


def _refuse_damaged(folder: Path, data: Mapping[str, Any]) -> None:
    """DataError where the recipe, or a file beside it, is not as it was written; recipes of old say nothing of either."""
    told = {key: item for key, item in data.items() if key != "sha256"}
    if "sha256" in data and data["sha256"] != _digest(told):
        raise DataError(
            f"{folder / RECIPE}: damaged, it is not as it was written; restore it, or run its pipeline again"
        )
    wanted = told.get("files", {})
    found = digests(folder)
    changed = (
        [name for name, was in wanted.items() if found.get(name) != was] if isinstance(wanted, dict) else ["files"]
    )
    if changed:
        raise DataError(
            f"{folder / changed[0]}: not the file that {RECIPE} was written with; restore both, or run the pipeline again"
        )


def _stages(plan: Plan) -> list[Stage]:
    return [plan.segment, *plan.preprocess, plan.encode]


def _section(plan: Plan, name: str) -> Any:
    return plan.sections()[name]


def _tellable(item: Any) -> bool:
    """Whether an option says how things are read, not which: no path was in it, and it is given."""
    return item is not None and not (isinstance(item, list) and any(part is None for part in item))
