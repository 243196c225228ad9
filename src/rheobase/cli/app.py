"""The application `rheobase`: its commands, and its version."""

from __future__ import annotations

from typing import Annotated

import typer

from rheobase.cli.bench import bench
from rheobase.cli.list_neurons import list_neurons
from rheobase.cli.show import show
from rheobase.cli.simulate import simulate
from rheobase.cli.train import train

app = typer.Typer(
    name="rheobase",
    help="Look at spiking neurons, simulate them, train networks of them and measure their speed.",
    epilog="Each command explains itself: rheobase train --help",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command("list")(list_neurons)
app.command()(show)
app.command()(simulate)
app.command()(train)
app.add_typer(bench, name="bench")


def _version(asked: bool) -> None:
    if asked:
        from rheobase import __version__

        typer.echo(f"rheobase {__version__}")
        raise typer.Exit


@app.callback()
def root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Say the version and stop.")
    ] = False,
) -> None:
    """Look at spiking neurons, simulate them, train networks of them and measure their speed."""


def main() -> None:
    """Run the command line."""
    app()
