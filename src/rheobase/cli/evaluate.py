"""`rheobase evaluate RUN`: the test of a trained network once more."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from rheobase.cli.options import Debug, Json, examples, path, reported, write_json

EXAMPLES = examples(
    "rheobase evaluate runs/lif-digits",
    "rheobase evaluate runs/lif-mnist --data-dir ~/data --json figures.json",
)


def evaluate(
    run: Annotated[Path, typer.Argument(parser=path, metavar="RUN", help="The folder of a run of `rheobase train`.")],
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
        from rheobase.cli.training.reading import reading_lines
        from rheobase.runs.folder import read_result
        from rheobase.runs.model import Model

        model = Model.read(run)
        settings = model.settings
        data = model.load_data(data_dir, watch=reading_lines())
        test = model.evaluate(data)
        rows = {
            "test accuracy": f"{100 * test.accuracy:.2f} % ({round(test.accuracy * test.samples)} of {test.samples})",
            "loss": f"{test.loss:.6g}",
        }
        if (then := read_result(run)) is not None:
            other = f"{100 * then['accuracy']:.2f} %, loss {then['loss']:.6g}: another machine, or other versions"
            same = (then["accuracy"], then["loss"]) == (test.accuracy, test.loss)
            rows["report"] = "the same figures" if same else other
        write_json(json, {"run": str(run), "test": test.as_json()})
        console().print(f"{settings.neuron} on {data.name}", style="bold")
        console().print(figures(rows))
