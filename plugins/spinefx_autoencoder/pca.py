"""Encoder `pca`: principal components of the training masks, the baseline of the same size."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import ValidationError

from spinefx.api import DataError, Fitting, Latents, Sample, SampleSet
from spinefx_autoencoder.cohort import Kind, survey
from spinefx_autoencoder.files import load_model, matched, save_model
from spinefx_autoencoder.options import PcaOptions

NAME, VERSION = "pca", 1

Vectors = NDArray[np.float32]

_FAR_MM = 10.0
_OF = {"mask": "soft masks", "distance": "signed distances"}


class Pca:
    """Components of the flattened soft mask (and intensities), from the Gram matrix of the training samples.

    Memory: `memory_mb` for samples beside the (n, n) matrix; a cohort that needs more is read block by block.
    """

    def __init__(self, options: PcaOptions) -> None:
        self.options = options
        self.kind: Kind | None = None
        self.mean: Vectors = np.zeros(0, np.float32)
        self.components: Vectors = np.zeros((0, 0), np.float32)
        self.facts: dict[str, Any] = {}

    def fit(self, fitting: Fitting) -> Sequence[Mapping[str, float]]:
        """Fit on the training samples as they are, without augmentation. There are no epochs, so no history."""
        n, d = len(fitting.train), self.options.latent_dim
        kind, average = survey(fitting.train)
        if n <= d:
            raise DataError(f"{n} training samples cannot give {d} components; lower latent_dim below {n}")
        if self.options.of == "distance" and kind.channels.distance < 0:
            raise DataError('of = "distance" needs the channel `distance`: [sample] channels = ["mask", "distance"]')
        self.kind = kind
        if self.options.of == "distance":
            average[0] = np.mean([self._shape(sample) for sample in fitting.train], axis=0, dtype=np.float64)
        self.mean = self._weighted(average).ravel()
        gram = np.zeros((n, n))
        blocks = range(0, n, self._block)
        for i in blocks:
            left = self._centred(fitting.train, i)
            for j in (j for j in blocks if j <= i):
                right = left if i == j else self._centred(fitting.train, j)
                gram[i : i + len(left), j : j + len(right)] = left.astype(np.float64) @ right.T.astype(np.float64)
        values, vectors = np.linalg.eigh(np.tril(gram) + np.tril(gram, -1).T)
        values, vectors = values[::-1][:d], vectors[:, ::-1][:, :d]
        scale = np.sqrt(np.maximum(values, 1e-12 * max(float(values[0]), 1e-30)))
        components = np.zeros((d, len(self.mean)))
        for i in blocks:
            part = self._centred(fitting.train, i)
            components += (vectors[i : i + len(part)] / scale).T @ part
        sign = np.sign(components[np.arange(d), np.abs(components).argmax(axis=1)])
        self.components = (components * np.where(sign == 0, 1.0, sign)[:, None]).astype(np.float32)
        variance = (values / max(n - 1, 1)).tolist()
        total = float(np.trace(gram)) / max(n - 1, 1)
        self.facts = {
            "fitted": {
                "samples": n,
                "patients": len({row.patient for row in fitting.train.rows}),
                "seed": fitting.seed,
                "variance": variance,
                "explained": [v / total if total else 0.0 for v in variance],
            }
        }
        return []

    @property
    def _block(self) -> int:
        return max(1, int(self.options.memory_mb * 2**20 / (12 * max(1, len(self.mean))) / 2))

    def _centred(self, samples: SampleSet, start: int) -> Vectors:
        stop = min(start + self._block, len(samples))
        return np.stack([self._vector(samples, i) for i in range(start, stop)]) - self.mean

    def _vector(self, samples: SampleSet, index: int) -> Vectors:
        kind = self._kind()
        sample = kind.checked(samples[index])
        standard = kind.channels.standard(sample.image)
        return self._weighted(
            np.stack([self._shape(sample), *(standard[c] for c in kind.channels.intensities)])
        ).ravel()

    def _shape(self, sample: Sample) -> Vectors:
        """What components are made of: the soft mask, or the signed distance in mm, cut off far from the surface."""
        if self.options.of == "mask":
            return sample.mask
        cut: Vectors = np.clip(sample.image[self._kind().channels.distance], -_FAR_MM, _FAR_MM)
        return cut

    def _weighted(self, parts: Vectors) -> Vectors:
        """(1 + intensities, z, y, x) with intensities weighted, or without them where their weight is 0."""
        weight = self.options.intensity_weight
        if weight == 0 or len(parts) == 1:
            return parts[:1]
        return np.concatenate([parts[:1], parts[1:] * np.float32(weight)])

    def encode(self, samples: SampleSet) -> Latents:
        """(n, d) scores; no feature maps."""
        z = [self.components.astype(np.float64) @ (v - self.mean) for v in self._vectors(samples)]
        return Latents(samples.rows, np.array(z, np.float32).reshape(len(samples), self.options.latent_dim))

    def _vectors(self, samples: SampleSet) -> Iterator[Vectors]:
        self._kind()
        return (self._vector(samples, i) for i in range(len(samples)))

    def decode(self, z: NDArray[np.float32]) -> NDArray[np.float32]:
        """(n, z, y, x) masks of (n, d) scores, cut to 0..1."""
        kind, z = self._kind(), np.asarray(z, np.float32)
        if z.ndim != 2 or z.shape[1] != self.options.latent_dim:
            raise DataError(f"latents have shape {z.shape}, wanted (n, {self.options.latent_dim})")
        size = int(np.prod(kind.shape))
        flat = self.mean[:size] + z @ self.components[:, :size]
        masks = flat if self.options.of == "mask" else 0.5 - flat / np.float32(2.0 * min(kind.spacing))
        return np.clip(masks, 0.0, 1.0).reshape(len(z), *kind.shape)

    def save(self, folder: Path) -> None:
        """Write weights.safetensors, model.json and card.md."""
        facts = {"plugin": NAME, "version": VERSION, "options": self.options.model_dump(mode="json")}
        facts |= {"sample": self._kind().to_json(), **self.facts}
        save_model(folder, {"mean": self.mean, "components": self.components}, facts, self._card())

    def load(self, folder: Path) -> None:
        """Become what `save` wrote; DataError for anything else."""
        arrays, model = load_model(folder, plugin=NAME, version=VERSION)
        try:
            options, kind = PcaOptions.model_validate(model["options"]), Kind.from_json(model["sample"])
        except (KeyError, TypeError, ValueError, ValidationError) as error:
            raise DataError(f"{folder}: model.json is not one of {NAME} ({error})") from error
        parts = 1 + (len(kind.channels.intensities) if options.intensity_weight else 0)
        size = parts * int(np.prod(kind.shape))
        matched(arrays, {"mean": (size,), "components": (options.latent_dim, size)}, folder)
        self.options, self.kind = options, kind
        self.mean, self.components = arrays["mean"], arrays["components"]
        self.facts = {"fitted": model.get("fitted", {})}

    def _kind(self) -> Kind:
        if self.kind is None:
            raise DataError(f"{NAME} is not fitted yet; call fit or load first")
        return self.kind

    def _card(self) -> str:
        kind, fitted = self._kind(), self.facts.get("fitted", {})
        explained = sum(fitted.get("explained", []))
        return (
            f"# {NAME} (version {VERSION})\n\n"
            f"{self.options.latent_dim} principal components of {_OF[self.options.of]}, {kind.shape} voxels of {kind.spacing} mm, "
            f"fitted on {fitted.get('samples')} samples of {fitted.get('patients')} patients (training part only); they "
            f"explain {100 * explained:.1f} % of the variance there.\n\n"
            "Limits: linear, so tilts and sizes take several components; a baseline, not a model of anatomy.\n"
        )
