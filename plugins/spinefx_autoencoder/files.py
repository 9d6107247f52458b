"""A model on disk: weights.safetensors, model.json and card.md; and a training checkpoint. No pickle anywhere.

Knows arrays and JSON, no torch and no network.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spinefx.api import DataError

WEIGHTS, MODEL, CARD = "weights.safetensors", "model.json", "card.md"
FORMAT = "spinefx-model-1"
_LARGEST_JSON = 64 * 2**20

Arrays = dict[str, NDArray[Any]]


def write_whole(path: Path, content: bytes) -> None:
    """`content` at `path`, whole or not at all: a temporary file beside it, fsync, rename."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        with temporary.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def packed(arrays: Mapping[str, NDArray[Any]], metadata: Mapping[str, str] | None = None) -> bytes:
    """`arrays` in safetensors' layout; the same bytes for the same arrays."""
    from safetensors.numpy import save

    plain = {name: np.ascontiguousarray(arrays[name]) for name in sorted(arrays)}
    return bytes(save(plain, metadata=dict(metadata) if metadata else None))


def unpacked(path: Path) -> tuple[Arrays, dict[str, str]]:
    """Arrays and metadata of a safetensors file; DataError where it is not one."""
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="numpy") as file:
            return {name: file.get_tensor(name) for name in file.keys()}, dict(file.metadata() or {})  # noqa: SIM118
    except (SafetensorError, OSError, ValueError) as error:
        raise DataError(f"{path}: not a readable safetensors file ({error})") from error


def save_model(folder: Path, arrays: Mapping[str, NDArray[Any]], facts: Mapping[str, Any], card: str) -> None:
    """Write the three files; `facts` names the plugin, its version and all that `load` needs."""
    weights = packed(arrays)
    model = {"format": FORMAT, **facts, "weights_sha256": hashlib.sha256(weights).hexdigest()}
    folder.mkdir(parents=True, exist_ok=True)
    write_whole(folder / WEIGHTS, weights)
    write_whole(folder / CARD, card.encode())
    write_whole(folder / MODEL, (json.dumps(model, indent=2, sort_keys=True, allow_nan=False) + "\n").encode())


def load_model(folder: Path, *, plugin: str, version: int) -> tuple[Arrays, dict[str, Any]]:
    """Arrays and facts of a model that this version of `plugin` wrote; DataError says why for anything else."""
    folder = Path(folder)
    if not folder.is_dir():
        raise DataError(f"{folder}: no such folder; name the `model` folder of a run")
    missing = [name for name in (WEIGHTS, MODEL) if not (folder / name).is_file()]
    if missing:
        held = ", ".join(sorted(p.name for p in folder.iterdir())[:8]) or "nothing"
        raise DataError(
            f"{folder}: no {missing[0]}; it holds {held}. Only models written by spinefx are read (no pickled "
            "checkpoints: they can run code)"
        )
    model = _json(folder / MODEL)
    if model.get("format") != FORMAT:
        raise DataError(f"{folder / MODEL}: format {model.get('format')!r}, wanted {FORMAT!r}")
    if model.get("plugin") != plugin:
        raise DataError(f"{folder}: a model of {model.get('plugin')!r}, not of {plugin!r}; set [encode] use to it")
    if model.get("version") != version:
        raise DataError(
            f"{folder}: written by version {model.get('version')!r} of {plugin}, this is {version}; fit it again, or "
            "install the spinefx of its run"
        )
    found = hashlib.sha256((folder / WEIGHTS).read_bytes()).hexdigest()
    if found != model.get("weights_sha256"):
        raise DataError(
            f"{folder / WEIGHTS}: not the weights that {MODEL} was written with; restore both, or fit again"
        )
    return unpacked(folder / WEIGHTS)[0], model


def matched(arrays: Mapping[str, NDArray[Any]], wanted: Mapping[str, tuple[int, ...]], where: Path) -> None:
    """DataError unless `arrays` has exactly the `wanted` names and shapes, all of finite numbers."""
    lacking, foreign = sorted(set(wanted) - set(arrays)), sorted(set(arrays) - set(wanted))
    if lacking or foreign:
        raise DataError(f"{where}: weights lack {lacking[:3] or 'nothing'} and hold {foreign[:3] or 'nothing'} unknown")
    for name, shape in wanted.items():
        if arrays[name].shape != tuple(shape):
            raise DataError(f"{where}: weight {name} has shape {arrays[name].shape}, wanted {tuple(shape)}")
        if arrays[name].dtype.kind != "f" or not np.isfinite(arrays[name]).all():
            raise DataError(f"{where}: weight {name} holds numbers that are not finite")


def _json(path: Path) -> dict[str, Any]:
    if path.stat().st_size > _LARGEST_JSON:
        raise DataError(f"{path}: larger than {_LARGEST_JSON} bytes")
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except (UnicodeDecodeError, ValueError, RecursionError) as error:
        raise DataError(f"{path}: not JSON ({error})") from error
    if not isinstance(data, dict):
        raise DataError(f"{path}: wanted a JSON object, got {type(data).__name__}")
    return data
