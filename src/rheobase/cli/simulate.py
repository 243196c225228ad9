"""`rheobase simulate NEURON`: one neuron under a current that is a number, a word or a file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

import typer

from rheobase.cli.options import MOST_SEED, Debug, Json, NeuronName, examples, path, reported, write_json

if TYPE_CHECKING:
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
)
USUAL_STOP = 400.0  # ms, or steps
MOST_STEPS = 100_000_000
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
    neuron: NeuronName,
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
            "that of a fit. Repeatable.",
        ),
    ] = None,
    record: Annotated[
        list[str] | None, typer.Option(metavar="STATE", help="Put the trace of a state into the JSON file; repeatable.")
    ] = None,
    plot: Annotated[
        Path | None, typer.Option(parser=path, metavar="FILE", help="A picture: .png, .svg or .pdf.")
    ] = None,
    json: Json = None,
    debug: Debug = False,
) -> None:
    """Simulate one neuron, at rest at first, under a current; say how it fires.

    The rate is that of the mean interval between spikes. It is looked at again at half the time step, and what does not
    hold within 1 % is said.

    With a named set and no --current, the neuron runs under the protocol with which the source of the set shows it.
    """
    with reported(debug, json=json):
        from rheobase.cli.run_figures import as_json, not_converged, run_figures
        from rheobase.cli.show import picture
        from rheobase.cli.terminal import console, figures
        from rheobase.current_clamp import at_half_step
        from rheobase.runs.neurons_by_name import find

        if plot is not None:
            from rheobase.plot import check_picture_path

            check_picture_path(plot)
        kind = find(neuron)
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
        write_json(json, as_json(run, finer, traces))
        if plot is not None:
            out.print(f"picture: {picture(run, plot)}", soft_wrap=True)


def _respond(kind: type[Declared], typed: Typed, assignments: list[str]) -> tuple[Response, list[str]]:
    """What was asked for, a current or the protocol of a named set, and what a user should know of the current."""
    from rheobase.cli.assignments import integrator_of, refuse_in_steps, values_of
    from rheobase.cli.quantity import quantity
    from rheobase.current_clamp import make, time_step
    from rheobase.errors import ParameterError

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
    from rheobase.errors import ParameterError, nearest

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
    from rheobase.errors import ParameterError

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
    from rheobase.errors import ParameterError, nearest

    wanted = [name for given in record for name in given.split(",") if name]
    for name in wanted:
        if name not in kind.states:
            raise ParameterError("--record", repr(name), f"a state of {kind.__name__}", nearest(name, kind.states))
    return wanted


def _run(neuron: Declared, given: dict[str, tuple[str, str]], typed: Typed) -> tuple[Response, list[str]]:
    import torch

    from rheobase.cli.stimulus import Clock, check_within, typed_current
    from rheobase.current_clamp import inject
    from rheobase.errors import ParameterError
    from rheobase.memory import check_memory

    clock = Clock(neuron.dt, typed.seed)
    onset = None if typed.onset is None else _steps(neuron, typed.onset, "--onset") * clock.step
    currents = {
        name: typed_current(text, neuron.entries[name].unit, flag, clock, onset) for name, (flag, text) in given.items()
    }
    longest = max(currents.values(), key=lambda each: each.length or 0.0)
    steps = _steps(neuron, typed.stop or f"{longest.length or USUAL_STOP!r}", "--stop")
    if not 1 <= steps <= MOST_STEPS:
        expected = f"a time of 1 to {MOST_STEPS} steps" + (f" of {neuron.dt:g} ms" if neuron.dt else "")
        raise ParameterError("--stop", repr(typed.stop or longest.text), expected, "--stop 400")
    stop = steps * clock.step
    for name, (flag, text) in given.items():
        check_within(currents[name], flag + text, stop, clock, owner="simulate", stop=typed.stop, onset=typed.onset)
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


def _steps(neuron: Declared, text: str, name: str) -> int:
    """How many steps a time is; beyond what is allowed, one more than that."""
    from rheobase.cli.quantity import STEPS, quantity
    from rheobase.errors import ParameterError

    if neuron.dt is not None:
        count = quantity(text, "ms", name) / neuron.dt
    else:
        count = quantity(text, STEPS, name)
        if count != int(count):
            expected = f"a whole number of steps, in which {type(neuron).__name__} counts"
            raise ParameterError(name, repr(text), expected, "400")
    return round(max(-1.0, min(count, MOST_STEPS + 1.0)))
