"""TensorBoard as an observer: losses of every epoch as curves. Off unless a plan names it; `pip install tensorboard` first.

    [run]
    plugins = ["tensorboard_observer.py"]

    tensorboard --logdir runs

Hooks that observe give nothing back, so that no number of a run hangs on who looks on; one that fails is noted in the run's log.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from spinefx.api import hookimpl

_open: dict[str, Any] = {}


@hookimpl
def spinefx_run_started(folder: Path) -> None:
    """Curves go into the run's own folder."""
    from torch.utils.tensorboard import SummaryWriter

    _open["writer"] = SummaryWriter(str(folder / "tensorboard"))


@hookimpl
def spinefx_epoch_done(epoch: int, losses: Mapping[str, float]) -> None:
    """One point on each curve."""
    for name, value in losses.items():
        _open["writer"].add_scalar(name, value, epoch)
    _open["writer"].flush()


@hookimpl
def spinefx_run_done() -> None:
    """Nothing more comes."""
    if "writer" in _open:
        _open.pop("writer").close()
