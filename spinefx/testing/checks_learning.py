"""Checks of what a fit is made of: augmenters and encoders."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import ValidationError

from spinefx.contract.samples import SampleList
from spinefx.contract.segmenter import TrainableSegmenter
from spinefx.testing.bench import phantom_samples, phantom_scan
from spinefx.testing.exercise import draws, encoder_fitting
from spinefx.testing.lab import ConformanceError, Lab, NotApplicableError, named, told
from spinefx.testing.likeness import difference, digests

KEPT = 1e-6
"""How far latents may move when an encoder is saved and loaded, relative to their spread."""
ALONE = 1e-4
"""How far a sample's latents may hang on the samples beside it, relative to their spread."""
MAGIC = {
    b"\x80\x02": "pickle",
    b"\x80\x03": "pickle",
    b"\x80\x04": "pickle",
    b"\x80\x05": "pickle",
    b"PK\x03\x04": "torch.save",
}
"""How files begin that run code when they are read."""


def its_changes_fit_the_sample(lab: Lab) -> None:
    """Matrices are (4, 4), displacements (3, z, y, x) in mm, intensities keep shape, type and finite numbers."""
    for sample in phantom_samples()[:2]:
        for drawn in draws(lab.stage, sample):
            wanted = {"matrix": (4, 4), "displacement": (3, *sample.grid.shape), "outline": (3, *sample.grid.shape)}
            for name, shape in wanted.items():
                value = drawn[name]
                if value is not None and (np.shape(value) != shape or not np.isfinite(value).all()):
                    raise ConformanceError(f"{lab.what}: `{name}` has shape {np.shape(value)}; wanted {shape}, finite")
            image = drawn["image"]
            if image is not None and (
                image.shape != sample.image.shape or image.dtype != np.float32 or not np.isfinite(image).all()
            ):
                raise ConformanceError(
                    f"{lab.what}: `intensity` makes {image.dtype} {image.shape} of float32 {sample.image.shape}; keep shape and "
                    "type, and every number finite"
                )


def strength_zero_changes_nothing(lab: Lab) -> None:
    """With strength 0, or probability 0, every draw is the identity."""
    tried = 0
    for how, options in _off(lab):
        stage = lab.subject.plugin.build(options)
        tried += 1
        for sample in phantom_samples()[:2]:
            for drawn in draws(stage, sample):
                if what := _changed(drawn, sample.image):
                    raise ConformanceError(
                        f"{lab.what} still changes the {what} with {how}; strength 0 must draw the identity"
                    )
    if not tried:
        raise ConformanceError(
            f"{lab.what} has no option that turns it off; give it a `strength` or a `probability` that may be 0"
        )


def it_does_change_something(lab: Lab) -> None:
    """With its own options at least one draw of many changes a sample."""
    sample, rng = phantom_samples()[0], np.random.default_rng(3)
    for _ in range(30):
        change = lab.stage.draw(sample, rng)
        parts = {name: getattr(change, name) for name in ("matrix", "displacement", "outline")}
        if _changed({**parts, "image": change.intensity(sample.image) if change.intensity else None}, sample.image):
            return
    raise ConformanceError(
        f"{lab.what} changed nothing in 30 draws with the options that it was given; is it switched off by default?"
    )


def its_latents_are_of_the_samples(lab: Lab) -> None:
    """One finite row a sample, in order; masks decoded on the samples' grid, between 0 and 1."""
    result, samples = lab.first.result, phantom_samples()
    latents, decoded = result["latents"], result["decoded"]
    if latents.rows != tuple(sample.row for sample in samples):
        raise ConformanceError(
            f"{lab.what}: encode gives rows in another order than the samples; Latents(samples.rows, z)"
        )
    if not np.isfinite(latents.z).all():
        raise ConformanceError(f"{lab.what}: encode gives latents that are NaN or infinite")
    if decoded.shape != (2, *samples[0].grid.shape) or decoded.dtype != np.float32:
        raise ConformanceError(
            f"{lab.what}: decode gives {decoded.dtype} {decoded.shape} for two latents; wanted float32 {(2, *samples[0].grid.shape)}"
        )
    if not (np.isfinite(decoded).all() and decoded.min() >= 0 and decoded.max() <= 1):
        raise ConformanceError(
            f"{lab.what}: decode gives values from {decoded.min():.3g} to {decoded.max():.3g}; probabilities lie in 0..1"
        )


def a_sample_is_encoded_for_itself(lab: Lab) -> None:
    """A sample's latents are the same whatever samples are encoded beside it."""
    encoder, _ = _fitted(lab)
    samples = phantom_samples()
    whole = encoder.encode(SampleList(samples)).z
    alone = np.concatenate([encoder.encode(SampleList((sample,))).z for sample in samples[:3]])
    spread = float(whole.std()) or 1.0
    off = float(np.abs(whole[:3] - alone).max()) / spread
    if off > ALONE:
        raise ConformanceError(
            f"{lab.what}: a sample's latents change by {off:.2g} of their spread with the samples encoded beside it; is the "
            "network in evaluation mode (batch statistics), is anything fitted in encode?"
        )


def it_saves_and_loads(lab: Lab) -> None:
    """A fresh object that loads what was saved gives the same latents; nothing saved can run code."""
    encoder, folder = _fitted(lab)
    wanted = {"weights.safetensors", "model.json", "card.md"}
    there = {path.name for path in folder.iterdir()}
    if missing := wanted - there:
        raise ConformanceError(
            f"{lab.what}: save writes no {', '.join(sorted(missing))}; a model is {', '.join(sorted(wanted))}"
        )
    for path in folder.rglob("*"):
        if path.is_file() and (kind := MAGIC.get(path.read_bytes()[:2]) or MAGIC.get(path.read_bytes()[:4])):
            raise ConformanceError(
                f"{lab.what}: save writes {path.name} with {kind}, which can run code when it is read; use safetensors"
            )
    again = lab.subject.build()
    again.load(folder)
    samples = SampleList(phantom_samples())
    before, after = encoder.encode(samples).z, again.encode(samples).z
    off = float(np.abs(before - after).max()) / (float(before.std()) or 1.0) if before.shape == after.shape else np.inf
    if not off <= KEPT:
        raise ConformanceError(
            f"{lab.what}: latents differ by {off:.2g} of their spread after save and load (wanted {KEPT:g} or less); something "
            "that encode needs is not saved, or with too few digits"
        )
    if at := difference(digests(encoder.decode(before[:2])), digests(again.decode(before[:2]))):
        off = float(np.abs(encoder.decode(before[:2]) - again.decode(before[:2])).max())
        if off > KEPT:
            raise ConformanceError(
                f"{lab.what}: decoded masks differ by {off:.2g} after save and load (at {at or 'the masks'})"
            )


def it_refuses_a_damaged_model(lab: Lab) -> None:
    """An empty folder and a broken model are answered by DataError."""
    folder = lab.workspace()
    for what in ("an empty folder", "a broken model.json"):
        if what != "an empty folder":
            (folder / "model.json").write_text("{")
            (folder / "weights.safetensors").write_bytes(b"no tensors")
        try:
            lab.subject.build().load(folder)
        except Exception as error:
            if not named(error):
                raise ConformanceError(
                    f"{lab.what}: load answers {what} with {told(error)}; raise DataError that says what is missing"
                ) from error
        else:
            raise ConformanceError(
                f"{lab.what}: load takes {what} for a model; raise DataError that says what is missing"
            )


def a_trained_segmenter_saves_and_loads(lab: Lab) -> None:
    """A fresh object that loads what was saved makes the same mask."""
    stage = lab.stage
    if not isinstance(stage, TrainableSegmenter) or stage.fitted:
        raise NotApplicableError("it does not learn")
    folder = lab.workspace()
    stage.save(folder)
    again = lab.subject.build()
    again.load(folder)
    one, other = (s.segment(phantom_scan(1)).require_mask().labels for s in (stage, again))
    if not np.array_equal(one, other):
        raise ConformanceError(
            f"{lab.what} makes another mask after save and load; something that segment needs is not saved"
        )


def _fitted(lab: Lab) -> tuple[Any, Path]:
    """An encoder fitted on the bench, and the folder it was saved to; once for each lab."""
    if not hasattr(lab, "fitted"):
        encoder = lab.subject.build()
        encoder.fit(encoder_fitting(lab.workspace()))
        folder = lab.workspace()
        encoder.save(folder)
        lab.fitted = (encoder, folder)  # type: ignore[attr-defined]
    found: tuple[Any, Path] = lab.fitted  # type: ignore[attr-defined]
    return found


def _off(lab: Lab) -> Iterator[tuple[str, Any]]:
    """Ways to switch an augmenter off, and the options that do."""
    options = lab.subject.built_options()
    model = type(options)

    def accepted(changes: Mapping[str, Any]) -> Any:
        try:
            return model.model_validate({**options.model_dump(), **changes})
        except ValidationError:
            return None

    chance = {"probability": 1.0} if "probability" in model.model_fields else {}
    if chance and (never := accepted({"probability": 0.0})) is not None:
        yield "probability = 0", never
    sizes = {
        name: 0.0
        for name in model.model_fields
        if isinstance(getattr(options, name), float) and name != "probability" and accepted({name: 0.0}) is not None
    }
    if sizes and (nothing := accepted({**chance, **sizes})) is not None:
        yield " and ".join(f"{name} = 0" for name in sizes), nothing


def _changed(drawn: Mapping[str, Any], image: Any) -> str:
    """Which part of a draw is not the identity; "" where all is."""
    matrix = drawn["matrix"]
    if matrix is not None and not np.allclose(matrix, np.eye(4), atol=1e-9):
        return "place (matrix)"
    for name in ("displacement", "outline"):
        if drawn[name] is not None and np.abs(drawn[name]).max() > 1e-6:
            return f"shape ({name})"
    after = drawn["image"]
    if after is not None and np.abs(after - image).max() > 1e-5 * max(1e-6, float(np.ptp(image))):
        return "intensities"
    return ""
