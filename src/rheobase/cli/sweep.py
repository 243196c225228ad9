"""`rheobase sweep NEURON --vary PARAM=a:b:n`: how rate, rheobase and pattern of firing move with a parameter."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from rheobase.cli.options import MOST_SEED, Debug, Json, NeuronName, Picture, examples, reported, write_json

if TYPE_CHECKING:
    from rheobase.core.declaration.population import Declared
    from rheobase.parameter_sweep import ParameterSweep

EXAMPLES = examples(
    "rheobase sweep LIF --vary tau_mem=5ms:40ms:8 --current 1.5",
    "rheobase sweep AdEx --vary b=0:200pA:11 --current 800pA --plot b.png",
    "rheobase sweep Izhikevich --vary c=-65:-50:7 --vary d=2:8:5 --current 10 --plot map.png --json map.json",
    "rheobase sweep HodgkinHuxley --vary g_K=10:120:10:log",
)
MOST_ROWS = 60
MOST_STEPS = 10_000_000
USUAL_STOP = 400.0  # ms, or steps: within which a rheobase fires


def sweep(
    neuron: NeuronName,
    vary: Annotated[
        list[str],
        typer.Option(
            "--vary",
            metavar="PARAM=FROM:TO:COUNT[:log]",
            help="A parameter and its values, evenly spaced (log: in their logarithms), in its own unit or with one; a "
            "second --vary makes a map.",
        ),
    ],
    current: Annotated[
        str | None,
        typer.Option(
            metavar="CURRENT",
            help="As `rheobase simulate` takes it; of several inputs, the first.",
            show_default="1.5 times what makes the neuron fire within 50 ms",
        ),
    ] = None,
    duration: Annotated[
        str | None, typer.Option(metavar="TIME", help="Length of each run, in ms or steps.", show_default="1000")
    ] = None,
    dt: Annotated[str | None, typer.Option(metavar="TIME", help="Time step.", show_default="by the neuron")] = None,
    set_: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="NAME[=VALUE]", help="Other parameters, options, or a named set; repeatable."),
    ] = None,
    integrator: Annotated[
        str | None, typer.Option(metavar="NAME", help="As `rheobase simulate` takes it.", show_default="by the neuron")
    ] = None,
    seed: Annotated[int, typer.Option(min=0, max=MOST_SEED, help="Of a current that is noise.")] = 0,
    plot: Picture = None,
    json: Json = None,
    debug: Debug = False,
) -> None:
    """Run a neuron, at rest at first, at each value of a parameter; say how its firing moves.

    The rate is that of the mean interval between spikes, the rheobase the smallest constant current that makes it fire
    within 400 ms or steps, and the pattern a word for its intervals (`rheobase.firing`). All values are run at once.
    """
    with reported(debug, json=json):
        from rheobase.cli.terminal import console
        from rheobase.runs.neurons_by_name import find

        if plot is not None:
            from rheobase.plot import check_picture_path

            check_picture_path(plot)
        kind = find(neuron)
        varied = _varied(kind, vary)
        given = _given(kind, varied, set_ or [], dt, integrator)
        found, drive = _swept(kind, varied, current, duration, given, seed)
        out = console()
        _tell(found, drive)
        write_json(json, _as_json(found, drive, given))
        if plot is not None:
            from rheobase.plot import LIGHT, save
            from rheobase.plot.parameter_sweep import sweep as draw

            title = f"{kind.__name__} under {drive}"
            out.print(f"picture: {save(draw(found, title=title, style=LIGHT), plot)}", soft_wrap=True)


def _given(
    kind: type[Declared], varied: dict[str, Any], assignments: list[str], dt: str | None, integrator: str | None
) -> dict[str, Any]:
    """All that is the same at each point, by keyword; `dt` in ms where it was given. What is varied wins over a set."""
    from rheobase.cli.assignments import integrator_of, refuse_in_steps, values_of
    from rheobase.cli.quantity import quantity

    refuse_in_steps(kind, dt, integrator)
    chosen, values = values_of(kind, assignments)
    if integrator is not None:
        values["integrator"] = integrator_of(integrator)
    preset = {} if chosen is None else {**chosen.values, **chosen.options}
    preset = {name: value for name, value in preset.items() if name not in varied}
    step = {} if dt is None else {"dt": quantity(dt, "ms", "--dt")}
    return {**preset, **values, **step}


def _swept(
    kind: type[Declared],
    varied: dict[str, Any],
    current: str | None,
    duration: str | None,
    given: dict[str, Any],
    seed: int,
) -> tuple[ParameterSweep, str]:
    from rheobase.cli.quantity import quantity
    from rheobase.cli.stimulus import Clock, typed_current
    from rheobase.cli.terminal import counted
    from rheobase.core.declaration.describe import display, driver
    from rheobase.current_clamp import current_at_work, make, time_step
    from rheobase.errors import ParameterError
    from rheobase.parameter_sweep import sweep

    neuron = make(kind, 1, **{"dt": time_step(kind), **{k: v for k, v in given.items() if k not in varied}})
    clock = Clock(neuron.dt, seed)
    lasts = quantity(duration or "1000", clock.unit, "--duration")
    # the rheobase is looked for within 400 ms
    if not clock.step <= lasts or max(lasts, USUAL_STOP) / clock.step > MOST_STEPS:
        given_ = f"{duration or '1000'} in steps of {clock.step:g} {clock.unit}"
        expected = f"1 to {MOST_STEPS} steps, and as many in {USUAL_STOP:g} {clock.unit}"
        raise ParameterError("--duration", given_, expected, "--duration 1000, and a larger --dt")
    unit = f" {display(kind.input_unit)}".rstrip()
    if current is None:
        shared = {k: v for k, v in given.items() if k != "dt" and k not in varied}
        current = f"{current_at_work(kind, **shared)!r}"
        drive = f"{driver(kind)} {float(current):g}{unit}"
    else:
        drive = f"{driver(kind)} {current}"
    typed = typed_current(current, kind.input_unit, "--current ", clock)
    if typed.onset >= lasts:
        given_ = f"a current that begins at {typed.onset:g} {clock.unit}"
        raise ParameterError("sweep", given_, f"one that begins before --duration {lasts:g}", "--duration 1000")
    with counted("points") as progress:
        found = sweep(kind, varied, typed.made(lasts), duration=lasts, onset=typed.onset, progress=progress, **given)
    return found, drive


def _varied(kind: type[Declared], vary: list[str]) -> dict[str, Any]:
    """The values of each parameter that is varied."""
    from rheobase.errors import ParameterError, nearest

    if len(vary) > 2:
        raise ParameterError("--vary", f"{len(vary)} parameters", "one, or two for a map", "leave some out")
    found: dict[str, Any] = {}
    for text in vary:
        name, equals, spec = text.partition("=")
        if not equals:
            example = f"--vary {next(iter(kind.params))}=1:10:10"
            raise ParameterError("--vary", repr(text), "PARAM=FROM:TO:COUNT[:log]", example)
        if name not in kind.params:
            raise ParameterError("--vary", repr(name), f"a parameter of {kind.__name__}", nearest(name, kind.params))
        if name in found:
            raise ParameterError("--vary", f"{name} twice", "two parameters for a map", "leave one out")
        found[name] = _values(kind, name, text, spec)
    return found


def _values(kind: type[Declared], name: str, text: str, ends: str) -> Any:
    from rheobase.cli.spaced import spaced

    spec = kind.params[name]
    example = f"--vary {name}={0.5 * spec.default or 1:g}:{2 * spec.default or 2:g}:11"
    return spaced(ends, spec.unit, f"--vary {name}", text, example)


def _tell(found: ParameterSweep, drive: str) -> None:
    from rheobase.cli.terminal import console, number, table
    from rheobase.core.declaration.describe import labelled

    kind, out = found.kind, console()
    clock = "in steps" if found.dt is None else f"dt {found.dt:g} ms"
    unit = "steps" if found.dt is None else "ms"
    out.print(f"{kind.__name__} under {drive} for {found.duration:g} {unit} ({clock})", style="bold")
    unsure = found.unsure.flatten().tolist()
    columns = (
        *(labelled(name, kind.params[name].unit) for name in found.values),
        f"rate ({found.rate_unit})",
        "spikes",
        "pattern",
        labelled("rheobase", kind.input_unit),
    )
    flat = (found.rate, found.count, found.rheobase)
    rows = [
        (
            *(number(value) for value in point.values()),
            f"{number(rate)}{' ?' if doubt else ''}",
            str(int(count)),
            word,
            "none found" if least != least else number(least),
        )
        for point, rate, count, least, word, doubt in zip(
            found.points(), *(x.flatten().tolist() for x in flat), found.words, unsure, strict=True
        )
    ]
    if len(rows) <= MOST_ROWS:
        out.print(table(columns, rows, right=[name for name in columns if name != "pattern"]))
    else:
        out.print(f"{len(rows)} points; --json FILE has them all, --plot FILE draws them")
    if any(unsure):
        out.print(
            f"not converged (?): at {sum(unsure)} of {len(unsure)} points the rate may be more than 1 % off, as "
            "half the step says; take a shorter --dt",
            style="yellow",
            soft_wrap=True,
        )


def _as_json(found: ParameterSweep, drive: str, given: dict[str, Any]) -> dict[str, Any]:
    kind = found.kind
    columns = (found.rate, found.count, found.rheobase, found.change, found.unsure)
    return {
        "neuron": kind.__name__,
        "under": drive,
        "dt": found.dt,
        "duration": found.duration,
        "rate_unit": found.rate_unit,
        "input_unit": kind.input_unit,
        "given": {k: v if isinstance(v, int | float | str) else repr(v) for k, v in given.items()},
        "varied": {name: {"unit": kind.params[name].unit, "values": v.tolist()} for name, v in found.values.items()},
        "points": [
            {
                **point,
                "rate": rate,
                "spikes": int(count),
                "pattern": word,
                "rheobase": None if least != least else least,
                "change_at_half_step": None if change != change or abs(change) == float("inf") else change,
                "converged": not doubt,
            }
            for point, rate, count, least, change, doubt, word in zip(
                found.points(), *(x.flatten().tolist() for x in columns), found.words, strict=True
            )
        ],
    }
