"""`rheobase import FILE.nir --out RUN`: a network of another tool as a folder."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from rheobase.cli.options import Debug, Json, examples, path, reported, write_json

EXAMPLES = examples(
    "rheobase import lif.nir --out runs/lif                       (written here: it says its step)",
    "rheobase import net.nir --dt 0.1 --integrator in-order --reset subtract_later --out runs/net   (of snnTorch)",
    "rheobase import net.nir --dt 0.1 --integrator euler --out runs/net      (of SpikingJelly or Norse)",
)


def import_network(
    file: Annotated[Path, typer.Argument(parser=path, metavar="FILE", help="A .nir file.")],
    out: Annotated[Path, typer.Option(parser=path, metavar="RUN", help="The folder that is made.")],
    dt: Annotated[
        float | None, typer.Option(help="The step in ms; NIR counts in seconds: steps of 1e-4 s are 0.1.")
    ] = None,
    integrator: Annotated[
        str | None,
        typer.Option(metavar="exp-euler|euler|in-order", help="How all neurons step.", show_default="as the file says"),
    ] = None,
    reset: Annotated[
        str | None,
        typer.Option(
            metavar="file|subtract|subtract_later", help="What a spike does.", show_default="as the file says"
        ),
    ] = None,
    float64: Annotated[bool, typer.Option("--float64", help="Numbers in double precision.")] = False,
    allow: Annotated[
        list[str] | None, typer.Option("--allow", metavar="LOSS", help="What may be lost: rounded_delay.")
    ] = None,
    json: Json = None,
    debug: Debug = False,
) -> None:
    """Read a NIR graph of another tool, and put it into a folder that `rheobase export` takes.

    The folder holds the file as it is, and how it was read. In Python: rheobase.runs.Imported.read(RUN).network.
    """
    with reported(debug, json=json):
        from rheobase.cli.terminal import console, figures
        from rheobase.runs import import_nir

        options = dict(dt=dt, integrator=integrator, reset=reset, double=float64, allow=tuple(allow or ()))
        made = import_nir(file, out, **options)  # type: ignore[arg-type]
        write_json(json, {"run": str(made.folder), **made.notes, "layers": repr(made.network)})
        console().print(figures(made.rows))
