"""`spinefx init` and `demo`: from nothing to a first pipeline, and to a first report."""

from __future__ import annotations

from pathlib import Path

import click

from spinefx.cli import templates
from spinefx.cli.console import as_json, counted, dump, overrides, say, warn


@click.command()
@click.option(
    "--from",
    "source",
    type=click.Choice(["spider", "folder", "phantom"]),
    required=True,
    help="What the data looks like.",
)
@click.option(
    "--root", default="data", show_default=True, help="The folder with the data, as the pipeline will say it."
)
@click.option("--force", is_flag=True, help="Replace a pipeline that is there.")
@click.argument("pipeline", default="pipeline.toml", type=click.Path(dir_okay=False, path_type=Path))
def init(source: str, root: str, force: bool, pipeline: Path) -> int:
    """Write a first pipeline.toml.

    PIPELINE is its path, pipeline.toml unless given. Nothing is replaced without --force.
    """
    if pipeline.exists() and not force:
        raise click.UsageError(f"{pipeline} is there already; --force replaces it")
    if source == "spider":
        text = templates.spider(root, pipeline.absolute().parent, name=pipeline.name)
    elif source == "folder":
        text = templates.folder(root, name=pipeline.name)
    else:
        text = templates.phantom(name=pipeline.name)
    _write(pipeline, text)
    say(f"wrote {pipeline}; next: spinefx check {pipeline}")
    return 0


@click.command()
@click.option(
    "--out", default="spinefx-demo", show_default=True, type=click.Path(path_type=Path), help="Where to put it."
)
@click.option("--patients", default=40, show_default=True, type=click.IntRange(4, 10_000), help="How many to draw.")
@click.option("--seed", default=0, show_default=True, type=click.IntRange(0), help="Which cohort to draw.")
@overrides
@click.option("-q", "--quiet", is_flag=True, help="No progress, only the result.")
@as_json
def demo(out: Path, patients: int, seed: int, overrides: tuple[str, ...], quiet: bool, json_: bool) -> int:
    """Run it all on a cohort of phantom spines.

    Draws the cohort in SPIDER's layout, writes a pipeline.toml beside it, runs that and says where the report is.
    """
    from spinefx.cli.pipeline import read_plan, run_json, work

    pipeline = out / "pipeline.toml"
    text = templates.demo(patients=patients, seed=seed)
    if not _drawn(out, pipeline, text):
        from spinefx.phantom import write_cohort

        if not quiet:
            warn(f"drawing {counted(patients, 'patient')} into {out / 'data'}")
        write_cohort(out / "data", patients=patients, seed=seed)
        _write(pipeline, text)
    run = work(read_plan(str(pipeline), overrides), quiet=quiet)
    if json_:
        dump(run_json(run))
    else:
        say(run.summary())
        say(f"pipeline: {pipeline}")
    return run.exit_code


def _drawn(out: Path, pipeline: Path, text: str) -> bool:
    """Whether an earlier demo of the same patients and seed left its cohort here, whole.

    Raises
    ------
    PlanError
        If the folder holds a pipeline that no demo wrote, or a demo of another cohort.
    """
    from spinefx.contract.errors import PlanError

    if not pipeline.is_file():
        if out.is_dir() and any(out.iterdir()) and not (out / "data").is_dir():
            raise PlanError(f"{out} holds something else; choose an empty folder with --out")
        return False
    if pipeline.read_text(encoding="utf-8").splitlines()[:1] != text.splitlines()[:1]:
        raise PlanError(f"{pipeline} is of another demo; choose another folder with --out")
    return True


def _write(path: Path, text: str) -> None:
    from spinefx.store.files import atomic_write_bytes

    atomic_write_bytes(path, text.encode())
