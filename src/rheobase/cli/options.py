"""Options that several commands share, and the end of a command that fails."""

from __future__ import annotations

import os
import traceback
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer

from rheobase.errors import RheobaseError, StorageError

FAILED, INTERRUPTED = 2, 130

Debug = Annotated[bool, typer.Option("--debug", help="On an error, show where in the code it arose.")]
Json = Annotated[Path | None, typer.Option("--json", metavar="FILE", help="Write all numbers to a JSON file.")]
NeuronName = Annotated[str, typer.Argument(metavar="NEURON", help="Name of a neuron; `rheobase list` has them.")]


def examples(*commands: str) -> str:
    """The text below a command's help."""
    return "\n\n".join(["Examples:", *commands])


@contextmanager
def reported(debug: bool) -> Generator[None, None, None]:
    """Inside, an error of rheobase becomes one red line on standard error and exit code 2; Ctrl-C gives 130."""
    try:
        yield
    except RheobaseError as error:
        if debug:
            typer.echo(traceback.format_exc(), err=True)
        # one line, whatever the error quotes
        typer.secho("error: " + " ".join(str(error).split()), fg="red", err=True)
        raise typer.Exit(FAILED) from None
    except KeyboardInterrupt:
        typer.secho("interrupted", fg="red", err=True)
        raise typer.Exit(INTERRUPTED) from None


def check_json(path: Path | None) -> None:
    """Raise `StorageError` where --json cannot be written, before work whose result would be lost."""
    if path is None:
        return
    from rheobase.learning.storage import ensure_folder

    ensure_folder(path.parent)
    if path.is_dir() or not os.access(path.parent, os.W_OK):
        given = "a folder" if path.is_dir() else f"no right to write in {path.parent}"
        raise StorageError(f"--json {path}", given, "a file that can be written", "give another file")


def write_json(path: Path | None, content: Any) -> None:
    """Write `content` for --json, in one step, where a file was asked for. Raises `StorageError`."""
    if path is not None:
        from rheobase.learning.storage import ensure_folder
        from rheobase.learning.storage import write_json as write

        ensure_folder(path.parent)
        write(path, content)
