"""`rheobase population MODELS...`: every model of a cell under every stimulus, into a folder."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from rheobase.cli.options import (
    INTERRUPTED,
    MOST_SEED,
    MOST_THREADS,
    Debug,
    Json,
    Picture,
    examples,
    path,
    reported,
    write_json,
)

if TYPE_CHECKING:
    from rheobase.cells import Population
    from rheobase.stimuli import Stimulus

EXAMPLES = examples(
    "rheobase population models/*.json --morphology cell.swc --stimuli step:AMP:200:600 --amplitudes 0.05:0.8:16 "
    "--stop 715 --dt 0.02 --out runs/cells   (the same command goes on after Ctrl-C)",
    "rheobase population fit.json --morphology cell.swc --axon stub --stimuli noise:0.1:0.05:5 --stimuli stimuli.csv "
    "--out runs/noise",
    "rheobase population models/*.json --morphology cell.swc --stimuli 0.2 --record 'soma,dend[3](0.97)' --every 5 "
    "--out runs/traces --plot cells.png",
    "rheobase population models/*.json --morphology cell.swc --stimuli table.npy --out runs/table "
    "--dask tcp://10.0.0.1:8786",
)
MOST_ROWS = 60


def population(
    models: Annotated[
        list[Path],
        typer.Argument(parser=path, metavar="MODELS...", help="Parameter files of the Allen Institute's format."),
    ],
    morphology: Annotated[
        Path, typer.Option(parser=path, metavar="FILE", help="The shape of all of them: .swc, .asc, or packed (.gz).")
    ],
    stimuli: Annotated[
        list[str],
        typer.Option(
            metavar="CURRENT",
            help="A current in nA as `rheobase simulate --current` takes it, AMP in it for each of --amplitudes; a "
            "file with a current in each sweep (columns `time (ms),current 1 (nA),current 2 (nA)` of a .csv); or a "
            ".npy, (stimuli, time) in nA, a value for each step. Repeatable.",
        ),
    ],
    out: Annotated[Path, typer.Option(parser=path, metavar="FOLDER", help="Where traces and spikes go.")],
    amplitudes: Annotated[
        str | None, typer.Option(metavar="FROM:TO:COUNT", help="What AMP stands for, in nA; or numbers with commas.")
    ] = None,
    dt: Annotated[str, typer.Option(metavar="TIME", help="Time step.")] = "0.025ms",
    stop: Annotated[
        str | None,
        typer.Option(metavar="TIME", help="Length of each run.", show_default="400 ms, or as long as a file"),
    ] = None,
    record: Annotated[
        list[str] | None,
        typer.Option(
            metavar="PLACE,...",
            help="What is kept: places (dend[3](0.97)), or states of a kind of section (soma.CaDynamics.ca).",
            show_default="soma",
        ),
    ] = None,
    every: Annotated[int, typer.Option(min=1, help="Keep the value of every so many steps.")] = 1,
    axon: Annotated[
        str | None,
        typer.Option(
            metavar="WORD",
            help="What becomes of the axon: stub, 'two diameters', none or whole.",
            show_default="as the files say",
        ),
    ] = None,
    start: Annotated[
        str, typer.Option(metavar="WORD", help="How a run starts: as NEURON starts these models (neuron), or settled.")
    ] = "neuron",
    dtype: Annotated[str, typer.Option(metavar="TYPE", help="float32 or float64.")] = "float32",
    memory: Annotated[str, typer.Option(metavar="SIZE", help="What a unit may take; lanes are chosen to fit.")] = "1GB",
    threads: Annotated[
        int | None, typer.Option(min=1, max=MOST_THREADS, help="Threads of a unit.", show_default="all cores")
    ] = None,
    dask: Annotated[
        str | None,
        typer.Option(metavar="ADDRESS", help="Let the workers of this Dask scheduler compute; they must see --out."),
    ] = None,
    seed: Annotated[int, typer.Option(min=0, max=MOST_SEED, help="Of stimuli that are noise.")] = 0,
    plot: Picture = None,
    json: Json = None,
    debug: Debug = False,
) -> None:
    """Simulate every model of a cell under every stimulus: traces go to a folder as they come, as Zarr.

    The work falls into units, chunks of models and stimuli. What is finished stays: after Ctrl-C, or on a disk that was
    full, the same command goes on. `rheobase.cells.Population.open(FOLDER)` reads the folder.
    """
    with reported(debug, json=json):
        import functools

        from rheobase import cells
        from rheobase.cli.quantity import quantity, size_of
        from rheobase.cli.stimulus import Clock
        from rheobase.cli.terminal import console, counted
        from rheobase.jobs import OnDask

        if plot is not None:
            from rheobase.files import ensure_writable
            from rheobase.plot import check_picture_path

            ensure_writable(check_picture_path(plot), "--plot")
        clock = Clock(_step(dt), seed)
        t_stop, currents, notes = _currents(stimuli, amplitudes, stop, clock)
        places = [name for given in record or ["soma"] for name in _names(given)]
        # workers may stand in another folder
        make = functools.partial(
            cells.from_allen, morphology=morphology.absolute(), dt=quantity(dt, "ms", "--dt"), axon=axon, start=start
        )
        out_ = console()
        for note in notes:
            out_.print(note, soft_wrap=True)
        try:
            with counted("units") as progress:
                found = cells.population(
                    make,
                    [model.absolute() for model in models],
                    currents,
                    out,
                    t_stop=t_stop,
                    record=places,
                    every=every,
                    dtype=dtype,
                    memory=size_of(memory, "--memory"),
                    threads=threads,
                    on=None if dask is None else OnDask(dask),
                    progress=progress,
                )
        except KeyboardInterrupt:
            note = f"interrupted; what is finished lies in {out}, and the same command goes on from there"
            typer.secho(note, fg="yellow", err=True)
            raise typer.Exit(INTERRUPTED) from None
        _tell(found)
        write_json(json, _as_json(found))
        if plot is not None:
            from rheobase.plot import LIGHT, save
            from rheobase.plot import population as draw

            out_.print(f"picture: {save(draw(found, style=LIGHT), plot)}", soft_wrap=True)


def _step(dt: str) -> float:
    from rheobase.cli.quantity import quantity
    from rheobase.errors import ParameterError

    value = quantity(dt, "ms", "--dt")
    if not value > 0:
        raise ParameterError("--dt", repr(dt), "a time above 0", "--dt 0.025ms")
    return value


def _currents(
    given: list[str], amplitudes: str | None, stop: str | None, clock: Any
) -> tuple[float, dict[str, Stimulus], list[str]]:
    """The length of the runs, the stimuli by name, and what a user should know of them."""
    from rheobase.cli.many_stimuli import FLAG, typed_stimuli
    from rheobase.cli.window import check_times, length

    typed = typed_stimuli(given, amplitudes, "nA", clock)
    steps = length(stop, typed, clock, "population")
    for name, one in typed.items():
        check_times(one, FLAG + name, steps, clock, owner="population", stop=stop)
    t_stop = steps * clock.step
    notes = list(dict.fromkeys(one.note for one in typed.values() if one.note))
    return t_stop, {name: one.made(t_stop) for name, one in typed.items()}, notes


def _names(given: str) -> list[str]:
    return [name.strip() for name in given.split(",") if name.strip()]


def _tell(found: Population) -> None:
    import numpy as np

    from rheobase.cli.terminal import console, number, table

    out = console()
    out.print(repr(found), style="bold")
    rates, counts = found.rates, found.counts
    if len(found.stimuli) <= MOST_ROWS:
        columns = ("stimulus", "models that fire", "rate (Hz): least", "median", "most")
        rows = [
            (
                name,
                f"{int((counts[:, k] > 0).sum())} of {len(found.models)}",
                *(number(f(rates[:, k])) for f in (np.min, np.median, np.max)),
            )
            for k, name in enumerate(found.stimuli)
        ]
        out.print(table(columns, rows, right=columns[1:]))
    out.print(f"{counts.sum()} spikes; traces, spikes and settings: {found.folder}", soft_wrap=True)


def _as_json(found: Population) -> dict[str, Any]:
    return {
        "models": list(found.models),
        "stimuli": list(found.stimuli),
        "record": list(found.record),
        "dt": found.dt,
        "t_stop": found.t_stop,
        "folder": str(found.folder),
        "spikes": found.counts.tolist(),
        "rate_unit": "Hz",
        "rates": found.rates.tolist(),
    }
