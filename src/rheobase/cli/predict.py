"""`rheobase predict RUN`: what a trained network says of new samples, as a table."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from rheobase.cli.options import Debug, Json, examples, path, reported, write_json

EXAMPLES = examples(
    "rheobase predict runs/lif-digits --data new.npy --out predictions.csv",
    "rheobase predict runs/lif-digits --data digits        (the test part of a data set)",
    "rheobase predict src-digits --data new.npy --json scores.json     (a network that comes with the package)",
    "rheobase predict runs/lif-pets --data photos --out predictions.csv   (all files in a folder)",
)
SHOWN = 10


def predict(
    run: Annotated[str, typer.Argument(metavar="RUN", help="The folder of a run, or a pre-trained network's name.")],
    data: Annotated[
        str,
        typer.Option(
            metavar="PATH|NAME",
            help="A file, or a folder of files, of the kind trained on; a .npy, .npz with x, or idx file; "
            "or a data set's test part.",
        ),
    ],
    data_dir: Annotated[
        Path | None, typer.Option(parser=path, metavar="FOLDER", help="Where mnist/, nmnist/ and the like lie.")
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(parser=path, metavar="FILE", help="Write the class and the scores of every sample as CSV."),
    ] = None,
    json: Json = None,
    debug: Debug = False,
) -> None:
    """Say which class a trained network sees in each sample.

    Samples are coded as in training, with the seed of the run: the same file gives the same predictions, everywhere.
    """
    with reported(debug, json=json):
        from rheobase.cli.terminal import console, table
        from rheobase.cli.watching import Watching
        from rheobase.data import NAMES, load
        from rheobase.files import atomic_write, ensure_writable
        from rheobase.runs import load as load_run

        if out is not None:
            ensure_writable(out, "--out")
        model = load_run(run)
        with Watching() as watch:
            if data in NAMES:
                known = load(data, data_dir, watch=watch)
                found = model.predict(known.x_test, watch=watch)
            else:
                found = model.predict(path(data), watch=watch)
        names, scores = found.names, found.scores.tolist()
        if out is not None:
            atomic_write(out, as_csv(names, scores, found.classes, found.sources).encode())
        content = {"run": run, "classes": list(found.classes), "predictions": names, "scores": scores}
        write_json(json, content | ({"sources": list(found.sources)} if found.sources else {}))
        for note in found.notes:
            console().print(note, soft_wrap=True)
        samples = found.sources or tuple(map(str, range(len(names))))
        rows = [[samples[k], name, f"{max(row):.4g}"] for k, (name, row) in enumerate(zip(names, scores, strict=True))]
        console().print(table(["sample", "class", "score"], rows[:SHOWN], right=["sample", "score"]))
        if len(rows) > SHOWN:
            console().print(f"and {len(rows) - SHOWN} more" + ("" if out else "; --out FILE.csv writes them all"))
        if out is not None:
            console().print(f"wrote {out}", soft_wrap=True)


def as_csv(names: list[str], scores: list[list[float]], classes: tuple[str, ...], sources: tuple[str, ...] = ()) -> str:
    """A line for each sample: its file or number, its class, and the score of every class.

    >>> as_csv(["b"], [[0.5, 2.0]], ("a", "b"))
    'sample,class,score a,score b\\r\\n0,b,0.5,2.0\\r\\n'
    """
    import csv
    import io

    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(["sample", "class", *(f"score {name}" for name in classes)])
    writer.writerows(
        [sources[k] if sources else k, name, *row] for k, (name, row) in enumerate(zip(names, scores, strict=True))
    )
    return text.getvalue()
