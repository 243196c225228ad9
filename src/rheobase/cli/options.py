"""Options that several commands share, and how a failing command reports its error."""

from __future__ import annotations

import errno
import os
import sys
import traceback
import warnings
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer

from rheobase.errors import ImplausibleWarning, ParameterError, RheobaseError, StorageError
from rheobase.files import ensure_writable, expanded

FAILED, INTERRUPTED = 2, 130
MOST_SEED = 2**62  # seeds that are derived from it fit into 64 bits, too
MOST_THREADS = 1024  # where many more cannot be started, the process ends without a word
CELL, WHERE = "Cells with a shape", "Where to"  # parts of the help


def path(text: str | Path) -> Path:
    """A path as it is typed, with ~ expanded: a shell does not expand that of --json=~/a.json."""
    try:
        return expanded(text, "path")
    except ParameterError as error:
        raise typer.BadParameter(str(error)) from None


Debug = Annotated[bool, typer.Option("--debug", help="On an error, show where in the code it arose.")]
Json = Annotated[
    Path | None, typer.Option("--json", parser=path, metavar="FILE", help="Write all numbers to a JSON file.")
]
Run = Annotated[
    str,
    typer.Argument(
        metavar="RUN", help="The folder of a run of `rheobase train`, its name in runs/, or a pre-trained network's."
    ),
]
DataDir = Annotated[
    Path | None,
    typer.Option(parser=path, metavar="FOLDER", help="Where the data of the run lie, if not where they lay."),
]
Picture = Annotated[Path | None, typer.Option(parser=path, metavar="FILE", help="A picture: .png, .svg or .pdf.")]
Morphology = Annotated[
    Path | None,
    typer.Option(
        parser=path, metavar="FILE", help="Its shape: .swc or .asc, or one of them .gz.", rich_help_panel=CELL
    ),
]
Axon = Annotated[
    str | None,
    typer.Option(
        metavar="WORD", help="stub, two diameters, none or whole.", show_default="by the file", rich_help_panel=CELL
    ),
]
RunsFolder = Annotated[
    Path, typer.Option(parser=path, metavar="FOLDER", help="Where folders of runs are made.", rich_help_panel=WHERE)
]
Overwrite = Annotated[
    bool, typer.Option("--overwrite", help="Remove a run of the same name first.", rich_help_panel=WHERE)
]
NeuronName = Annotated[str, typer.Argument(metavar="NEURON", help="Name of a neuron; `rheobase list` has them.")]


def examples(*commands: str) -> str:
    """The text below a command's help."""
    return "\n\n".join(["Examples:", *commands])


@contextmanager
def reported(debug: bool, *, json: Path | None = None) -> Generator[None, None, None]:
    """Inside, an error of rheobase becomes one red line on standard error and exit code 2; Ctrl-C gives 130.

    `json` is the path of --json; that it can be written is checked first.
    """
    try:
        check_json(json)
        with _warned():
            yield
    except RheobaseError as error:
        _say(error, debug)
        raise typer.Exit(FAILED) from None
    except (MemoryError, RuntimeError, OSError) as error:
        refusal = _system_error(error)
        if refusal is None:
            raise
        _say(refusal, debug)
        raise typer.Exit(FAILED) from None
    except KeyboardInterrupt:
        typer.secho("interrupted", fg="red", err=True)
        raise typer.Exit(INTERRUPTED) from None


@contextmanager
def _warned() -> Generator[None, None, None]:
    """Inside, a result that no neuron has becomes one yellow line on standard error."""
    with warnings.catch_warnings():
        warnings.simplefilter("always", ImplausibleWarning)
        other = warnings.showwarning

        def show(message: Warning | str, category: type[Warning], *where: Any, **options: Any) -> None:
            if issubclass(category, ImplausibleWarning):
                typer.secho(f"warning: {' '.join(str(message).split())}", fg="yellow", err=True)
            else:
                other(message, category, *where, **options)

        warnings.showwarning = show
        yield


def _say(error: RheobaseError, debug: bool) -> None:
    if debug:
        typer.echo(traceback.format_exc(), err=True)
    # one line, whatever the error quotes
    typer.secho("error: " + " ".join(str(error).split()), fg="red", err=True)


# messages of torch's RuntimeError for lack of memory; Python and NumPy raise MemoryError
_NO_ROOM = ("can't allocate memory", "not enough memory", "out of memory", "Storage size calculation overflowed")


def _system_error(error: MemoryError | RuntimeError | OSError) -> RheobaseError | None:
    """The error of rheobase for what the system refused (memory, a path); None for a bug in the program."""
    if isinstance(error, OSError):
        # a closed pipe (rheobase list | head -1) ends a command silently; click handles it
        if error.errno in (None, errno.EPIPE):
            return None
        place = "what is written" if error.filename is None else str(error.filename)
        given = error.strerror or type(error).__name__
        return StorageError(place, given, "a place that can be read and written", "check the path and its rights")
    if isinstance(error, MemoryError) or any(words in str(error) for words in _NO_ROOM):
        given, expected = "more numbers than fit into memory", "what this machine can hold"
        return ParameterError("the run", given, expected, "take fewer steps, neurons, layers or samples at a time")
    return None


def check_json(path: Path | None) -> None:
    """Raise `StorageError` where --json cannot be written, before work whose result would be lost."""
    if path is not None:
        ensure_writable(path, "--json")


def check_apart(files: dict[str, Path | None]) -> None:
    """Raise `StorageError` where two options name the same file, of which the later would take the other's place."""
    seen: dict[Path, str] = {}
    for option, file in files.items():
        if file is None:
            continue
        place = Path(os.path.realpath(file))  # unlike Path.resolve, this accepts a cycle of links
        if place in seen:
            expected = f"another file than that of {seen[place]}"
            raise StorageError(option, str(file), expected, "give each of them a file")
        seen[place] = option


def write_json(path: Path | None, content: Any) -> None:
    """Write `content` for --json, in one step, where a file was asked for. Raises `StorageError`."""
    if path is not None:
        from rheobase.json_files import write_json as write

        check_json(path)
        # keeps the order of lines if --json is standard output
        sys.stdout.flush()
        write(path, content)
