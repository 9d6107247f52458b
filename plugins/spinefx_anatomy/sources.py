"""The works that a paper cites for the numbers of this pack, as they would stand in a bibliography."""

from __future__ import annotations

N4 = ("Tustison NJ, Avants BB, Cook PA, et al. N4ITK: improved N3 bias correction. IEEE Trans Med Imaging 29:1310 (2010). "
      "doi:10.1109/TMI.2010.2046908",)  # fmt: skip
DISC = (
    "Frobin W, Brinckmann P, Biggemann M, Tillotson M, Burton K. Precision measurement of disc height, vertebral height and "
    "sagittal plane displacement from lateral radiographic views of the lumbar spine. Clin Biomech 12 Suppl 1:S1 (1997).",
    "Farfan HF, Huberdeau RM, Dubow HI. Lumbar intervertebral disc degeneration: the influence of geometrical features on the "
    "pattern of disc degeneration. J Bone Joint Surg Am 54:492 (1972).",
    "Hurxthal LM. Measurement of anterior vertebral compressions and biconcave vertebrae. AJR 103:635 (1968).",
    "Dabbs VM, Dabbs LG. Correlation between disk height narrowing and low-back pain. Spine 15:1366 (1990).",
    "Spahn G, Ramadani M, Günther S, et al. Measurement of intervertebral disc heights in the lumbar spine: comparison of X-ray "
    "and magnetic resonance imaging, method of measurement and determination of inter-observer reliability. Z Orthop Unfall "
    "162:254 (2024). doi:10.1055/a-1994-0879",
    "Fardon DF, Williams AL, Dohring EJ, et al. Lumbar disc nomenclature: version 2.0. Spine J 14:2525 (2014). "
    "doi:10.1016/j.spinee.2014.04.022",
)
VERTEBRA = (
    "Genant HK, Wu CY, van Kuijk C, Nevitt MC. Vertebral fracture assessment using a semiquantitative technique. J Bone Miner "
    "Res 8:1137 (1993). doi:10.1002/jbmr.5650080915",
)
SPINE = (
    "Cobb JR. Outline for the study of scoliosis. AAOS Instr Course Lect 5:261 (1948).",
    "Harrison DE, Harrison DD, Cailliet R, Janik TJ, Holland B. Radiographic analysis of lumbar lordosis: centroid, Cobb, TRALL, "
    "and Harrison posterior tangent methods. Spine 26:E235 (2001).",
    "Taillard W. Le spondylolisthésis chez l'enfant et l'adolescent. Acta Orthop Scand 24:115 (1954).",
)
CANAL = (
    "Schönström NS, Bolender NF, Spengler DM. The pathomorphology of spinal stenosis as seen on CT scans of the lumbar spine. "
    "Spine 10:806 (1985).",
)
UPTAKE = (
    "Wahl RL, Jacene H, Kasamon Y, Lodge MA. From RECIST to PERCIST: evolving considerations for PET response criteria in solid "
    "tumors. J Nucl Med 50 Suppl 1:122S (2009). doi:10.2967/jnumed.108.057307",
)
