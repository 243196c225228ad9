"""`rheobase show NAME`: equations, parameters, states, paper, and a picture of a neuron or a channel."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from rheobase.cli.options import Debug, Json, examples, path, reported, write_json
from rheobase.errors import ParameterError

if TYPE_CHECKING:
    from rich.console import Console

    from rheobase.core.declaration.describe import Description
    from rheobase.core.declaration.population import Declared
    from rheobase.current_clamp import Response
    from rheobase.firing_onset import FiringOnset

EXAMPLES = examples("rheobase show SRC", "rheobase show LIF --plot lif.svg", "rheobase show Kv3_1 --no-plot")
FOLDER = Path("runs") / "show"
Shown = tuple[dict[str, Any], Path | None]  # all numbers, and where the picture is


def show(
    name: Annotated[
        str, typer.Argument(metavar="NAME", help="Name of a neuron or a channel; `rheobase list` has them.")
    ],
    plot: Annotated[
        Path | None,
        typer.Option(
            parser=path, metavar="FILE", help="The picture: .png, .svg or .pdf.", show_default=f"{FOLDER}/NAME.png"
        ),
    ] = None,
    no_plot: Annotated[bool, typer.Option("--no-plot", help="Make no picture.")] = False,
    json: Json = None,
    debug: Debug = False,
) -> None:
    """Show a neuron or a channel: its equations, parameters with units, states, paper, and a picture.

    The picture of a neuron is its response to a step of 1.5 times the smallest current that makes it fire within 50 ms
    (or steps), or of a higher multiple where at this one it does not go on firing. That of a channel shows where its
    gates settle, how fast, and how much of it is open then, over the potential or over calcium.
    """
    with reported(debug, json=json):
        from rheobase.channels.channel import Membrane
        from rheobase.cli.terminal import console
        from rheobase.core.declaration.describe import Description
        from rheobase.runs.channels_by_name import find_declared

        kind = find_declared(name)
        if plot is not None:
            from rheobase.plot import check_picture_path

            check_picture_path(plot)
            if no_plot:
                raise ParameterError("show", "--plot and --no-plot", "one of them", "leave one out")
        at = None if no_plot else plot or FOLDER / f"{kind.__name__}.png"
        one = _channel if issubclass(kind, Membrane) else _neuron
        content, drawn = one(kind, Description.of(kind), at, console())
        write_json(json, content)
        if drawn is not None:
            console().print(f"picture: {drawn}", soft_wrap=True)


def _neuron(kind: type[Declared], described: Description, at: Path | None, out: Console) -> Shown:
    from rheobase.current_clamp import smallest_current, step_response
    from rheobase.firing_onset import firing_onset

    rheobase, onset = smallest_current(kind), firing_onset(kind)
    _tell(described, rheobase, onset, out)
    begins = None if onset is None else {"current": onset.current, "rate": onset.rate, "fires_below": onset.stops}
    content = {**described.as_json(), "rheobase": rheobase, "firing_onset": begins}
    return content, None if at is None else picture(step_response(kind), at)


def _channel(kind: Any, described: Description, at: Path | None, out: Console) -> Shown:
    from rheobase.channels.flows import flows
    from rheobase.channels.kinetics import kinetics
    from rheobase.cli.show_channel import picture as drawn
    from rheobase.cli.show_channel import tell_channel

    tell_channel(described, kind, out)
    content = {**described.as_json(), **flows(kind), "kinetics": kinetics(kind).as_json()}
    return content, None if at is None else drawn(kind, at)


def _tell(described: Description, rheobase: float | None, onset: FiringOnset | None, out: Console) -> None:
    from rheobase.cli.declared_tables import tell_equations, tell_parameters, tell_sets
    from rheobase.cli.terminal import figures, number, table
    from rheobase.core.declaration.describe import display, inputs
    from rheobase.current_clamp import FINE_DT, make

    kind = described.kind
    tell_equations(described, out)
    tell_parameters(kind, "--set name=value", out)
    if kind.declared_options:
        choices = [
            (k, str(o.default), ", ".join(map(str, o.choices)) or o.allowed, o.meaning)
            for k, o in kind.declared_options.items()
        ]
        out.print(table(("name", "default", "choices", "meaning"), choices, title="Options (--set name=value)"))
    rest = make(kind, 1, FINE_DT).rest(1)
    states = [(k, number(float(getattr(rest, k))), display(s.unit), s.meaning) for k, s in kind.states.items()]
    out.print(table(("name", "rests at", "unit", "meaning"), states, title="States", right=("rests at",)))
    tell_sets(kind, "simulate --set name", out)
    facts: dict[str, Any] = {
        "time": "in ms, with a step dt" if described.time == "ms" else "in steps, as in the paper",
        "input": inputs(kind),
        "output": "values; a spike is an upward crossing of 0.5" if kind.graded else "spikes, 0 or 1",
        "rheobase": _rheobase(described, rheobase),
    }
    if rheobase is not None:
        facts["goes on firing"] = _goes_on(described, rheobase, onset)
    facts |= {k: v for k, v in described.sections.items() if k in ("Numerics", "Differs from the paper", "Reference")}
    out.print(figures({k.lower(): v for k, v in facts.items()}))


def _rheobase(described: Description, value: float | None) -> str:
    from rheobase.core.declaration.describe import display
    from rheobase.current_clamp import never_spikes

    if value is None:
        return "none: it never spikes" if never_spikes(described.kind) else "none was found"
    unit = f" {display(described.kind.input_unit)}".rstrip()
    held = "current" if described.kind.Input is None else next(iter(described.kind.entries))
    return "0: it fires by itself" if value == 0 else f"{value:g}{unit} (constant {held}, within 400 {described.time})"


def _goes_on(described: Description, rheobase: float, onset: FiringOnset | None) -> str:
    """Where the f-I curve begins, and why that is not the rheobase where it is not."""
    from rheobase.cli.terminal import number
    from rheobase.core.declaration.describe import display

    unit = described.time
    if onset is None:
        return f"under no constant current, for 1000 {unit}"
    rate = f"{number(onset.rate)} {'Hz' if unit == 'ms' else 'per step'}"
    if onset.current == 0:
        return f"by itself, at {rate}"
    current = f"{onset.current:g} {display(described.kind.input_unit)}".rstrip()
    sentence = f"from {current} on, at {rate}: there its f-I curve begins"
    if onset.stops:
        return f"{sentence}. Between the rheobase and that current it fires from rest, and stops"
    if onset.current > 1.01 * rheobase:
        return f"{sentence}. Between the rheobase and that current spikes are too seldom for 1000 {unit} to tell"
    if onset.current < 0.99 * rheobase:
        return f"{sentence}. The rheobase is higher, since 400 {unit} are too short for so late a first spike"
    return sentence


def picture(run: Response, path: Path) -> Path:
    """Draw a response into a file. Raises `ParameterError` for another format, `StorageError`."""
    from rheobase.plot import LIGHT, save
    from rheobase.plot.gallery.traces import traces

    return save(traces(run, style=LIGHT), path)
