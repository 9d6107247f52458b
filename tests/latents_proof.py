"""`python tests/latents_proof.py FOLDER [--patients 60] [--epochs 60]`: what latents of mask and T2 know of the truth.

Draws phantoms, fits an encoder on the training patients, then predicts each disc's true height, wedge, depth, bulge and
degeneration from its latents by a ridge on latents and their squares and products, fitted on the same patients. Prints R squared on
held-out patients with the 95 % interval of a bootstrap over them, beside the same from the level alone and from components of the same
number. `--n4` takes the coil's shading out first.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from sklearn.linear_model import RidgeCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, PolynomialFeatures, StandardScaler

from spinefx.engine import Engine
from spinefx.phantom.cohort import truth_of
from spinefx.phantom.draw import draw_patient
from spinefx.plan import Plan

WANTED = {"height_mm": 0.9, "wedge_deg": 0.8, "depth_mm": 0.9, "bulge_mm": 0.6, "degeneration": 0.9}


def latents(folder: Path, use: dict[str, object], *, patients: int, channels: list[str], n4: bool):
    """The latents of a run on phantoms, as a frame with the split."""
    tables = {
        "run": {"out": str(folder / str(use["use"])), "executor": "serial"},
        "data": {"use": "phantom", "patients": patients},
        "preprocess": [*([{"use": "n4"}] if n4 else []), {"use": "normalise"}],
        "sample": {"shape": [32, 48, 64], "channels": channels},
        "augment": [{"use": "flip"}],
        "encode": use,
        "geometry": [],
        "evaluate": [],
    }
    return Engine(Plan.of(tables, folder)).run().latents()


def truth(frame, seed: int = 0):
    """Columns of true values for the rows of `frame`."""
    found = {}
    for number in sorted({int(p) for p in frame["patient"]}):
        patient = draw_patient(seed, number)
        features = truth_of(patient, "")
        for row, *values in zip(features.rows, *features.columns.values(), strict=True):
            if row.structure == "disc":
                known = {name.removeprefix("disc."): v for name, v in zip(features.columns, values, strict=True)}
                found[(str(number), row.level)] = known
        for disc in (d for d in patient.spine.discs if d.value):
            found[(str(number), disc.level)]["degeneration"] = disc.degeneration
    keys = list(zip(frame["patient"], frame["level"], strict=True))
    return {name: np.array([found[key][name] for key in keys]) for name in WANTED}


def r_squared(inputs: np.ndarray, values: np.ndarray, test: np.ndarray, owners: np.ndarray, *, bent: bool):
    """On the held-out rows, of a ridge whose strength is chosen on the training rows; and its bounds over patients."""
    steps = [StandardScaler(), PolynomialFeatures(2 if bent else 1, include_bias=False), StandardScaler()]
    model = make_pipeline(*steps, RidgeCV(np.logspace(-2, 4, 25))).fit(inputs[~test], values[~test])
    wrong, true = (values[test] - model.predict(inputs[test])) ** 2, values[test]
    mine = [np.flatnonzero(owners[test] == owner) for owner in np.unique(owners[test])]
    rng, drawn = np.random.default_rng(0), []
    for _ in range(2000):
        rows = np.concatenate([mine[i] for i in rng.integers(len(mine), size=len(mine))])
        drawn.append(1 - wrong[rows].mean() / true[rows].var())
    return float(1 - wrong.mean() / true.var()), *np.quantile(drawn, [0.025, 0.975])


def main() -> None:
    """Runs and prints."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--patients", type=int, default=60)
    parser.add_argument("--epochs", type=int, default=60)
    parser.add_argument("--latents", type=int, default=8)
    parser.add_argument("--intensity-weight", type=float, default=0.5)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--n4", action="store_true")
    chosen = parser.parse_args()
    chosen.folder.mkdir(parents=True, exist_ok=True)
    common = {"patients": chosen.patients, "channels": ["mask", "t2"], "n4": chosen.n4}
    ours = latents(
        chosen.folder,
        {
            "use": "conv-ae",
            "latent_dim": chosen.latents,
            "epochs": chosen.epochs,
            "patience": 1000,
            "intensity_weight": chosen.intensity_weight,
            "threads": chosen.threads,
        },
        **common,
    )
    theirs = latents(chosen.folder, {"use": "pca", "latent_dim": chosen.latents}, **common)
    known = truth(ours)
    test = (ours["split"] == "test").to_numpy()
    names = [name for name in ours.columns if name.startswith("z")]
    level = OneHotEncoder(sparse_output=False).fit_transform(ours[["level"]])
    print(f"{(~test).sum()} discs to fit on, {test.sum()} held out")
    print(f"{'':<14}{'asked':>8}{'latents':>9}{'low':>8}{'high':>8}{'PCA':>8}{'level':>8}")
    owners = ours["patient"].to_numpy()
    for name, asked in WANTED.items():
        found, low, high = r_squared(ours[names].to_numpy(), known[name], test, owners, bent=True)
        pca = r_squared(theirs[names].to_numpy(), known[name], test, owners, bent=True)[0]
        alone = r_squared(level, known[name], test, owners, bent=False)[0]
        print(f"{name:<14}{asked:>8.2f}{found:>9.3f}{low:>8.3f}{high:>8.3f}{pca:>8.3f}{alone:>8.3f}")


if __name__ == "__main__":
    main()
