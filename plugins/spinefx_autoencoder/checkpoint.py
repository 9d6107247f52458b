"""Where training stands, in one file that appears whole or not at all; no pickle."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from spinefx.api import DataError
from spinefx_autoencoder.files import packed, unpacked, write_whole

CHECKPOINT = "training.safetensors"

Weights = dict[str, Tensor]


@dataclass
class Progress:
    """How far training is: epochs done, the best of them, its score, the history so far; by how much the rate was lowered,
    and where training broke down.
    """

    epoch: int = 0
    best_epoch: int = 0
    best_score: float = float("inf")
    history: list[dict[str, float]] = field(default_factory=list)
    best: Weights = field(default_factory=dict)
    rate: float = 1.0
    broken: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Snapshot:
    """A net and its optimiser at one moment."""

    weights: Weights
    optimiser: dict[int, Weights]

    @classmethod
    def of(cls, net: nn.Module, optimiser: torch.optim.Optimizer) -> Snapshot:
        """Copies on the CPU."""
        states = optimiser.state_dict()["state"]
        copied = {
            number: {name: torch.as_tensor(value).detach().cpu().contiguous().clone() for name, value in state.items()}
            for number, state in states.items()
        }
        return cls(weights_of(net), copied)

    def put(self, net: nn.Module, optimiser: torch.optim.Optimizer) -> None:
        """Back to that moment."""
        put_weights(net, self.weights)
        groups = optimiser.state_dict()["param_groups"]
        states = {number: {n: v.clone() for n, v in state.items()} for number, state in self.optimiser.items()}
        optimiser.load_state_dict({"state": states, "param_groups": groups})


def weights_of(net: nn.Module) -> Weights:
    """A copy of all parameters, on the CPU and contiguous."""
    return {name: value.detach().cpu().contiguous().clone() for name, value in net.state_dict().items()}


@torch.no_grad()
def put_weights(net: nn.Module, weights: Weights) -> None:
    """Copy `weights` into `net`, keeping its memory layout and device."""
    for name, value in net.state_dict().items():
        value.copy_(weights[name])


def fingerprint(*parts: Any) -> str:
    """What a checkpoint belongs to: the digest of plain values."""
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


def save(folder: Path, owner: str, now: Snapshot, progress: Progress, *, size: int) -> None:
    """Write the checkpoint; whoever is killed here leaves the one before."""
    tensors = {f"model.{name}": value for name, value in now.weights.items()}
    tensors |= {f"best.{name}": value for name, value in progress.best.items()}
    for number, state in now.optimiser.items():
        tensors |= {f"optimiser.{number}.{name}": value for name, value in state.items()}
    known = {"epoch": progress.epoch, "best_epoch": progress.best_epoch, "history": progress.history}
    known |= {"best_score": progress.best_score if progress.best else None}
    known |= {"rate": progress.rate, "broken": progress.broken}
    metadata = {"owner": owner, "progress": json.dumps(known), "batch": str(size)}
    write_whole(folder / CHECKPOINT, packed({name: value.numpy() for name, value in tensors.items()}, metadata))


def size_kept(folder: Path) -> int:
    """Samples per step of the fit that left a checkpoint here; 0 where there is none that tells."""
    path = folder / CHECKPOINT
    told = unpacked(path)[1].get("batch", "") if path.is_file() else ""
    return int(told) if told.isdigit() else 0


def resume(folder: Path, owner: str, net: nn.Module, optimiser: torch.optim.Optimizer) -> Progress:
    """Put net and optimiser where the checkpoint left them; a fresh Progress where there is none.

    Raises
    ------
    DataError
        If the checkpoint is damaged, or of another fit (other options, seed or samples).
    """
    path = folder / CHECKPOINT
    if not path.is_file():
        return Progress()
    arrays, metadata = unpacked(path)
    if metadata.get("owner") != owner:
        raise DataError(
            f"{path}: a checkpoint of another fit (other options, seed or samples); delete it to start anew"
        )
    tensors = {name: torch.from_numpy(value.copy()) for name, value in arrays.items()}
    try:
        known = json.loads(metadata["progress"])
        states: dict[int, dict[str, Tensor]] = {}
        for name, tensor in tensors.items():
            if name.startswith("optimiser."):
                _, number, key = name.split(".", 2)
                states.setdefault(int(number), {})[key] = tensor
        model = {n.removeprefix("model."): t for n, t in tensors.items() if n.startswith("model.")}
        Snapshot(model, states).put(net, optimiser)
        best = {n.removeprefix("best."): t for n, t in tensors.items() if n.startswith("best.")}
        score = float("inf") if known["best_score"] is None else float(known["best_score"])
        done, best_epoch, history = int(known["epoch"]), int(known["best_epoch"]), list(known["history"])
        return Progress(done, best_epoch, score, history, best, float(known["rate"]), list(known["broken"]))
    except (KeyError, TypeError, ValueError, RuntimeError) as error:
        raise DataError(f"{path}: a damaged checkpoint ({error}); delete it to start anew") from error
