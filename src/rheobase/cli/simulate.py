"""`rheobase simulate`: a neuron, or cells of parameter files, under a current that is a number, a word or a file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

import typer

from rheobase.cli.options import (
    CELL,
    MOST_SEED,
    Axon,
    Debug,
    Json,
    Morphology,
    Picture,
    examples,
    path,
    reported,
    write_json,
)
from rheobase.errors import ParameterError

if TYPE_CHECKING:
    from rheobase.cli.simulating.cell import Typed as TypedCells
    from rheobase.core.declaration.parameter_sets import NamedSet
    from rheobase.core.declaration.population import Declared
    from rheobase.current_clamp import Response

EXAMPLES = examples(
    "rheobase simulate LIF --current 1.5",
    "rheobase simulate AdEx --current step:800pA:50:300 --plot step.png",
    "rheobase simulate HodgkinHuxley --current ramp:0:20 --integrator RK4",
    "rheobase simulate LIF --current noise:1:0.5:5 --seed 3 --stop 1s",
    "rheobase simulate QIF --current sine:2:10:4 --json sine.json",
    "rheobase simulate LIF --current pulses:20:2:50 --set tau_mem=10ms",
    "rheobase simulate AdEx --current stimulus.csv   (also cell.abf:3, its sweep 3)",
    "rheobase simulate Izhikevich --set tonic_bursting --plot bursts.png",
    "rheobase simulate SRC --current 0.3 --stop 400 --record h,h_s --json src.json",
    "rheobase simulate CondLIF --input g_exc=5nS --input g_inh=step:10nS:200",
    "rheobase simulate fit.json --morphology cell.swc --current step:0.1nA:200:600 --stop 700 --plot cell.png",
    "rheobase simulate fit_*.json --morphology cell.swc --fi 0:0.3nA:16 --rheobase --plot fi.png --json fi.json",
)
BYTES = 4  # of a float32


class Typed(NamedTuple):
    """The options of the protocol as typed; None where one was not given."""

    current: str | None
    inputs: tuple[str, ...]
    stop: str | None
    onset: str | None
    dt: str | None
    integrator: str | None
    seed: int


def simulate(
    neuron: Annotated[
        list[str],
        typer.Argument(
            metavar="NEURON | FILE.json...",
            help="Name of a neuron (`rheobase list` has them); or parameter files of a cell, with --morphology.",
        ),
    ],
    current: Annotated[
        str | None,
        typer.Option(
            metavar="CURRENT",
            help="A number, or with the unit of the neuron's input (800pA); step:AMP[:START[:STOP]], ramp:FROM:TO, "
            "sine:AMP:FREQ[:OFFSET], noise:MEAN:SD:TAU (Ornstein-Uhlenbeck), "
            "pulses:AMP:WIDTH:RATE[:START[:STOP]]; or a file (.csv, .npz, .abf; FILE:SWEEP where it has several).",
        ),
    ] = None,
    input_: Annotated[
        list[str] | None,
        typer.Option(
            "--input",
            metavar="NAME=CURRENT",
            help="An input by its name, for neurons that have several (`rheobase show`), as --current takes it; "
            "repeatable, the others are 0.",
        ),
    ] = None,
    stop: Annotated[
        str | None,
        typer.Option(
            metavar="TIME",
            help="Length of the run, in ms (or 0.4s); in steps where the neuron has no dt.",
            show_default="400, or as long as a file",
        ),
    ] = None,
    onset: Annotated[
        str | None, typer.Option(metavar="TIME", help="When a current that is a number begins.", show_default="0")
    ] = None,
    dt: Annotated[
        str | None,
        typer.Option(
            metavar="TIME", help="Time step; not for neurons that count in steps.", show_default="by the neuron"
        ),
    ] = None,
    integrator: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="Euler, ExpEuler, ExpMidpoint, Heun or RK4; not for neurons that count in steps.",
            show_default="by the neuron",
        ),
    ] = None,
    seed: Annotated[int, typer.Option(min=0, max=MOST_SEED, help="Of a current that is noise.")] = 0,
    set_: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            metavar="NAME[=VALUE]",
            help="Give a parameter or option; a NAME alone is a named set (`rheobase show` lists them), a FILE.toml "
            "that of a fit. Of a cell: soma.NaV.gbar=0.2. Repeatable.",
        ),
    ] = None,
    record: Annotated[
        list[str] | None,
        typer.Option(
            metavar="STATE",
            help="Put the trace of a state into the JSON file; of a cell also a place, dend[3](0.5). Repeatable.",
        ),
    ] = None,
    plot: Picture = None,
    morphology: Morphology = None,
    axon: Axon = None,
    at: Annotated[
        str | None,
        typer.Option(metavar="PLACE", help="Where the current enters.", show_default="soma(0.5)", rich_help_panel=CELL),
    ] = None,
    threshold: Annotated[
        str | None,
        typer.Option(
            metavar="VOLTAGE", help="A spike is its upward crossing.", show_default="-20mV", rich_help_panel=CELL
        ),
    ] = None,
    features: Annotated[
        str | None,
        typer.Option(
            metavar="NAMES", help="Features of the potential by eFEL: their names, or usual.", rich_help_panel=CELL
        ),
    ] = None,
    fi: Annotated[
        str | None,
        typer.Option(
            metavar="FROM:TO:COUNT", help="f-I curve: steps of 1000 ms, after 200 ms without.", rich_help_panel=CELL
        ),
    ] = None,
    rheobase: Annotated[
        bool, typer.Option("--rheobase", help="The smallest of such steps that makes it fire.", rich_help_panel=CELL)
    ] = False,
    draw: Annotated[
        Path | None,
        typer.Option(parser=path, metavar="FILE", help="A picture of the cell's shape.", rich_help_panel=CELL),
    ] = None,
    json: Json = None,
    debug: Debug = False,
) -> None:
    """Simulate a neuron, at rest at first, or cells of parameter files, under a current; say how they fire.

    The rate is that of the mean interval between spikes. It is looked at again at half the time step, and what does not
    hold within 1 % is said.

    With a named set and no --current, the neuron runs under the protocol with which the source of the set shows it.

    A cell is a file of parameters as the Allen Cell Types Database has them (perisomatic or all-active), on a
    morphology; its current is in nA. Several files are cells of one shape, run at once.
    """
    with reported(debug, json=json):
        for place in (plot, draw):
            if place is not None:
                from rheobase.plot import check_picture_path

                check_picture_path(place)
        own = {
            "--morphology": morphology,
            "--axon": axon,
            "--at": at,
            "--threshold": threshold,
            "--features": features,
            "--fi": fi,
            "--rheobase": rheobase,
            "--draw": draw,
        }
        if _is_cell(neuron):
            _refuse(neuron[0], {"--input": input_, "--integrator": integrator}, "a cell", "leave it out")
            from rheobase.cli.simulating.cell import Typed as TypedCells

            typed = TypedCells(
                tuple(neuron),
                morphology,
                axon,
                at,
                threshold,
                current,
                stop,
                onset,
                dt,
                seed,
                tuple(set_ or ()),
                tuple(record or ()),
                features,
                fi,
                rheobase,
            )
            _cells(typed, plot, draw, json)
            return
        _refuse(neuron[0], own, "a neuron", "for a cell, give the file of its parameters: fit.json")
        if len(neuron) > 1:
            given = " ".join(neuron)
            raise ParameterError("simulate", given, "one neuron, or files of parameters", f"simulate {neuron[0]}")
        from rheobase.cli.run_figures import as_json, implausible, not_converged, run_figures
        from rheobase.cli.show import picture
        from rheobase.cli.terminal import console, figures
        from rheobase.current_clamp import at_half_step
        from rheobase.runs.neurons_by_name import find

        kind = find(neuron[0])
        traces = _states(kind, record or [])
        found = _respond(kind, Typed(current, tuple(input_ or ()), stop, onset, dt, integrator, seed), set_ or [])
        run, notes = found
        finer = at_half_step(run)
        out = console()
        out.print(repr(run.neuron), style="bold")
        for note in notes:
            out.print(note, soft_wrap=True)
        out.print(figures(run_figures(run, finer)))
        if finer is not None and not finer.converged:
            out.print(not_converged(run, finer), style="yellow", soft_wrap=True)
        if (odd := implausible(run)) is not None:
            typer.secho(odd, fg="yellow", err=True)
        write_json(json, as_json(run, finer, traces))
        if plot is not None:
            out.print(f"picture: {picture(run, plot)}", soft_wrap=True)


def _is_cell(names: list[str]) -> bool:
    """Whether files are meant, and no neuron. Raises `ParameterError` where it is the word cell."""
    if names[0].lower() == "cell":
        remedy = "rheobase simulate fit.json --morphology cell.swc --current 0.1nA"
        raise ParameterError("simulate", repr(names[0]), "a neuron, or the files of a cell's parameters", remedy)
    return any(name.lower().endswith(".json") for name in names)


def _refuse(name: str, options: dict[str, Any], kind: str, remedy: str) -> None:
    """Raise `ParameterError` for options that have no meaning here."""
    for option, value in options.items():
        if value:
            raise ParameterError("simulate", f"{option} for {name}, {kind}", "options that it has", remedy)


def _cells(typed: TypedCells, plot: Path | None, draw: Path | None, json: Path | None) -> None:
    """Run cells, and say what was found."""
    from rheobase.cli.simulating import output
    from rheobase.cli.simulating.cell import found
    from rheobase.cli.terminal import console

    result = found(typed)
    output.tell(result)
    write_json(json, output.as_json(result, Path(typed.morphology or ""), bool(typed.record)))
    out, title = console(), f"{', '.join(result.names) if len(result.names) < 4 else f'{len(result.names)} cells'}"
    if plot is not None:
        out.print(f"picture: {output.draw(result, plot, title)}", soft_wrap=True)
    if draw is not None:
        from rheobase.plot import cell, save

        shape = "" if typed.morphology is None else typed.morphology.name
        out.print(f"picture: {save(cell(result.cell.compartments, title=shape), draw)}", soft_wrap=True)


def _respond(kind: type[Declared], typed: Typed, assignments: list[str]) -> tuple[Response, list[str]]:
    """What was asked for, a current or the protocol of a named set, and what a user should know of the current."""
    from rheobase.cli.assignments import integrator_of, refuse_in_steps, values_of
    from rheobase.cli.quantity import quantity
    from rheobase.current_clamp import make, time_step

    name = kind.__name__
    refuse_in_steps(kind, typed.dt, typed.integrator)
    chosen, values = values_of(kind, assignments)
    if typed.integrator is not None:
        values["integrator"] = integrator_of(typed.integrator)
    if typed.current is None and not typed.inputs:
        if chosen is None:
            wanted = "a current" if kind.Input is None else f"one of its inputs {', '.join(kind.entries)}"
            remedy = "--current 1" if kind.Input is None else f"--input {next(iter(kind.entries))}=1"
            raise ParameterError(name, "no input", f"{wanted}, or a named set with a protocol", remedy)
        return _shown(kind, chosen, values, typed), []
    given = _inputs(kind, typed)
    preset = {} if chosen is None else {**chosen.values, **chosen.options}
    dt = time_step(kind) if typed.dt is None else quantity(typed.dt, "ms", "--dt")
    return _run(make(kind, 1, dt, **{**preset, **values}), given, typed)


def _inputs(kind: type[Declared], typed: Typed) -> dict[str, tuple[str, str]]:
    """For every input that was given, its option as it is typed, and its value."""
    from rheobase.errors import nearest

    known = list(kind.entries)
    if typed.current is not None:
        if kind.Input is not None:
            remedy = f"--input {known[0]}={typed.current}"
            raise ParameterError(kind.__name__, "--current", f"--input for each of {', '.join(known)}", remedy)
        if typed.inputs:
            raise ParameterError(kind.__name__, "--current and --input", "one of them", "leave --input out")
        return {known[0]: ("--current ", typed.current)}
    found: dict[str, tuple[str, str]] = {}
    for given in typed.inputs:
        name, equals, text = given.partition("=")
        if not equals:
            raise ParameterError("--input", repr(given), "NAME=CURRENT", f"--input {known[0]}=1")
        if name not in known:
            raise ParameterError("--input", repr(name), f"an input of {kind.__name__}", nearest(name, known))
        if name in found:
            raise ParameterError("--input", f"{name} twice", "each input once", "leave one out")
        found[name] = (f"--input {name}=", text)
    return found


def _shown(kind: type[Declared], chosen: NamedSet, values: dict[str, Any], typed: Typed) -> Response:
    from dataclasses import replace

    from rheobase.cli.quantity import quantity
    from rheobase.current_clamp import shown_response

    where = f"{kind.__name__}: set {chosen.name!r}"
    if chosen.shown is None:
        raise ParameterError(where, "no --current, and no protocol in the set", "a current", "--current 1")
    for option, text in (("--stop", typed.stop), ("--onset", typed.onset)):
        if text is not None:
            raise ParameterError(where, f"{option} {text}", "the protocol of the set as it is", "give --current too")
    shown = chosen.shown if typed.dt is None else replace(chosen.shown, dt=quantity(typed.dt, "ms", "--dt"))
    # what is given beside the set wins
    return shown_response(kind, replace(chosen, shown=shown), **values)


def _states(kind: type[Declared], record: list[str]) -> list[str]:
    from rheobase.errors import nearest

    wanted = [name for given in record for name in given.split(",") if name]
    for name in wanted:
        if name not in kind.states:
            raise ParameterError("--record", repr(name), f"a state of {kind.__name__}", nearest(name, kind.states))
    return wanted


def _run(neuron: Declared, given: dict[str, tuple[str, str]], typed: Typed) -> tuple[Response, list[str]]:
    import torch

    from rheobase.cli.stimulus import Clock, typed_current
    from rheobase.cli.window import check_times, length, steps_of
    from rheobase.current_clamp import inject
    from rheobase.memory import check_memory

    clock, owner = Clock(neuron.dt, typed.seed), type(neuron).__name__
    onset = None if typed.onset is None else steps_of(typed.onset, "--onset", clock, owner) * clock.step
    currents = {
        name: typed_current(text, neuron.entries[name].unit, flag, clock, onset) for name, (flag, text) in given.items()
    }
    steps = length(typed.stop, currents, clock, owner)
    stop = steps * clock.step
    for name, (flag, text) in given.items():
        check_times(currents[name], flag + text, steps, clock, owner="simulate", stop=typed.stop, onset=typed.onset)
    # the inputs, what comes out, and every state before and after the reset
    values = steps * (1 + len(neuron.entries) + 2 * len(neuron.states))
    remedy = "--stop 400, or a larger --dt" if neuron.dt else "--stop 400"
    check_memory("--stop", repr(typed.stop), BYTES * values, remedy)
    inputs = {
        name: currents[name].made(stop).sample(stop, clock.step) if name in currents else torch.zeros(steps)
        for name in neuron.entries
    }
    first, *others = inputs
    begins = round(min(each.onset for each in currents.values()) / clock.step)
    run = inject(neuron, inputs[first], onset=begins, beside={name: inputs[name] for name in others})
    return run, [f"{name}: {each.note}" for name, each in currents.items() if each.note]
