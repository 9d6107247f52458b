"""The processes that train together, through Lightning Fabric: one, or several that share each step (DDP).

Knows devices and processes; no samples and no loss.
"""

from __future__ import annotations

import logging
import multiprocessing
import os
import socket
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from lightning_fabric import Fabric
from lightning_fabric.plugins.environments.cluster_environment import ClusterEnvironment
from lightning_fabric.strategies.ddp import DDPStrategy
from torch import Tensor

from spinefx.api import DataError, StageError

FULL = "32-true"
"""Fabric's name of full precision."""

_ADDRESS = "127.0.0.1"
_SET = ("MASTER_ADDR", "MASTER_PORT", "WORLD_SIZE", "RANK", "LOCAL_RANK", "NODE_RANK", "OMP_NUM_THREADS")


@dataclass(frozen=True)
class Place:
    """Which of how many processes this is, and where the first one listens."""

    rank: int = 0
    world: int = 1
    port: int = 0


class _Here(ClusterEnvironment):
    """Processes of one machine that we start ourselves."""

    def __init__(self, place: Place) -> None:
        self.place = place

    creates_processes_externally = True
    main_address = _ADDRESS

    @property
    def main_port(self) -> int:
        return self.place.port

    @staticmethod
    def detect() -> bool:
        return False

    def world_size(self) -> int:
        return self.place.world

    def set_world_size(self, size: int) -> None:
        pass

    def global_rank(self) -> int:
        return self.place.rank

    def set_global_rank(self, rank: int) -> None:
        pass

    def local_rank(self) -> int:
        return self.place.rank

    def node_rank(self) -> int:
        return 0


class Team:
    """What one process asks of the others. With one process, nothing is asked and nothing changes."""

    def __init__(self, fabric: Fabric, place: Place) -> None:
        self.fabric, self.rank, self.world = fabric, place.rank, place.world

    @property
    def first(self) -> bool:
        """Whether this process writes files and tells observers."""
        return self.rank == 0

    def share(self, count: int) -> slice:
        """Which of a batch's `count` samples are this process's; may be none."""
        each, rest = divmod(count, self.world)
        start = self.rank * each + min(self.rank, rest)
        return slice(start, start + each + (self.rank < rest))

    def total(self, value: float) -> float:
        """The sum over all processes."""
        if self.world == 1:
            return value
        return float(self.fabric.all_reduce(torch.tensor(value, dtype=torch.float64), reduce_op="sum"))  # type: ignore[arg-type]

    def everyone(self, z: Tensor, here: slice, count: int) -> Tensor:
        """(count, d) latents of the whole batch; gradients flow to this process's own."""
        if self.world == 1:
            return z
        mine = torch.zeros(count, z.shape[1], dtype=z.dtype, device=z.device)
        mine[here] = z.detach()[: here.stop - here.start]
        whole = self.fabric.all_reduce(mine, reduce_op="sum").clone()  # type: ignore[union-attr]
        whole[here] = z[: here.stop - here.start]
        return whole

    def told(self, losses: dict[str, float]) -> dict[str, float]:
        """What the first process says, to all."""
        return losses if self.world == 1 else self.fabric.broadcast(losses)


def precision_of(asked: str, device: str) -> str:
    """Fabric's name of the precision; never bfloat16 by itself on a CPU, where it is slower."""
    if asked == "auto":
        asked = "bfloat16" if device.startswith("cuda") and torch.cuda.is_bf16_supported() else "float32"
    return "bf16-mixed" if asked == "bfloat16" else FULL


@contextmanager
def gathered(device: str, precision: str, place: Place) -> Iterator[Team]:
    """This process's place in the team, for as long as training takes; the environment is put back after."""
    kind, _, number = device.partition(":")
    if kind == "cuda" and not torch.cuda.is_available():
        raise DataError(f"[run] device = {device!r}, but torch sees no GPU; set it to cpu")
    if kind == "cuda" and place.world > torch.cuda.device_count():
        raise DataError(f"processes = {place.world}, but there are {torch.cuda.device_count()} GPUs")
    before = {name: os.environ.get(name) for name in _SET}
    quiet = logging.getLogger("lightning_fabric")
    level = quiet.level
    quiet.setLevel(logging.WARNING)
    os.environ["OMP_NUM_THREADS"] = str(torch.get_num_threads())  # or Fabric would choose another number
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", module="lightning_fabric")
            warnings.filterwarnings("ignore", message="Grad strides do not match")
            if place.world == 1:
                devices: Any = [int(number)] if number else 1
                fabric = Fabric(accelerator=kind, devices=devices, precision=precision_of(precision, device))  # type: ignore[arg-type]
            else:
                backend = "nccl" if kind == "cuda" else "gloo"
                strategy = DDPStrategy(cluster_environment=_Here(place), process_group_backend=backend)
                fabric = Fabric(
                    accelerator=kind,
                    devices=place.world,
                    strategy=strategy,
                    precision=precision_of(precision, device),  # type: ignore[arg-type]
                )
            fabric.launch()
            yield Team(fabric, place)
    finally:
        if place.world > 1 and torch.distributed.is_initialized():
            torch.distributed.destroy_process_group()
        quiet.setLevel(level)
        for name, value in before.items():
            os.environ.pop(name, None)
            if value is not None:
                os.environ[name] = value


@contextmanager
def followers(world: int, follow: Callable[..., None], *given: Any) -> Iterator[Place]:
    """Start the other `world` - 1 processes, each doing `follow(place, *given)`; the first's place.

    Raises
    ------
    DataError
        If what they are given cannot be sent to another process.
    StageError
        If one of them dies.
    """
    if world == 1:
        yield Place()
        return
    port = _free_port()
    context = multiprocessing.get_context("spawn")
    others = [
        context.Process(target=follow, args=(Place(r, world, port), *given), daemon=True) for r in range(1, world)
    ]
    try:
        try:
            for other in others:
                other.start()
        except (TypeError, AttributeError, ValueError) as error:
            raise DataError(
                f"processes = {world}: samples or augmenters cannot be sent to a process ({error})"
            ) from error
        try:
            yield Place(0, world, port)
        except RuntimeError as error:
            if not (codes := _ended(others)):
                raise
            told = DataError(
                f"one of {world} training processes ended (exit code {codes[0]}; -9: killed, often for want of memory); "
                "run again: training goes on from its last epoch"
            )
            told.__cause__ = error
            raise StageError(str(told), stage="encode") from told
        for other in others:
            other.join(timeout=60)
    finally:
        for other in others:
            if other.is_alive():
                other.kill()
                other.join()


def _ended(others: list[Any]) -> list[int]:
    """Exit codes of the processes that ended badly; one that is just ending is waited for."""
    for other in others:
        other.join(timeout=1)
    return [other.exitcode for other in others if other.exitcode not in (None, 0)]


def _free_port() -> int:
    with socket.socket() as one:
        one.bind((_ADDRESS, 0))
        return int(one.getsockname()[1])
