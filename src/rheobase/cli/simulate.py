"""`rheobase simulate NEURON`: one neuron under a constant current."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

import typer

from rheobase.cli.options import Debug, Json, NeuronName, examples, path, reported, write_json

if TYPE_CHECKING:
    from rheobase.core.declaration.parameter_sets import NamedSet
    from rheobase.core.declaration.population import Declared
    from rheobase.current_clamp import Response

EXAMPLES = examples(
    "rheobase simulate LIF --current 1.5",
    "rheobase simulate LIF --current 1.5 --set tau_mem=10ms --stop 1s --plot lif.png",
    "rheobase simulate Izhikevich --set tonic_bursting --plot bursts.png",
    "rheobase simulate SRC --current 0.3 --stop 400 --record h,h_s --json src.json",
    "rheobase simulate CondLIF --input g_exc=5nS --input g_inh=10nS",
)
MOST_STEPS = 100_000_000
BYTES = 4  # of a float32


class Typed(NamedTuple):
    """The options of the protocol as typed; None where one was not given."""

    current: str | None
    inputs: tuple[str, ...]
    stop: str | None
    onset: str | None
    dt: str | None


def simulate(
    neuron: NeuronName,
    current: Annotated[
        str | None,
        typer.Option(metavar="VALUE", help="The current: a number, or with the unit of the neuron's input (800pA)."),
    ] = None,
    input_: Annotated[
        list[str] | None,
        typer.Option(
            "--input",
            metavar="NAME=VALUE",
            help="An input by its name, for neurons that have several (`rheobase show`); repeatable, the others are 0.",
        ),
    ] = None,
    stop: Annotated[
        str | None,
        typer.Option(
            metavar="TIME",
            help="Length of the run, in ms (or 0.4s); in steps where the neuron has no dt.",
            show_default="400",
        ),
    ] = None,
    onset: Annotated[
        str | None, typer.Option(metavar="TIME", help="When the current begins.", show_default="0")
    ] = None,
    dt: Annotated[
        str | None,
        typer.Option(metavar="TIME", help="Time step; not for neurons that count in steps.", show_default="0.1ms"),
    ] = None,
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
    """Simulate one neuron, at rest at first, under a constant current; say how it fires.

    With a named set and no --current, it runs under the protocol with which the source of the set shows it.
    """
    with reported(debug, json=json):
        from rheobase.cli.show import picture
        from rheobase.cli.terminal import console, figures
        from rheobase.runs.neurons_by_name import find

        if plot is not None:
            from rheobase.plot import check_picture_path

            check_picture_path(plot)
        kind = find(neuron)
        traces = _states(kind, record or [])
        run = _respond(kind, Typed(current, tuple(input_ or ()), stop, onset, dt), set_ or [])
        out = console()
        out.print(repr(run.neuron), style="bold")
        out.print(figures(_figures(run)))
        write_json(json, _as_json(run, traces))
        if plot is not None:
            out.print(f"picture: {picture(run, plot)}", soft_wrap=True)


def _respond(kind: type[Declared], typed: Typed, assignments: list[str]) -> Response:
    """What was asked for: a constant current, or the protocol of a named set."""
    from rheobase.cli.quantity import quantity
    from rheobase.core import MapNeuron
    from rheobase.current_clamp import FINE_DT, make
    from rheobase.errors import ParameterError

    name = kind.__name__
    if typed.dt is not None and issubclass(kind, MapNeuron):
        raise ParameterError(name, f"--dt {typed.dt}", "no dt: its paper counts in steps", "leave --dt out")
    chosen, values = _values(kind, assignments)
    if typed.current is None and not typed.inputs:
        if chosen is None:
            wanted = "a current" if kind.Input is None else f"one of its inputs {', '.join(kind.entries)}"
            remedy = "--current 1" if kind.Input is None else f"--input {next(iter(kind.entries))}=1"
            raise ParameterError(name, "no input", f"{wanted}, or a named set with a protocol", remedy)
        return _shown(kind, chosen, values, typed)
    inputs = _inputs(kind, typed)
    preset = {} if chosen is None else {**chosen.values, **chosen.options}
    dt = FINE_DT if typed.dt is None else quantity(typed.dt, "ms", "--dt")
    return _run(make(kind, 1, dt, **{**preset, **values}), inputs, typed.stop or "400", typed.onset or "0")


def _inputs(kind: type[Declared], typed: Typed) -> dict[str, float]:
    """The constant value of every input."""
    from rheobase.cli.quantity import quantity
    from rheobase.errors import ParameterError, nearest

    found = dict.fromkeys(kind.entries, 0.0)
    first = next(iter(found))
    if typed.current is not None:
        if kind.Input is not None:
            remedy = f"--input {first}={typed.current}"
            raise ParameterError(kind.__name__, "--current", f"--input for each of {', '.join(found)}", remedy)
        if typed.inputs:
            raise ParameterError(kind.__name__, "--current and --input", "one of them", "leave --input out")
        return {first: quantity(typed.current, kind.input_unit, f"{kind.__name__} --current")}
    seen: set[str] = set()
    for given in typed.inputs:
        name, equals, text = given.partition("=")
        if not equals:
            raise ParameterError("--input", repr(given), "NAME=VALUE", f"--input {first}=1")
        if name not in found:
            raise ParameterError("--input", repr(name), f"an input of {kind.__name__}", nearest(name, found))
        if name in seen:
            raise ParameterError("--input", f"{name} twice", "each input once", "leave one out")
        seen.add(name)
        found[name] = quantity(text, kind.entries[name].unit, f"--input {name}")
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
    given = {**chosen.values, **chosen.options, **values}
    return shown_response(kind, replace(chosen, values=given, options={}, shown=shown))


def _values(kind: type[Declared], assignments: list[str]) -> tuple[NamedSet | None, dict[str, Any]]:
    """The named set of the assignments, if there is one, and what they give beside it."""
    from rheobase.cli.quantity import quantity
    from rheobase.errors import ParameterError, nearest
    from rheobase.files import expanded

    chosen: NamedSet | None = None
    values: dict[str, Any] = {}
    known, sets = [*kind.params, *kind.declared_options], kind.sets()
    for assignment in assignments:
        name, equals, text = assignment.partition("=")
        if not equals and (name in sets or name.endswith(".toml")):
            if chosen is not None:
                raise ParameterError("--set", f"{chosen.name} and {name}", "one named set", "leave one out")
            chosen = kind.named_set(expanded(name, "--set") if name.endswith(".toml") else name)
            continue
        if not equals:
            expected = f"NAME=VALUE, or the name of a set of {kind.__name__}"
            remedy = f"--set {known[0]}=1" if name in known or not sets else nearest(name, sets)
            raise ParameterError("--set", repr(assignment), expected, remedy)
        if name not in known:
            expected = f"a parameter or option of {kind.__name__}"
            raise ParameterError("--set", repr(name), expected, nearest(name, known))
        if name in kind.params:
            values[name] = quantity(text, kind.params[name].unit, f"--set {name}")
        else:
            choices = {str(c).lower(): c for c in kind.declared_options[name].choices}
            if text.lower() not in choices:
                listed = ", ".join(map(str, kind.declared_options[name].choices))
                raise ParameterError(
                    f"--set {name}", repr(text), f"one of {listed}", "rheobase show says what they mean"
                )
            values[name] = choices[text.lower()]
    return chosen, values


def _states(kind: type[Declared], record: list[str]) -> list[str]:
    from rheobase.errors import ParameterError, nearest

    wanted = [name for given in record for name in given.split(",") if name]
    for name in wanted:
        if name not in kind.states:
            raise ParameterError("--record", repr(name), f"a state of {kind.__name__}", nearest(name, kind.states))
    return wanted


def _run(neuron: Declared, inputs: dict[str, float], stop: str, onset: str) -> Response:
    from rheobase.current_clamp import respond
    from rheobase.errors import ParameterError
    from rheobase.memory import check_memory

    steps, start = _steps(neuron, stop, "--stop"), _steps(neuron, onset, "--onset")
    if not 1 <= steps <= MOST_STEPS:
        expected = f"a time of 1 to {MOST_STEPS} steps" + (f" of {neuron.dt:g} ms" if neuron.dt else "")
        raise ParameterError("--stop", repr(stop), expected, "--stop 400")
    if not 0 <= start < steps:
        raise ParameterError("--onset", repr(onset), f"a time from 0 to before --stop {stop}", "--onset 0")
    # the inputs, what comes out, and every state before and after the reset
    values = steps * (1 + len(inputs) + 2 * len(neuron.states))
    check_memory("--stop", repr(stop), BYTES * values, "--stop 400, or a larger --dt" if neuron.dt else "--stop 400")
    first, *others = inputs
    beside = {name: inputs[name] for name in others}
    return respond(neuron, current=inputs[first], steps=steps, onset=start, beside=beside)


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


def _figures(run: Response) -> dict[str, str]:
    from rheobase.cli.terminal import number
    from rheobase.current_clamp import never_spikes

    unit = run.time_unit
    duration = f"{len(run.current) * (run.dt or 1.0):g} {unit}"
    rows = {**_levels(run), "duration": duration}
    if never_spikes(run.neuron):
        rows["spikes"] = "none: it has no threshold"
    else:
        latency = "no spike" if run.latency is None else f"{run.latency:g} {unit}"
        rows |= {
            "spikes": str(run.count),
            "rate": f"{number(run.rate)} {run.rate_unit}",
            "first spike after": latency,
        }
    rows |= {f"{name} at the end": number(float(trace[-1])) for name, trace in run.states.items()}
    return rows


def _levels(run: Response) -> dict[str, str]:
    """Every input after its onset, or, where it changes, the values between which it does."""
    from rheobase.core.declaration.describe import display

    found: dict[str, str] = {}
    for name, x in run.inputs.items():
        low, high = float(x[run.onset :].min()), float(x[run.onset :].max())
        unit = display(run.neuron.entries[name].unit)
        found[name] = (f"{high:g}" if low == high else f"{low:g} to {high:g}") + f" {unit}".rstrip()
    return found


def _as_json(run: Response, traces: list[str]) -> dict[str, Any]:
    return {
        "neuron": repr(run.neuron), "inputs": {
            name: {"value": float(x[-1]), "unit": run.neuron.entries[name].unit} for name, x in run.inputs.items()
        },
        "dt": run.dt, "time_unit": run.time_unit, "steps": len(run.current), "onset": run.onset * (run.dt or 1),
        "spikes": run.count, "rate": run.rate, "rate_unit": run.rate_unit, "first_spike_after": run.latency,
        "spike_times": run.spike_times, "end": {k: float(v[-1]) for k, v in run.states.items()},
        "traces": {name: run.states[name].tolist() for name in traces},
    }  # fmt: skip
