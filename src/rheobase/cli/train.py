"""`rheobase train`: a network on images, with a report."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from rheobase.cli.options import INTERRUPTED, Debug, Json, examples, reported, write_json

if TYPE_CHECKING:
    from rheobase.cli.training.settings import Settings
    from rheobase.data import Dataset

EXAMPLES = examples(
    "rheobase train --neuron SRC --data digits",
    "rheobase train --neuron LIF --data mnist --data-dir ~/data --hidden 256,128 --epochs 5",
    "rheobase train --neuron AdLIF --recurrent --data mine.npz --name first-try",
    "rheobase train --resume runs/first-try   (after Ctrl-C; the result is the same as without it)",
)


def train(
    neuron: Annotated[str | None, typer.Option(metavar="NAME", help="The neuron; `rheobase list` has them.")] = None,
    data: Annotated[
        str | None,
        typer.Option(metavar="NAME|PATH", help="digits, mnist, fashion_mnist; or a folder of idx files; or a .npz."),
    ] = None,
    name: Annotated[str | None, typer.Option(help="Folder of the run.", show_default="NEURON-DATA")] = None,
    out: Annotated[Path, typer.Option(metavar="FOLDER", help="Where folders of runs are made.")] = Path("runs"),
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Remove a run of the same name first.")] = False,
    resume: Annotated[
        Path | None, typer.Option(metavar="FOLDER", help="Go on with an interrupted run; takes no other setting.")
    ] = None,
    data_dir: Annotated[
        str | None, typer.Option(metavar="FOLDER", help="Where mnist/ lies.", show_default="$RHEOBASE_DATA")
    ] = None,
    download: Annotated[bool, typer.Option("--download", help="Fetch mnist or fashion_mnist if missing.")] = False,
    limit: Annotated[int | None, typer.Option(help="Keep so many training and test samples.")] = None,
    validation: Annotated[float | None, typer.Option(help="Share of the training samples.", show_default="0.1")] = None,
    hidden: Annotated[
        str | None, typer.Option(metavar="SIZES", help="Hidden layers: 128,64 or none.", show_default="128; SRC none")
    ] = None,
    recurrent: Annotated[bool, typer.Option("--recurrent", help="Give the neurons lateral weights.")] = False,
    encoder: Annotated[
        str | None, typer.Option(metavar="CODE", help="rate, latency or direct.", show_default="rate")
    ] = None,
    gain: Annotated[
        float | None, typer.Option(help="Rate code: spikes per step of a white pixel.", show_default="1.0")
    ] = None,
    steps: Annotated[int | None, typer.Option(help="Time steps of a sample (1 ms each).", show_default="60")] = None,
    epochs: Annotated[
        int | None, typer.Option(help="Passes over the samples.", show_default="40; of over 10000 samples 10")
    ] = None,
    batch: Annotated[int | None, typer.Option(help="Samples in a step of the optimiser.", show_default="64")] = None,
    lr: Annotated[float | None, typer.Option(help="Largest learning rate.", show_default="0.01")] = None,
    loss: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="Score of a class: last, sum, max, mean-softmax.", show_default="sum; SRC last"),
    ] = None,
    optimiser: Annotated[str | None, typer.Option(metavar="NAME", help="adam or adamw.", show_default="adam")] = None,
    schedule: Annotated[
        str | None, typer.Option(metavar="NAME", help="constant, cosine or one-cycle.", show_default="cosine")
    ] = None,
    seed: Annotated[int | None, typer.Option(help="Of weights, split, order and codes.", show_default="0")] = None,
    device: Annotated[str | None, typer.Option(metavar="NAME", help="auto, cpu, cuda or mps.", show_default="auto")] = None,
    devices: Annotated[int | None, typer.Option(help="How many, one process on each.", show_default="1")] = None,
    precision: Annotated[
        str | None, typer.Option(metavar="NAME", help="32-true, bf16-mixed, 64-true...", show_default="32-true")
    ] = None,
    threads: Annotated[
        int | None, typer.Option(min=1, help="Threads.", show_default="1 for small networks, else torch's")
    ] = None,
    tensorboard: Annotated[bool, typer.Option("--tensorboard", help="Also log for TensorBoard.")] = False,
    json: Json = None,
    debug: Debug = False,
) -> None:
    """Train a network of a neuron on images; print a table and write a report with pictures.

    A tenth of the training samples is held back to choose the best epoch; the test samples are run once, at the end.
    Ctrl-C keeps a checkpoint and says how to go on. A run is never overwritten unless --overwrite says so.
    """
    given = {
        "neuron": neuron, "data": data, "data_dir": data_dir, "limit": limit, "validation": validation,
        "hidden": hidden, "recurrent": recurrent or None, "encoder": encoder, "gain": gain, "steps": steps,
        "epochs": epochs, "batch": batch, "lr": lr, "loss": loss, "optimiser": optimiser, "schedule": schedule,
        "seed": seed, "device": device, "devices": devices, "precision": precision, "threads": threads,
        "tensorboard": tensorboard or None,
    }  # fmt: skip
    with reported(debug):
        if resume is not None:
            others = {**given, "name": name, "overwrite": overwrite or None}
            _resume(resume, [k for k, v in others.items() if v is not None], json, download=download)
        else:
            _start(given, name, out, json, overwrite=overwrite, download=download)


def _start(
    given: dict[str, Any], name: str | None, out: Path, json: Path | None, *, overwrite: bool, download: bool
) -> None:
    from rheobase.cli.models import find
    from rheobase.cli.terminal import console
    from rheobase.cli.training.folder import claim, state_of
    from rheobase.cli.training.settings import Settings, located, parse_hidden
    from rheobase.data import load
    from rheobase.errors import ParameterError

    for wanted in ("neuron", "data"):
        if given[wanted] is None:
            raise ParameterError("train", f"no --{wanted}", f"--{wanted} NAME", "rheobase train --neuron SRC --data digits")
    kind = find(given["neuron"])
    dataset = load(given["data"], given["data_dir"], download=download, limit=given["limit"])
    plain = {"validation": 0.1, "recurrent": False, "seed": 0, "device": "auto", "devices": 1, "precision": "32-true",
             "tensorboard": False}  # fmt: skip
    chosen = {k: plain.get(k) if v is None else v for k, v in given.items()}
    chosen |= {"hidden": parse_hidden(given["hidden"]), "data": located(given["data"])}
    if given["data_dir"] is not None:
        chosen["data_dir"] = str(Path(given["data_dir"]).expanduser().resolve())
    settings = Settings.resolve(chosen, dataset)
    wanted_name = name or f"{kind.__name__}-{Path(given['data']).stem}".lower()
    folder = claim(out, wanted_name, overwrite=overwrite)
    if folder.name != wanted_name:
        there = out / wanted_name
        note = f"{there} holds {state_of(there)}; this one goes to {folder} (--overwrite would replace it)"
        console(err=True).print(note, soft_wrap=True)
    _go(settings, dataset, folder, json, resume=False)


def _resume(folder: Path, others: list[str], json: Path | None, *, download: bool) -> None:
    from rheobase.cli.training.folder import CONFIG, RESULT, read_settings
    from rheobase.cli.training.settings import Settings
    from rheobase.data import load
    from rheobase.errors import ParameterError

    if others:
        options = ", ".join(f"--{k.replace('_', '-')}" for k in others)
        remedy = "leave the others out, or start a new run"
        raise ParameterError("--resume", options, "no other setting: a run goes on as it began", remedy)
    settings = Settings.from_json(read_settings(folder), str(folder / CONFIG))
    if (folder / RESULT).exists():
        raise ParameterError("--resume", f"{folder}, a finished run", "an interrupted one", f"look at {folder}/report.html")
    dataset = load(settings.data, settings.data_dir, download=download, limit=settings.limit)
    _go(settings, dataset, folder, json, resume=True)


def _go(settings: Settings, dataset: Dataset, folder: Path, json: Path | None, *, resume: bool) -> None:
    from rheobase.cli.terminal import console, figures
    from rheobase.cli.training import figures as found
    from rheobase.cli.training import page
    from rheobase.cli.training.folder import RESULT
    from rheobase.cli.training.job import run
    from rheobase.learning import TrainingInterrupted

    try:
        outcome = run(settings, dataset, folder, resume=resume)
    except TrainingInterrupted as stop:
        _say_how_to_go_on(stop, folder)
        raise typer.Exit(INTERRUPTED) from None
    content = found.as_json(outcome, folder)
    report = page.write(outcome, folder)
    write_json(folder / RESULT, content)
    write_json(json, content)
    out = console()
    out.print(figures(found.rows(outcome), title=f"{settings.neuron} on {dataset.name}"))
    out.print(f"report: {report}", soft_wrap=True)


def _say_how_to_go_on(stop: Any, folder: Path) -> None:
    import shlex

    if stop.checkpoint is None:
        typer.secho(f"interrupted before anything was saved in {folder}", fg="yellow", err=True)
        return
    where = f"interrupted in epoch {stop.epoch} after {stop.batch} batches; checkpoint: {stop.checkpoint}"
    typer.secho(where, fg="yellow", err=True)
    typer.echo(f"go on with: rheobase train --resume {shlex.quote(str(folder))}", err=True)
