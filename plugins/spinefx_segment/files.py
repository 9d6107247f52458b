"""A fitted segmenter on disk, and where its training stands: safetensors and JSON, no pickle."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from spinefx.api import DataError

WEIGHTS, MODEL, CARD = "weights.safetensors", "model.json", "card.md"
FORMAT = "spinefx-segmenter-1"
_LARGEST_JSON = 16 * 2**20


def write(path: Path, content: bytes) -> None:
    """`content` at `path`, whole or not at all."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.part")
    with temporary.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)


def packed(tensors: Mapping[str, Tensor], metadata: Mapping[str, str] | None = None) -> bytes:
    """Tensors in safetensors' layout; the same bytes for the same numbers."""
    from safetensors.torch import save

    plain = {name: tensors[name].detach().cpu().contiguous().clone() for name in sorted(tensors)}
    return bytes(save(plain, metadata=dict(metadata) if metadata else None))


def unpacked(path: Path) -> tuple[dict[str, Tensor], dict[str, str]]:
    """Tensors and metadata; DataError where it is no safetensors file."""
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="pt") as file:
            return {name: file.get_tensor(name) for name in file.keys()}, dict(file.metadata() or {})  # noqa: SIM118
    except (SafetensorError, OSError, ValueError) as error:
        raise DataError(f"{path}: not a readable safetensors file ({error})") from error


def save_model(folder: Path, weights: Mapping[str, Tensor], facts: Mapping[str, Any], card: str) -> None:
    """Write the three files; `facts` hold all that `load_model` must know."""
    content = packed(weights)
    model = {"format": FORMAT, **facts, "weights_sha256": hashlib.sha256(content).hexdigest()}
    folder.mkdir(parents=True, exist_ok=True)
    write(folder / WEIGHTS, content)
    write(folder / CARD, card.encode())
    write(folder / MODEL, (json.dumps(model, indent=2, sort_keys=True, allow_nan=False) + "\n").encode())


def load_model(folder: Path, *, plugin: str, version: int) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Weights and facts of a model that this version of `plugin` wrote; DataError says why for anything else."""
    if missing := [name for name in (WEIGHTS, MODEL) if not (folder / name).is_file()]:
        raise DataError(
            f"{folder}: no {missing[0]}; name the `model/segmenter` folder of a run. Only models written by spinefx are read "
            "(no pickled checkpoints: they can run code)"
        )
    path = folder / MODEL
    if path.stat().st_size > _LARGEST_JSON:
        raise DataError(f"{path}: larger than {_LARGEST_JSON} bytes")
    try:
        model = json.loads(path.read_text(encoding="utf-8"))
        found = (model["format"], model["plugin"], model["version"])
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise DataError(f"{path}: not the description of a segmenter ({error})") from error
    if found != (FORMAT, plugin, version):
        raise DataError(f"{folder}: holds {found}, wanted {(FORMAT, plugin, version)}; fit it again with this spinefx")
    if hashlib.sha256((folder / WEIGHTS).read_bytes()).hexdigest() != model.get("weights_sha256"):
        raise DataError(
            f"{folder / WEIGHTS}: not the weights that {MODEL} was written with; restore both, or fit again"
        )
    return unpacked(folder / WEIGHTS)[0], model


@torch.no_grad()
def put_weights(net: torch.nn.Module, weights: Mapping[str, Tensor], where: Path | str) -> None:
    """Copy `weights` into `net`; DataError unless names and shapes are exactly its own, and all numbers finite."""
    own = net.state_dict()
    if set(own) != set(weights) or any(own[name].shape != weights[name].shape for name in own):
        raise DataError(f"{where}: its weights are not those of the network that it describes")
    if not all(torch.isfinite(value).all() for value in weights.values() if value.is_floating_point()):
        raise DataError(f"{where}: weights that are not finite")
    for name, value in own.items():
        value.copy_(weights[name])
