"""`rheobase gallery`: every neuron or channel in pictures, as one HTML page or as the pages of the documentation."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from rheobase.cli.options import Debug, examples, path, reported

if TYPE_CHECKING:
    from rheobase.plot.gallery.render import Entry

EXAMPLES = examples(
    "rheobase gallery --open",
    "rheobase gallery AdEx Izhikevich --out two.html",
    "rheobase gallery --docs docs/neurons",
    "rheobase gallery --channels --docs docs/channels",
)
PAGE = Path("gallery.html")


def gallery(
    neurons: Annotated[
        list[str] | None, typer.Argument(metavar="NAME", help="Which neurons, or channels; all where none is named.")
    ] = None,
    channels: Annotated[bool, typer.Option("--channels", help="Draw channels, and no neurons.")] = False,
    out: Annotated[
        Path | None,
        typer.Option(
            parser=path, metavar="FILE", help="The page, one HTML file.", show_default=f"{PAGE}; none with --docs"
        ),
    ] = None,
    docs: Annotated[
        Path | None,
        typer.Option(
            parser=path, metavar="FOLDER", help="Write a Markdown page for each, and an index, into this folder."
        ),
    ] = None,
    open_: Annotated[bool, typer.Option("--open", help="Show the page in the browser.")] = False,
    debug: Debug = False,
) -> None:
    """Draw neurons: response, phase plane, f-I curve and firing patterns; or channels: their gates.

    Everything is made from the declarations: the current is found, all currents of an f-I curve are one run, and each
    named set is shown under the protocol of its source.
    """
    with reported(debug):
        from rheobase.cli.terminal import console
        from rheobase.errors import ParameterError
        from rheobase.runs import channels_by_name, neurons_by_name

        if open_ and docs is not None and out is None:
            raise ParameterError("gallery", "--open and --docs", "a page to open", "add --out gallery.html")
        target = PAGE if out is None and docs is None else out
        for path in (target, docs):
            if path is not None:
                _check_place(path, folder=path is docs)
        by_name = channels_by_name if channels else neurons_by_name
        kinds = list(dict.fromkeys(by_name.find(name) for name in neurons or by_name.names()))
        drawn = _draw(kinds, channels)
        say = console()
        if docs is not None:
            from rheobase.plot.gallery.channel_docs import write_channel_docs
            from rheobase.plot.gallery.docs import write_docs

            written = (write_channel_docs if channels else write_docs)(drawn, docs, index=not neurons)
            say.print(f"{len(written)} pages: {docs}", soft_wrap=True)
        if target is not None:
            say.print(f"page: {_write(drawn, target, 'channel' if channels else 'neuron')}", soft_wrap=True)
            if open_:
                typer.launch(target.resolve().as_uri())


def _check_place(path: Path, *, folder: bool) -> None:
    """Raise before minutes of drawing that could not be written."""
    from rheobase.files import ensure_folder, ensure_writable

    if folder:
        ensure_folder(path)
    else:
        ensure_writable(path, "--out")


def _draw(kinds: Sequence[type[Any]], channels: bool) -> list[Entry]:
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    from rheobase.cli.terminal import console
    from rheobase.plot.gallery.channel_docs import channel_entries
    from rheobase.plot.gallery.render import entries

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    err = console(err=True)
    drawn: list[Entry] = []
    with Progress(*columns, console=err, transient=True, disable=not err.is_terminal) as bar:
        task = bar.add_task("drawing", total=len(kinds))
        for entry in (channel_entries if channels else entries)(kinds):
            drawn.append(entry)
            bar.update(task, advance=1, description=f"drew {entry.kind.__name__}")
    return drawn


def _write(drawn: list[Entry], path: Path, of: str) -> Path:
    from rheobase import __version__
    from rheobase.files import atomic_write
    from rheobase.plot.gallery.page import page

    atomic_write(path, page(drawn, f"rheobase {__version__}", of=of).encode())
    return path
