"""Segmenter `unet`: fit, segment, save and load."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from spinefx.api import (
    DataError,
    Grid,
    LabelMap,
    Scan,
    SegmenterFitting,
    Volume,
    recounted,
    scheme,
)
from spinefx_segment import UnetOptions
from spinefx_segment.instances import carried, named
from spinefx_segment.views import View, chosen

if TYPE_CHECKING:
    from torch import Tensor, nn

    from spinefx_segment.networks import Layout

NAME, VERSION = "unet", 4
_LIBRARIES = 0.7e9
"""torch, the network and one tile."""
PER_BOX = 30
"""Bytes for each voxel of the box around all structures, while they are told apart; beside the budget."""
_PER_TILE = 240
"""Bytes for each voxel of a tile that a further thread holds."""
_PER_VOXEL, _PER_VIEW = 9, 12
"""Bytes for each voxel of the scan (beside its own) and of the view, held or passed through on the way to a mask."""


class Unet:
    """A network (residual, or one of MONAI's) that gives each voxel a class; structures are told apart and named after that."""

    def __init__(self, options: UnetOptions) -> None:
        self.options = options
        self.net: nn.Module | None = None
        self.view: View = View((1.0, 1.0, 1.0))
        self.kinds: tuple[str, ...] = ()
        self.layout: Layout | None = None
        self.facts: dict[str, Any] = {}

    @property
    def fitted(self) -> bool:
        """Whether the options name a model, or one was fitted or loaded."""
        return self.options.model is not None or self.net is not None

    def fit(self, fitting: SegmenterFitting) -> Sequence[Mapping[str, float]]:
        """Train; goes on from a checkpoint in the workspace, with the bytes of an uninterrupted fit (on the CPU).

        Raises
        ------
        DataError
            If no training mask holds what is to be learned, or the workspace holds another fit's checkpoint.
        """
        import torch

        from spinefx_segment.networks import Layout, fresh
        from spinefx_segment.patches import Shelf, surveyed
        from spinefx_segment.scope import calm
        from spinefx_segment.training import Trainer

        o = self.options
        with calm(fitting.device):
            self.view, self.kinds = surveyed(fitting.train, o)
            train = Shelf(fitting.workspace, self.view, self.kinds).fill(fitting.train, o, "train")
            validation = Shelf(fitting.workspace, self.view, self.kinds).fill(fitting.validation, o, "validation")
            layout = Layout(o.network, o.channels, len(self.kinds) + 1, self.view.spacing, o.patch, o.fold)
            parts = [
                NAME,
                VERSION,
                o.model_dump(mode="json", exclude={"threads"}),
                self.view.spacing,
                self.kinds,
                fitting.seed,
            ]
            owner = hashlib.sha256(json.dumps([*parts, train.cases, validation.cases]).encode()).hexdigest()
            net = fresh(layout, fitting.seed)
            progress = Trainer(net, o, fitting, train, validation, owner).run()
        train.empty()
        self.net, self.layout = net.eval(), layout
        self.facts = {
            "patients": len({patient for _, patient in train.cases}),
            "scans": len(train.cases),
            "validation_patients": len({patient for _, patient in validation.cases}),
            "seed": fitting.seed,
            "device": fitting.device.partition(":")[0],
            "torch": str(torch.__version__),
            "epochs": progress.epoch,
            "best_epoch": progress.best_epoch,
            "losses": progress.history[progress.best_epoch - 1],
            "parameters": sum(p.numel() for p in net.parameters()),
        }
        return tuple(progress.history)

    def segment(self, scan: Scan) -> Scan:
        """The scan with a mask on the grid of the segmented image, what the network thinks of it, and notes.

        Raises
        ------
        DataError
            If there is no such image, or no structure is found in it.
        """
        from spinefx_segment.scope import calm, crew
        from spinefx_segment.tiles import draw, rows_within

        if self.options.replace == "missing" and scan.mask is not None:
            return scan
        if self.net is None and self.options.model is not None:
            self.load(self.options.model)
        if self.net is None or self.layout is None:
            raise DataError("unet is not fitted yet; name a fitted `model`, or let a run fit it")
        o, layout = self.options, self.layout
        volume = chosen(scan, o.image)
        grid = self.view.grid(volume.grid)
        with calm("cpu"), crew(o.threads) as threads:
            rows = rows_within(grid, volume.grid, len(self.kinds) + 1, self._spare(volume, grid))
            seen = self.view.image(volume)
            found = draw(self._seen, seen, grid, volume.grid, layout, flip=o.flip, rows=rows, crew=threads)
        quality = dict(zip(self.kinds, found.promised, strict=True))
        labels, notes = named(found.seen, grid, self.kinds, least_ml=o.least_ml)
        if not labels.any():
            raise DataError(f"case {scan.case.id}: the segmenter finds no structure in it; is it a scan of a spine?")
        drawn = carried(labels, grid, found.drawn, volume.grid, self.kinds)
        mask = LabelMap(drawn, volume.grid, scheme("spider"))
        lowest = str(scan.case.facts.get("lowest_vertebra", o.lowest))
        thoracic = int(scan.case.facts.get("thoracic_vertebrae") or 12)
        if (lowest, thoracic) != ("L5", 12) and set(self.kinds) != {"canal"}:
            mask = recounted(mask, lowest=lowest, thoracic=thoracic)
        poor = [f"{kind} {value:.2f}" for kind, value in quality.items() if value < o.flag_below]
        if poor:
            notes.append(f"segmentation may have failed: expected Dice of {', '.join(poor)}; look at its picture")
        return scan.replace(mask=mask, quality=quality, notes=(*scan.notes, *notes))

    def _seen(self, tile: Tensor) -> Tensor:
        """What the network says of (1, 1, ...)."""
        from spinefx_segment.networks import precise

        if self.net is None:
            raise DataError("unet is not fitted yet")
        with precise(self.options.precision, "cpu")():
            said: Tensor = self.net(tile)
        return said

    def _spare(self, volume: Volume, grid: Grid) -> float:
        """Bytes of `memory_gb` that are left for probabilities beside what is as large as the scan and as the view.

        Raises
        ------
        DataError
            If nothing is left, with the voxel size that would fit.
        """
        scan, view = float(np.prod(volume.grid.shape)), float(np.prod(grid.shape))
        fixed = scan * (_PER_VOXEL + volume.data.itemsize) + view * _PER_VIEW
        fixed += (self.options.threads - 1) * _PER_TILE * float(np.prod(self.options.patch))
        spare = self.options.memory_gb * 1e9 - _LIBRARIES - fixed
        if spare <= 0:
            raise DataError(
                f"segmenting {volume.grid.shape} voxels at {self.view.spacing} mm needs {(fixed + _LIBRARIES) / 1e9:.1f} GB and "
                f"more, `memory_gb` is {self.options.memory_gb:g}; raise it, or fit with a larger `finest_mm`"
            )
        return spare

    def save(self, folder: Path) -> None:
        """Write weights.safetensors, model.json and card.md."""
        from spinefx_segment.card import card
        from spinefx_segment.files import save_model

        if self.net is None and self.options.model is not None:
            self.load(self.options.model)
        if self.net is None:
            raise DataError("unet is not fitted yet; there is nothing to save")
        facts = {
            "plugin": NAME,
            "version": VERSION,
            "options": self.options.model_dump(mode="json", exclude={"model"}),
            "kinds": list(self.kinds),
            "view": {"spacing": list(self.view.spacing), "window": self.view.window},
            "fitted": self.facts,
        }
        save_model(folder, self.net.state_dict(), facts, card(NAME, VERSION, facts))

    def load(self, folder: Path) -> None:
        """Become what `save` wrote; DataError for anything else. How it is used stays as the own options say."""
        from spinefx_segment.files import load_model, put_weights
        from spinefx_segment.networks import Layout, built

        weights, model = load_model(Path(folder), plugin=NAME, version=VERSION)
        try:
            known = UnetOptions.model_validate(model["options"])
            a, b, c = (float(s) for s in model["view"]["spacing"])
            window = model["view"]["window"]
            view = View((a, b, c), tuple(window) if window else None)
            kinds = tuple(str(kind) for kind in model["kinds"])
            fitted = dict(model["fitted"])
        except (KeyError, TypeError, ValueError) as error:
            raise DataError(f"{folder}: its model.json is not one of {NAME} ({error})") from error
        layout = Layout(known.network, known.channels, len(kinds) + 1, view.spacing, known.patch, known.fold)
        net = built(layout)
        put_weights(net, weights, folder)
        learned = {"network", "channels", "fold", "patch", "window", "kinds"}
        self.options = self.options.model_copy(update={name: getattr(known, name) for name in learned})
        self.view, self.kinds, self.layout, self.net, self.facts = view, kinds, layout, net.eval(), fitted
