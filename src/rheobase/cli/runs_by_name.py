"""What commands that measure a trained network share: the run by its folder or name, and lines of progress."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import typer

from rheobase import load
from rheobase.errors import ParameterError, nearest
from rheobase.files import expanded
from rheobase.progress import Paced
from rheobase.runs import pretrained
from rheobase.runs.model import Model

RUNS = Path("runs")


def load_run(name: str) -> Model:
    """The model of the folder `name`; where there is none, of the run of that name in runs/, or of a pre-trained one.

    Raises: `ParameterError` with the runs that there are; what `rheobase.load` raises.
    """
    folder = expanded(name, "RUN")
    for place in (folder, RUNS / folder):
        if place.is_dir():
            return load(place)
    if name in pretrained.names():
        return load(name)
    there = sorted(p.name for p in RUNS.iterdir() if p.is_dir()) if RUNS.is_dir() else []
    expected = "the folder of a run of `rheobase train`, its name in runs/, or the name of a pre-trained network"
    remedy = nearest(name, there) if there else "rheobase train --neuron SRC --data digits makes one"
    raise ParameterError("RUN", repr(name), expected, remedy)


def round_lines() -> Callable[[int, float], None]:
    """A callback that writes the progress of a measurement to standard error, every few seconds."""
    paced = Paced()
    paced.begin()

    def on_round(rounds: int, part: float) -> None:
        if paced.due():
            typer.echo(f"round {rounds}, {100 * part:.0f} %", err=True)

    return on_round
