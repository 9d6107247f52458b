"""What lies beside the report, and what each file is good for."""

from __future__ import annotations

from spinefx.report.folder import RunFolder

_ABOUT = {
    "features.parquet": "one row per structure, one column per measure; pandas, R (arrow) and others read it",
    "features.csv": "the same as text; nothing in it starts like a formula",
    "features.xlsx": "the same as a workbook",
    "features_dictionary.csv": "what each column means, its unit, the source of its definition and how many values are missing: the table below",
    "features_missing.csv": "every missing or doubtful number, with its reason",
    "latents.parquet": "one row per sample: case, patient, structure, level, split, z0 ... zN",
    "latents.csv": "the same as text",
    "split.json": "patient to part of the split and to fold",
    "findings.json": "every table, figure and sentence of this report, as numbers",
    "figures/": "pictures and surfaces (PLY) that findings.json names",
    "qc/": "one picture per case",
    "volumes/": "small images and masks of the cases for the viewer (MetaImage)",
    "model/": "weights.safetensors, model.json, card.md: `spinefx encode` turns new scans into latents with it",
    "run.json": "plan, versions, seeds, what became of every case: enough to run it again",
    "log.jsonl": "what happened when, one line each",
}


def files_of(run: RunFolder) -> tuple[tuple[str, str], ...]:
    """Names of what lies in the folder with a few words on each, the tables first; what nobody knows comes last."""
    present = run.files()
    known = [(name, about) for name, about in _ABOUT.items() if name in present]
    return (*known, *((name, "") for name in present if name not in _ABOUT))
