"""One toy plugin of every kind under the default names: what a plan needs, without any pack."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import BaseModel, Field

from spinefx.api import Plugin, hookimpl


class Nothing(BaseModel, frozen=True, extra="forbid"):
    pass


class Tree(BaseModel, frozen=True, extra="forbid"):
    folder: Path = Field(description="folder inside")
    others: tuple[Path, ...] = Field((), description="more folders")


class FolderOptions(BaseModel, frozen=True, extra="forbid"):
    root: Path = Field(description="folder with the images")
    modality: Literal["t1", "t2", "ct"] = Field("t2", description="which series")
    tree: Tree | None = Field(None, description="a table inside")
    either: Path | Literal["auto"] = Field("auto", description="a path or a word")
    beside: Path = Field(Path("beside"), description="a default that is a path")


class EncoderOptions(BaseModel, frozen=True, extra="forbid"):
    latent_dim: int = Field(4, ge=1, le=512, description="size of the latent space")
    epochs: int = Field(60, ge=1, description="passes over the training samples")
    learning_rate: float = Field(1e-3, gt=0, description="step size of the optimiser")
    widths: tuple[int, ...] = Field((8, 16), description="channels of each level")


class Toy:
    """Has every method of every kind."""

    def __init__(self, options: BaseModel) -> None:
        self.options = options

    def _anything(self, *args: object) -> None:
        raise NotImplementedError

    cases = load = segment = process = draw = fit = encode = decode = save = measure = measure_latents = evaluate = (
        _anything
    )


def offer(name: str, options: type[BaseModel] = Nothing, **more: object) -> Plugin:
    return Plugin(name=name, api=1, version=1, summary=f"A toy {name}.", options=options, build=Toy, **more)  # type: ignore[arg-type]


@hookimpl
def spinefx_loaders() -> list[Plugin]:
    return [offer("folder", FolderOptions), offer("phantom")]


@hookimpl
def spinefx_segmenters() -> list[Plugin]:
    return [offer("mask")]


@hookimpl
def spinefx_preprocessors() -> list[Plugin]:
    return [offer("orient"), offer("crop")]


@hookimpl
def spinefx_augmenters() -> list[Plugin]:
    return [offer("flip")]


@hookimpl
def spinefx_encoders() -> list[Plugin]:
    return [offer("conv-ae", EncoderOptions), offer("pca")]


@hookimpl
def spinefx_geometry_analysers() -> list[Plugin]:
    return [offer("disc"), offer("space", scope="latents"), offer("traversal", scope="latents")]


@hookimpl
def spinefx_evaluators() -> list[Plugin]:
    return [offer("reconstruction"), offer("correlate"), offer("predict")]
