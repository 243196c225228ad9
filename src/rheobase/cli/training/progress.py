"""Progress where there is no terminal to draw a bar on: a line every few seconds."""

from __future__ import annotations

import sys

import typer

from rheobase.learning import Callback, Concern, History, RichProgress
from rheobase.learning.training.progress import epoch_line
from rheobase.progress import Paced


class EpochLines(Callback):
    """Writes the figures of an epoch to standard error, at most every few seconds, and of the last one."""

    def __init__(self, epochs: int):
        self.epochs = epochs
        self._paced = Paced()

    def on_epoch(self, history: History) -> None:
        if self._paced.due() or history.finished:
            typer.echo(f"epoch {len(history)}/{self.epochs}: {epoch_line(history[-1])}", err=True)

    def on_concern(self, concern: Concern) -> None:
        typer.echo(f"warning: {concern}", err=True)


def progress(epochs: int) -> Callback:
    """A bar on a terminal, lines elsewhere."""
    return RichProgress() if sys.stderr.isatty() else EpochLines(epochs)
