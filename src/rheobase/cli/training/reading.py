"""Lines about a user's files before the first epoch: the progress of reading them, and what was found."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from rheobase.cli.terminal import console
from rheobase.progress import Paced

if TYPE_CHECKING:
    from rheobase.data import Dataset, Watch
    from rheobase.runs.settings import Settings


def reading_lines() -> Watch:
    """A line on standard error every few seconds, of what takes longer than that."""
    paced = Paced()
    paced.begin()

    def watch(what: str, done: int, of: int) -> None:
        if paced.due():
            typer.echo(f"{what}: {done} of {of}", err=True)

    return watch


def say_what_was_found(settings: Settings, data: Dataset) -> None:
    """The notes of the data set, what validates, and the code; nothing of published sets, which have no notes."""
    if not data.notes:
        return
    out = console(err=True)
    how = "none: all train, and the last epoch is kept"
    if settings.validation > 0:
        _, how = data.held_back(settings.validation, settings.seed)
    validation = f"validation part: {how} (--validation, --seed)"
    for line in (str(data), *data.notes, validation, f"code: {settings.code(data)}"):
        out.print(line, soft_wrap=True)
