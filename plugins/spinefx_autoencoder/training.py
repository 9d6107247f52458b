"""Training: epochs, steps, early stopping, and going on where a killed fit stopped.

Knows batches and the network, not the files of a model nor the encoder's other methods.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from spinefx.api import Fitting, StageError
from spinefx_autoencoder import ConvAeOptions, checkpoint
from spinefx_autoencoder.batches import Batch, Batches
from spinefx_autoencoder.checkpoint import Progress
from spinefx_autoencoder.cohort import Kind
from spinefx_autoencoder.losses import LogShape, bce_loss, dice_loss, iou
from spinefx_autoencoder.model import AutoEncoder, parameter_groups

_WARM_UP = 0.05

Floats = NDArray[np.float64]


@dataclass
class Trainer:
    """One fit of one network.

    owner : what a checkpoint in the workspace must belong to.
    """

    net: AutoEncoder
    kind: Kind
    options: ConvAeOptions
    fitting: Fitting
    owner: str

    def run(self) -> Progress:
        """Train to the last epoch or until validation stops getting better; the net then holds the best epoch's weights."""
        o, fitting = self.options, self.fitting
        self.net.to(fitting.device)
        optimiser = torch.optim.AdamW(parameter_groups(self.net, o.weight_decay), lr=o.lr, foreach=False)
        batches = Batches(fitting, self.kind, o.batch, o.memory_mb)
        progress = checkpoint.resume(fitting.workspace, self.owner, self.net, optimiser)
        self._prepare(batches)
        while progress.epoch < o.epochs and not self._stalled(progress):
            progress.epoch += 1
            losses = {"epoch": float(progress.epoch), "lr": self._lr(progress.epoch * batches.steps, batches.steps)}
            losses |= self._epoch(progress.epoch, batches, optimiser)
            losses |= self._validation(batches)
            self._keep_best(progress, losses)
            progress.history.append(losses)
            checkpoint.save(fitting.workspace, self.owner, self.net, optimiser, progress)
            told = {name: value for name, value in losses.items() if name != "epoch"}
            fitting.epoch_done(progress.epoch, o.epochs, told)
        checkpoint.put_weights(self.net, progress.best)
        self.net.cpu()
        return progress

    def _stalled(self, progress: Progress) -> bool:
        waited = progress.epoch - progress.best_epoch
        return len(self.fitting.validation) > 0 and progress.epoch > 0 and waited >= self.options.patience

    def _keep_best(self, progress: Progress, losses: dict[str, float]) -> None:
        score = losses.get("validation_loss", -float(progress.epoch))
        if score < progress.best_score:
            progress.best, progress.best_score = checkpoint.weights_of(self.net), score
            progress.best_epoch = progress.epoch

    def _lr(self, step: int, steps: int) -> float:
        total = steps * self.options.epochs
        rise = min(1.0, step / max(1.0, _WARM_UP * total))
        return self.options.lr * rise * (0.5 * (1.0 + math.cos(math.pi * step / total)) + 1e-3)

    def _prepare(self, batches: Batches) -> None:
        """Where log-covariances of the training masks (not augmented) lie, and how far they spread."""
        self.log_shape = LogShape(self.kind.shape, self.kind.spacing, self.fitting.device)
        if self.options.shape_weight == 0:
            return
        known = []
        train = self.fitting.train
        for i in range(0, len(train), 32):
            part = np.stack([train[j].mask for j in range(i, min(i + 32, len(train)))])
            known.append(self.log_shape(torch.from_numpy(part).to(self.fitting.device)))
        shapes = torch.cat(known)
        self.shape_mean = shapes.mean(0)
        self.shape_spread = (shapes - self.shape_mean).pow(2).sum(1).mean().sqrt().clamp_min(1e-3)

    def _losses(self, batch: Batch) -> tuple[Tensor, Tensor, Tensor]:
        """The loss to drive down, and outputs' mask logits and masks."""
        o = self.options
        image, mask = (torch.from_numpy(part).to(self.fitting.device) for part in batch)
        outputs, z = self.net(image)
        logits = outputs[:, 0]
        loss = dice_loss(logits, mask) + o.bce_weight * bce_loss(logits, mask) + o.latent_weight * z.pow(2).mean()
        if self.kind.channels.intensities and o.intensity_weight:
            truth = image[:, list(self.kind.channels.intensities)]
            loss = loss + o.intensity_weight * (outputs[:, 1:] - truth).abs().mean()
        if o.shape_weight:
            wanted = (self.log_shape(mask) - self.shape_mean) / self.shape_spread
            loss = loss + o.shape_weight * (self.net.shape_guess(z) - wanted).pow(2).sum(1).mean()
        return loss, logits, mask

    def _epoch(self, epoch: int, batches: Batches, optimiser: torch.optim.Optimizer) -> dict[str, float]:
        self.net.train()
        total = 0.0
        for number, batch in enumerate(batches.training(epoch)):
            step = (epoch - 1) * batches.steps + number + 1
            for group in optimiser.param_groups:
                group["lr"] = self._lr(step, batches.steps)
            loss, _, _ = self._losses(batch)
            optimiser.zero_grad(set_to_none=True)
            loss.backward()  # type: ignore[no-untyped-call]
            norm = nn.utils.clip_grad_norm_(self.net.parameters(), self.options.clip)
            value = float(loss.detach())
            if not (math.isfinite(value) and math.isfinite(float(norm))):
                raise StageError(
                    f"training broke down in epoch {epoch}, step {number + 1} of {batches.steps}: loss {value:g}, "
                    f"gradient {float(norm):g}; lower lr (now {self.options.lr:g}) or clip (now {self.options.clip:g})",
                    stage="encode",
                    plugin="conv-ae",
                )
            optimiser.step()
            total += value * len(batch[1])
        return {"train_loss": total / len(self.fitting.train)}

    @torch.no_grad()
    def _validation(self, batches: Batches) -> dict[str, float]:
        n = len(self.fitting.validation)
        if not n:
            return {}
        self.net.eval()
        total, overlap = 0.0, 0.0
        for batch in batches.validation():
            loss, logits, mask = self._losses(batch)
            total += float(loss) * len(mask)
            overlap += float(iou(logits, mask).sum())
        return {"validation_loss": total / n, "validation_iou": overlap / n}


@torch.no_grad()
def decoded_axes(net: AutoEncoder, white: Floats, raw: Floats, size: int) -> Floats:
    """(d, d) rotation R: the columns of `white @ R` stand in the order of how much they change the decoded masks.

    white, raw : (n, d) the same latents, whitened and as the network gives them.
    """
    d = white.shape[1]
    slope = np.zeros((d, int(np.prod(net.decoder.shape))))
    for i in range(0, len(raw), size):
        masks = torch.sigmoid(net.decoder(torch.from_numpy(raw[i : i + size].astype(np.float32)))[:, 0])
        slope += white[i : i + size].T @ masks.flatten(1).double().numpy()
    rotation: Floats = np.linalg.svd(slope, full_matrices=False)[0]
    return rotation
