"""The model card of a fitted autoencoder."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from spinefx_autoencoder.cohort import Kind
from spinefx_autoencoder.options import ConvOptions


def conv_card(name: str, version: int, options: ConvOptions, kind: Kind, facts: Mapping[str, Any]) -> str:
    """Markdown: what the model is, on whom it was fitted, how well, and where it must not be used."""
    fitted = facts.get("fitted", {})
    losses = fitted.get("losses", {})
    shape, spacing = " x ".join(map(str, kind.shape)), " x ".join(f"{s:g}" for s in kind.spacing)
    seen = f"{kind.channels.count} channel(s), {len(kind.channels.intensities)} of them intensities"
    figures = "\n".join(f"- {name}: {value:.6g}" for name, value in sorted(losses.items()) if name != "epoch")
    chosen = "\n".join(f"- {name}: {value}" for name, value in options.model_dump(mode="json").items())
    broken = "".join(f"\nTraining broke down and went back: {told}." for told in fitted.get("broken", ()))
    latents = (
        "Latents have mean 0 and variance 1 over the training samples, are uncorrelated there, and stand in the order of how much\n"
        "they change the decoded mask."
    )
    if fitted.get("samples", 0) <= options.latent_dim:
        latents = (
            "Latents have mean 0 over the training samples. Those are too few to tell variances and correlations of so many latents,\n"
            "so latents are as the network gives them: in no order, and not white."
        )
    return f"""# {name} (version {version})

An autoencoder with {options.latent_dim} latents for samples of {shape} voxels (z, y, x) of {spacing} mm, {seen}.
{latents}

## Fitted on

{fitted.get("samples")} samples of {fitted.get("patients")} patients; {fitted.get("validation_patients")} other patients for
early stopping; seed {fitted.get("seed")}, torch {fitted.get("torch")}, {fitted.get("device")}. Test patients were not seen.
{fitted.get("epochs")} epochs, the best of them {fitted.get("best_epoch")}; {fitted.get("parameters")} parameters.{broken}

## Losses of the best epoch

{figures}

## Options

{chosen}

## Limits

- Samples of another grid, spacing or channels are refused; other scanners, species or diseases are not, and are untested.
- Validation figures chose the epoch, so they flatter; held-out figures are in the report of the run.
- Latents describe shape (and what channels show); they are no diagnosis.
"""
