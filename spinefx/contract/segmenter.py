"""What a segmenter that learns must be able to do, and what it gets to fit itself."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, runtime_checkable

from spinefx.contract.case import Case
from spinefx.contract.scan import Scan


class ScanSet(Protocol):
    """Scans of a cohort, loaded when asked for; memory does not grow with their number."""

    @property
    def cases(self) -> tuple[Case, ...]:
        """Whose scans these are, in order."""
        ...

    def __len__(self) -> int: ...

    def __getitem__(self, index: int, /) -> Scan: ...

    def __iter__(self) -> Iterator[Scan]: ...


@dataclass(frozen=True, eq=False)
class SegmenterFitting:
    """What a segmenter gets to fit itself.

    train, validation : scans of the training and validation patients with the loader's masks; no other exists here.
    seed : whole number; all randomness comes from it.
    workspace : a folder that outlives a kill; checkpoints go there, and a fit that finds one goes on from it.
    device : `cpu`, `cuda`, `cuda:1`, ...
    epoch_done : call it after every epoch with its number, the total, and the losses by name.
    """

    train: ScanSet
    validation: ScanSet
    seed: int
    workspace: Path
    device: str = "cpu"
    epoch_done: Callable[[int, int, Mapping[str, float]], None] = lambda epoch, epochs, losses: None


@runtime_checkable
class TrainableSegmenter(Protocol):
    """A Segmenter that learns from masks before it makes any.

    The engine fits it on the training patients once, before any case is worked on; the workers load what was saved.
    """

    @property
    def fitted(self) -> bool:
        """Whether it can segment as built: its options name a model that was fitted elsewhere."""
        ...

    def segment(self, scan: Scan) -> Scan:
        """The scan with a mask on the grid of one of its images."""
        ...

    def fit(self, fitting: SegmenterFitting) -> Sequence[Mapping[str, float]]:
        """Fit; return one mapping of losses per epoch. Goes on from `fitting.workspace` where an interrupted fit left a
        checkpoint, with the numbers of an uninterrupted one."""
        ...

    def save(self, folder: Path) -> None:
        """Write `weights.safetensors`, `model.json` and `card.md` into `folder`."""
        ...

    def load(self, folder: Path) -> None:
        """Become what `save` wrote; DataError for anything else."""
        ...
