"""Training: epochs, steps, early stopping, stepping back from a loss that broke down, and going on where a kill stopped it.

Knows batches, the network and the team; not the files of a model nor the encoder's other methods.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from spinefx.api import Fitting, StageError
from spinefx_autoencoder import checkpoint
from spinefx_autoencoder.batches import Batch, Batches
from spinefx_autoencoder.checkpoint import Progress, Snapshot
from spinefx_autoencoder.cohort import Kind
from spinefx_autoencoder.losses import iou
from spinefx_autoencoder.model import AutoEncoder, groups_by_inputs, parameter_groups
from spinefx_autoencoder.muon import Muon
from spinefx_autoencoder.objective import Dice, Objective
from spinefx_autoencoder.options import ConvOptions
from spinefx_autoencoder.team import FULL, Team, precision_of

_WARM_UP = 0.05
_NOTHING = Dice(None, None)

Floats = NDArray[np.float64]


class BrokenError(Exception):
    """A loss or a gradient that is not finite; says where."""


@dataclass
class Trainer:
    """One fit of one network, in one process of a team.

    size : samples per step, over all processes.   owner : what a checkpoint in the workspace must belong to.
    """

    net: AutoEncoder
    kind: Kind
    options: ConvOptions
    fitting: Fitting
    owner: str
    size: int
    team: Team
    name: str

    def run(self) -> Progress:
        """Train to the last epoch or until validation stops getting better; the net then holds the best epoch's weights."""
        o, fitting, team = self.options, self.fitting, self.team
        raw = self.ready()
        progress = checkpoint.resume(fitting.workspace, self.owner, self.net, raw)
        good = Snapshot.of(self.net, raw)
        while progress.epoch < o.epochs and not self._stalled(progress):
            epoch = progress.epoch + 1
            losses = {"epoch": float(epoch), "lr": self._lr(epoch * self.batches.steps, progress.rate)}
            try:
                losses |= self._epoch(epoch, progress.rate)
                losses |= self._validated(epoch)
            except BrokenError as error:
                self._back(progress, str(error), good, raw)
                continue
            progress.epoch = epoch
            self._keep_best(progress, losses)
            progress.history.append(losses)
            good = Snapshot.of(self.net, raw)
            if team.first:
                checkpoint.save(fitting.workspace, self.owner, good, progress, size=self.size)
                told = {name: value for name, value in losses.items() if name != "epoch"}
                fitting.epoch_done(progress.epoch, o.epochs, told)
        checkpoint.put_weights(self.net, progress.best)
        self.net.cpu()
        return progress

    def ready(self) -> torch.optim.Optimizer:
        """Put net, optimiser, loss and batches in place; the optimiser as torch has it."""
        o = self.options
        self.objective = Objective(o, self.kind)
        raw = self._raw_optimiser()
        self.module, self.optimiser = self.team.fabric.setup(self.net, raw)
        self.batches = Batches(self.fitting, self.kind, self.size, o.memory_mb, self.team.share)
        self.objective.prepare(self.fitting.train, self.team.fabric.device)
        return raw

    def _raw_optimiser(self) -> torch.optim.Optimizer:
        o = self.options
        if o.optimiser == "adamw":
            return torch.optim.AdamW(parameter_groups(self.net, o.weight_decay), lr=o.lr, foreach=False)
        return Muon(
            groups_by_inputs(self.net, o.weight_decay),
            lr=o.lr,
            half=precision_of(o.precision, self.fitting.device) != FULL,
        )

    def _back(self, progress: Progress, why: str, good: Snapshot, raw: torch.optim.Optimizer) -> None:
        """To the end of the epoch before, at half the rate; StageError where that was tried often enough."""
        o = self.options
        told = f"training broke down in {why}"
        if len(progress.broken) >= o.rollbacks:
            again = f", also after going back {len(progress.broken)} times" if progress.broken else ""
            raise StageError(
                f"{told}{again}; lower lr (now {o.lr * progress.rate:g}) or clip (now {o.clip:g}), or look for samples "
                "that are not like the others",
                stage="encode",
                plugin=self.name,
            )
        progress.broken.append(why)
        progress.rate /= 2.0
        good.put(self.net, raw)
        if self.team.first:
            self.fitting.note(f"{told}; back to the end of epoch {progress.epoch}, lr is {o.lr * progress.rate:g} now")

    def _stalled(self, progress: Progress) -> bool:
        waited = progress.epoch - progress.best_epoch
        return len(self.fitting.validation) > 0 and progress.epoch > 0 and waited >= self.options.patience

    def _keep_best(self, progress: Progress, losses: dict[str, float]) -> None:
        score = losses.get("validation_loss", -float(progress.epoch))
        if score < progress.best_score:
            progress.best, progress.best_score = checkpoint.weights_of(self.net), score
            progress.best_epoch = progress.epoch

    def _lr(self, step: int, rate: float) -> float:
        total = self.batches.steps * self.options.epochs
        rise = min(1.0, step / max(1.0, _WARM_UP * total))
        fall = 0.5 * (1.0 + math.cos(math.pi * step / total)) + 1e-3 if self.options.schedule == "cosine" else 1.0
        return self.options.lr * rise * fall * rate

    def _losses(self, batch: Batch, chance: Dice) -> tuple[Tensor, Tensor, Tensor]:
        """The loss of a batch, its part of all processes' loss, and its masks' logits."""
        device = self.team.fabric.device
        image, mask = torch.from_numpy(batch.image).to(device), torch.from_numpy(batch.mask).to(device)
        passed = self.module(image if chance.shown is None else image * chance.shown, chance.noise)
        loss = self.objective.loss(passed, image, mask)
        order = self.objective.order(self.team.everyone(passed.z, batch.here, batch.whole))
        share = (batch.here.stop - batch.here.start) * self.team.world / batch.whole
        whole = loss + order if self.team.world == 1 else loss * share + order * self.team.world
        return loss + order, whole, passed.outputs[:, 0]

    def _epoch(self, epoch: int, rate: float) -> dict[str, float]:
        self.module.train()
        total, seed = 0.0, self.fitting.seed
        for number, batch in enumerate(self.batches.training(epoch)):
            step = (epoch - 1) * self.batches.steps + number + 1
            for group in self.optimiser.param_groups:
                group["lr"] = self._lr(step, rate)
            mine = batch.here if batch.here.stop > batch.here.start else slice(0, 1)
            chance = self.objective.drawn(seed, epoch, number, batch.whole).part(mine, self.team.fabric.device)
            loss, whole, _ = self._losses(batch, chance)
            self.optimiser.zero_grad(set_to_none=True)
            self.team.fabric.backward(whole)
            norm = self.team.fabric.clip_gradients(
                self.module, self.optimiser, max_norm=self.options.clip, error_if_nonfinite=False
            )
            value, size = float(loss.detach()), float(norm)  # type: ignore[arg-type]
            if self.team.total(float(not (math.isfinite(value) and math.isfinite(size)))):
                raise BrokenError(
                    f"epoch {epoch}, step {number + 1} of {self.batches.steps}: loss {value:g}, gradient {size:g}"
                )
            self.optimiser.step()
            total += value * (batch.here.stop - batch.here.start)
        return {"train_loss": self.team.total(total) / len(self.fitting.train)}

    def _validated(self, epoch: int) -> dict[str, float]:
        """Validation losses of the first process, told to all; BrokenError in all of them where they are not finite."""
        found = self.team.told(self._validation() if self.team.first else {})
        if not math.isfinite(value := found.get("validation_loss", 0.0)):
            raise BrokenError(f"the validation after epoch {epoch}: loss {value:g}")
        return found

    @torch.no_grad()
    def _validation(self) -> dict[str, float]:
        n = len(self.fitting.validation)
        if not n:
            return {}
        self.net.eval()
        total, overlap = 0.0, 0.0
        for batch in self.batches.validation():
            image, mask = (torch.from_numpy(part).to(self.team.fabric.device) for part in (batch.image, batch.mask))
            passed = self.net(image)
            loss = self.objective.loss(passed, image, mask) + self.objective.order(passed.z)
            total += float(loss) * len(mask)
            overlap += float(iou(passed.outputs[:, 0], mask).sum())
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
