"""Evaluators: how well masks are rebuilt, what goes with what, and what can be predicted, each beside its baseline.

Everything is judged by patient: intervals come from resampling patients, tests from leaving out patients, folds and
parts hold whole patients.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, Field

from spinefx.api import Evaluator, Plugin, hookimpl


class ReconstructionOptions(BaseModel, frozen=True, extra="forbid"):
    """How the encoder's masks are held against the originals."""

    pca: bool = Field(True, description="put a PCA of the same size, fitted on the training patients, beside it")
    surface: bool = Field(True, description="measure surface distances (ASSD, HD95) in mm too")
    ceiling: bool = Field(
        True,
        description="put beside it how alike held-out structures are with themselves after one more scan in their own voxels",
    )
    without: tuple[str, ...] = Field(
        (),
        description="where the split holds nobody out: patients without whom the same recipe is fitted once more (costs a training) "
        "and on whom it is judged, beside the first fit",
    )
    pictures: int = Field(8, ge=0, le=40, description="held-out samples shown, the worst among them")
    resamples: int = Field(1000, ge=100, le=10_000, description="bootstrap resamples of patients")


class CorrelateOptions(BaseModel, frozen=True, extra="forbid"):
    """What is correlated, and how it is tested."""

    features: tuple[str, ...] = Field(
        (),
        description='geometry columns, with wildcards ("disc.*"); none means all but quality figures and those computed from latents',
    )
    facts: tuple[str, ...] = Field(("age", "sex", "bmi"), description="facts of the loader that serve as covariates")
    fdr: float = Field(0.05, gt=0, lt=1, description="false-discovery rate that marks a finding")
    pca: bool = Field(True, description="say what a PCA of the same size explains, beside the latents")
    scatters: int = Field(4, ge=0, le=20, description="strongest pairs drawn as clouds")
    resamples: int = Field(1000, ge=100, le=10_000, description="bootstrap resamples of patients")


class PredictOptions(BaseModel, frozen=True, extra="forbid"):
    """What predicts the targets, and how that is judged."""

    features: tuple[str, ...] = Field(
        (),
        description='geometry columns, with wildcards ("disc.*"); none means all but quality figures and those computed from latents',
    )
    facts: tuple[str, ...] = Field(("age", "sex", "bmi"), description="facts of the loader that serve as covariates")
    refit_encoder: bool = Field(
        False, description="train a fresh encoder in every fold, so that latents can be judged there (slow)"
    )
    protocol: Literal["by-patient", "as-published"] = Field(
        "by-patient",
        description="as-published adds, marked as leaking, folds that share patients and latents that saw everybody",
    )
    pca: bool = Field(True, description="put scores of a PCA of the same size beside the latents")
    thresholds: tuple[Annotated[float, Field(gt=0, lt=1)], ...] = Field(
        (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8),
        description="probabilities from which one would act, for the decision curve of binary targets; () draws none",
    )
    minimum_class: int = Field(5, ge=2, description="fewest rows of a class, in fitting and in scoring, for a number")
    resamples: int = Field(1000, ge=100, le=10_000, description="bootstrap resamples of patients")


class DimensionOptions(BaseModel, frozen=True, extra="forbid"):
    """Which latent sizes are tried. Each size and seed costs a training."""

    sizes: tuple[Annotated[int, Field(ge=1, le=512)], ...] = Field(
        (1, 2, 4, 8, 16), min_length=1, description="numbers of latents"
    )
    seeds: int = Field(2, ge=1, le=20, description="encoders trained for each size, from seeds of their own")
    pca: bool = Field(True, description="put PCAs of the same sizes, fitted on the training patients, beside them")
    resamples: int = Field(1000, ge=100, le=10_000, description="bootstrap resamples of patients")


class MixedModelOptions(BaseModel, frozen=True, extra="forbid"):
    """Which outcomes are explained by which features, patients random."""

    outcomes: tuple[str, ...] = Field(
        (), description='target labels and feature columns, with wildcards ("uptake.suv_mean"); none means all targets'
    )
    features: tuple[str, ...] = Field(
        (),
        description='geometry columns, with wildcards ("disc.*"); none means all but quality figures and those computed from latents',
    )
    latents: bool = Field(True, description="take every latent as a feature, too")
    facts: tuple[str, ...] = Field(("age", "sex", "bmi"), description="facts of the loader that serve as covariates")
    binary: Literal["gee", "bayes"] = Field(
        "gee",
        description="for 0/1 outcomes: gee (population-averaged, corrected for few patients) or bayes (within patients)",
    )
    fdr: float = Field(0.05, gt=0, lt=1, description="false-discovery rate that marks a finding")


class AgreementOptions(BaseModel, frozen=True, extra="forbid"):
    """Which label columns two raters gave for the same thing, and how masks are perturbed."""

    pairs: tuple[tuple[str, str], ...] = Field(
        (), description='label columns of two raters, as [["Grade A", "Grade B"]]'
    )
    perturbations: int = Field(
        0, ge=0, le=20, description="times that each mask is drawn anew by another hand, and measured; 0: not at all"
    )
    perturb_mm: float = Field(0.5, gt=0, le=5, description="how far an outline strays, standard deviation in mm")
    perturb_smooth_mm: float = Field(4.0, gt=0, le=50, description="over how many mm it strays the same way")
    samples: int = Field(100, ge=10, le=10_000, description="samples that are perturbed at most, evenly spaced")
    resamples: int = Field(1000, ge=100, le=10_000, description="bootstrap resamples of patients")


def _reconstruction(options: ReconstructionOptions) -> Evaluator:
    from spinefx_stats.reconstruction import Reconstruction

    return Reconstruction(options)


def _correlate(options: CorrelateOptions) -> Evaluator:
    from spinefx_stats.correlate import Correlate

    return Correlate(options)


def _predict(options: PredictOptions) -> Evaluator:
    from spinefx_stats.predict import Predict

    return Predict(options)


def _dimension(options: DimensionOptions) -> Evaluator:
    from spinefx_stats.dimension import Dimension

    return Dimension(options)


def _mixed_model(options: MixedModelOptions) -> Evaluator:
    from spinefx_stats.mixed_model import MixedModel

    return MixedModel(options)


def _agreement(options: AgreementOptions) -> Evaluator:
    from spinefx_stats.agreement import Agreement

    return Agreement(options)


@hookimpl
def spinefx_evaluators() -> list[Plugin]:
    """The evaluators of this pack."""
    return [
        Plugin(
            name="reconstruction",
            api=1,
            version=4,
            summary="Rebuilt masks against originals, training beside held-out, PCA of the same size and the ceiling beside the encoder.",
            options=ReconstructionOptions,
            build=_reconstruction,
        ),
        Plugin(
            name="correlate",
            api=1,
            version=2,
            summary="Latents, geometry and labels against each other, with false-discovery control by patient.",
            options=CorrelateOptions,
            build=_correlate,
        ),
        Plugin(
            name="predict",
            api=1,
            version=3,
            summary="What predicts the labels in patients never seen, beside level-only and majority baselines.",
            options=PredictOptions,
            build=_predict,
        ),
        Plugin(
            name="dimension",
            api=1,
            version=2,
            summary="Held-out reconstruction against latent size, over seeds, PCAs of the same sizes beside it.",
            options=DimensionOptions,
            build=_dimension,
        ),
        Plugin(
            name="mixed-model",
            api=1,
            version=2,
            summary="Labels or uptake against each feature, given level and covariates, patients random.",
            options=MixedModelOptions,
            build=_mixed_model,
            references=(
                "Laird NM, Ware JH. Random-effects models for longitudinal data. Biometrics 38:963 (1982).",
                "Liang KY, Zeger SL. Longitudinal data analysis using generalized linear models. Biometrika 73:13 (1986).",
                "Mancl LA, DeRouen TA. A covariance estimator for GEE with improved small-sample properties. Biometrics "
                "57:126 (2001).",
                "Seabold S, Perktold J. statsmodels: econometric and statistical modeling with Python. SciPy (2010).",
            ),
        ),
        Plugin(
            name="agreement",
            api=1,
            version=2,
            summary="How far two raters agree (kappa, ICC), and features of masks drawn by another hand; it bounds every correlation.",
            options=AgreementOptions,
            build=_agreement,
            references=(
                "Cohen J. Weighted kappa: nominal scale agreement with provision for scaled disagreement or partial credit. "
                "Psychol Bull 70:213 (1968).",
                "Shrout PE, Fleiss JL. Intraclass correlations: uses in assessing rater reliability. Psychol Bull 86:420 "
                "(1979).",
                "Zwanenburg A, Leger S, Agolli L, et al. Assessing robustness of radiomic features by image perturbation. "
                "Sci Rep 9:614 (2019).",
            ),
        ),
    ]
