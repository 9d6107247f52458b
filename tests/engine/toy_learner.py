"""A segmenter that learns the mean half height of the boxes it is shown, and writes whom it was shown into a journal."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
from pydantic import BaseModel

from spinefx.api import Column, Findings, LabelMap, Plugin, Table, hookimpl, scheme


def _note(journal: str, line: str) -> None:
    with Path(journal).open("a") as file:
        file.write(line + "\n")


class Options(BaseModel, frozen=True, extra="forbid"):
    """Options."""

    journal: str
    model: Path | None = None
    grow: int = 0


class Learner:
    """Draws the mean box into every scan."""

    def __init__(self, options: Options) -> None:
        self.options, self.half = options, None
        if options.model is not None:
            self.load(options.model)

    @property
    def fitted(self):
        return self.half is not None

    def fit(self, fitting):
        seen = {name: [s.case.patient for s in getattr(fitting, name)] for name in ("train", "validation")}
        _note(self.options.journal, f"learn {','.join(seen['train'])} stop {','.join(seen['validation'])}")
        tall = [int((scan.mask.labels[:, 6, 6] == 201).sum()) // 2 for scan in fitting.train]
        self.half = round(float(np.mean(tall)))
        fitting.epoch_done(1, 1, {"loss": 0.5})
        return [{"epoch": 1.0, "loss": 0.5}]

    def segment(self, scan):
        _note(self.options.journal, f"segment {scan.case.id}")
        half = self.half + self.options.grow
        labels = np.zeros(scan.mask.grid.shape, np.uint16)
        labels[10 - half : 10 + half, 3:9, 3:9] = 201
        mask = LabelMap(labels, scan.mask.grid, scheme("spider"))
        return scan.replace(mask=mask, quality={"sure": 0.75}).noting("drawn by the toy")

    def save(self, folder):
        (folder / "model.json").write_text(json.dumps(self.half))

    def load(self, folder):
        self.half = json.loads((folder / "model.json").read_text())


class JudgeOptions(BaseModel, frozen=True, extra="forbid"):
    """Options."""


class Judge:
    """Says what each scan holds beside its reference."""

    def __init__(self, options: JudgeOptions) -> None:
        pass

    def evaluate(self, study):
        rows = []
        for scan in study.scans:
            voxels = [int((mask.labels == 201).sum()) if mask else -1 for mask in (scan.mask, scan.reference)]
            rows.append((scan.case.id, *voxels, scan.quality.get("sure", -1.0)))
        names = ("case", "made", "drawn", "sure")
        return Findings((Table("judged", "Judged", tuple(map(Column, names)), tuple(rows)),))


@hookimpl
def spinefx_segmenters():
    return [Plugin("toy-learner", 1, 1, "The mean box.", Options, Learner)]


@hookimpl
def spinefx_evaluators():
    return [Plugin("toy-judge", 1, 1, "Beside the reference.", JudgeOptions, Judge)]
