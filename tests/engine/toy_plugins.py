"""Small plugins for the engine's tests: they write what they do into a journal, and fail on demand."""

from __future__ import annotations

import json
import os
import signal
import time
from pathlib import Path

import numpy as np
from pydantic import BaseModel

from spinefx.api import (
    Case,
    Column,
    Features,
    Findings,
    Grid,
    LabelMap,
    LabelRow,
    Labels,
    Latents,
    Plugin,
    Row,
    Scan,
    Table,
    hookimpl,
    scheme,
)


def _note(journal: Path, line: str) -> None:
    with journal.open("a") as file:
        file.write(line + "\n")


class LoaderOptions(BaseModel, frozen=True, extra="forbid"):
    """Options."""

    root: Path
    journal: Path
    bad: tuple[str, ...] = ()
    segfault: tuple[str, ...] = ()
    hang: tuple[str, ...] = ()
    double: bool = False
    slow: float = 0.0


class Toy:
    """One box-shaped disc pair per file; the file's number is the half height in voxels."""

    def __init__(self, options: LoaderOptions) -> None:
        self.options = options

    def cases(self):
        files = sorted(self.options.root.glob("*.txt"))
        cases = [Case(f.stem, f.stem.split("_")[0], {"mask": f}) for f in files]
        return cases * 2 if self.options.double else cases

    def load(self, case):
        time.sleep(self.options.slow)
        if case.id in self.options.segfault:
            os.kill(os.getpid(), signal.SIGSEGV)
        if case.id in self.options.hang:
            time.sleep(600)
        if case.id in self.options.bad:
            raise ValueError("the toy is broken")
        _note(self.options.journal, f"load {case.id}")
        half = int(case.files["mask"].read_text())
        labels = np.zeros((40, 12, 12), np.uint16)
        labels[10 - half : 10 + half, 3:9, 3:9] = 201
        labels[30 - half : 30 + half, 2:10, 2:10] = 202
        return Scan(case, {}, LabelMap(labels, Grid(labels.shape), scheme("spider")))

    def labels(self):
        patients = sorted({c.patient for c in self.cases()})
        rows = tuple(LabelRow(p, "L5-S1") for p in patients)
        return Labels(rows, {"tall": np.arange(len(rows)) % 2.0}, {"tall": "binary"}, targets=("tall",))


class HeightOptions(BaseModel, frozen=True, extra="forbid"):
    """Options."""

    journal: Path
    factor: float = 1.0


class Height:
    """Height of the box."""

    def __init__(self, options: HeightOptions) -> None:
        self.options = options

    def measure(self, scan):
        _note(self.options.journal, f"measure {scan.case.id}")
        rows, values = [], []
        for s in scan.mask.structures("disc"):
            rows.append(Row(scan.case.id, scan.case.patient, "disc", s.level))
            values.append({"height_mm": float(np.ptp(np.nonzero(scan.mask.mask_of(s))[0]) + 1) * self.options.factor})
        return Features.of_rows(rows, values)


class EncoderOptions(BaseModel, frozen=True, extra="forbid"):
    """Options."""

    journal: Path
    epochs: int = 3
    pause: float = 0.0


class Mean:
    """Latents: volume, and a number that only a whole fit gives."""

    def __init__(self, options: EncoderOptions) -> None:
        self.options, self.state = options, 0.0

    def fit(self, fitting):
        point = fitting.workspace / "point.json"
        kept = json.loads(point.read_text()) if point.exists() else {"epoch": 0, "state": 0.0}
        patients = sorted({r.patient for r in (*fitting.train.rows, *fitting.validation.rows)})
        _note(self.options.journal, f"fit from {kept['epoch']} on {','.join(patients)}")
        for epoch in range(kept["epoch"], self.options.epochs):
            kept["state"] += sum(float(fitting.augment(i, epoch).mask.sum()) for i in range(len(fitting.train)))
            kept["epoch"] = epoch + 1
            point.with_suffix(".new").write_text(json.dumps(kept))
            point.with_suffix(".new").replace(point)
            fitting.epoch_done(epoch + 1, self.options.epochs, {"loss": 1.0 / (epoch + 1)})
            _note(self.options.journal, f"epoch {epoch + 1}")
            time.sleep(self.options.pause)
        self.state = kept["state"]
        return [{"epoch": e + 1, "loss": 1.0 / (e + 1)} for e in range(self.options.epochs)]

    def encode(self, samples):
        _note(self.options.journal, "encode")
        z = [[s.mask.sum(), self.state] for s in samples]
        return Latents(samples.rows, np.array(z, np.float32))

    def decode(self, z):
        return np.zeros((len(z), 4, 4, 4), np.float32)

    def save(self, folder):
        (folder / "model.json").write_text(json.dumps(self.state))

    def load(self, folder):
        self.state = json.loads((folder / "model.json").read_text())


class SayOptions(BaseModel, frozen=True, extra="forbid"):
    """Options."""

    journal: Path
    word: str = "done"
    refit: tuple[str, ...] = ()


class Say:
    """Says how many samples there are."""

    def __init__(self, options: SayOptions) -> None:
        self.options = options

    def evaluate(self, study):
        _note(self.options.journal, "evaluate")
        if self.options.refit:
            study.refit(self.options.refit)
        table = Table("said", "Said", (Column("n"),), ((len(study.samples),),))
        return Findings((table,), sentences=(f"{self.options.word}: {len(study.latents.rows)}",))


@hookimpl
def spinefx_loaders():
    return [Plugin("toy", 1, 1, "Boxes.", LoaderOptions, Toy)]


@hookimpl
def spinefx_geometry_analysers():
    return [Plugin("toy-height", 1, 1, "Height of boxes.", HeightOptions, Height)]


@hookimpl
def spinefx_encoders():
    return [Plugin("toy-mean", 1, 1, "Mean of boxes.", EncoderOptions, Mean)]


@hookimpl
def spinefx_evaluators():
    return [Plugin("toy-say", 1, 1, "Says it.", SayOptions, Say)]
