"""`reconstruction`: an encoder that memorised its patients is told apart from one that generalises."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from spinefx_stats import ReconstructionOptions
from spinefx_stats.ceiling import once_more, spacing_along
from spinefx_stats.rebuilt import CEILING
from spinefx_stats.reconstruction import Reconstruction, losses
from stats_simulated import GRID, Known, cell, ellipsoid, rows_of, split_of, study_of, table

from spinefx import kernels
from spinefx.api import Case, DataError, Grid, Latents, Split


def radii_of(rows, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return np.array([3.0, 9.0, 10.0]) + rng.uniform(-1, 1, size=(len(rows), 3))


@pytest.fixture(scope="module")
def study():
    rows = rows_of(24)
    radii = radii_of(rows)
    return study_of(radii, rows, radii=radii, blur=0.4, history=({"train": 2.0}, {"train": 1.0, "validation": 1.5}))


def test_overlap_equals_that_of_the_masks_themselves(study) -> None:
    found = Reconstruction(ReconstructionOptions(resamples=200)).evaluate(study)
    overall = table(found, "reconstruction")
    tested = [i for i, row in enumerate(study.latents.rows) if study.split.part[row.patient] == "test"]
    expected = []
    for i in tested:
        truth = study.samples[i].mask > 0.5
        guess = ellipsoid(study.latents.z[i].astype(float) + 0.4) > 0.5
        expected.append((truth & guess).sum() / (truth | guess).sum())
    where = {"method": "encoder", "part": "held out"}
    assert cell(overall, where, "iou") == pytest.approx(np.mean(expected))
    assert cell(overall, where, "n") == len(tested)
    assert cell(overall, where, "iou_low") < np.mean(expected) < cell(overall, where, "iou_high")
    assert 0 < cell(overall, where, "assd_mm") < 1


def test_an_encoder_that_memorised_its_patients_is_told_by_the_held_out_row() -> None:
    class Memory(Known):
        """Draws an exact copy for who it saw, the average disc for everybody else (a negative fourth latent)."""

        def decode(self, z: np.ndarray) -> np.ndarray:
            return np.stack([ellipsoid(r[:3] if r[3] > 0 else np.array([3.0, 9.0, 10.0])) for r in z.astype(float)])

    rows = rows_of(24)
    radii, split = radii_of(rows), split_of(24)
    seen = np.where(split.mask(rows, "train", "validation"), 1.0, -1.0)
    study = study_of(np.column_stack([radii, seen]), rows, radii=radii, split=split)
    object.__setattr__(study, "encoder", Memory())
    found = Reconstruction(ReconstructionOptions(resamples=200)).evaluate(study)
    overall = table(found, "reconstruction")
    assert cell(overall, {"method": "encoder", "part": "training"}, "iou") > 0.99
    held_out = cell(overall, {"method": "encoder", "part": "held out"}, "iou")
    assert held_out < 0.9
    assert held_out < cell(overall, {"method": "PCA-4", "part": "held out"}, "iou")
    assert any("worse" in sentence for sentence in found.sentences)


def test_pictures_show_the_worst_held_out_sample_first_and_losses_their_epochs(study) -> None:
    found = Reconstruction(ReconstructionOptions(resamples=100, pictures=5)).evaluate(study)
    pictures = next(f for f in found.figures if f.kind == "pictures")
    assert len(pictures.panels) == 5
    assert "worst" in pictures.panels[0].caption
    assert all(p.pixels.dtype == np.uint8 and p.pixels.ndim == 3 for p in pictures.panels)
    drawn = next(f for f in found.figures if f.name == "losses")
    assert {s.name: s.x for s in drawn.series} == {"train": (1.0, 2.0), "validation": (2.0,)}


def test_an_overlap_among_the_losses_is_named_at_the_axis(study) -> None:
    assert losses(study).y_label == "Loss"
    scored = replace(study, history=tuple(epoch | {"validation_iou": 0.7} for epoch in study.history))
    assert losses(scored).y_label == "Loss or IoU"


def test_levels_and_parts_add_up_to_all_samples(study) -> None:
    found = Reconstruction(ReconstructionOptions(resamples=100, surface=False)).evaluate(study)
    by_level = table(found, "reconstruction-by-level")
    names = [c.name for c in by_level.columns]
    encoder = [row for row in by_level.rows if row[1] == "encoder"]
    assert sum(row[names.index(f"n_{p}")] for row in encoder for p in ("train", "validation", "test")) == len(
        study.samples
    )


def test_without_test_patients_it_says_that_nothing_is_held_out() -> None:
    rows = rows_of(8)
    study = study_of(radii_of(rows), rows, radii=radii_of(rows), split=split_of(8, test=0))
    found = Reconstruction(ReconstructionOptions(resamples=100)).evaluate(study)
    assert any("held out" in warning for warning in found.warnings)
    assert not any(f.kind == "pictures" for f in found.figures)


class Scans:
    """One scan a case, all of one thick-sliced grid; no pixel is needed but the mask's grid."""

    def __init__(self, rows, spacing, direction=None) -> None:
        grid = Grid((4, 4, 4), spacing, direction=np.eye(3) if direction is None else direction)
        self.cases = tuple(Case(case, case.partition("_")[0]) for case in dict.fromkeys(r.case for r in rows))
        self.scan = type("Seen", (), {"mask": type("Mask", (), {"grid": grid})})

    def __len__(self) -> int:
        return len(self.cases)

    def __getitem__(self, index: int):
        return self.scan


def _with_scans(study, spacing, direction=None):
    return replace(study, scans=Scans(study.latents.rows, spacing, direction))


def test_beside_encoder_and_pca_stands_what_one_more_scan_leaves_of_a_disc(study) -> None:
    seen = {}
    for thick in (1.0, 4.4):
        found = Reconstruction(ReconstructionOptions(resamples=100)).evaluate(_with_scans(study, (0.5, 0.5, thick)))
        overall = table(found, "reconstruction")
        assert [row[0] for row in overall.rows if row[1] == "training"] == ["encoder", "PCA-3"], (
            "on held-out samples only"
        )
        where = {"method": CEILING, "part": "held out"}
        seen[thick] = cell(overall, where, "iou")
        assert cell(overall, where, "iou_low") < seen[thick] < cell(overall, where, "iou_high")
        by_level = table(found, "reconstruction-by-level")
        assert cell(by_level, {"level": "L4-L5", "method": CEILING}, "n_train") == 0, (
            "what was not measured is not counted"
        )
        assert cell(by_level, {"level": "L4-L5", "method": CEILING}, "iou_test") == pytest.approx(seen[thick], abs=0.03)
        assert any(f"IoU of {seen[thick]:.3f}" in sentence for sentence in found.sentences)
    assert seen[1.0] > 0.9 > seen[4.4] > 0.6
    row = next(i for i, r in enumerate(study.latents.rows) if study.split.part[r.patient] == "test")
    mask, shares = study.samples[row].mask, (np.arange(4) + 0.5) / 4
    drawn = [kernels.redigitised(mask, GRID, (0.5, 0.5, 4.4), shift=(0.5, 0.5, s)) > 0.5 for s in shares]
    expected = np.mean([((mask > 0.5) & d).sum() / ((mask > 0.5) | d).sum() for d in drawn])
    found = once_more(_with_scans(study, (0.5, 0.5, 4.4)), [row], surface=False)
    assert found[row].iou == pytest.approx(expected)


def _all_trained(patients: int = 24, **more):
    """A study that holds nobody out, with an encoder that rebuilds whom it was fitted on, and the average for others."""
    rows = rows_of(patients)
    radii, dealt = radii_of(rows), split_of(patients)
    split = Split(dict.fromkeys(dealt.part, "train"), dealt.fold)
    asked = []

    class Memory(Known):
        def __init__(self, seen) -> None:
            self.seen = seen

        def encode(self, samples) -> Latents:
            known = [row.patient in self.seen for row in samples.rows]
            return Latents(samples.rows, np.where(np.array(known)[:, None], radii, [3.0, 9.0, 10.0]).astype(np.float32))

        def decode(self, z: np.ndarray) -> np.ndarray:
            return np.stack([ellipsoid(row) for row in z.astype(float)])

    def fitted(seen) -> Memory:
        asked.append(frozenset(seen))
        return Memory(seen)

    study = study_of(radii, rows, radii=radii, split=split, history=({"a": 1.0},) * 3, fitted=fitted)
    object.__setattr__(study, "encoder", Memory(frozenset(split.part)))
    return replace(study, **more), asked


def test_a_second_fit_without_some_patients_tells_what_of_the_first_is_memory() -> None:
    study, asked = _all_trained()
    found = Reconstruction(ReconstructionOptions(resamples=100, without=("3", "7", "20", "3"))).evaluate(study)
    assert asked == [study.split.patients() - {"3", "7", "20"}]
    assert [t.name for t in found.tables] == [
        "reconstruction", "reconstruction-by-level", "reconstruction-without", "reconstruction-by-level-without",
    ]  # fmt: skip
    first, _, second, levels = found.tables
    assert second.title.endswith("fitted without 3 patients"), "one is named twice"
    assert cell(first, {"method": "encoder", "part": "training"}, "iou") > 0.99
    assert cell(first, {"method": "encoder", "part": "training"}, "patients") == 24
    assert cell(second, {"method": "encoder", "part": "training"}, "patients") == 21
    assert cell(second, {"method": "encoder", "part": "held out"}, "patients") == 3
    unseen = cell(second, {"method": "encoder", "part": "held out"}, "iou")
    alone = [
        (truth & guess).sum() / (truth | guess).sum()
        for s in study.samples
        if s.patient in {"3", "7", "20"}
        for truth, guess in [(s.mask > 0.5, ellipsoid(np.array([3.0, 9.0, 10.0])) > 0.5)]
    ]
    assert unseen == pytest.approx(np.mean(alone))
    assert cell(levels, {"level": "L4-L5", "method": "encoder"}, "gap") > 0.05
    assert f"1.000 on its own training samples, {unseen:.3f} on patients left out" in found.sentences[0]
    assert len({f.name for f in found.figures}) == len(found.figures)
    assert not any("no reconstruction here is held out" in warning for warning in found.warnings)


def test_a_second_fit_that_cannot_be_is_refused_with_the_reason_and_before_the_first(study) -> None:
    def refused(split, *patients) -> str:
        with pytest.raises(DataError) as error:
            Reconstruction(ReconstructionOptions(without=patients)).foresee(split, study.labels)
        return str(error.value)

    everybody = _all_trained()[0].split
    assert "holds patients out already" in refused(study.split, "3")
    assert "Nobody, X not in the cohort" in refused(everybody, "3", "X", "Nobody")
    assert "nobody is left to train on" in refused(everybody, *map(str, range(24)))
    Reconstruction(ReconstructionOptions(without=("3", "7"))).foresee(everybody, study.labels)
    watched = Split({**everybody.part, "3": "validation", "7": "validation"}, everybody.fold)
    assert "no validation patient is left" in refused(watched, "3", "7")
    Reconstruction(ReconstructionOptions(without=("3", "8"))).foresee(watched, study.labels)
    Reconstruction(ReconstructionOptions()).foresee(study.split, study.labels)
    with pytest.raises(DataError, match="cannot fit another encoder"):
        Reconstruction(ReconstructionOptions(without=("3",))).evaluate(_all_trained(fitted=None)[0])


def test_who_is_lost_cannot_be_left_out_and_is_named() -> None:
    study, asked = _all_trained()
    found = Reconstruction(ReconstructionOptions(resamples=100, without=("3", "lost"))).evaluate(study)
    assert asked == [study.split.patients() - {"3"}]
    assert any("no sample is of lost" in warning for warning in found.warnings)
    assert "without 1 patients" not in found.tables[2].title
    with pytest.raises(DataError, match="no sample is of lost, gone"):
        Reconstruction(ReconstructionOptions(without=("lost", "gone"))).evaluate(study)


def test_a_scan_s_spacing_is_turned_to_the_sample_s_axes() -> None:
    sagittal = Grid((4, 4, 4), (4.4, 0.6, 0.5), direction=np.array([[0, 0, 1], [1, 0, 0], [0, -1, 0.0]]))
    assert spacing_along(Grid((4, 4, 4)), sagittal) == (0.6, 0.5, 4.4)
    lean = np.radians(20)
    tilted = np.array([[1, 0, 0], [0, np.cos(lean), -np.sin(lean)], [0, np.sin(lean), np.cos(lean)]])
    assert spacing_along(Grid((4, 4, 4), direction=tilted), sagittal) == (0.6, 0.5, 4.4)


def test_the_gap_at_each_level_is_training_less_held_out(study) -> None:
    found = Reconstruction(ReconstructionOptions(resamples=100, surface=False)).evaluate(study)
    by_level = table(found, "reconstruction-by-level")
    where = {"level": "L1-L2", "method": "encoder"}
    known = [cell(by_level, where, name) for name in ("iou_train", "iou_test", "gap")]
    assert known[2] == pytest.approx(known[0] - known[1])
    bars = next(f for f in found.figures if f.name == "reconstruction-levels")
    assert {s.name for s in bars.series} >= {"encoder, training", "encoder, held out"}
    assert all(s.x == tuple(dict.fromkeys(str(r[0]) for r in by_level.rows)) for s in bars.series)
