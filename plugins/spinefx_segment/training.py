"""Training of a segmenter: steps, early stopping, and going on where a killed fit stopped."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from spinefx.api import DataError, SegmenterFitting, StageError
from spinefx_segment import UnetOptions
from spinefx_segment.files import packed, put_weights, unpacked, write
from spinefx_segment.networks import precise
from spinefx_segment.patches import Shelf
from spinefx_segment.scope import crew

CHECKPOINT = "training.safetensors"
_WARM_UP = 0.05
_VALIDATED = 3
"""Patches per validation scan."""


@dataclass
class Progress:
    """How far training is, and the best weights so far."""

    epoch: int = 0
    best_epoch: int = 0
    best_loss: float = math.inf
    history: list[dict[str, float]] = field(default_factory=list)
    best: dict[str, Tensor] = field(default_factory=dict)


@dataclass
class Trainer:
    """One fit of one network. owner : what a checkpoint in the workspace must belong to."""

    net: nn.Module
    options: UnetOptions
    fitting: SegmenterFitting
    train: Shelf
    validation: Shelf
    owner: str

    def run(self) -> Progress:
        """Train to the end or until validation stops getting better; the net then holds the best epoch's weights."""
        from monai import losses as monai_losses

        o, device = self.options, self.fitting.device
        self.precise = precise(o.precision, device)
        self.net.to(device).to(memory_format=torch.channels_last_3d)  # type: ignore[call-overload]
        self.optimiser = torch.optim.AdamW(self.net.parameters(), lr=o.lr, weight_decay=1e-3, foreach=False)
        named: Any = monai_losses
        self.loss = named.DiceCELoss(include_background=False, softmax=True, to_onehot_y=True)
        self.weights = [weight for weight in self.net.parameters() if weight.requires_grad]
        progress = self._resumed()
        with crew(o.threads) as self.crew:
            self._trained(progress)
        put_weights(self.net, progress.best, "training")
        self.net.cpu()
        return progress

    def _trained(self, progress: Progress) -> None:
        o = self.options
        while progress.epoch < o.epochs and not self._stalled(progress):
            progress.epoch += 1
            losses = {"train_loss": self._epoch(progress.epoch), **self._validated()}
            score = losses.get("validation_loss", -float(progress.epoch))
            if score < progress.best_loss:
                progress.best_loss, progress.best_epoch = score, progress.epoch
                progress.best = {name: value.detach().cpu().clone() for name, value in self.net.state_dict().items()}
            progress.history.append({"epoch": float(progress.epoch), **losses})
            self._save(progress)
            self.fitting.epoch_done(progress.epoch, o.epochs, losses)

    def _stalled(self, progress: Progress) -> bool:
        return bool(self.validation.images) and progress.epoch - progress.best_epoch >= self.options.patience

    def _patches(self, shelf: Shelf, words: list[list[int]], options: UnetOptions | None) -> tuple[Tensor, Tensor]:
        """Patches, each from its own words; changed where `options` are given."""
        parts = []
        for own in words:
            rng = np.random.default_rng(np.random.SeedSequence([self.fitting.seed, *own]))
            parts.append(shelf.patch(rng, self.options.patch, options))
        image = torch.from_numpy(np.stack([image for image, _ in parts])[:, None]).to(self.fitting.device)
        label = torch.from_numpy(np.stack([label for _, label in parts])[:, None].astype(np.int64))
        return image.contiguous(memory_format=torch.channels_last_3d), label.to(self.fitting.device)

    def _parts(self, words: list[list[int]]) -> list[list[list[int]]]:
        """What is computed together: all of it on a GPU, each patch alone on a CPU, where cores take them in turn."""
        return [[own] for own in words] if self.fitting.device == "cpu" else [words]

    def _epoch(self, epoch: int) -> float:
        o, total = self.options, 0.0
        self.net.train()
        for step in range(o.steps):
            done = ((epoch - 1) * o.steps + step + 1) / (o.steps * o.epochs)
            for group in self.optimiser.param_groups:
                group["lr"] = o.lr * min(1.0, done / _WARM_UP) * (0.5 + 0.5 * math.cos(math.pi * done) + 1e-3)
            parts = self._parts([[epoch, step, i] for i in range(o.batch)])
            found = list(self.crew.map(self._slopes, parts))
            for weight, slopes in zip(self.weights, zip(*(slopes for _, slopes in found), strict=True), strict=True):
                weight.grad = sum(slopes[1:], slopes[0]) / len(slopes)
            nn.utils.clip_grad_norm_(self.weights, 2.0)
            value = sum(value for value, _ in found) / len(found)
            if not math.isfinite(value):
                raise StageError(f"training broke down in epoch {epoch}, step {step + 1}; lower lr (now {o.lr:g})")
            self.optimiser.step()
            total += value
        return total / o.steps

    def _slopes(self, words: list[list[int]]) -> tuple[float, Sequence[Tensor]]:
        """The loss of some patches, and its gradient by every weight."""
        image, label = self._patches(self.train, words, self.options)
        with self.precise():
            drawn = self.net(image)
        loss: Tensor = self.loss(drawn.float(), label)
        return float(loss.detach()), torch.autograd.grad(loss, self.weights)

    def _validated(self) -> dict[str, float]:
        """The loss over the same patches in every epoch."""
        count = len(self.validation.images) * _VALIDATED
        if not count:
            return {}
        self.net.eval()
        return {"validation_loss": sum(self.crew.map(self._loss, range(count))) / count}

    @torch.no_grad()
    def _loss(self, number: int) -> float:
        image, label = self._patches(self.validation, [[0, number, 0]], None)
        with self.precise():
            drawn = self.net(image)
        return float(self.loss(drawn.float(), label))

    def _save(self, progress: Progress) -> None:
        tensors = {f"model.{name}": value for name, value in self.net.state_dict().items()}
        tensors |= {f"best.{name}": value for name, value in progress.best.items()}
        for number, state in self.optimiser.state_dict()["state"].items():
            tensors |= {f"optimiser.{number}.{name}": torch.as_tensor(value) for name, value in state.items()}
        known = {"epoch": progress.epoch, "best_epoch": progress.best_epoch, "history": progress.history}
        told = {"owner": self.owner, "progress": json.dumps(known | {"best_loss": progress.best_loss})}
        write(self.fitting.workspace / CHECKPOINT, packed(tensors, told))

    def _resumed(self) -> Progress:
        """Where the checkpoint left net and optimiser; a fresh start where there is none."""
        path = self.fitting.workspace / CHECKPOINT
        if not path.is_file():
            return Progress()
        tensors, metadata = unpacked(path)
        if metadata.get("owner") != self.owner:
            raise DataError(f"{path}: a checkpoint of another fit; delete it to start anew")
        known = json.loads(metadata["progress"])

        def part(head: str) -> dict[str, Tensor]:
            return {n.removeprefix(head): t for n, t in tensors.items() if n.startswith(head)}

        put_weights(self.net, part("model."), path)
        states: dict[int, dict[str, Tensor]] = {}
        for name, tensor in part("optimiser.").items():
            number, _, key = name.partition(".")
            states.setdefault(int(number), {})[key] = tensor
        groups = self.optimiser.state_dict()["param_groups"]
        self.optimiser.load_state_dict({"state": states, "param_groups": groups})
        return Progress(known["epoch"], known["best_epoch"], known["best_loss"], known["history"], part("best."))
