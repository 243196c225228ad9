"""`rheobase map FILE --plot`: what stands where on a chip, how full its cores are, and the traffic between them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from rheobase.cli.options import MOST_SEED, DataDir, Debug, Json, examples, path, reported, write_json

if TYPE_CHECKING:
    from rheobase.chip.truenorth import Run
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

    Traffic is that of a test sample where the file says how samples become spikes and the data are there, else of
    random spikes. In Python: rheobase.plot.chip_map(net, spikes).
    """
    with reported(debug, json=json):
        from rheobase.chip.truenorth import traffic
        from rheobase.cli.deploying.stored import opened
        from rheobase.cli.terminal import console, figures, table
        from rheobase.files import ensure_writable
        from rheobase.plot import check_picture_path, chip_map, save

        if plot is not None:
            ensure_writable(check_picture_path(plot), "--plot")
        stored = opened(file)
        run, said = _driven(stored, rate, ticks, seed, data_dir)
        content: dict[str, Any] = {"file": str(stored.path), "traffic of": said, **_content(stored, run)}
        write_json(json, content)
        out = console()
        out.print(f"{stored.net!r}", style="bold", soft_wrap=True)
        names = ("axons", "neurons", "synapses", "sent")
        fullest: list[dict[str, int]] = content["fullest"]
        rows = [(str(one["core"]), f"{one['x']}, {one['y']}", *(str(one[k]) for k in names)) for one in fullest]
        columns = ("core", "x, y", "axons", "neurons", "synapses", "spikes sent")
        out.print(table(columns, rows[:SHOWN], title="Fullest cores, each of 256 axons and neurons", right=columns))
        out.print(figures(_rows(content, stored)))
        if plot is not None:
            # an idle chip has a load, and no traffic
            spikes = run.spikes if len(run.spikes.tick) and traffic(stored.net, run.spikes).sent.any() else None
            out.print(f"picture: {save(chip_map(stored.net, spikes), plot)}", soft_wrap=True)


def _driven(stored: Stored, rate: float | None, ticks: int, seed: int, data_dir: Path | None) -> tuple[Run, str]:
    """A run with all spikes, and what drove it in words."""
    from rheobase.chip.truenorth import Emulator
    from rheobase.cli.deploying.stored import at_random
    from rheobase.cli.watching import Watching

    with Watching() as watch:
        drive, said = (None, "") if rate is not None else _sample(stored, data_dir, watch)
        if drive is None:
            each = RATE if rate is None else rate
            drive = at_random(stored, each, ticks, seed)
            said = f"{ticks} ticks of random spikes of {each:g} Hz{said}"
        emulator, many = Emulator(stored.net), drive.ticks
        run = emulator.run(many, drive.inputs, record="all", progress=lambda done: watch("ticks", done, many))
    return run, said


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


def _content(stored: Stored, run: Run) -> dict[str, Any]:
    import numpy as np

    from rheobase.chip.truenorth import traffic
    from rheobase.plot.chip_map import load_of

    net, found, load = stored.net, traffic(stored.net, run.spikes), load_of(stored.net)
    sent, fuller = found.sent.ravel(), np.maximum(load["axons"], load["neurons"])
    x, y = net.board.xy(np.arange(net.board.n_cores))
    order = np.argsort(-fuller, kind="stable")
    cores = [
        {"core": int(k), "x": int(x[k]), "y": int(y[k]), "sent": int(sent[k]),
         **{name: int(values[k]) for name, values in load.items()}}
        for k in order
        if fuller[k] > 0
    ]  # fmt: skip
    hops = int(found.along_x.sum() + found.along_y.sum())
    return {
        "board": {"width": net.board.width, "height": net.board.height}, "cores in use": len(cores), "fullest": cores,
        "layers": {} if stored.wired is None else stored.wired.cores,
        "latency": None if stored.wired is None else stored.wired.latency,
        "synapses": net.n_synapses, "longest delay": int(net.delay[net.target >= 0].max(initial=0)),
        "spikes": int(run.counts.spikes.sum()), "between cores": int(sent.sum()), "hops": hops,
        "busiest link": int(max(found.along_x.max(initial=0), found.along_y.max(initial=0))),
        "links": {"along x": found.along_x.tolist(), "along y": found.along_y.tolist()},
    }  # fmt: skip


def _rows(content: dict[str, Any], stored: Stored) -> dict[str, str]:
    cores, board = content["cores in use"], content["board"]
    found = {"cores in use": f"{cores} of {board['width']} x {board['height']}, and of 4,096 on a chip"}
    if content["layers"]:
        found["by layer"] = ", ".join(f"{n} for {name}" for name, n in content["layers"].items())
        found["latency"] = f"{content['latency']} ticks"
    if content["fullest"]:
        most = {name: max(one[name] for one in content["fullest"]) for name in ("axons", "neurons")}
        found["fullest"] = f"{most['axons']} of 256 axons, {most['neurons']} of 256 neurons"
    found["synapses"] = f"{content['synapses']:,}"
    found["longest delay"] = f"{content['longest delay']} of 15 ticks"
    found["traffic of"] = content["traffic of"]
    sent = content["between cores"]
    each = f", {content['hops'] / sent:.3g} of a spike" if sent else ""
    found["spikes between cores"] = f"{sent:,}, with {content['hops']:,} hops{each}"
    found["busiest link"] = f"{content['busiest link']:,} spikes"
    return found
