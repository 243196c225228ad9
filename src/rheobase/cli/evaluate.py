"""`rheobase evaluate RUN`: the test of a trained network once more."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from rheobase.cli.options import Debug, Json, examples, path, reported, write_json

EXAMPLES = examples(
    "rheobase evaluate runs/lif-digits",
    "rheobase evaluate runs/lif-mnist --data-dir ~/data --json figures.json",
    "rheobase evaluate src-digits                (a network that comes with the package)",
)


def evaluate(
    run: Annotated[str, typer.Argument(metavar="RUN", help="The folder of a run, or a pre-trained network's name.")],
    data_dir: Annotated[
        Path | None,
        typer.Option(parser=path, metavar="FOLDER", help="Where the data of the run lie, if not where they lay."),
    ] = None,
    json: Json = None,
    debug: Debug = False,
) -> None:
    """Test a trained network again: the accuracy of its report, to the digit.

    The test samples are those of the run, coded with its seed. The figures are compared with those of its report.
    """
    with reported(debug, json=json):
        from rheobase.cli.terminal import console, figures
        from rheobase.cli.watching import Watching
        from rheobase.runs import load
        from rheobase.runs.folder import read_result

        model = load(run)
        settings = model.settings
        with Watching() as watch:
            data = model.load_data(data_dir, watch=watch)
            test = model.evaluate(data, watch=watch)
        rows = {
            "test accuracy": f"{100 * test.accuracy:.2f} % ({round(test.accuracy * test.samples)} of {test.samples})",
            "loss": f"{test.loss:.6g}",
        }
        if (then := read_result(model.folder)) is not None:
            other = f"{100 * then['accuracy']:.2f} %, loss {then['loss']:.6g}: another machine, or other versions"
            same = (then["accuracy"], then["loss"]) == (test.accuracy, test.loss)
            rows["report" if model.card is None else "card"] = "the same figures" if same else other
        write_json(json, {"run": run, "test": test.as_json()})
        console().print(f"{settings.neuron} on {data.name}", style="bold")
        console().print(figures(rows))
