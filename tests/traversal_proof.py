"""Does the traversal say which latent moves which measure? Phantom discs of four free parameters, truth beside it.

    python tests/traversal_proof.py [EPOCHS]        # conv-ae of four latents, then PCA of four and five

Prints the table of docs/judgement.md. Rows are latents, columns measures; cells are changes per standard deviation of the
latent, in standard deviations of the measure: over the samples' true numbers / by moving the latent and measuring.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

sys.path.insert(0, str(Path(__file__).parent / "learn"))

from learn_samples import conv_ae, fitting
from phantom_discs import discs, study_of
from spinefx_autoencoder import PcaOptions
from spinefx_autoencoder.pca import Pca
from spinefx_latent import TraversalOptions
from spinefx_latent.traversal import Traversal

from spinefx.api import Study

MEASURES = ("disc.height_mm", "disc.wedge_deg", "disc.depth_mm", "disc.width_mm", "disc.volume_mm3")
STRONG = 0.5
"""A latent that moves a measure by this share of its standard deviation is one of those that move it."""

Floats = NDArray[np.float64]


def slopes(study: Study, truth: dict[str, Floats]) -> tuple[Floats, Floats]:
    """(d, m) over the samples' true numbers, and by the traversal; both in standard deviations of the measure."""
    walked = Traversal(TraversalOptions(reach_sd=2.0, steps=5)).measure_latents(study)[1]
    table = next(t for t in walked.tables if t.name == "sensitivity")
    at = [c.name for c in table.columns].index
    spread = np.array([truth[name].std() for name in MEASURES])
    found = np.array([[row[at(name)] for name in MEASURES] for row in table.rows], np.float64) / spread
    z = study.latents.z.astype(np.float64)
    z = (z - z.mean(axis=0)) / z.std(axis=0)
    known = np.stack([truth[name] - truth[name].mean() for name in MEASURES], axis=1)
    return z.T @ known / len(z) / spread, found


def verdicts(true: Floats, found: Floats) -> list[str]:
    """Per measure: whether sign and rank are the truth's, or that no latent holds it."""
    out = []
    for t, f in zip(true.T, found.T, strict=True):
        strong = np.abs(t) > STRONG
        signs = bool((np.sign(t[strong]) == np.sign(f[strong])).all())
        apart = bool(np.abs(f[strong]).min(initial=np.inf) > np.abs(f[~strong]).max(initial=0.0))
        out.append(("yes" if signs and apart else "NO") if strong.any() else "not held by any latent")
    return out


def told(title: str, study: Study, truth: dict[str, Floats]) -> None:
    true, found = slopes(study, truth)
    print(f"\n| {title} | {' | '.join(name.split('.')[1] for name in MEASURES)} |\n|---|{'---|' * len(MEASURES)}")
    for i, name in enumerate(study.latents.names):
        print(
            f"| {name} | " + " | ".join(f"{a:+.2f} / {b:+.2f}" for a, b in zip(true[i], found[i], strict=True)) + " |"
        )
    print("| sign and rank | " + " | ".join(verdicts(true, found)) + " |", flush=True)


def main(epochs: int) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        samples, truth = discs(24, seed=0, spacing=2.0)
        encoder = conv_ae(latent_dim=4, epochs=epochs, channels=(8, 16, 32), width=64, templates=4)
        encoder.fit(fitting(samples, samples, folder / "conv-ae"))
        told("conv-ae, 4 latents", study_of(samples, truth, encoder, folder), truth)
        samples, truth = discs(24, seed=0, spacing=1.5)
        for size in (4, 5):
            pca = Pca(PcaOptions(latent_dim=size))
            pca.fit(fitting(samples, samples, folder / f"pca-{size}"))
            told(f"PCA, {size} components", study_of(samples, truth, pca, folder), truth)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 120)
