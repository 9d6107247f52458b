"""`spinefx sweep`: searching over options inside the training patients."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from spinefx.cli.console import as_json, dump, overrides, pipeline_argument, plugins_aside, say, table, warn

if TYPE_CHECKING:
    from spinefx.sweep import Score


@click.command()
@pipeline_argument
@click.option(
    "--over",
    "axes",
    multiple=True,
    metavar="KEY=VALUES",
    help="An option to search: encode.latent_dim=2,4,8 or encode.lr=1e-4..1e-2. Repeatable; latent_dim=2,3,4,8,16,32 unless given.",
)
@click.option(
    "--sampler",
    default="grid",
    show_default=True,
    type=click.Choice(["grid", "random", "tpe"]),
    help="How points are chosen: all of them, by chance, or by Optuna from those before.",
)
@click.option(
    "--trials", default=20, show_default=True, type=click.IntRange(1, 10_000), help="Points of random and tpe."
)
@click.option("--repeats", default=1, show_default=True, type=click.IntRange(1, 100), help="Seeds for each point.")
@click.option("--folds", default=3, show_default=True, type=click.IntRange(2, 20), help="Parts held out in turn.")
@click.option("--out", type=click.Path(path_type=Path), help="Folder for sweep.csv, sweep.json and sweep.png.")
@overrides
@click.option("-q", "--quiet", is_flag=True, help="No progress, only the result.")
@as_json
def sweep(
    pipeline: str,
    axes: tuple[str, ...],
    sampler: Any,
    trials: int,
    repeats: int,
    folds: int,
    out: Path | None,
    overrides: tuple[str, ...],
    quiet: bool,
    json_: bool,
) -> int:
    """Search the encoder's options on held-out patients.

    Training patients are held out in turn, and PCA of the same size stands beside every encoder.
    PIPELINE is pipeline.toml unless given. Its test patients take no part. Running again does only what is new.
    Exit code 4: a choice could not be fitted.
    """
    from spinefx.cli.pipeline import read_plan
    from spinefx.cli.progress import watching
    from spinefx.sweep import SIZES, Axis, Sweep, chosen

    plan = read_plan(pipeline, overrides)
    searched = [Axis.parse(text) for text in axes] or [Axis(*SIZES)]
    out = out or plan.run.out.with_name(f"{plan.run.out.name}-sweep")
    plan = plan.moved(out)
    search = Sweep(
        plan, searched, sampler, trials, repeats, folds, told=lambda score: None if quiet else warn(_line(score))
    )
    with plugins_aside(), watching(quiet=quiet) as observers:
        scores = search.run(observers)
    best, small = chosen(scores)
    code = 4 if any(score.failed for score in scores) else 0
    record = {"folds": folds, "repeats": repeats, "sampler": sampler, "scores": [_json(score) for score in scores]}
    record |= {"best": dict(best.choice), "smallest_within_one_error": dict(small.choice)}
    _write(out, record, scores, [axis.key for axis in searched])
    if json_:
        dump(record)
        return code
    table(
        ("choice", "held-out IoU", "error", "PCA"),
        [
            (_words(s), f"{s.mean:.3f}", f"{s.error:.3f}", f"{sum(s.pca) / len(s.pca):.3f}" if s.pca else "")
            for s in scores
            if not s.failed
        ],
    )
    for score in scores:
        if score.failed:
            say(f"failed: {_words(score)}: {score.failed}")
    say(f"best: {_words(best)}; the smallest within one standard error of it: {_words(small)}")
    say(f"{out / 'sweep.csv'}, sweep.json, sweep.png")
    return code


def _words(score: Score) -> str:
    return ", ".join(f"{key.removeprefix('encode.')} {value}" for key, value in score.choice.items())


def _line(score: Score) -> str:
    if score.failed:
        return f"{_words(score)}: failed: {score.failed}"
    beside = f", PCA {sum(score.pca) / len(score.pca):.3f}" if score.pca else ""
    return f"{_words(score)}: held-out IoU {score.mean:.3f}{beside}"


def _json(score: Score) -> dict[str, Any]:
    told: dict[str, Any] = {"choice": dict(score.choice), "iou": list(score.iou), "pca": list(score.pca)}
    return told | ({"mean": None, "failed": score.failed} if score.failed else {"mean": score.mean})


def _write(out: Path, record: dict[str, Any], scores: list[Score], keys: list[str]) -> None:
    """sweep.json, sweep.csv with a row per score, and sweep.png with the curve against the first option."""
    from spinefx.store.files import atomic_write_bytes, atomic_write_json

    atomic_write_json(out / "sweep.json", json.loads(json.dumps(record)))
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow([*keys, "iou", "error", "pca"])
    for score in scores:
        beside = sum(score.pca) / len(score.pca) if score.pca else ""
        own = ("", "") if score.failed else (score.mean, score.error)
        writer.writerow([*(score.choice[key] for key in keys), *own, beside])
    atomic_write_bytes(out / "sweep.csv", text.getvalue().encode())
    atomic_write_bytes(out / "sweep.png", _curve(scores, keys[0]))


def _curve(scores: list[Score], key: str) -> bytes:
    """Held-out IoU against one option, PCA's beside it, as PNG."""
    from matplotlib.figure import Figure

    drawing = Figure(figsize=(6.0, 4.0), dpi=150, layout="constrained")
    axes = drawing.subplots()
    ordered = sorted(
        (s for s in scores if not s.failed), key=lambda score: (str(type(score.choice[key])), score.choice[key])
    )
    places = [score.choice[key] for score in ordered]
    numeric = all(isinstance(place, int | float) and not isinstance(place, bool) for place in places)
    x = [float(place) if numeric else float(number) for number, place in enumerate(places)]
    axes.errorbar(x, [s.mean for s in ordered], [s.error for s in ordered], marker="o", capsize=3, label="encoder")
    beside = [(place, sum(s.pca) / len(s.pca)) for place, s in zip(x, ordered, strict=True) if s.pca]
    if beside:
        axes.plot(*zip(*beside, strict=True), marker="s", linestyle="--", label="PCA")
    if numeric and min(x) > 0 and max(x) / min(x) >= 8:
        axes.set_xscale("log", base=2)
    axes.set_xticks(x, [str(place) for place in places])
    axes.set_xlabel(key)
    axes.set_ylabel("IoU of held-out training patients")
    axes.grid(alpha=0.3)
    axes.legend()
    content = io.BytesIO()
    drawing.savefig(content, format="png", metadata={"Software": None})
    return content.getvalue()
