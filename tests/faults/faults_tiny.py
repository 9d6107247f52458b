"""Plugins for cohorts of very many very small cases: nothing is read, almost nothing is computed."""

from __future__ import annotations

import json
import zlib

import numpy as np
from pydantic import BaseModel, Field

from spinefx.api import Case, Features, Findings, Grid, LabelMap, Latents, Plugin, Row, Scan, hookimpl, scheme


class LoaderOptions(BaseModel, frozen=True, extra="forbid"):
    """Options."""

    cases: int = Field(100, ge=1, description="how many")


class Tiny:
    """A disc of a few voxels, of a height that hangs on the case's number."""

    def __init__(self, options: LoaderOptions) -> None:
        self.options = options

    def cases(self):
        return [Case(f"c{n:07d}", f"p{n:07d}") for n in range(self.options.cases)]

    def load(self, case):
        labels = np.zeros((8, 8, 8), np.uint16)
        labels[2 : 4 + zlib.crc32(case.id.encode()) % 3, 2:6, 2:6] = 201
        return Scan(case, {}, LabelMap(labels, Grid(labels.shape), scheme("spider")))


class NoOptions(BaseModel, frozen=True, extra="forbid"):
    """Options."""


class HeightOptions(BaseModel, frozen=True, extra="forbid"):
    """Options."""

    rows: int = Field(1, ge=1, le=16, description="structures of a case")
    measures: int = Field(1, ge=1, description="columns")


class Height:
    """Height of the disc in voxels, said as often as an anatomy of many measures would."""

    def __init__(self, options: HeightOptions) -> None:
        self.options = options

    def measure(self, scan):
        height = float(np.ptp(np.nonzero(scan.mask.labels)[0]) + 1)
        rows = [Row(scan.case.id, scan.case.patient, "disc", f"{n}-{n + 1}") for n in range(self.options.rows)]
        columns = [f"height{n}_mm" for n in range(self.options.measures)]
        return Features.of_rows(rows, [{name: height + n for n, name in enumerate(columns)} for _ in rows])


class Volume:
    """One latent: the volume."""

    def __init__(self, options: NoOptions) -> None:
        pass

    def fit(self, fitting):
        return []

    def encode(self, samples):
        return Latents(samples.rows, np.array([[sample.mask.sum()] for sample in samples], np.float32))

    def decode(self, z):
        return np.zeros((len(z), 8, 8, 8), np.float32)

    def save(self, folder):
        (folder / "model.json").write_text(json.dumps({}))

    def load(self, folder):
        pass


class Nothing:
    """Judges nothing."""

    def __init__(self, options: NoOptions) -> None:
        pass

    def evaluate(self, study):
        return Findings(sentences=(f"{len(study.latents.rows)} samples",))


@hookimpl
def spinefx_loaders():
    return [Plugin("tiny", 1, 1, "Very many very small cases.", LoaderOptions, Tiny)]


@hookimpl
def spinefx_geometry_analysers():
    return [Plugin("tiny-height", 1, 1, "Height.", HeightOptions, Height)]


@hookimpl
def spinefx_encoders():
    return [Plugin("tiny-volume", 1, 1, "Volume.", NoOptions, Volume)]


@hookimpl
def spinefx_evaluators():
    return [Plugin("tiny-nothing", 1, 1, "Nothing.", NoOptions, Nothing)]
