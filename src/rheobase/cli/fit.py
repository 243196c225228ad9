"""`rheobase fit NEURON RECORDING`: a neuron fitted to a current-clamp recording, with a page about it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from rheobase.cli.options import INTERRUPTED, MOST_SEED, Debug, Json, examples, path, reported, write_json

if TYPE_CHECKING:
    from rheobase.cli.fitting.job import Fitted, Plan

EXAMPLES = examples(
    "rheobase fit AdEx cell.abf",
    "rheobase fit AdEx steps.npz --sweeps 6:12 --time-limit 60 --name my-cell",
    "rheobase fit GIF voltage.ibw --current-file current.ibw --learn v_threshold,c_mem,g_leak",
    "rheobase fit AdEx,GLIF3,LIF cell.abf --hold-out 20%   (which neuron carries over best)",
    "rheobase fit LIF noise.csv --units mV,pA,ms --range tau_mem=5:60",
    "rheobase simulate AdEx --set runs/my-cell/fitted.toml --current 200pA   (the fitted neuron)",
)
FILE, SEARCH, WHERE = "Recording", "Search", "Where to"


def fit(
    neuron: Annotated[
        str, typer.Argument(metavar="NEURON", help="Name of a neuron, or several to compare: AdEx,GLIF3.")
    ],
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

    A fifth of the currents is held out to test it. Spikes are matched by the coincidence factor Gamma, the potential
    between them as well. Several neurons, AdEx,GLIF3, are fitted one after the other, each with the whole time limit,
    and compared on one page. Ctrl-C ends the search and keeps the best so far. A search that the clock ended depends
    on the machine; the page has the command that repeats it exactly.
    """
    with reported(debug, json=json):
        from rheobase.cli.fitting.job import FitSettings, kinds_of, plan, ranges_of, settings_of, two
        from rheobase.recordings import read

        kinds = kinds_of(_names(neuron))
        settings = FitSettings(
            neuron=",".join(kind.__name__ for kind in kinds), file=str(recording),
            current_file=None if current_file is None else str(current_file),
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
        plans = [plan(own, kind, file) for own, kind in zip(settings_of(settings, kinds), kinds, strict=True)]
        name = name or "-".join([*(kind.__name__ for kind in kinds), recording.stem]).lower()
        if len(plans) == 1:
            _one(plans[0], name, out, json, overwrite=overwrite)
        else:
            _several(plans, name, out, json, overwrite=overwrite)


def _one(made: Plan, name: str, out: Path, json: Path | None, *, overwrite: bool) -> None:
    from rheobase.cli.fitting import figures as numbers
    from rheobase.cli.fitting.named import FILE as NAMED
    from rheobase.cli.terminal import console, figures
    from rheobase.runs.folder import REPORT, claim

    folder = claim(out, name, overwrite=overwrite)
    _say(made.notes)
    fitted, content = _fitted(made, folder)
    write_json(json, content)
    screen = console()
    screen.print(f"{made.kind.__name__} fitted to {made.file.path.name}", style="bold")
    screen.print(figures({**numbers.figures(fitted), **numbers.values(fitted)}))
    for line in content["try_next"]:
        screen.print(f"try next: {line}", soft_wrap=True)
    screen.print(f"report: {folder / REPORT}\nneuron: {folder / NAMED}", soft_wrap=True)
    if not fitted.fit.finished:
        typer.secho("interrupted; this is the best so far", fg="yellow", err=True)
        raise typer.Exit(INTERRUPTED)


def _several(plans: Sequence[Plan], name: str, out: Path, json: Path | None, *, overwrite: bool) -> None:
    """Each neuron in a folder of its own inside the folder of all, and one page that compares them."""
    from rheobase.cli.fitting import compare
    from rheobase.cli.terminal import console, table
    from rheobase.files import ensure_folder
    from rheobase.json_files import write_json as write
    from rheobase.runs.folder import CONFIG, RESULT, claim

    folder = claim(out, name, overwrite=overwrite)
    write(folder / CONFIG, {"notes": {"fits": [made.settings.as_json() for made in plans]}})
    _say(dict.fromkeys(note for made in plans for note in made.notes))
    fits: list[Fitted] = []
    for made in plans:
        _say([f"{made.kind.__name__}, {len(fits) + 1} of {len(plans)}"])
        ensure_folder(folder / made.kind.__name__)
        fitted, _ = _fitted(made, folder / made.kind.__name__)
        fits.append(fitted)
        if not fitted.fit.finished:
            break
    missing = [made.kind.__name__ for made in plans[len(fits) :]]
    content = compare.numbers(fits, missing)
    write(folder / RESULT, content)
    report = compare.write(fits, folder, missing)
    write_json(json, content)
    screen = console()
    screen.print(f"{len(fits)} neurons fitted to {plans[0].file.path.name}", style="bold")
    columns, rows = compare.terminal(fits)
    screen.print(table(columns, rows, right=columns[1:]))
    screen.print(f"{compare.summary(fits, missing)}\nreport: {report}", soft_wrap=True)
    if not fits[-1].fit.finished:
        typer.secho("interrupted; what was fitted is kept", fg="yellow", err=True)
        raise typer.Exit(INTERRUPTED)


def _fitted(made: Plan, folder: Path) -> tuple[Fitted, dict[str, Any]]:
    """Fit, and leave all of it in the folder: settings, neuron, numbers and page."""
    from rheobase.cli.fitting import figures as numbers
    from rheobase.cli.fitting import named, page
    from rheobase.cli.fitting.job import run
    from rheobase.json_files import write_json as write
    from rheobase.runs.folder import CONFIG, RESULT

    write(folder / CONFIG, {"notes": {"fit": made.settings.as_json()}})
    fitted = run(made)
    # the neuron first: whatever happens then, it is kept
    named.write(fitted, folder)
    content = numbers.as_json(fitted)
    write(folder / RESULT, content)
    page.write(fitted, folder)
    return fitted, content


def _say(notes: Iterable[str]) -> None:
    from rheobase.cli.terminal import console

    say = console(err=True)
    for note in notes:
        say.print(note, soft_wrap=True)


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
