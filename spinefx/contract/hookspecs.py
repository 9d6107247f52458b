"""The hooks. Seven collect offers, four observe a run.

A hook returns a list of `Plugin`; every implementation is called and the registry picks by name. Nothing is
`firstresult`. Observers are called for their effect; what they return is ignored, and one that raises is reported
and does not stop the run.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import pluggy

from spinefx.contract.plugin import Plugin

if TYPE_CHECKING:
    from pathlib import Path

hookspec = pluggy.HookspecMarker("spinefx")
hookimpl = pluggy.HookimplMarker("spinefx")


@hookspec
def spinefx_loaders() -> list[Plugin]:  # type: ignore[empty-body]
    """Offer loaders: find cases and read them (`Loader`).

    @hookimpl
    def spinefx_loaders():
        return [Plugin(name="our-pacs", api=1, version=1, summary="...", options=Options, build=OurPacs)]
    """


@hookspec
def spinefx_segmenters() -> list[Plugin]:  # type: ignore[empty-body]
    """Offer segmenters: give a scan its mask (`Segmenter`).

    @hookimpl
    def spinefx_segmenters():
        return [Plugin(name="our-unet", api=1, version=1, summary="...", options=Options, build=OurUnet)]
    """


@hookspec
def spinefx_preprocessors() -> list[Plugin]:  # type: ignore[empty-body]
    """Offer preprocessors: change a scan before samples are cut (`Preprocessor`).

    @hookimpl
    def spinefx_preprocessors():
        return [Plugin(name="denoise", api=1, version=1, summary="...", options=Options, build=Denoise)]
    """


@hookspec
def spinefx_augmenters() -> list[Plugin]:  # type: ignore[empty-body]
    """Offer augmenters: draw random changes of samples (`Augmenter`).

    @hookimpl
    def spinefx_augmenters():
        return [Plugin(name="ghosting", api=1, version=1, summary="...", options=Options, build=Ghosting)]
    """


@hookspec
def spinefx_encoders() -> list[Plugin]:  # type: ignore[empty-body]
    """Offer encoders: learn latents (`Encoder`).

    @hookimpl
    def spinefx_encoders():
        return [Plugin(name="our-vit", api=1, version=1, summary="...", options=Options, build=OurViT)]
    """


@hookspec
def spinefx_geometry_analysers() -> list[Plugin]:  # type: ignore[empty-body]
    """Offer geometry analysers: measure scans (`ScanAnalyser`) or, with `scope="latents"`, latents (`LatentAnalyser`).

    @hookimpl
    def spinefx_geometry_analysers():
        return [Plugin(name="bone-count", api=1, version=1, summary="...", options=Options, build=BoneCount)]
    """


@hookspec
def spinefx_evaluators() -> list[Plugin]:  # type: ignore[empty-body]
    """Offer evaluators: judge features and latents against labels (`Evaluator`).

    @hookimpl
    def spinefx_evaluators():
        return [Plugin(name="survival", api=1, version=1, summary="...", options=Options, build=Survival)]
    """


@hookspec
def spinefx_run_started(plan: Mapping[str, Any], folder: Path, cases: int) -> None:
    """A run begins: the resolved plan, the run's folder, the number of cases.

    @hookimpl
    def spinefx_run_started(plan, folder, cases):
        mlflow.log_params(plan)
    """


@hookspec
def spinefx_case_done(case: str, outcome: str, seconds: float) -> None:
    """A case ended: `done`, `cached` or `quarantined`.

    @hookimpl
    def spinefx_case_done(case, outcome, seconds):
        bar.update(1)
    """


@hookspec
def spinefx_epoch_done(epoch: int, epochs: int, losses: Mapping[str, float]) -> None:
    """An epoch of the encoder ended (counted from 1), with its losses by name.

    @hookimpl
    def spinefx_epoch_done(epoch, epochs, losses):
        writer.add_scalars("loss", losses, epoch)
    """


@hookspec
def spinefx_run_done(folder: Path, exit_code: int) -> None:
    """The run ended, whatever its outcome.

    @hookimpl
    def spinefx_run_done(folder, exit_code):
        notify(f"{folder}: {exit_code}")
    """
