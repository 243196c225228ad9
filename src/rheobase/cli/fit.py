"""`rheobase fit NEURON RECORDING`: a neuron or a cell fitted to a current-clamp recording, with a page about it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from rheobase.cli.options import (
    CELL,
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
)

EXAMPLES = examples(
    "rheobase fit AdEx cell.abf",
    "rheobase fit AdEx steps.npz --sweeps 6:12 --time-limit 60 --name my-cell",
    "rheobase fit GIF voltage.ibw --current-file current.ibw --learn v_threshold,c_mem,g_leak",
    "rheobase fit AdEx,GLIF3,LIF cell.abf --hold-out 20%   (which neuron carries over best)",
    "rheobase fit LIF noise.csv --units mV,pA,ms --range tau_mem=5:60",
    "rheobase fit AdEx cell.npz --junction 14mV --series 50MOhm   (what electrode and solution add to the potential)",
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
    junction: Annotated[
        str | None,
        typer.Option(
            metavar="VOLTAGE", help="Liquid junction potential, taken off; 14mV is usual.", rich_help_panel=FILE
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
    series: Annotated[
        str | None,
        typer.Option(
            metavar="RESISTANCE",
            help="Fit what the electrode adds to the potential: up to 50MOhm, or LOW:HIGH.",
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
        typer.Option(min=0, help="First, steps in sweeps without a spike, to hold leak and Ih.", rich_help_panel=CELL),
    ] = 0,
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
    The parameter file of a cell, fit.json, needs its --morphology; the fitted cell is such a file again. With --passive
    it is fitted to the sweeps without a spike first; what these identify of leak, capacitance and Ih is then held.
    """
    with reported(debug, json=json):
        from rheobase.cli.fitting.going import go, plans_of
        from rheobase.cli.fitting.going import resume as go_on
        from rheobase.cli.fitting.quantities import (
            junction_of,
            ms,
            mv,
            names,
            ranges_of,
            seconds,
            series_of,
            two,
        )
        from rheobase.cli.fitting.settings import CELL as ENDS
        from rheobase.cli.fitting.settings import FitSettings
        from rheobase.errors import ParameterError

        given = [name for name in context.params if _is_given(context, name)]
        if resume is not None:
            go_on(resume, given, seconds(time_limit), json)
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
            junction=None if junction is None else junction_of(junction),
            dt=ms(dt, "--dt"),
            learn=None if learn is None else names(learn),
            ranges=ranges_of(range_ or []),
            scale=None if scale is None else two(scale, "--scale", scale),
            series=None if series is None else series_of(series),
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
        plans = plans_of(settings)
        from rheobase.runs.folder import claim

        name = name or "-".join([*(made.subject.stem for made in plans), recording.stem]).lower()
        go(plans, claim(out, name, overwrite=overwrite), json)


def _is_given(context: typer.Context, name: str) -> bool:
    source = context.get_parameter_source(name)
    return source is not None and source.name == "COMMANDLINE"
