"""`rheobase export RUN`: a trained network as a file for other programs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from rheobase.cli.options import Debug, Json, examples, path, reported, write_json

EXAMPLES = examples(
    "rheobase export runs/lif-digits --to onnx --out lif.onnx",
    "rheobase export src-digits --to torch --out src.pt2        (a pre-trained network)",
    "rheobase export runs/lif-digits --to onnx --float64 --out lif.onnx",
    "rheobase export runs/lif-digits --to nir --allow soft_reset --out lif.nir",
)


def export(
    run: Annotated[
        str, typer.Argument(metavar="RUN", help="The folder of a run or an import, or a pre-trained network's name.")
    ],
    to: Annotated[
        str, typer.Option("--to", metavar="onnx|torch|nir", help="ONNX, a program of torch.export, or a NIR graph.")
    ],
    out: Annotated[
        Path, typer.Option(parser=path, metavar="FILE", help="Where it goes; FILE.json says how to use it.")
    ],
    float64: Annotated[
        bool,
        typer.Option("--float64", help="Numbers of ONNX in double precision: rounding all but never moves a spike."),
    ] = False,
    allow: Annotated[
        list[str] | None,
        typer.Option(
            "--allow",
            metavar="LOSS",
            help="What NIR cannot say and may be lost: soft_reset, dropout, rounded_delay, own_surrogate, "
            "own_integrator.",
        ),
    ] = None,
    json: Json = None,
    debug: Debug = False,
) -> None:
    """Write a trained network as a file that runs without its code, and run the file beside the network.

    It takes encoded sequences (time, batch, ...) of any length and starts at rest. FILE.json says how samples become
    sequences, and how the scores of the classes follow from the output. ONNX needs the extra `onnx`, NIR the extra
    `nir`.
    """
    with reported(debug, json=json):
        import torch

        from rheobase.cli.terminal import console, figures
        from rheobase.runs import Imported, load
        from rheobase.runs.folder import IMPORTED

        model = Imported.read(run) if (Path(run) / IMPORTED).is_file() else load(run)
        console(err=True).print(f"writing {out}, then running it beside the network", soft_wrap=True)
        made = model.export(out, to=to, dtype=torch.float64 if float64 else None, allow=tuple(allow or ()))
        write_json(json, {"run": run, **made.content})
        console().print(figures(made.rows))
        if not made.same:
            remedy = "" if float64 else "; with --float64 they are all but sure to agree"
            typer.secho(
                f"warning: spikes differ: neurons came within rounding of their threshold{remedy}",
                fg="yellow",
                err=True,
            )
