"""The `spinefx` command: its groups, each imported when it is called."""

from __future__ import annotations

import importlib

import click

import spinefx

COMMANDS = {
    "run": ("spinefx.cli.pipeline", "run"),
    "check": ("spinefx.cli.pipeline", "check"),
    "plan": ("spinefx.cli.pipeline", "plan"),
    "status": ("spinefx.cli.runs", "status"),
    "report": ("spinefx.cli.runs", "report"),
    "encode": ("spinefx.cli.models", "encode"),
    "generate": ("spinefx.cli.models", "generate"),
    "export": ("spinefx.cli.models", "export"),
    "sweep": ("spinefx.cli.search", "sweep"),
    "init": ("spinefx.cli.start", "init"),
    "demo": ("spinefx.cli.start", "demo"),
    "explain": ("spinefx.cli.explain", "explain"),
    "cache": ("spinefx.cli.cache", "cache"),
    "plugins": ("spinefx.cli.plugins", "plugins"),
    "plugin": ("spinefx.cli.plugin", "plugin"),
    "doctor": ("spinefx.cli.doctor", "doctor"),
    "schema": ("spinefx.cli.describe", "schema"),
    "completion": ("spinefx.cli.describe", "completion"),
}
"""Command -> where it is written, in the order of `spinefx --help`."""


class _Lazy(click.Group):
    """A group whose commands are imported when they are asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Every command, in the order in which a study uses them."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command, or None where there is none of this name."""
        if cmd_name not in COMMANDS:
            return None
        module, name = COMMANDS[cmd_name]
        command: click.Command = getattr(importlib.import_module(module), name)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """As click does, naming the nearest command for one that is not there."""
        try:
            return super().resolve_command(ctx, args)
        except click.UsageError as error:
            from spinefx.plan.offers import nearest

            near = nearest(str(args[0]), COMMANDS)
            raise click.UsageError(f"{error.message}{f' Did you mean {near!r}?' if near else ''}", ctx) from error


@click.group(
    cls=_Lazy,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
    epilog="Exit codes: 0 ok, 1 a bug of ours, 2 usage or plan, 3 data or label table, 4 some cases failed (the rest is "
    "done), 5 disk, memory or a lock, 130 interrupted.",
)
@click.version_option(spinefx.__version__, "-V", "--version", prog_name="spinefx")
@click.option("--debug", is_flag=True, help="Show the traceback of an error.")
def app(debug: bool) -> None:
    """From spine scans to insight: segment, measure, encode, correlate, judge, report."""
