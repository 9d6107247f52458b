"""The model card of a fitted segmenter."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def card(name: str, version: int, facts: Mapping[str, Any]) -> str:
    """Markdown: what the model is, on whom it was fitted, how well, and where it must not be used."""
    fitted, view = facts["fitted"], facts["view"]
    losses = "\n".join(
        f"- {key}: {value:.4g}" for key, value in sorted(fitted.get("losses", {}).items()) if key != "epoch"
    )
    options = "\n".join(f"- {key}: {value}" for key, value in facts["options"].items())
    spacing = " x ".join(f"{s:g}" for s in view["spacing"])
    return f"""# {name} (version {version})

Segments {", ".join(facts["kinds"])} at {spacing} mm (left-right, head-foot, front-back); structures are told apart by their
bodies and named upwards from the lowest in view, which is taken for L5 (or its disc) unless told otherwise.

## Fitted on

{fitted.get("scans")} scans of {fitted.get("patients")} patients, {fitted.get("validation_patients")} other patients for early
stopping; seed {fitted.get("seed")}, torch {fitted.get("torch")}, {fitted.get("device")}. {fitted.get("epochs")} epochs, the best of
them {fitted.get("best_epoch")}; {fitted.get("parameters")} parameters.

## Losses of the best epoch

{losses}

## Options

{options}

## Limits

- Other modalities, contrasts, scanners and diseases than those it was fitted on are untested.
- Levels are counted, not recognised: a scan that does not show the lowest vertebra is named wrongly without an override.
- Expected Dice is what the network promises of itself; a network can be wrong and sure.
"""
