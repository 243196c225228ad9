"""`rheobase reproduce PAPER`: the tables and pictures of a paper, made again, on one page."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from rheobase.cli.options import INTERRUPTED, MOST_SEED, Debug, Json, examples, path, reported, write_json

if TYPE_CHECKING:
    from rheobase.reproduce import Call, Outcome, Watcher

EXAMPLES = examples(
    "rheobase reproduce --list",
    "rheobase reproduce src --quick",
    "rheobase reproduce src --only response,behaviours",
    "rheobase reproduce delays --budget 20",
    "rheobase reproduce delays --search   (how its settings were chosen, on held-out training data)",
    "rheobase reproduce src --dask tcp://10.0.0.1:8786",
    "rheobase reproduce src --redraw   (its page again, from the stored results)",
    "rheobase reproduce src --data ~/data --out results/src   (the same command goes on after Ctrl-C)",
)


def reproduce(
    paper: Annotated[
        str | None, typer.Argument(metavar="[PAPER]", help="Name of a paper, src say; --list has them.")
    ] = None,
    list_: Annotated[bool, typer.Option("--list", help="Show the papers and their parts, and stop.")] = False,
    search: Annotated[
        bool,
        typer.Option(
            "--search",
            help="Not the parts, but the settings of their trainings beside others, on held-out training data.",
        ),
    ] = False,
    quick: Annotated[
        bool, typer.Option("--quick", help="The same path on small settings, in a few minutes; every title says so.")
    ] = False,
    budget: Annotated[
        float | None,
        typer.Option(
            metavar="MINUTES",
            help="About so long on two cores: fewer seeds, then fewer epochs; every title says so.",
            show_default="a full run",
        ),
    ] = None,
    only: Annotated[
        list[str] | None,
        typer.Option(metavar="PART,...", help="Only these parts; repeatable.", show_default="all parts"),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            parser=path,
            metavar="FOLDER",
            help="Where results go.",
            show_default="results/PAPER, PAPER-quick or PAPER-20-minutes; search/ in it",
        ),
    ] = None,
    seed: Annotated[int, typer.Option(max=MOST_SEED, help="Of all random numbers.")] = 0,
    data: Annotated[
        Path | None,
        typer.Option(
            parser=path, metavar="FOLDER", help="Where mnist/ and other data lie.", show_default="$RHEOBASE_DATA"
        ),
    ] = None,
    dask: Annotated[
        str | None,
        typer.Option(
            metavar="ADDRESS",
            help="Let the workers of this Dask scheduler do the units (seeds, networks); they must see --out, --data.",
        ),
    ] = None,
    fresh: Annotated[bool, typer.Option("--fresh", help="Do again what an earlier call stored.")] = False,
    redraw: Annotated[
        bool,
        typer.Option(
            "--redraw",
            help="Run nothing; write the page again from what is stored, with joules of its counts as by now.",
        ),
    ] = False,
    json: Json = None,
    debug: Debug = False,
) -> None:
    """Reproduce a paper: run its parts, write tables (CSV, Markdown), pictures (PNG) and a page, index.html.

    Every finished part, and every unit of a long one, is stored under its settings: a second call skips it, a changed
    setting redoes it, and after Ctrl-C the same command goes on.
    """
    with reported(debug, json=json):
        from rheobase.errors import ParameterError
        from rheobase.jobs import OnDask
        from rheobase.machine import machine
        from rheobase.reproduce import Call, find

        if list_:
            _tell_parts(paper)
            return
        if paper is None:
            raise ParameterError("reproduce", "no paper", "the name of a paper", "rheobase reproduce --list")
        call = Call(
            paper=find(paper),
            only=_names(only or []),
            search=search,
            quick=quick,
            budget=budget,
            out=out,
            seed=seed,
            data=data,
            fresh=fresh,
            redraw=redraw,
            machine=machine(),
            on=None if dask is None else OnDask(dask),
            command=_command(paper, only or [], search, quick, budget, out, seed),
        )
        outcome = _run(call)
        _tell(outcome)
        write_json(json, outcome.as_json())


def _names(only: list[str]) -> tuple[str, ...]:
    return tuple(name.strip() for given in only for name in given.split(",") if name.strip())


def _command(
    paper: str, only: list[str], search: bool, quick: bool, budget: float | None, out: Path | None, seed: int
) -> str:
    """The command that makes the same numbers; where data lie is the reader's own affair."""
    import shlex

    words = ["rheobase", "reproduce", paper, *(["--search"] if search else []), *(["--quick"] if quick else [])]
    words += ["--budget", f"{budget:g}"] if budget is not None else []
    words += ["--only", ",".join(_names(only))] if only else []
    words += ["--out", str(out)] if out else []
    return shlex.join([*words, "--seed", str(seed)])


def _run(call: Call) -> Outcome:
    from rheobase.reproduce import reproduce

    try:
        return reproduce(call, _watcher())
    except KeyboardInterrupt:
        note = f"interrupted; what is finished lies in {call.folder}, and the same command goes on from there"
        typer.secho(note, fg="yellow", err=True)
        raise typer.Exit(INTERRUPTED) from None


def _watcher() -> Watcher:
    from rheobase.reproduce import Bars, Lines

    return Bars() if sys.stderr.isatty() else Lines(lambda text: typer.echo(text, err=True))


def _tell_parts(name: str | None) -> None:
    from rheobase.cli.terminal import console, table
    from rheobase.reproduce import find, names

    out = console()
    for paper in [find(each) for each in ([name] if name else names())]:
        rows = [(part.name, part.summary, ", ".join(part.needs).replace("|", " or ")) for part in paper.parts]
        out.print(table(("part", "what it shows", "data"), rows, title=f"{paper.name}: {paper.title}"))
        if paper.searches:
            tried = [(one.name, one.summary, ", ".join(one.sets)) for one in paper.searches]
            out.print(table(("with --search", "what it tries", "for the parts"), tried))


def _tell(outcome: Outcome) -> None:
    from rheobase.cli.terminal import console, table
    from rheobase.reproduce.page import duration

    out, done = console(), outcome.records
    rows = [(one.name, one.title, f"{len(one.tables)}, {len(one.pictures)}", duration(one.seconds)) for one in done]
    columns = ("part", "title", "tables, pictures", "time")
    out.print(table(columns, rows, title=outcome.call.shown.title, right=columns[2:]))
    out.print(f"page: {outcome.page}", soft_wrap=True)
