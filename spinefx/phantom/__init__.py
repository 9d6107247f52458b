"""Spines of exactly known shape: one source of truth for the loader `phantom`, the tests and the documentation.

    from spinefx.phantom import draw_patient, grid_around, render, truths
    patient = draw_patient(seed=0, number=1)              # anatomy, facts, grades
    grid = grid_around(patient.spine, spacing_mm=(4.0, 0.6, 0.6), order="PIR")
    mask = render(patient.spine, grid).labels()           # LabelMap in SPIDER's numbering
    for structure, level, numbers in truths(patient.spine):
        ...                                               # {"disc.height_mm": ...}, defined in `spinefx.phantom.truth`

Everything is analytic: `build_spine` makes a spine from its parts, `inside` asks how deep a point lies in one. NumPy and
the standard library only; nothing here reads a file, `write_cohort` alone writes.
"""

from __future__ import annotations

from spinefx.phantom.bodies import vertebra_truth
from spinefx.phantom.cohort import Scanner, grid_of, scan_of, truth_of
from spinefx.phantom.contrast import Modality, image_of
from spinefx.phantom.draw import NARROWING, Grades, Patient, draw_patient
from spinefx.phantom.frame import Frame, Points
from spinefx.phantom.grids import direction_of, grid_around, rotation
from spinefx.phantom.render import Rendering, render
from spinefx.phantom.shape import Bone, Disc, Footprint, Lobe, Vertebra
from spinefx.phantom.spine import BodyPlan, Canal, DiscPlan, Spine, build_spine, inside
from spinefx.phantom.truth import disc_truth, spine_truth, truths
from spinefx.phantom.write import write_cohort

__all__ = [
    "NARROWING", "BodyPlan", "Bone", "Canal", "Disc", "DiscPlan", "Footprint", "Frame", "Grades", "Lobe", "Modality",
    "Patient", "Points", "Rendering", "Scanner", "Spine", "Vertebra", "build_spine", "direction_of", "disc_truth",
    "draw_patient", "grid_around", "grid_of", "image_of", "inside", "render", "rotation", "scan_of", "spine_truth",
    "truth_of", "truths", "vertebra_truth", "write_cohort",
]  # fmt: skip
