"""`rheobase explain RUN`: what each layer of a trained network is, what runs it and why, and what it costs."""

from __future__ import annotations

from html import escape
from pathlib import Path
from typing import Annotated

import typer

from rheobase.cli.options import (
    MOST_THREADS,
    DataDir,
    Debug,
    Json,
    Run,
    examples,
    path,
    reported,
    write_json,
)

EXAMPLES = examples(
    "rheobase explain runs/lif-digits",
    "rheobase explain runs/lif-digits --batch 256 --json layers.json --html layers.html",
)


def explain(
    run: Run,
    batch: Annotated[
        int | None, typer.Option(min=1, help="Samples in the batch.", show_default="as in the training")
    ] = None,
    seconds: Annotated[float, typer.Option(min=0.0, help="Time to measure, after a warm-up.")] = 3.0,
    threads: Annotated[
        int | None, typer.Option(min=1, max=MOST_THREADS, help="Threads.", show_default="as in the training")
    ] = None,
    data_dir: DataDir = None,
    html: Annotated[
        Path | None, typer.Option("--html", parser=path, metavar="FILE", help="Write the table as a page, too.")
    ] = None,
    json: Json = None,
    debug: Debug = False,
) -> None:
    """Show for each layer of a trained network: shape, parameters, backend and why, spikes, times, memory, operations.

    It runs on the first test samples of the run; where its data are missing, on random ones of their shape. In Python:
    rheobase.explain(net, x), for any network.
    """
    with reported(debug, json=json):
        from rheobase import explain as explained
        from rheobase.cli.runs_by_name import load_run, round_lines
        from rheobase.cli.training.reading import reading_lines
        from rheobase.files import atomic_write, ensure_writable
        from rheobase.plot.markup import document
        from rheobase.runs.batch import batch_of
        from rheobase.runs.threads import threads as so_many

        if html is not None:
            ensure_writable(html, "--html")
        model = load_run(run)
        given = batch_of(model, batch, data_dir=data_dir, watch=reading_lines())
        with so_many(threads or model.settings.threads):
            found = explained(model.network.train(), given.coded.sequence, seconds=seconds, on_round=round_lines())
        title = f"{model.settings.neuron} network of {model.folder}, on {given.source}"
        typer.echo(f"{title}\n{found}")
        write_json(json, {"run": str(model.folder), "data": given.source, **found.as_json()})
        if html is not None:
            body = f"<h1>{escape(title)}</h1>\n{found.html()}\n"
            atomic_write(html, document(title, body, "report.css").encode())
