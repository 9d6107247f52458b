"""`spinefx schema` and `completion`: what editors and shells want to know."""

from __future__ import annotations

from pathlib import Path

import click

from spinefx.cli.console import dump, more_plugins, say


@click.command()
@more_plugins
def schema(files: tuple[str, ...]) -> int:
    """Print the JSON schema of a pipeline.

    It knows the options of every plugin that is installed.

    An editor that knows TOML schemas completes and checks with it: spinefx schema > pipeline.schema.json
    """
    from spinefx.plan import Registry, pipeline_schema

    dump(pipeline_schema(Registry.discover([Path(file) for file in files])))
    return 0


@click.command()
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def completion(shell: str) -> int:
    """Print a script that completes commands.

    For bash: eval "$(spinefx completion bash)"
    """
    from click.shell_completion import get_completion_class

    from spinefx.cli.app import app

    found = get_completion_class(shell)
    if found is None:
        raise click.UsageError(f"no completion for {shell}")
    say(found(app, {}, "spinefx", "_SPINEFX_COMPLETE").source())
    return 0
