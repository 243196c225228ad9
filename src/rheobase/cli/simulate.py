"""`rheobase simulate NEURON`: one neuron under a constant current."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from rheobase.cli.options import Debug, Json, NeuronName, examples, reported, write_json

if TYPE_CHECKING:
    from rheobase.cli.drive import Response
    from rheobase.core.declared import Declared

EXAMPLES = examples(
    "rheobase simulate LIF --current 1.5",
    "rheobase simulate LIF --current 1.5 --set tau_mem=10ms --stop 1s --plot lif.png",
    "rheobase simulate SRC --current 0.3 --stop 400 --record h,h_s --json src.json",
)
MOST_STEPS = 100_000_000


def simulate(
    neuron: NeuronName,
    current: Annotated[
        str,
        typer.Option(metavar="VALUE", help="The current: a number, or with the unit of the neuron's input (800pA)."),
    ],
    stop: Annotated[
        str,
        typer.Option(metavar="TIME", help="Length of the run, in ms (or 0.4s); in steps where the neuron has no dt."),
    ] = "400",
    onset: Annotated[str, typer.Option(metavar="TIME", help="When the current begins.")] = "0",
    dt: Annotated[
        str | None,
        typer.Option(metavar="TIME", help="Time step; not for neurons that count in steps.", show_default="0.1ms"),
    ] = None,
    set_: Annotated[
        list[str] | None, typer.Option("--set", metavar="NAME=VALUE", help="Give a parameter or option; repeatable.")
    ] = None,
    record: Annotated[
        list[str] | None, typer.Option(metavar="STATE", help="Put the trace of a state into the JSON file; repeatable.")
    ] = None,
    plot: Annotated[Path | None, typer.Option(metavar="FILE", help="A picture: .png, .svg or .pdf.")] = None,
    json: Json = None,
    debug: Debug = False,
) -> None:
    """Simulate one neuron, at rest at first, under a constant current; say how it fires."""
    with reported(debug):
        from rheobase.cli.show import picture
        from rheobase.cli.terminal import console, figures

        if plot is not None:
            from rheobase.plot import check_picture_path

            check_picture_path(plot)
        made = build(neuron, dt, set_ or [])
        traces = _states(made, record or [])
        run = _run(made, current, stop, onset)
        out = console()
        out.print(repr(made), style="bold")
        out.print(figures(_figures(run)))
        write_json(json, _as_json(run, traces))
        if plot is not None:
            out.print(f"picture: {picture(run, plot)}", soft_wrap=True)


def build(name: str, dt: str | None, assignments: list[str]) -> Declared:
    """One neuron from what was typed. Raises `ParameterError`, `UnitError`."""
    from rheobase.cli.drive import FINE_DT
    from rheobase.cli.models import find, make
    from rheobase.cli.quantity import quantity
    from rheobase.core import MapNeuron
    from rheobase.errors import ParameterError

    kind = find(name)
    if dt is not None and issubclass(kind, MapNeuron):
        raise ParameterError(kind.__name__, f"--dt {dt}", "no dt: its paper counts in steps", "leave --dt out")
    return make(kind, 1, FINE_DT if dt is None else quantity(dt, "ms", "--dt"), **_values(kind, assignments))


def _values(kind: type[Declared], assignments: list[str]) -> dict[str, Any]:
    from rheobase.cli.quantity import quantity
    from rheobase.errors import ParameterError, nearest

    values: dict[str, Any] = {}
    known = [*kind.params, *kind.declared_options]
    for assignment in assignments:
        name, equals, text = assignment.partition("=")
        if not equals:
            raise ParameterError("--set", repr(assignment), "NAME=VALUE", f"--set {known[0]}=1")
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
    return values


def _states(neuron: Declared, record: list[str]) -> list[str]:
    from rheobase.errors import ParameterError, nearest

    wanted = [name for given in record for name in given.split(",") if name]
    for name in wanted:
        if name not in neuron.states:
            expected = f"a state of {type(neuron).__name__}"
            raise ParameterError("--record", repr(name), expected, nearest(name, neuron.states))
    return wanted


def _run(neuron: Declared, current: str, stop: str, onset: str) -> Response:
    from rheobase.cli.drive import respond
    from rheobase.cli.quantity import quantity
    from rheobase.errors import ParameterError

    value = quantity(current, neuron.input_unit, f"{type(neuron).__name__} --current")
    steps, start = _steps(neuron, stop, "--stop"), _steps(neuron, onset, "--onset")
    if not 1 <= steps <= MOST_STEPS:
        expected = f"a time of 1 to {MOST_STEPS} steps" + (f" of {neuron.dt:g} ms" if neuron.dt else "")
        raise ParameterError("--stop", repr(stop), expected, "--stop 400")
    if not 0 <= start < steps:
        raise ParameterError("--onset", repr(onset), f"a time from 0 to before --stop {stop}", "--onset 0")
    return respond(neuron, current=value, steps=steps, onset=start)


def _steps(neuron: Declared, text: str, name: str) -> int:
    from rheobase.cli.quantity import STEPS, quantity
    from rheobase.errors import ParameterError

    if neuron.dt is not None:
        return round(quantity(text, "ms", name) / neuron.dt)
    count = quantity(text, STEPS, name)
    if count != int(count):
        raise ParameterError(
            name, repr(text), f"a whole number of steps, in which {type(neuron).__name__} counts", "400"
        )
    return int(count)


def _figures(run: Response) -> dict[str, str]:
    from rheobase.cli.drive import never_spikes
    from rheobase.cli.quantity import display
    from rheobase.cli.terminal import number

    unit = run.time_unit
    duration = f"{len(run.current) * (run.dt or 1.0):g} {unit}"
    current = f"{float(run.current[-1]):g} {display(run.neuron.input_unit)}".rstrip()
    rows = {"current": current, "duration": duration}
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


def _as_json(run: Response, traces: list[str]) -> dict[str, Any]:
    return {
        "neuron": repr(run.neuron), "current": float(run.current[-1]), "input_unit": run.neuron.input_unit,
        "dt": run.dt, "time_unit": run.time_unit, "steps": len(run.current), "onset": run.onset * (run.dt or 1),
        "spikes": run.count, "rate": run.rate, "rate_unit": run.rate_unit, "first_spike_after": run.latency,
        "spike_times": run.spike_times, "end": {k: float(v[-1]) for k, v in run.states.items()},
        "traces": {name: run.states[name].tolist() for name in traces},
    }  # fmt: skip
