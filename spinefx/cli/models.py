"""`spinefx encode`: everything that takes a fitted model."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from spinefx.cli.console import as_json, counted, dump, more_plugins, plugins_aside, say, warn

if TYPE_CHECKING:
    from spinefx.model import Model

model_argument = click.argument("model", type=click.Path(path_type=Path))
"""A run's folder, or the `model` folder in it."""


def loaded(folder: Path, files: Sequence[str]) -> Model:
    """The model in a folder; plugins that could not be loaded are told on stderr."""
    from spinefx.model import Model

    with plugins_aside():
        model = Model.load(folder, plugins=files)
    for broken in model.registry.broken:
        warn(f"not loaded: {broken}")
    return model


@click.command()
@model_argument
@click.argument("data", type=click.Path(path_type=Path))
@click.option(
    "--out",
    default="encoded",
    show_default=True,
    type=click.Path(path_type=Path),
    help="Folder for latents.parquet, latents.csv and encoding.json.",
)
@click.option(
    "--set",
    "overrides",
    multiple=True,
    metavar="KEY=VALUE",
    help="Change one option of the loader: --set series=['t2'].",
)
@click.option("--workers", default=0, type=click.IntRange(0, 1024), help="Cases worked on at a time; 0: one a core.")
@more_plugins
@click.option("-q", "--quiet", is_flag=True, help="No progress, only the result.")
@as_json
def encode(
    model: Path,
    data: Path,
    out: Path,
    overrides: tuple[str, ...],
    workers: int,
    files: tuple[str, ...],
    quiet: bool,
    json_: bool,
) -> int:
    """Latents of new scans, by a model that a run left.

    MODEL is a run's folder, or the `model` folder in it; DATA a TOML with a [data] section, or a folder that is read as the model's own data were. Scans are segmented, preprocessed and cut exactly as in the model's run; a case of another kind is left out with the reason. Exit code 4: some were.
    """
    from spinefx.cli.progress import watching

    fitted = loaded(model, files)
    with plugins_aside(), watching(quiet=quiet) as observers:
        encoded = fitted.encode(data, out=out, options=_options(overrides), workers=workers, observers=observers)
    frame = encoded.frame()
    told = {
        "folder": str(out),
        "samples": len(frame),
        "iou": float(frame["iou"].mean()),
        "unusual": int(frame["unusual"].sum()),
        "seen": int(frame["seen"].sum()),
        "left_out": dict(encoded.left_out),
    }
    if json_:
        dump(told)
    else:
        _say(told)
    return 4 if encoded.left_out else 0


def _options(overrides: Sequence[str]) -> dict[str, Any]:
    """`--set series=['t2']` as options of the loader."""
    from spinefx.contract.errors import PlanError
    from spinefx.plan.source import Source, with_overrides

    problems: list[Any] = []
    plain = [override.removeprefix("data.") for override in overrides]
    tables = with_overrides(Source("--set", {"data": {}}), [f"data.{text}" for text in plain], problems).tables
    if problems:
        raise PlanError(problems)
    options: dict[str, Any] = tables["data"]
    return options


def _say(told: dict[str, Any]) -> None:
    say(f"{counted(told['samples'], 'sample')} encoded; mean IoU with what they decode to: {told['iou']:.3f}")
    if told["unusual"]:
        say(f"{told['unusual']} unlike those that the model was fitted on (column `unusual`)")
    if told["seen"]:
        say(f"{told['seen']} were among those that it was fitted on (column `seen`)")
    for case, why in told["left_out"].items():
        say(f"left out: {case}: {why}")
    say(f"latents: {told['folder']}/latents.csv")
