"""How drawn patients are scanned: grids, orientations, contrasts; one scan from (seed, patient) alone."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from spinefx.contract.features import Features, Row
from spinefx.contract.grid import Grid
from spinefx.contract.scan import LabelMap, Volume
from spinefx.phantom.contrast import Modality, image_of
from spinefx.phantom.draw import Patient
from spinefx.phantom.grids import grid_around, rotation
from spinefx.phantom.render import render
from spinefx.phantom.truth import truths

_SCANNER = 7_001
"""Second entropy word of the scanner's own stream, so that another grid never changes a patient's anatomy."""


@dataclass(frozen=True)
class Scanner:
    """How a cohort is scanned.

    spacing_mm : (left-right, antero-posterior, head-foot).
    oblique_deg : the scanner's axes are turned against the patient's by up to this angle about each axis.
    pir_share : share of patients whose array has the slices along its first axis (PIR), the others' along the last (LPS).
    noise, bias : see `image_of`; both vary by a third from patient to patient.
    """

    spacing_mm: tuple[float, float, float] = (4.0, 0.6, 0.6)
    oblique_deg: float = 6.0
    pir_share: float = 0.16
    noise: float = 0.03
    bias: float = 0.25


def grid_of(patient: Patient, *, seed: int, scanner: Scanner) -> Grid:
    """The grid on which this patient is scanned; the same for every contrast."""
    rng = np.random.default_rng(np.random.SeedSequence([seed, patient.number, _SCANNER]))
    angles = rng.uniform(-1.0, 1.0, 3) * scanner.oblique_deg
    order = "PIR" if rng.random() < scanner.pir_share else "LPS"
    shift = rng.uniform(-0.5, 0.5, 3) * np.asarray(scanner.spacing_mm)
    turn = rotation(sagittal_deg=float(angles[0]), coronal_deg=float(angles[1]), axial_deg=float(angles[2]))
    return grid_around(patient.spine, spacing_mm=scanner.spacing_mm, order=order, turn=turn, shift_mm=shift)


def scan_of(
    patient: Patient, *, seed: int, scanner: Scanner, modalities: tuple[Modality, ...] = ("t2",)
) -> tuple[dict[str, Volume], LabelMap]:
    """Images by modality and the mask of one patient, all on one grid; equal for equal arguments."""
    rendering = render(patient.spine, grid_of(patient, seed=seed, scanner=scanner))
    images: dict[str, Volume] = {}
    for modality in modalities:
        stream = [seed, patient.number, _SCANNER, *modality.encode()]
        rng = np.random.default_rng(np.random.SeedSequence(stream))
        noise, bias = scanner.noise * rng.uniform(0.67, 1.33), scanner.bias * rng.uniform(0.67, 1.33)
        images[modality] = image_of(
            rendering, modality, rng, noise=noise, bias=bias, gain=float(rng.uniform(500.0, 1100.0))
        )
    return images, rendering.labels()


def truth_of(patient: Patient, case: str) -> Features:
    """The true numbers of one patient as a run's features would hold them, rows named for `case`."""
    found = list(truths(patient.spine))
    rows = [Row(case, patient.id, structure, level) for structure, level, _ in found]
    return Features.of_rows(rows, [numbers for _, _, numbers in found])
