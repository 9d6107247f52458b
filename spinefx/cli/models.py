"""`spinefx encode`, `generate` and `export`: everything that takes a fitted model."""

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
_NOTES = 5


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
        "notes": list(encoded.notes),
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
    for note in told["notes"][-_NOTES:]:
        say(f"note: {note}")
    if (more := len(told["notes"]) - _NOTES) > 0:
        say(f"{counted(more, 'note')} more in {told['folder']}/encoding.json")
    say(f"latents: {told['folder']}/latents.csv")


@click.command()
@model_argument
@click.option(
    "--traverse", multiple=True, metavar="LATENT", help="Move this latent over its range: z0, or all. Repeatable."
)
@click.option(
    "--between", nargs=2, metavar="A B", help="From one sample to another, each case:level as in latents.csv."
)
@click.option(
    "--latents", type=click.Path(path_type=Path), help="Where A and B are: a run, or its table; MODEL unless given."
)
@click.option("--samples", "count", default=0, type=click.IntRange(0, 10_000), help="Draw so many new shapes.")
@click.option("--steps", default=7, show_default=True, type=click.IntRange(2, 1000), help="Shapes on the way.")
@click.option(
    "--reach", default=2.0, show_default=True, type=click.FloatRange(0.1, 10), help="Standard deviations each way."
)
@click.option("--seed", default=0, show_default=True, type=click.IntRange(0), help="Of what is drawn.")
@click.option(
    "--to",
    "forms",
    multiple=True,
    type=click.Choice(["nifti", "ply", "glb", "png"]),
    help="Repeatable; all unless given.",
)
@click.option(
    "--out", default="generated", show_default=True, type=click.Path(path_type=Path), help="Folder for the files."
)
@more_plugins
@as_json
def generate(
    model: Path,
    traverse: tuple[str, ...],
    between: tuple[str, str] | None,
    latents: Path | None,
    count: int,
    steps: int,
    reach: float,
    seed: int,
    forms: tuple[Any, ...],
    out: Path,
    files: tuple[str, ...],
    json_: bool,
) -> int:
    """Write shapes that a model makes.

    Along its latents, between two samples, or new ones. MODEL is a run's folder, or the `model` folder in it. Along all latents, unless told otherwise.
    """
    from spinefx import generate as made
    from spinefx.contract.errors import PlanError

    fitted = loaded(model, files)
    size, written = len(fitted.recipe.centre), []
    wanted = traverse or (() if between or count else ("all",))
    names = [f"z{i}" for i in range(size)] if "all" in wanted else list(wanted)
    for name in names:
        if not (name[:1] == "z" and name[1:].isdigit()):
            raise PlanError(f"--traverse {name}: wanted z0 to z{size - 1}, or all")
        along = made.traversal(fitted, int(name[1:]), steps=steps, reach_sd=reach)
        written += made.written(along, out, forms or made.FORMS, stem=name)
    if between:
        ends = [made.point_of(latents or model, end) for end in between]
        written += made.written(
            made.interpolation(fitted, *ends, steps=steps), out, forms or made.FORMS, stem="between"
        )
    if count:
        written += made.written(made.samples(fitted, count, seed=seed), out, forms or made.FORMS, stem="samples")
    if json_:
        dump({"files": [str(path) for path in written]})
    else:
        say(f"{counted(len(written), 'file')} in {out}")
    return 0


@click.command()
@model_argument
@click.option(
    "--to", "kinds", multiple=True, type=click.Choice(["onnx", "torch"]), help="Repeatable; onnx unless given."
)
@click.option(
    "--out", default="exported", show_default=True, type=click.Path(path_type=Path), help="Folder for the files."
)
@more_plugins
@as_json
def export(model: Path, kinds: tuple[str, ...], out: Path, files: tuple[str, ...], json_: bool) -> int:
    """Write a model's encoder for other programs.

    Checked against this one. MODEL is a run's folder, or the `model` folder in it. Images go in as [sample] cuts them; latents come out.
    """
    with plugins_aside():
        written = loaded(model, files).export(out, kinds or ("onnx",))
    if json_:
        dump({"files": [str(path) for path in written]})
    else:
        for path in written:
            say(str(path))
    return 0
