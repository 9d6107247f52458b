"""The contract as a plugin imports it: `from spinefx.api import Features, Plugin, Scan, hookimpl`."""

from __future__ import annotations

from spinefx.contract.case import Case
from spinefx.contract.encoder import Encoder, Fitting
from spinefx.contract.errors import (
    DataError,
    GridError,
    LabelTableError,
    PlanError,
    PluginError,
    Problem,
    SchemeError,
    SpinefxError,
    StageError,
    StoreError,
)
from spinefx.contract.features import Features, Row, unit_of
from spinefx.contract.findings import Column, Figure, Findings, Panel, Series, Shape, Table
from spinefx.contract.grid import Grid
from spinefx.contract.hookspecs import hookimpl
from spinefx.contract.labels import LabelRow, Labels, Remark
from spinefx.contract.levels import LOWEST_LEVELS, THORACIC_COUNTS, as_counted, converted, recounted
from spinefx.contract.marks import Mark
from spinefx.contract.orient import oriented, reorient
from spinefx.contract.plugin import API, KINDS, Plugin
from spinefx.contract.samples import Change, Latents, SampleList, SampleSet, Split
from spinefx.contract.scan import LabelMap, Sample, Scan, Volume
from spinefx.contract.scheme import Scheme, Structure
from spinefx.contract.schemes import SCHEMES, disc_below, scheme
from spinefx.contract.segmenter import ScanSet, SegmenterFitting, TrainableSegmenter
from spinefx.contract.stages import (
    Augmenter,
    Evaluator,
    Foreseeing,
    GeometryAnalyser,
    LabelSource,
    LatentAnalyser,
    Loader,
    MarkSource,
    Preprocessor,
    ScanAnalyser,
    Segmenter,
    Weighing,
)
from spinefx.contract.study import Study
from spinefx.labels.rows import read_rows

__all__ = [
    "API", "KINDS", "LOWEST_LEVELS", "SCHEMES", "THORACIC_COUNTS", "Augmenter", "Case", "Change", "Column", "DataError",
    "Encoder", "Evaluator", "Features",
    "Figure", "Findings", "Fitting", "Foreseeing", "GeometryAnalyser", "Grid", "GridError", "LabelMap", "LabelRow", "LabelSource",
    "LabelTableError", "Labels", "LatentAnalyser", "Latents", "Loader", "Mark", "MarkSource", "Panel", "PlanError", "Plugin", "PluginError",
    "Preprocessor", "Problem", "Remark", "Row", "Sample", "SampleList", "SampleSet", "Scan", "ScanAnalyser", "ScanSet",
    "Scheme", "SchemeError", "Segmenter", "SegmenterFitting", "Series", "Shape", "SpinefxError", "Split", "StageError",
    "StoreError", "Structure", "Study", "Table", "TrainableSegmenter", "Volume", "Weighing", "as_counted", "converted", "disc_below", "hookimpl",
    "oriented", "read_rows", "recounted", "reorient", "scheme", "unit_of",
]  # fmt: skip
