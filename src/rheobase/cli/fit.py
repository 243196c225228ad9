"""`rheobase fit NEURON RECORDING`: a neuron fitted to a current-clamp recording, with a page about it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from rheobase.cli.options import INTERRUPTED, MOST_SEED, Debug, Json, NeuronName, examples, path, reported, write_json

if TYPE_CHECKING:
    from rheobase.cli.fitting.job import Plan

EXAMPLES = examples(
    "rheobase fit AdEx cell.abf",
    "rheobase fit AdEx steps.npz --sweeps 6:12 --time-limit 60 --name my-cell",
    "rheobase fit GIF voltage.ibw --current-file current.ibw --learn v_threshold,c_mem,g_leak",
    "rheobase fit LIF noise.csv --units mV,pA,ms --range tau_mem=5:60",
    "rheobase simulate AdEx --set runs/my-cell/fitted.toml --current 200pA   (the fitted neuron)",
)
FILE, SEARCH, WHERE = "Recording", "Search", "Where to"


def fit(
    neuron: NeuronName,
    recording: Annotated[
        Path, typer.Argument(parser=path, metavar="RECORDING", help=".abf, .atf, .nwb, .ibw, .h5, .wcp, .csv or .npz.")
    ],
    current_file: Annotated[
        Path | None,
        typer.Option(parser=path, metavar="FILE", help="A second file, with the current (.ibw).", rich_help_panel=FILE),
    ] = None,
    sweeps: Annotated[
        str | None, typer.Option(metavar="NUMBERS", help="Which: 0:5, or 0,3,7; from 0.", rich_help_panel=FILE)
    ] = None,
    channel: Annotated[
        str | None,
        typer.Option(
            metavar="NAMES", help="POTENTIAL or POTENTIAL,CURRENT, where there are several.", rich_help_panel=FILE
        ),
    ] = None,
    units: Annotated[
        str | None,
        typer.Option(metavar="mV,pA", help="Units where the file says none, or wrong ones.", rich_help_panel=FILE),
    ] = None,
    interval: Annotated[
        str | None,
        typer.Option(metavar="TIME", help="Between samples, where the file does not say it.", rich_help_panel=FILE),
    ] = None,
    level: Annotated[
        str | None,
        typer.Option(
            metavar="VOLTAGE", help="An upward crossing is a spike.", show_default="-10mV", rich_help_panel=FILE
        ),
    ] = None,
    learn: Annotated[
        str | None,
        typer.Option(
            metavar="NAMES", help="Parameters to fit: c_mem,g_leak.", show_default="all usual", rich_help_panel=SEARCH
        ),
    ] = None,
    range_: Annotated[
        list[str] | None,
        typer.Option(
            "--range",
            metavar="NAME=LOW:HIGH",
            help="Where to search a parameter; repeatable.",
            show_default="by the recording",
            rich_help_panel=SEARCH,
        ),
    ] = None,
    scale: Annotated[
        str | None,
        typer.Option(
            metavar="LOW:HIGH",
            help="Input per pA, for neurons whose input is not in pA.",
            show_default="by rheobase",
            rich_help_panel=SEARCH,
        ),
    ] = None,
    hold_out: Annotated[
        str,
        typer.Option(
            "--hold-out",
            metavar="SWEEPS",
            help="Sweeps that only test the fit: 3,7, a share (20%), or none.",
            show_default="a fifth",
            rich_help_panel=FILE,
        ),
    ] = "auto",
    dt: Annotated[
        str | None,
        typer.Option(metavar="TIME", help="Time step of the fit.", show_default="up to 0.25ms", rich_help_panel=SEARCH),
    ] = None,
    time_limit: Annotated[
        str, typer.Option(metavar="TIME", help="Of the search, in s (2min, 90s); or none.", rich_help_panel=SEARCH)
    ] = "120s",
    forced: Annotated[int, typer.Option(min=0, help="Steps by gradient, spikes given.", rich_help_panel=SEARCH)] = 60,
    free: Annotated[int, typer.Option(min=0, help="Steps by gradient, running freely.", rich_help_panel=SEARCH)] = 10,
    generations: Annotated[int, typer.Option(min=0, help="Of evolution.", rich_help_panel=SEARCH)] = 1000,
    population: Annotated[int, typer.Option(min=4, help="Candidates at a time.", rich_help_panel=SEARCH)] = 64,
    seed: Annotated[int, typer.Option(min=0, max=MOST_SEED, help="Of the search.", rich_help_panel=SEARCH)] = 0,
    name: Annotated[
        str | None, typer.Option(help="Folder of the fit.", show_default="NEURON-RECORDING", rich_help_panel=WHERE)
    ] = None,
    out: Annotated[
        Path, typer.Option(parser=path, metavar="FOLDER", help="Where folders of runs are made.", rich_help_panel=WHERE)
    ] = Path("runs"),
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Remove a run of the same name first.", rich_help_panel=WHERE)
    ] = False,
    json: Json = None,
    debug: Debug = False,
) -> None:
    """Fit a neuron to a recording in current clamp; write a page, and the fitted neuron as a named set.

    Spikes are matched by the coincidence factor Gamma, the potential between them as well. Ctrl-C ends the search and
    keeps the best so far. A search that the clock ended depends on the machine; the page has the command that
    repeats it exactly.
    """
    with reported(debug, json=json):
        from rheobase.cli.fitting.job import FitSettings, plan, ranges_of, two
        from rheobase.recordings import read
        from rheobase.runs.neurons_by_name import find

        kind = find(neuron)
        settings = FitSettings(
            neuron=kind.__name__, file=str(recording), current_file=None if current_file is None else str(current_file),
            sweeps=sweeps, channel=channel, units=units, interval=_ms(interval, "--interval"),
            level=_mv(level), dt=_ms(dt, "--dt"), learn=None if learn is None else _names(learn),
            ranges=ranges_of(range_ or []), scale=None if scale is None else two(scale, "--scale", scale),
            hold_out=hold_out, time_limit=_seconds(time_limit), forced=forced, free=free, generations=generations,
            population=population, seed=seed,
        )  # fmt: skip
        file = read(
            recording, current=current_file, sweeps=sweeps, channel=channel, units=units, interval=settings.interval
        )
        # what cannot be fitted is refused before a folder is made for it
        made = plan(settings, kind, file)
        _go(made, name or f"{kind.__name__}-{recording.stem}".lower(), out, json, overwrite=overwrite)


def _go(made: Plan, name: str, out: Path, json: Path | None, *, overwrite: bool) -> None:
    from rheobase.cli.fitting import figures as numbers
    from rheobase.cli.fitting import named, page
    from rheobase.cli.fitting.job import run
    from rheobase.cli.terminal import console, figures
    from rheobase.json_files import write_json as write
    from rheobase.runs.folder import CONFIG, RESULT, claim

    folder = claim(out, name, overwrite=overwrite)
    write(folder / CONFIG, {"notes": {"fit": made.settings.as_json()}})
    say = console(err=True)
    for note in made.notes:
        say.print(note, soft_wrap=True)
    fitted = run(made)
    # the neuron first: whatever happens then, it is kept
    saved = named.write(fitted, folder)
    content = numbers.as_json(fitted)
    write(folder / RESULT, content)
    report = page.write(fitted, folder)
    write_json(json, content)
    screen = console()
    screen.print(f"{made.kind.__name__} fitted to {made.file.path.name}", style="bold")
    screen.print(figures({**numbers.figures(fitted), **numbers.values(fitted)}))
    for line in content["try_next"]:
        screen.print(f"try next: {line}", soft_wrap=True)
    screen.print(f"report: {report}\nneuron: {saved}", soft_wrap=True)
    if not fitted.fit.finished:
        typer.secho("interrupted; this is the best so far", fg="yellow", err=True)
        raise typer.Exit(INTERRUPTED)


def _names(text: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in text.split(",") if name.strip())


def _ms(text: str | None, option: str) -> float | None:
    from rheobase.cli.quantity import quantity
    from rheobase.errors import ParameterError

    value = None if text is None else quantity(text, "ms", option)
    if value is not None and value <= 0.0:
        raise ParameterError(option, repr(text), "a time above 0", f"{option} 0.1ms")
    return value


def _mv(text: str | None) -> float | None:
    from rheobase.cli.quantity import quantity

    return None if text is None else quantity(text, "mV", "--level")


def _seconds(text: str) -> float | None:
    from rheobase.cli.quantity import quantity
    from rheobase.errors import ParameterError

    if text == "none":
        return None
    minutes = text.removesuffix("min")
    value = quantity(minutes, "s", "--time-limit") * (60.0 if minutes != text else 1.0)
    if value <= 0.0:
        raise ParameterError("--time-limit", repr(text), "a time above 0, or none", "--time-limit 2min")
    return value
