"""`rheobase fit NEURON RECORDING`: a neuron or a cell fitted to a current-clamp recording, with a page about it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from rheobase.cli.options import (
    CELL,
    INTERRUPTED,
    MOST_SEED,
    WHERE,
    Axon,
    Debug,
    Json,
    Morphology,
    Overwrite,
    RunsFolder,
    examples,
    path,
    reported,
    write_json,
)

if TYPE_CHECKING:
    from rheobase.cli.fitting.job import Fitted, Plan
    from rheobase.cli.fitting.settings import FitSettings

EXAMPLES = examples(
    "rheobase fit AdEx cell.abf",
    "rheobase fit AdEx steps.npz --sweeps 6:12 --time-limit 60 --name my-cell",
    "rheobase fit GIF voltage.ibw --current-file current.ibw --learn v_threshold,c_mem,g_leak",
    "rheobase fit AdEx,GLIF3,LIF cell.abf --hold-out 20%   (which neuron carries over best)",
    "rheobase fit LIF noise.csv --units mV,pA,ms --range tau_mem=5:60",
    "rheobase simulate AdEx --set runs/my-cell/fitted.toml --current 200pA   (the fitted neuron)",
    "rheobase fit fit.json steps.npz --morphology cell.swc --learn soma.NaTa_t.gbar,soma.Kv3_1.gbar --name shaped",
    "rheobase fit --resume runs/shaped --time-limit 2h   (after Ctrl-C, or the end of its time)",
)
FILE, SEARCH = "Recording", "Search"


def fit(
    context: typer.Context,
    neuron: Annotated[
        str | None,
        typer.Argument(
            metavar="NEURON",
            help="Name of a neuron, or several to compare: AdEx,GLIF3; or the parameter file of a cell, fit.json.",
            show_default=False,
        ),
    ] = None,
    recording: Annotated[
        Path | None,
        typer.Argument(
            parser=path,
            metavar="RECORDING",
            help=".abf, .atf, .nwb, .ibw, .h5, .wcp, .csv or .npz.",
            show_default=False,
        ),
    ] = None,
    morphology: Morphology = None,
    axon: Axon = None,
    at: Annotated[
        str | None,
        typer.Option(
            metavar="PLACE", help="Where the electrode is: dend[3](0.5).", show_default="soma", rich_help_panel=CELL
        ),
    ] = None,
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
            metavar="NAMES",
            help="Parameters to fit: c_mem,g_leak, or soma.NaV.gbar.",
            show_default="all usual",
            rich_help_panel=SEARCH,
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
        typer.Option(
            metavar="TIME",
            help="Time step of the fit.",
            show_default="up to 0.25ms; of a cell 0.05ms",
            rich_help_panel=SEARCH,
        ),
    ] = None,
    time_limit: Annotated[
        str, typer.Option(metavar="TIME", help="Of the search (2min, 90s, 2h); or none.", rich_help_panel=SEARCH)
    ] = "120s",
    passive: Annotated[
        int,
        typer.Option(min=0, help="Steps in sweeps without a spike, to hold leak and Ih.", rich_help_panel=CELL),
    ] = 40,
    forced: Annotated[int, typer.Option(min=0, help="Steps by gradient, spikes given.", rich_help_panel=SEARCH)] = 60,
    schedule: Annotated[
        int | None,
        typer.Option(
            min=1, help="Steps over which the electrode weakens.", show_default="--forced", rich_help_panel=CELL
        ),
    ] = None,
    free: Annotated[
        int, typer.Option(min=0, help="The same running freely; none for a cell.", rich_help_panel=SEARCH)
    ] = 10,
    generations: Annotated[int, typer.Option(min=0, help="Of evolution.", rich_help_panel=SEARCH)] = 1000,
    population: Annotated[int, typer.Option(min=4, help="Candidates at a time.", rich_help_panel=SEARCH)] = 64,
    seed: Annotated[int, typer.Option(min=0, max=MOST_SEED, help="Of the search.", rich_help_panel=SEARCH)] = 0,
    name: Annotated[
        str | None, typer.Option(help="Folder of the fit.", show_default="NEURON-RECORDING", rich_help_panel=WHERE)
    ] = None,
    out: RunsFolder = Path("runs"),
    overwrite: Overwrite = False,
    resume: Annotated[
        Path | None,
        typer.Option(
            parser=path,
            metavar="FOLDER",
            help="Go on with a fit that was interrupted; takes no other setting but --time-limit.",
            rich_help_panel=WHERE,
        ),
    ] = None,
    json: Json = None,
    debug: Debug = False,
) -> None:
    """Fit a neuron to a recording in current clamp; write a page, and the fitted neuron as a named set.

    A fifth of the currents is held out to test it. Spikes are matched by the coincidence factor Gamma, the potential
    between them as well. Several neurons, AdEx,GLIF3, are fitted one after the other, each with the whole time limit,
    and compared on one page. Ctrl-C ends the search and keeps the best so far; --resume goes on from there, to the same
    numbers. A search that the clock ended depends on the machine; the page has the command that repeats it exactly.
    The parameter file of a cell, fit.json, needs its --morphology; the fitted cell is such a file again. It is fitted
    to the sweeps without a spike first; what these identify of leak, capacitance and Ih is then held.
    """
    with reported(debug, json=json):
        from rheobase.cli.fitting.job import ranges_of, two
        from rheobase.cli.fitting.quantities import ms, mv, seconds
        from rheobase.cli.fitting.settings import CELL as ENDS
        from rheobase.cli.fitting.settings import FitSettings
        from rheobase.errors import ParameterError

        given = [name for name in context.params if _is_given(context, name)]
        if resume is not None:
            _resume(resume, given, seconds(time_limit), json)
            return
        if neuron is None or recording is None:
            missing = "no NEURON" if neuron is None else f"{neuron} without a RECORDING"
            raise ParameterError("fit", missing, "a neuron and a recording", "rheobase fit AdEx cell.abf")
        cell = neuron.lower().endswith(ENDS)
        for other in ("free",) if cell else ("passive", "schedule"):
            if other not in given:
                continue
            kind, expected = "a cell" if cell else "no cell", "options that it has"
            remedy = "leave it out: it has no such stage"
            raise ParameterError("fit", f"--{other} for {neuron}, {kind}", expected, remedy)
        settings = FitSettings(
            neuron=neuron,
            file=str(recording),
            morphology=None if morphology is None else str(morphology),
            axon=axon,
            at=at,
            current_file=None if current_file is None else str(current_file),
            sweeps=sweeps,
            channel=channel,
            units=units,
            interval=ms(interval, "--interval"),
            level=mv(level),
            dt=ms(dt, "--dt"),
            learn=None if learn is None else _names(learn),
            ranges=ranges_of(range_ or []),
            scale=None if scale is None else two(scale, "--scale", scale),
            hold_out=hold_out,
            time_limit=seconds(time_limit),
            passive=passive if cell else 0,
            forced=forced,
            schedule=schedule,
            free=0 if cell else free,
            generations=generations,
            population=population,
            seed=seed,
        )
        # what cannot be fitted is refused before a folder is made for it
        plans = _plans(settings)
        from rheobase.runs.folder import claim

        name = name or "-".join([*(made.subject.stem for made in plans), recording.stem]).lower()
        _go(plans, claim(out, name, overwrite=overwrite), json)


def _is_given(context: typer.Context, name: str) -> bool:
    source = context.get_parameter_source(name)
    return source is not None and source.name == "COMMANDLINE"


def _plans(settings: FitSettings) -> list[Plan]:
    """A plan of each neuron, or of the cell."""
    from dataclasses import replace

    from rheobase.cli.fitting.job import plan, settings_of
    from rheobase.cli.fitting.subjects import subjects_of
    from rheobase.recordings import read

    subjects = subjects_of(_names(settings.neuron), settings.morphology, settings.axon, settings.at)
    if settings.morphology is None:
        # as they are written, upper and lower case aside
        settings = replace(settings, neuron=",".join(one.name for one in subjects))
    file = read(
        Path(settings.file),
        current=None if settings.current_file is None else Path(settings.current_file),
        sweeps=settings.sweeps,
        channel=settings.channel,
        units=settings.units,
        interval=settings.interval,
    )
    return [plan(own, one, file) for own, one in zip(settings_of(settings, subjects), subjects, strict=True)]


def _resume(folder: Path, given: Sequence[str], limit: float | None, json: Path | None) -> None:
    from rheobase.cli.fitting.resuming import left

    words = {"neuron": "NEURON", "recording": "RECORDING"}
    others = [words.get(name, f"--{name.rstrip('_').replace('_', '-')}") for name in given]
    settings = left(folder, others, limit)
    plans = [made for own in settings for made in _plans(own)]
    _go(plans, folder, json)


def _go(plans: Sequence[Plan], folder: Path, json: Path | None) -> None:
    if len(plans) == 1:
        _one(plans[0], folder, json)
    else:
        _several(plans, folder, json)


def _one(made: Plan, folder: Path, json: Path | None) -> None:
    from rheobase.cli.fitting import figures as numbers
    from rheobase.cli.fitting.named import path_of
    from rheobase.cli.fitting.resuming import close
    from rheobase.cli.terminal import console, figures
    from rheobase.runs.folder import REPORT

    _say(made.notes)
    fitted, content = _fitted(made, folder, folder)
    close([fitted], [folder])
    write_json(json, content)
    screen = console()
    screen.print(f"{made.subject.name} fitted to {made.file.path.name}", style="bold")
    screen.print(figures({**numbers.figures(fitted), **numbers.values(fitted)}))
    for line in content["try_next"]:
        screen.print(f"try next: {line}", soft_wrap=True)
    screen.print(
        f"report: {folder / REPORT}\n{made.subject.word}: {path_of(fitted, folder)}", soft_wrap=True, highlight=False
    )
    if not fitted.fit.finished:
        typer.secho("interrupted; this is the best so far", fg="yellow", err=True)
        _say_how_to_go_on(folder)
        raise typer.Exit(INTERRUPTED)


def _say_how_to_go_on(folder: Path) -> None:
    import shlex

    typer.echo(f"go on with: rheobase fit --resume {shlex.quote(str(folder))}", err=True)


def _several(plans: Sequence[Plan], folder: Path, json: Path | None) -> None:
    """Each neuron in a folder of its own inside the folder of all, and one page that compares them."""
    from rheobase.cli.fitting import compare
    from rheobase.cli.fitting.resuming import close
    from rheobase.cli.terminal import console, table
    from rheobase.files import ensure_folder
    from rheobase.json_files import write_json as write
    from rheobase.runs.folder import CONFIG, RESULT

    write(folder / CONFIG, {"notes": {"fits": [made.settings.located() for made in plans]}})
    _say(dict.fromkeys(note for made in plans for note in made.notes))
    fits: list[Fitted] = []
    for made in plans:
        _say([f"{made.subject.name}, {len(fits) + 1} of {len(plans)}"])
        ensure_folder(folder / made.subject.name)
        fitted, _ = _fitted(made, folder / made.subject.name, folder)
        fits.append(fitted)
        if not fitted.fit.finished:
            break
    missing = [made.subject.name for made in plans[len(fits) :]]
    content = compare.numbers(fits, missing)
    write(folder / RESULT, content)
    report = compare.write(fits, folder, missing)
    write_json(json, content)
    screen = console()
    screen.print(f"{len(fits)} neurons fitted to {plans[0].file.path.name}", style="bold")
    columns, rows = compare.terminal(fits)
    screen.print(table(columns, rows, right=columns[1:]))
    screen.print(f"{compare.summary(fits, missing)}\nreport: {report}", soft_wrap=True)
    if fits[-1].fit.finished:
        close(fits, [folder / one.name for one in fits])
    else:
        typer.secho("interrupted; what was fitted is kept", fg="yellow", err=True)
        _say_how_to_go_on(folder)
        raise typer.Exit(INTERRUPTED)


def _fitted(made: Plan, folder: Path, whole: Path) -> tuple[Fitted, dict[str, Any]]:
    """Fit, and leave all of it in the folder: settings, neuron, numbers and page. `whole` is where one goes on."""
    from rheobase.cli.fitting import figures as numbers
    from rheobase.cli.fitting import named, page
    from rheobase.cli.fitting.job import run
    from rheobase.cli.fitting.resuming import JOURNAL
    from rheobase.json_files import write_json as write
    from rheobase.runs.folder import CONFIG, RESULT

    write(folder / CONFIG, {"notes": {"fit": made.settings.located()}})
    try:
        fitted = run(made, folder / JOURNAL)
    except KeyboardInterrupt:
        # a second Ctrl-C: what was done is in the journal
        _say_how_to_go_on(whole)
        raise
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
