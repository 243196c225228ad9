"""`rheobase map FILE --plot`: what stands where on a chip, how full its cores are, and the traffic between them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from rheobase.cli.options import MOST_SEED, DataDir, Debug, Json, examples, path, reported, write_json

if TYPE_CHECKING:
    from rheobase.cli.deploying.stored import Drive, Stored

EXAMPLES = examples(
    "rheobase map runs/if-digits --plot chip.png            (after rheobase deploy)",
    "rheobase map chip.safetensors --rate 20 --json load.json",
)
RATE, TICKS, MOST_TICKS = 20.0, 100, 100_000  # of random spikes, where there are no data
SHOWN = 16  # cores in the table


def show_chip(
    file: Annotated[
        str, typer.Argument(metavar="RUN|FILE", help="A run that was deployed, or a stored configuration.")
    ],
    plot: Annotated[
        Path | None,
        typer.Option(parser=path, metavar="FILE", help="Draw load and traffic: .png, .svg or .pdf."),
    ] = None,
    rate: Annotated[
        float | None,
        typer.Option(min=0.0, max=1000.0, help="Traffic of random spikes in (Hz).", show_default="of a test sample"),
    ] = None,
    ticks: Annotated[int, typer.Option(min=1, max=MOST_TICKS, help="How many ticks of --rate.")] = TICKS,
    seed: Annotated[int, typer.Option(min=0, max=MOST_SEED, help="Of --rate.")] = 0,
    data_dir: DataDir = None,
    json: Json = None,
    debug: Debug = False,
) -> None:
    """Show a chip: which layer has how many cores, axons, neurons and synapses in use, and what the mesh carries.

    Of Loihi: compartments, axons in and out and the memory of synapses, of the limits of each core.

    Traffic is that of a test sample where the file says how samples become spikes and the data are there, else of
    random spikes. In Python: rheobase.plot.chip_map(net, spikes), and core_load(net) of Loihi.
    """
    with reported(debug, json=json):
        from rheobase.cli.deploying import loihi_map, truenorth_map
        from rheobase.cli.deploying.stored import opened
        from rheobase.cli.terminal import console, figures, table
        from rheobase.files import ensure_writable
        from rheobase.plot import check_picture_path, save

        if plot is not None:
            ensure_writable(check_picture_path(plot), "--plot")
        stored = opened(file)
        run, driven_by = _driven(stored, rate, ticks, seed, data_dir)
        kind = loihi_map if stored.on_loihi else truenorth_map
        content: dict[str, Any] = {"file": str(stored.path), "traffic of": driven_by, **kind.content(stored, run)}
        write_json(json, content)
        out = console()
        out.print(f"{stored.net!r}", style="bold", soft_wrap=True)
        rows = [tuple(map(str, one)) for one in kind.cores(content)]
        out.print(table(kind.COLUMNS, rows[:SHOWN], title=kind.TITLE, right=kind.COLUMNS))
        out.print(figures(kind.rows(content, stored)))
        if plot is not None:
            out.print(f"picture: {save(kind.draw(stored, run), plot)}", soft_wrap=True)


def _driven(stored: Stored, rate: float | None, ticks: int, seed: int, data_dir: Path | None) -> tuple[Any, str]:
    """A run with all spikes, and what drove it in words."""
    from rheobase.cli.deploying.stored import at_random
    from rheobase.cli.watching import Watching

    with Watching() as watch:
        drive, driven_by = (None, "") if rate is not None else _sample(stored, data_dir, watch)
        if drive is None:
            each = RATE if rate is None else rate
            drive = at_random(stored, each, ticks, seed)
            driven_by = f"{ticks} ticks of random spikes of {each:g} Hz{driven_by}"
        emulator, many = stored.emulator(), drive.ticks
        run = emulator.run(many, drive.inputs, record="all", progress=lambda done: watch("ticks", done, many))
    return run, driven_by


def _sample(stored: Stored, data_dir: Path | None, watch: Any) -> tuple[Drive | None, str]:
    """The first test sample where there are data; else why not."""
    from rheobase.cli.deploying.stored import has_data, of_data
    from rheobase.errors import DataError

    if not has_data(stored):
        return None, ""
    try:
        return next(iter(of_data(stored, 1, data_dir, watch))), "the first test sample"
    except DataError as error:
        return None, f" (the data of the run: {error.given})"
