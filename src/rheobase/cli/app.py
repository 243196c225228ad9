"""The application `rheobase`: its commands, and its version."""

from __future__ import annotations

import os
from typing import Annotated

import typer

from rheobase.cli import (
    deploy,
    dies,
    emulate,
    energy,
    evaluate,
    explain,
    export,
    fit,
    gallery,
    import_network,
    list_neurons,
    population,
    predict,
    reproduce,
    show,
    show_chip,
    simulate,
    sweep,
    train,
)
from rheobase.cli.bench import bench
from rheobase.cli.convert import convert

app = typer.Typer(
    name="rheobase",
    help="Look at spiking neurons, simulate them, train networks of them and measure their speed.",
    epilog="Each command explains itself: rheobase train --help",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command("list", epilog=list_neurons.EXAMPLES)(list_neurons.list_neurons)
app.command(epilog=show.EXAMPLES)(show.show)
app.command(epilog=simulate.EXAMPLES)(simulate.simulate)
app.command(epilog=sweep.EXAMPLES)(sweep.sweep)
app.command(epilog=population.EXAMPLES)(population.population)
app.command(epilog=gallery.EXAMPLES)(gallery.gallery)
app.command(epilog=train.EXAMPLES)(train.train)
app.command(epilog=fit.EXAMPLES)(fit.fit)
app.command(epilog=predict.EXAMPLES)(predict.predict)
app.command(epilog=evaluate.EXAMPLES)(evaluate.evaluate)
app.command(epilog=export.EXAMPLES)(export.export)
app.command("import", epilog=import_network.EXAMPLES)(import_network.import_network)
app.command(epilog=explain.EXAMPLES)(explain.explain)
app.command(epilog=energy.EXAMPLES)(energy.energy)
app.command(epilog=deploy.EXAMPLES)(deploy.deploy)
app.command("map", epilog=show_chip.EXAMPLES)(show_chip.show_chip)
app.command(epilog=emulate.EXAMPLES)(emulate.emulate)
app.command(epilog=dies.EXAMPLES)(dies.dies)
app.command(epilog=reproduce.EXAMPLES)(reproduce.reproduce)
app.add_typer(convert, name="convert")
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
    # torch reads it at its first large tensor: sequences are made anew for every batch, and in small pages the
    # system needs longer to hand their memory out than a kernel to fill it
    os.environ.setdefault("THP_MEM_ALLOC_ENABLE", "1")
    app()
