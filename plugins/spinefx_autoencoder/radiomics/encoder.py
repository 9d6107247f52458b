"""Encoder `radiomics`: radiomic features in place of latents, so that every claim of latents can be held against them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import ValidationError

from spinefx.api import DataError, Fitting, Latents, Sample, SampleSet
from spinefx_autoencoder.cohort import Kind, survey
from spinefx_autoencoder.files import load_model, matched, save_model
from spinefx_autoencoder.options import PcaOptions, RadiomicsOptions
from spinefx_autoencoder.pca import Pca
from spinefx_autoencoder.radiomics.ibsi import SOURCE, at_one_mm, features, needed

NAME, VERSION = "radiomics", 1

Floats = NDArray[np.float64]

_MOST_SHAPES = 16
"""Components of the masks that decoded shapes are made of, at most."""
_RIDGE = 1.0
_FAR = 10.0
"""Standard deviations at which a feature is cut off: some are ratios that run away on odd shapes."""


class Radiomics:
    """Features in standard deviations from the training mean. A feature that cannot be computed stands at that mean.

    They hold no shape to be drawn; `decode` guesses one, by a ridge from features to components of the training masks.
    """

    def __init__(self, options: RadiomicsOptions) -> None:
        needed()
        self.options = options
        self.kind: Kind | None = None
        self.names: tuple[str, ...] = ()
        self.centre, self.scale = np.zeros(0), np.ones(0)
        self.slope, self.offset = np.zeros((0, 0)), np.zeros(0)
        self.shapes = Pca(PcaOptions(latent_dim=1))
        self.facts: dict[str, Any] = {}

    def fit(self, fitting: Fitting) -> Sequence[Mapping[str, float]]:
        """Means and spreads over the training samples as they are. There are no epochs, so no history."""
        self.kind, _ = survey(fitting.train)
        found = [self._features(sample) for sample in fitting.train]
        names = tuple(dict.fromkeys(name for one in found for name in one))
        values = np.array([[one.get(name, np.nan) for name in names] for one in found], np.float64).reshape(
            len(found), len(names)
        )
        kept = [i for i in range(len(names)) if _varies(values[:, i])]
        if not kept:
            raise DataError("no radiomic feature differs between training samples; check the channels and `families`")
        self.names, values = tuple(names[i] for i in kept), values[:, kept]
        self.centre, self.scale = np.nanmean(values, axis=0), np.nanstd(values, axis=0)
        z = self._standard(values)
        count = max(1, min(_MOST_SHAPES, len(z) - 1))
        self.shapes = Pca(PcaOptions(latent_dim=count, intensity_weight=0.0))
        self.shapes.fit(fitting)
        scores = self.shapes.encode(fitting.train).z.astype(np.float64)
        self.offset = scores.mean(axis=0)
        within = z @ z.T + _RIDGE * len(z) * np.eye(len(z))
        self.slope = z.T @ np.linalg.solve(within, scores - self.offset)
        patients = len({row.patient for row in fitting.train.rows})
        self.facts = {"fitted": {"samples": len(z), "patients": patients, "seed": fitting.seed, "mirp": _mirp()}}
        return []

    def encode(self, samples: SampleSet) -> Latents:
        """(n, d) features in standard deviations, in the order of `names`; no feature maps."""
        kind = self._kind()
        found = [self._features(kind.checked(sample)) for sample in samples]
        values = np.array([[one.get(name, np.nan) for name in self.names] for one in found], np.float64)
        z = self._standard(values.reshape(len(found), len(self.names)))
        return Latents(samples.rows, z.astype(np.float32))

    def decode(self, z: NDArray[np.float32]) -> NDArray[np.float32]:
        """(n, z, y, x) the masks that a ridge guesses from (n, d) features, cut to 0..1."""
        self._kind()
        z = np.asarray(z, np.float64)
        if z.ndim != 2 or z.shape[1] != len(self.names):
            raise DataError(f"latents have shape {z.shape}, wanted (n, {len(self.names)})")
        return self.shapes.decode((z @ self.slope + self.offset).astype(np.float32))

    def save(self, folder: Path) -> None:
        """Write weights.safetensors, model.json and card.md."""
        arrays: dict[str, NDArray[Any]] = {
            "centre": self.centre,
            "scale": self.scale,
            "slope": self.slope,
            "offset": self.offset,
        }
        arrays |= {"shapes.mean": self.shapes.mean, "shapes.components": self.shapes.components}
        facts = {"plugin": NAME, "version": VERSION, "options": self.options.model_dump(mode="json")}
        facts |= {"sample": self._kind().to_json(), "names": list(self.names), **self.facts}
        save_model(folder, arrays, facts, self._card())

    def load(self, folder: Path) -> None:
        """Become what `save` wrote; DataError for anything else."""
        arrays, model = load_model(folder, plugin=NAME, version=VERSION)
        try:
            options, kind = RadiomicsOptions.model_validate(model["options"]), Kind.from_json(model["sample"])
            names = tuple(str(name) for name in model["names"])
        except (KeyError, TypeError, ValueError, ValidationError) as error:
            raise DataError(f"{folder}: model.json is not one of {NAME} ({error})") from error
        d, k, size = len(names), len(arrays.get("offset", ())), int(np.prod(kind.shape))
        wanted: dict[str, tuple[int, ...]] = {"centre": (d,), "scale": (d,), "slope": (d, k), "offset": (k,)}
        matched(arrays, wanted | {"shapes.mean": (size,), "shapes.components": (k, size)}, folder)
        self.options, self.kind, self.names = options, kind, names
        self.centre, self.scale = arrays["centre"], arrays["scale"]
        self.slope, self.offset = arrays["slope"], arrays["offset"]
        self.shapes = Pca(PcaOptions(latent_dim=k, intensity_weight=0.0))
        self.shapes.kind, self.shapes.mean = kind, arrays["shapes.mean"]
        self.shapes.components = arrays["shapes.components"]
        self.facts = {"fitted": model.get("fitted", {})}

    def _features(self, sample: Sample) -> dict[str, float]:
        """Of one sample, in voxels of 1 mm; images are all channels that hold intensities."""
        kind = self._kind()
        names = kind.channels.names or tuple(f"channel{i}" for i in range(kind.channels.count))
        images = {names[i]: at_one_mm(sample.image[i], sample.grid) for i in kind.channels.intensities}
        inside = at_one_mm(sample.mask, sample.grid) > 0.5
        return features(images, inside, self.options.families, self.options.bins)

    def _standard(self, values: Floats) -> Floats:
        z: Floats = np.clip((values - self.centre) / self.scale, -_FAR, _FAR)
        z[~np.isfinite(z)] = 0.0
        return z

    def _kind(self) -> Kind:
        if self.kind is None:
            raise DataError(f"{NAME} is not fitted yet; call fit or load first")
        return self.kind

    def _card(self) -> str:
        fitted = self.facts.get("fitted", {})
        return (
            f"# {NAME} (version {VERSION})\n\n"
            f"{len(self.names)} radiomic features ({SOURCE}) of samples of {self._kind().shape} voxels, in voxels of 1 mm and "
            f"{self.options.bins} grey levels, by MIRP {fitted.get('mirp')}; in standard deviations over "
            f"{fitted.get('samples')} training samples of {fitted.get('patients')} patients.\n\n"
            "Limits: decoded masks are a linear guess from the features, which hold no shape to be drawn. Order of the "
            f"columns: {', '.join(self.names)}.\n"
        )


def _varies(values: Floats) -> bool:
    present = values[np.isfinite(values)]
    return len(present) >= 2 and bool(present.std() > 1e-9 * max(1.0, float(np.abs(present).max())))


def _mirp() -> str:
    from importlib.metadata import version

    return version("mirp")
