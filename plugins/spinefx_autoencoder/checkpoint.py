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
    """How far training is: epochs done, the best of them, its score, and the history so far."""

    epoch: int = 0
    best_epoch: int = 0
    best_score: float = float("inf")
    history: list[dict[str, float]] = field(default_factory=list)
    best: Weights = field(default_factory=dict)


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


def save(folder: Path, owner: str, net: nn.Module, optimiser: torch.optim.Optimizer, progress: Progress) -> None:
    """Write the checkpoint; whoever is killed here leaves the one before."""
    tensors = {f"model.{name}": value for name, value in weights_of(net).items()}
    tensors |= {f"best.{name}": value for name, value in progress.best.items()}
    for number, state in optimiser.state_dict()["state"].items():
        for name, value in state.items():
            tensors[f"optimiser.{number}.{name}"] = torch.as_tensor(value).detach().cpu().contiguous()
    known = {"epoch": progress.epoch, "best_epoch": progress.best_epoch, "history": progress.history}
    known["best_score"] = progress.best_score if progress.best else None
    metadata = {"owner": owner, "progress": json.dumps(known)}
    write_whole(folder / CHECKPOINT, packed({name: value.numpy() for name, value in tensors.items()}, metadata))


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
        put_weights(net, {n.removeprefix("model."): t for n, t in tensors.items() if n.startswith("model.")})
        states: dict[int, dict[str, Tensor]] = {}
        for name, tensor in tensors.items():
            if name.startswith("optimiser."):
                _, number, key = name.split(".", 2)
                states.setdefault(int(number), {})[key] = tensor
        groups = optimiser.state_dict()["param_groups"]
        optimiser.load_state_dict({"state": states, "param_groups": groups})
        best = {n.removeprefix("best."): t for n, t in tensors.items() if n.startswith("best.")}
        score = float("inf") if known["best_score"] is None else float(known["best_score"])
        return Progress(int(known["epoch"]), int(known["best_epoch"]), score, list(known["history"]), best)
    except (KeyError, TypeError, ValueError, RuntimeError) as error:
        raise DataError(f"{path}: a damaged checkpoint ({error}); delete it to start anew") from error
