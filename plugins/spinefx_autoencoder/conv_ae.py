"""Encoders `conv-ae` and `conv-vae`: fit, encode, decode, save and load."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from pydantic import ValidationError

from spinefx.api import DataError, Fitting, Grid, Latents, Row, Sample, SampleList, SampleSet
from spinefx_autoencoder.card import conv_card
from spinefx_autoencoder.cohort import Array, Kind, stacked, survey
from spinefx_autoencoder.files import load_model, matched, save_model
from spinefx_autoencoder.options import ConvAeOptions, ConvOptions, ConvVaeOptions

if TYPE_CHECKING:
    from spinefx_autoencoder.checkpoint import Progress
    from spinefx_autoencoder.model import AutoEncoder
    from spinefx_autoencoder.team import Place

_AT_ONCE = 4

Floats = NDArray[np.float64]


class ConvAe:
    """The autoencoder. Latents come out uncorrelated over the training samples, with mean 0 and variance 1 there, in the
    order of how much they change the decoded mask.
    """

    name, version = "conv-ae", 2
    model: type[ConvOptions] = ConvAeOptions

    def __init__(self, options: ConvOptions) -> None:
        self.options = options
        self.kind: Kind | None = None
        self.net: AutoEncoder | None = None
        self.facts: dict[str, Any] = {}
        self.centre: Floats = np.zeros(options.latent_dim)
        self.axes: Floats = np.eye(options.latent_dim)

    def fit(self, fitting: Fitting) -> Sequence[Mapping[str, float]]:
        """Train; goes on from a checkpoint in the workspace, with the bytes of an uninterrupted fit (on the CPU).

        Raises
        ------
        DataError
            If samples differ in kind, are too small, or the workspace holds another fit's checkpoint.
        StageError
            If the loss stops being finite, however often training goes back; it names the epoch.
        """
        import torch

        from spinefx_autoencoder.checkpoint import fingerprint
        from spinefx_autoencoder.layout import layout_of
        from spinefx_autoencoder.scope import calm
        from spinefx_autoencoder.team import followers

        o = self.options
        kind, mean = survey(fitting.train)
        layout_of(kind, o)
        if o.processes > 1 and o.norm == "batch":
            raise DataError('norm = "batch" looks at one process\'s part of a batch; use "group" with processes > 1')
        rows = [[row.id for row in part.rows] for part in (fitting.train, fitting.validation)]
        told = o.model_dump(mode="json", exclude={"processes"})
        owner = fingerprint(self.name, self.version, told, kind.to_json(), fitting.seed, rows)
        seen = (fitting.train, fitting.validation, fitting.augment, fitting.seed, fitting.workspace, fitting.device)
        given = (type(self), o, kind, mean, owner, *seen)
        with calm(o.threads, fitting.device), followers(o.processes, _follow, *given) as place:
            net, progress, size = self._trained(fitting, kind, mean, owner, place)
            self.kind, self.net = kind, net.eval()
            statistics = self._straighten(fitting.train)
        self.facts = {
            "fitted": {
                "samples": len(fitting.train),
                "patients": len({row.patient for row in fitting.train.rows}),
                "validation_patients": len({row.patient for row in fitting.validation.rows}),
                "seed": fitting.seed,
                "device": fitting.device.partition(":")[0],
                "epochs": progress.epoch,
                "best_epoch": progress.best_epoch,
                "losses": progress.history[progress.best_epoch - 1],
                "parameters": sum(p.numel() for p in net.parameters()),
                "torch": str(torch.__version__),
            },
            "latents": statistics,
        }
        fitted = self.facts["fitted"]
        fitted |= {"batch": size} if o.batch == "auto" else {}
        fitted |= {"broken": progress.broken} if progress.broken else {}
        return tuple(progress.history)

    def _trained(
        self, fitting: Fitting, kind: Kind, mean: Array, owner: str, place: Place
    ) -> tuple[AutoEncoder, Progress, int]:
        """The trained network, how training went, and how many samples a step had."""
        import torch

        from spinefx_autoencoder.checkpoint import size_kept
        from spinefx_autoencoder.layout import layout_of
        from spinefx_autoencoder.memory import batch_that_fits
        from spinefx_autoencoder.model import fresh
        from spinefx_autoencoder.team import gathered
        from spinefx_autoencoder.training import Trainer

        o, layout = self.options, layout_of(kind, self.options)
        net = fresh(layout, fitting.seed, torch.from_numpy(mean))
        with gathered(fitting.device, o.precision, place) as team:
            if o.batch == "auto":
                size = size_kept(fitting.workspace) or batch_that_fits(
                    net, layout, team.fabric.device, samples=len(fitting.train)
                )
                size = int(team.told({"batch": float(size)})["batch"])
            else:
                size = o.batch
            if o.norm == "batch" and layout.levels[-1] == (1, 1, 1) and (len(fitting.train) - 1) % size == 0:
                raise DataError(
                    f'norm = "batch" has nothing to average: a batch of one sample (of {len(fitting.train)}, by {size}) whose '
                    'coarsest level is one voxel; use "group", another `batch`, or fewer `channels`'
                )
            return net, Trainer(net, kind, o, fitting, owner, size, team, self.name).run(), size

    def _straighten(self, train: SampleSet) -> dict[str, Any]:
        """Find centre and axes that make the training latents white and ordered; their statistics."""
        from spinefx_autoencoder.training import decoded_axes

        raw = self._raw(train)[0].astype(np.float64)
        n, d = raw.shape
        self.centre, self.axes = raw.mean(axis=0), np.eye(d)
        if n > d:
            values, vectors = np.linalg.eigh(np.cov(raw.T).reshape(d, d))
            white = vectors / np.sqrt(np.maximum(values, 1e-12 * max(float(values[-1]), 1e-30)))
            turned = white @ decoded_axes(self._net(), (raw - self.centre) @ white, raw, _AT_ONCE)
            sign = np.sign(turned[np.abs(turned).argmax(axis=0), np.arange(d)])
            self.axes = turned * np.where(sign == 0, 1.0, sign)
        z = (raw - self.centre) @ self.axes
        quantiles = np.quantile(z, [0.0, 0.05, 0.5, 0.95, 1.0], axis=0)
        return {"mean": z.mean(axis=0).tolist(), "spread": z.std(axis=0).tolist(), "quantiles": quantiles.T.tolist()}

    @property
    def _size(self) -> int:
        """Samples encoded and decoded at a time."""
        return _AT_ONCE if self.options.batch == "auto" else self.options.batch

    def encode(self, samples: SampleSet) -> Latents:
        """(n, d) latents, and the encoder's coarsest feature maps (n, c, z, y, x)."""
        from spinefx_autoencoder.scope import calm

        self._net()
        with calm(self.options.threads):
            raw, maps = self._raw(samples)
        z = (raw.astype(np.float64) - self.centre) @ self.axes
        return Latents(samples.rows, z.astype(np.float32), maps)

    def _raw(self, samples: SampleSet) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        import torch

        from spinefx_autoencoder.layout import layout_of

        net, kind, size = self._net(), self._kind(), self._size
        layout = layout_of(kind, self.options)
        z = np.zeros((len(samples), self.options.latent_dim), np.float32)
        maps = np.zeros((len(samples), layout.channels[-1], *layout.levels[-1]), np.float32)
        with torch.inference_mode():
            for number, (images, _) in enumerate(stacked(samples, kind, size)):
                here = slice(number * size, number * size + len(images))
                # Always the same batch size: a sample's bytes must not depend on its company.
                full = np.zeros((size, *images.shape[1:]), np.float32)
                full[: len(images)] = images
                latents, features = net.encoder(torch.from_numpy(full))
                z[here], maps[here] = latents[: len(images)].numpy(), features[: len(images)].contiguous().numpy()
        return z, maps

    def decode(self, z: NDArray[np.float32]) -> NDArray[np.float32]:
        """(n, z, y, x) mask probabilities of (n, d) latents."""
        import torch

        from spinefx_autoencoder.scope import calm

        net, kind, size, d = self._net(), self._kind(), self._size, self.options.latent_dim
        z = np.asarray(z, np.float32)
        if z.ndim != 2 or z.shape[1] != d:
            raise DataError(f"latents have shape {z.shape}, wanted (n, {d})")
        raw = (z.astype(np.float64) @ np.linalg.inv(self.axes) + self.centre).astype(np.float32)
        out = np.zeros((len(z), *kind.shape), np.float32)
        with calm(self.options.threads), torch.inference_mode():
            for i in range(0, len(z), size):
                part = torch.from_numpy(raw[i : i + size])
                out[i : i + size] = torch.sigmoid(net.decoder(part)[:, 0]).numpy()
        return out

    def export(self, folder: Path, kinds: Sequence[str]) -> list[Path]:
        """Write the encoder alone for other programs, `onnx` or `torch`, checked against this one; the files.

        Images go in as they are cut; latents come out as `encode` gives them.
        """
        from spinefx_autoencoder.export import Whole, exported
        from spinefx_autoencoder.scope import calm

        net, kind = self._net(), self._kind()

        def latents(images: Array) -> Array:
            blank = np.zeros(kind.shape, np.float32)
            row, grid = Row("", "", "disc", ""), Grid(kind.shape, kind.spacing)
            return self.encode(SampleList(tuple(Sample(row, image, blank, grid) for image in images))).z

        with calm(self.options.threads):
            whole = Whole(net.encoder, kind.channels, self.centre, self.axes)
            return exported(whole, (kind.channels.count, *kind.shape), folder, kinds, latents)

    def save(self, folder: Path) -> None:
        """Write weights.safetensors, model.json and card.md."""
        from spinefx_autoencoder.checkpoint import weights_of

        arrays = {name: value.numpy() for name, value in weights_of(self._net()).items()}
        arrays |= {"latents.centre": self.centre, "latents.axes": self.axes}
        facts = {"plugin": self.name, "version": self.version, "options": self.options.model_dump(mode="json")}
        facts |= {"sample": self._kind().to_json(), **self.facts}
        save_model(folder, arrays, facts, conv_card(self.name, self.version, self.options, self._kind(), self.facts))

    def load(self, folder: Path) -> None:
        """Become what `save` wrote; DataError for anything else."""
        arrays, model = load_model(folder, plugin=self.name, version=self.version)
        try:
            options, kind = self.model.model_validate(model["options"]), Kind.from_json(model["sample"])
        except (KeyError, TypeError, ValueError, ValidationError) as error:
            raise DataError(f"{folder}: model.json is not one of {self.name} ({error})") from error
        import torch

        from spinefx_autoencoder.checkpoint import put_weights
        from spinefx_autoencoder.layout import layout_of
        from spinefx_autoencoder.model import empty

        net = empty(layout_of(kind, options))
        d = options.latent_dim
        wanted = {name: tuple(value.shape) for name, value in net.state_dict().items()}
        matched(arrays, wanted | {"latents.centre": (d,), "latents.axes": (d, d)}, folder)
        if not np.linalg.slogdet(arrays["latents.axes"].astype(np.float64)).sign:
            raise DataError(f"{folder}: the latents' axes are singular; fit it again")
        put_weights(net, {name: torch.from_numpy(arrays[name].copy()) for name in wanted})
        self.options, self.kind, self.net = options, kind, net.eval()
        self.centre, self.axes = arrays["latents.centre"].astype(np.float64), arrays["latents.axes"].astype(np.float64)
        self.facts = {name: model[name] for name in ("fitted", "latents") if name in model}

    def _kind(self) -> Kind:
        if self.kind is None:
            raise DataError(f"{self.name} is not fitted yet; call fit or load first")
        return self.kind

    def _net(self) -> AutoEncoder:
        self._kind()
        if self.net is None:
            raise DataError(f"{self.name} is not fitted yet; call fit or load first")
        return self.net


class ConvVae(ConvAe):
    """The same with noise on the latents in training, held near a standard normal. Latents are the means."""

    name, version = "conv-vae", 1
    model: type[ConvOptions] = ConvVaeOptions


def _follow(
    place: Place,
    encoder: type[ConvAe],
    options: ConvOptions,
    kind: Kind,
    mean: Array,
    owner: str,
    train: SampleSet,
    validation: SampleSet,
    augment: Callable[[int, int], Sample],
    seed: int,
    workspace: Path,
    device: str,
) -> None:
    """What every process but the first does: the same steps, and no files."""
    from spinefx.api import StageError
    from spinefx_autoencoder.scope import calm

    fitting = Fitting(train, validation, augment, seed, workspace, device)
    with calm(options.threads, device):
        try:
            encoder(options)._trained(fitting, kind, mean, owner, place)
        except StageError:
            return  # the first process says it
