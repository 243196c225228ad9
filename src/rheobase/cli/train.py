"""`rheobase train`: a network on images, with a report."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from rheobase.cli.options import (
    INTERRUPTED,
    MOST_THREADS,
    WHERE,
    Debug,
    Json,
    Overwrite,
    RunsFolder,
    examples,
    path,
    reported,
    write_json,
)
from rheobase.runs.defaults import EPOCHS, EPOCHS_OF_MANY, MANY_SAMPLES, NEURON, SPLIT_SEED, TEST_SHARE, said

if TYPE_CHECKING:
    from rheobase.cli.training.job import Start
    from rheobase.data import Dataset
    from rheobase.runs.settings import Settings

EXAMPLES = examples(
    "rheobase train --neuron SRC --data digits",
    "rheobase train --neuron LIF --data mnist --data-dir ~/data --hidden 256,128 --epochs 5",
    "rheobase train --neuron AdLIF --recurrent --data mine.npz --name first-try",
    "rheobase train --neuron LIF --data pets --size 32x32 --colour grey   (a folder pets/CLASS/*.png)",
    "rheobase train --neuron LIF --data gestures.csv --columns id=trial,time=t,label=gesture,group=subject",
    "rheobase train --neuron LIF --data digits --find-lr   (suggests a learning rate, trains nothing)",
    "rheobase train --neuron LIF --data digits --hidden 128,128,128 --start-activity 0.1",
    "rheobase train --resume runs/first-try   (after Ctrl-C; the result is the same as without it)",
)
WHAT, OWN, NETWORK, TRAINING, MACHINE = (
    "Neuron and data",
    "A folder of your own files",
    "Network",
    "Training",
    "Machine",
)


def _choice(name: str, text: str, panel: str, metavar: str | None = None) -> Any:
    """An option whose default is in `defaults`: None here, to know what was given."""
    return typer.Option(help=text, show_default=said(name), rich_help_panel=panel, metavar=metavar)


def _own(text: str, metavar: str) -> Any:
    """An option on how the files of a folder of one's own are read."""
    return typer.Option(help=text, show_default=False, rich_help_panel=OWN, metavar=metavar)


def train(
    neuron: Annotated[
        str | None,
        typer.Option(
            metavar="NAME", help="The neuron; `rheobase list` has them.", show_default=NEURON, rich_help_panel=WHAT
        ),
    ] = None,
    data: Annotated[
        str | None,
        typer.Option(
            metavar="NAME|PATH",
            help="digits, mnist, fashion_mnist; nmnist, shd, ssc, spoken_digits, ntidigits, dvs_gesture, cifar10_dvs; "
            "or a folder of images or event files by class, or of idx files; a .npz; "
            "or time series: .ts, .csv, .parquet, .npz.",
            rich_help_panel=WHAT,
        ),
    ] = None,
    data_dir: Annotated[
        str | None,
        typer.Option(
            metavar="FOLDER",
            help="Where mnist/, nmnist/ and the like lie.",
            show_default="$RHEOBASE_DATA",
            rich_help_panel=WHAT,
        ),
    ] = None,
    download: Annotated[
        bool, typer.Option("--download", help="Fetch mnist or fashion_mnist if missing.", rich_help_panel=WHAT)
    ] = False,
    limit: Annotated[
        int | None, typer.Option(help="Keep so many training and test samples.", rich_help_panel=WHAT)
    ] = None,
    size: Annotated[
        str | None, _own("Bring images to it; put neighbouring pixels of an event camera together.", "WIDTHxHEIGHT")
    ] = None,
    colour: Annotated[str | None, _own("grey or rgb: what images become.", "NAME")] = None,
    sensor: Annotated[
        str | None, _own("The event camera, where files do not say it: dvs128, davis240... or WIDTHxHEIGHT.", "NAME")
    ] = None,
    duration: Annotated[float | None, _own("ms of a recording that are used.", "MS")] = None,
    sample_rate: Annotated[int | None, _own("Resample sounds to it.", "HZ")] = None,
    mono: Annotated[bool, typer.Option("--mono", help="Average the channels of sounds.", rich_help_panel=OWN)] = False,
    bands: Annotated[int | None, _own("Of the cochlea-like filter bank (32).", "NUMBER")] = None,
    frame: Annotated[float | None, _own("ms of a time step of it (10).", "MS")] = None,
    pattern: Annotated[
        str | None,
        _own("Regular expression on file names; its named groups are `label`, and who made the sample.", "REGEX"),
    ] = None,
    leave_out: Annotated[str | None, _own("Groups (of --pattern) that are the test part: ann,bob.", "NAMES")] = None,
    kind: Annotated[
        str | None, _own("series or images: what a .npz holds, where its arrays do not say it.", "NAME")
    ] = None,
    columns: Annotated[
        str | None,
        _own(
            "Of a table of series: id=,time=,label=,group=,part=,channels=a,b; of a .npz: group=KEY; "
            "of events in text: x=,y=,p=,t=.",
            "ROLE=NAME",
        ),
    ] = None,
    header: Annotated[
        bool | None,
        typer.Option(
            "--header/--no-header",
            help="The first line of a table names its columns, or is data, where it may be either.",
            rich_help_panel=OWN,
        ),
    ] = None,
    test_share: Annotated[
        float | None, _own(f"Share that tests, where no folder `test` does ({TEST_SHARE}).", "SHARE")
    ] = None,
    split_seed: Annotated[int | None, _own(f"Of that choice ({SPLIT_SEED}).", "SEED")] = None,
    name: Annotated[
        str | None, typer.Option(help="Folder of the run.", show_default="NEURON-DATA", rich_help_panel=WHERE)
    ] = None,
    out: RunsFolder = Path("runs"),
    overwrite: Overwrite = False,
    resume: Annotated[
        Path | None,
        typer.Option(
            parser=path,
            metavar="FOLDER",
            help="Go on with an interrupted run; takes no other setting.",
            rich_help_panel=WHERE,
        ),
    ] = None,
    tensorboard: Annotated[
        bool, typer.Option("--tensorboard", help="Also log for TensorBoard.", rich_help_panel=WHERE)
    ] = False,
    hidden: Annotated[str | None, _choice("hidden", "Hidden layers: 128,64 or none.", NETWORK, "SIZES")] = None,
    recurrent: Annotated[
        bool, typer.Option("--recurrent", help="Give the neurons lateral weights.", rich_help_panel=NETWORK)
    ] = False,
    encoder: Annotated[
        str | None,
        _choice(
            "encoder",
            "rate, thermometer, latency or direct; of events: binary or counts; of series: slope, direct, delta or "
            "population.",
            NETWORK,
            "CODE",
        ),
    ] = None,
    gain: Annotated[
        float | None,
        _choice("gain", "Rate code: spikes per step of a white pixel; of series: the factor of their code.", NETWORK),
    ] = None,
    threshold: Annotated[
        float | None, _choice("threshold", "Delta code of series: standard deviations for a spike.", NETWORK)
    ] = None,
    fields: Annotated[int | None, _choice("fields", "Population code of series: fields of a channel.", NETWORK)] = None,
    taps: Annotated[
        int | None, _choice("taps", "Steps of the input that the first layer sees at once, by a delay line.", NETWORK)
    ] = None,
    hold: Annotated[
        int | None,
        _choice("hold", "Series: steps after the end in which those last --taps stay as they are.", NETWORK),
    ] = None,
    readout_tau: Annotated[
        float | None,
        _choice(
            "readout_tau", "ms: time constant of the leaky readout; a longer one weighs early steps more.", NETWORK
        ),
    ] = None,
    steps: Annotated[
        int | None, _choice("steps", "Time steps of a sample (1 ms each); events are binned into as many.", NETWORK)
    ] = None,
    epochs: Annotated[
        int | None,
        typer.Option(
            help="Passes over the samples.",
            show_default=f"{EPOCHS}; {EPOCHS_OF_MANY} where samples are more than {MANY_SAMPLES}",
            rich_help_panel=TRAINING,
        ),
    ] = None,
    batch: Annotated[int | None, _choice("batch", "Samples in a step of the optimiser.", TRAINING)] = None,
    lr: Annotated[float | None, _choice("lr", "Largest learning rate.", TRAINING)] = None,
    schedule: Annotated[str | None, _choice("schedule", "constant, cosine or one-cycle.", TRAINING, "NAME")] = None,
    optimiser: Annotated[str | None, _choice("optimiser", "adam or adamw.", TRAINING, "NAME")] = None,
    loss: Annotated[
        str | None, _choice("loss", "Score of a class: last, sum, mean, max, mean-softmax, tet.", TRAINING, "NAME")
    ] = None,
    validation: Annotated[
        float | None, _choice("validation", "Share of the training samples; 0 for none.", TRAINING)
    ] = None,
    seed: Annotated[int | None, _choice("seed", "Of weights, split, order and codes.", TRAINING)] = None,
    start_activity: Annotated[
        str | None,
        typer.Option(
            metavar="SHARE|LOW:HIGH",
            help="Scale the first weights until each layer's neurons spike in this share of the steps: 0.1; 0.02:0.2.",
            show_default="weights as they are drawn",
            rich_help_panel=TRAINING,
        ),
    ] = None,
    find_lr: Annotated[
        bool,
        typer.Option(
            "--find-lr",
            help="First try learning rates on a copy, and suggest one. Without --lr nothing is trained.",
            rich_help_panel=TRAINING,
        ),
    ] = False,
    device: Annotated[str | None, _choice("device", "auto, cpu, cuda or mps.", MACHINE, "NAME")] = None,
    devices: Annotated[int | None, _choice("devices", "How many, one process on each.", MACHINE)] = None,
    precision: Annotated[str | None, _choice("precision", "32-true, bf16-mixed, 64-true...", MACHINE, "NAME")] = None,
    threads: Annotated[
        int | None,
        typer.Option(
            min=1,
            max=MOST_THREADS,
            help="Threads.",
            show_default="1 for small networks, else torch's",
            rich_help_panel=MACHINE,
        ),
    ] = None,
    json: Json = None,
    debug: Debug = False,
) -> None:
    """Train a network of a neuron on images or events; print a table and write a report with pictures.

    Of a folder of your own, what was found, which files test and how samples are coded is said before the first epoch.
    A tenth of the training samples is held back to choose the best epoch (whole groups, where a pattern or a column
    names them); the test samples are run once, at the end. With --validation 0 all train, and the last epoch is kept.
    Time series have defaults of their own: --hidden 256 --encoder slope --readout-tau 60 (sounds: direct, 20) --gain 3
    --steps 50 (steps are put together where series are longer), --taps as many as steps, --hold 10 (0 where steps are
    put together, and of sounds), --batch 16 --loss last, --epochs that make 750 steps of the optimiser, at least 30; of
    fewer than 500, --validation 0.
    Ctrl-C keeps a checkpoint and says how to go on. A run is never overwritten unless --overwrite says so.
    """
    given = {
        "neuron": neuron, "data": data, "data_dir": data_dir, "limit": limit, "validation": validation,
        "hidden": hidden, "recurrent": recurrent or None, "encoder": encoder, "gain": gain, "threshold": threshold,
        "fields": fields, "taps": taps, "hold": hold, "readout_tau": readout_tau, "steps": steps,
        "epochs": epochs, "batch": batch, "lr": lr, "loss": loss, "optimiser": optimiser, "schedule": schedule,
        "seed": seed,
        "start_activity": start_activity, "device": device, "devices": devices, "precision": precision,
        "threads": threads, "tensorboard": tensorboard or None,
    }  # fmt: skip
    own = {
        "size": size, "colour": colour, "sensor": sensor, "duration": duration, "sample_rate": sample_rate,
        "mono": mono or None, "bands": bands, "frame": frame, "pattern": pattern, "kind": kind, "columns": columns,
        "header": header, "leave_out": leave_out, "test_share": test_share, "split_seed": split_seed,
    }  # fmt: skip
    with reported(debug, json=json):
        if resume is not None:
            others = {**given, **own, "name": name, "overwrite": overwrite or None, "find_lr": find_lr or None}
            _resume(resume, [k for k, v in others.items() if v is not None], json, download=download)
        else:
            _start(given, own, name, out, json, overwrite=overwrite, download=download, find_lr=find_lr)


def _start(
    given: dict[str, Any],
    own: dict[str, Any],
    name: str | None,
    out: Path,
    json: Path | None,
    *,
    overwrite: bool,
    download: bool,
    find_lr: bool,
) -> None:
    from rheobase.cli.quantity import parse_hidden
    from rheobase.cli.terminal import console
    from rheobase.cli.training.job import check, started
    from rheobase.cli.training.reading import reading_lines
    from rheobase.data import Reading, load
    from rheobase.errors import ParameterError
    from rheobase.files import expanded
    from rheobase.runs.folder import claim, state_of
    from rheobase.runs.neurons_by_name import find
    from rheobase.runs.settings import Settings, located

    if given["data"] is None:
        raise ParameterError("train", "no --data", "--data NAME or PATH", "rheobase train --data digits")
    kind = find(given["neuron"] or NEURON)
    dataset = load(
        given["data"],
        given["data_dir"],
        download=download,
        limit=given["limit"],
        reading=Reading(**own),
        watch=reading_lines(),
    )
    chosen = {**given, "neuron": kind.__name__, "hidden": parse_hidden(given["hidden"]), "data": located(given["data"])}
    if given["data_dir"] is not None:
        chosen["data_dir"] = os.path.realpath(expanded(given["data_dir"], "--data-dir"))
    settings = Settings.resolve(chosen, dataset)
    wanted_name = name or f"{kind.__name__}-{Path(given['data']).stem}".lower()
    check(settings, dataset)
    if given["neuron"] is None:
        hint = f"neuron: {NEURON} (--neuron takes another; rheobase list has them)"
        console(err=True).print(hint, soft_wrap=True)
    start = started(settings, dataset)
    if find_lr:
        from rheobase.cli.training.learning_rate import say, say_how_to_use, searched

        say(found := searched(settings, dataset, start.net))
        if given["lr"] is None:
            say_how_to_use(found)
            write_json(json, found.as_json())
            return
        start = start.after(found)
    folder = claim(out, wanted_name, overwrite=overwrite)
    if folder.name != wanted_name:
        there = out / wanted_name
        note = f"{there} holds {state_of(there)}; this one goes to {folder} (--overwrite would replace it)"
        console(err=True).print(note, soft_wrap=True)
    _go(settings, dataset, folder, json, start)


def _resume(folder: Path, others: list[str], json: Path | None, *, download: bool) -> None:
    from rheobase.cli.training.reading import reading_lines
    from rheobase.errors import ParameterError
    from rheobase.runs.folder import RESULT, check_same_files, read_notes
    from rheobase.runs.settings import Settings

    if others:
        options = ", ".join(f"--{k.replace('_', '-')}" for k in others)
        remedy = "leave the others out, or start a new run"
        raise ParameterError("--resume", options, "no other setting: a run goes on as it began", remedy)
    settings = Settings.of_run(folder)
    if (folder / RESULT).exists():
        raise ParameterError(
            "--resume", f"{folder}, a finished run", "an interrupted one", f"look at {folder}/report.html"
        )
    dataset = settings.load_data(download=download, watch=reading_lines())
    remedy = "put them back, or start a new run: it would end with the test of other files"
    check_same_files(settings.data, read_notes(folder).get("digest"), dataset.digest, remedy)
    _go(settings, dataset, folder, json, None)


def _go(settings: Settings, dataset: Dataset, folder: Path, json: Path | None, start: Start | None) -> None:
    """Train from `start`, or go on with the run in the folder."""
    from rheobase.cli.terminal import console, figures
    from rheobase.cli.training import figures as found
    from rheobase.cli.training import report as page
    from rheobase.cli.training.job import run
    from rheobase.cli.training.reading import say_what_was_found
    from rheobase.runs.folder import RESULT

    say_what_was_found(settings, dataset)
    try:
        outcome = run(settings, dataset, folder, start)
        content = found.as_json(outcome, folder)
        report = page.write(outcome, folder)
        write_json(folder / RESULT, content)
    except KeyboardInterrupt as stop:
        _say_how_to_go_on(stop, folder)
        raise typer.Exit(INTERRUPTED) from None
    write_json(json, content)
    out = console()
    out.print(f"{settings.neuron} on {dataset.name}", style="bold")
    warned = [str(concern) for concern in outcome.history.concerns]
    out.print(figures({**found.rows(outcome), **({"warnings": "; ".join(warned)} if warned else {})}))
    out.print(f"report: {report}", soft_wrap=True)


def _say_how_to_go_on(stop: KeyboardInterrupt, folder: Path) -> None:
    import shlex

    from rheobase.learning import TrainingInterrupted
    from rheobase.learning.training.run import LAST

    checkpoint = folder / LAST
    if not checkpoint.exists():
        typer.secho(f"interrupted before anything was saved in {folder}", fg="yellow", err=True)
        return
    at = f" in epoch {stop.epoch} after {stop.batch} batches" if isinstance(stop, TrainingInterrupted) else ""
    typer.secho(f"interrupted{at}; checkpoint: {checkpoint}", fg="yellow", err=True)
    typer.echo(f"go on with: rheobase train --resume {shlex.quote(str(folder))}", err=True)
