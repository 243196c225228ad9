"""The page about a fit, and its numbers."""

from __future__ import annotations

import math
import shlex
from datetime import date
from pathlib import Path
from typing import Any

from rheobase.cli.fitting import named
from rheobase.cli.fitting.advice import advice
from rheobase.cli.fitting.features import SweepFeatures, of_sweeps
from rheobase.cli.fitting.job import Fitted
from rheobase.cli.fitting.pictures import all_sweeps, opening
from rheobase.cli.machine import machine
from rheobase.learning import reliability
from rheobase.learning.fitting.shown import quantity_unit
from rheobase.plot import Report, Section, Table
from rheobase.runs.folder import REPORT


def compared(fitted: Fitted) -> tuple[list[SweepFeatures], list[SweepFeatures]]:
    """The features of data and fit."""
    recording = fitted.recording
    data = of_sweeps(recording, recording.spikes(), recording.v)
    return data, of_sweeps(recording, fitted.spikes, fitted.v)


def summary(fitted: Fitted) -> str:
    """The findings in three sentences."""
    fit, recording = fitted.fit, fitted.recording
    data, model = compared(fitted)
    sweeps, fired = len(recording.v), sum(f.spikes for f in data)
    wrong = _mean([abs(a.spikes - b.spikes) for a, b in zip(data, model, strict=True)])
    ceiling = itself(fitted)
    beside = "" if ceiling is None else f"; the cell predicts its own repetitions with {ceiling:.2f}"
    first = (
        f"{fitted.kind.__name__} meets the {fired} spikes of {sweeps} {'sweep' if sweeps == 1 else 'sweeps'} with a "
        f"Gamma of {fit.gamma:.2f} at {fit.delta:.3g} ms (1: all, 0: chance){beside}."
    )
    spikes = "spike" if f"{wrong:.2g}" == "1" else "spikes"
    second = f"In a sweep it fires {wrong:.2g} {spikes} too many or too few, on average, and {_potential(fitted)}."
    edges = fit.at_edges()
    stand = "stand at edges of their ranges" if len(edges) > 1 else "stands at an edge of its range"
    third = (
        f"{', '.join(edges)} {stand}, so better values may lie beyond."
        if edges
        else "No parameter stands at an edge of its range."
    )
    stopped = "" if fit.finished else "Interrupted: this is the best so far. "
    return f"{stopped}{first} {second} {third}"


def _potential(fitted: Fitted) -> str:
    if fitted.v is None:
        return "it has no potential to compare"
    return f"leaves {100 * min(fitted.fit.best.v_error, 9.99):.0f} % of the variance of the potential between spikes"


def itself(fitted: Fitted) -> float | None:
    """The mean Gamma of repetitions of one current; None without repetitions."""
    recording = fitted.recording
    _, group = recording.repeats()
    times, found = recording.spike_times(), list[float]()
    for number in range(int(group.max()) + 1):
        trains = [times[k] for k in (group == number).nonzero()[:, 0].tolist() if len(times[k])]
        if len(trains) > 1:
            found.append(reliability(trains, duration=recording.duration, delta=fitted.fit.delta))
    return _mean(found) if found else None


def figures(fitted: Fitted) -> dict[str, str]:
    """What was measured."""
    fit = fitted.fit
    steps = f"{fit.recipe.forced} forced, {fit.recipe.free} free, {fit.recipe.generations} generations"
    data, model = compared(fitted)
    rows = {
        "Gamma": f"{fit.gamma:.3f} at {fit.delta:.3g} ms, on the sweeps that were fitted",
        "spikes": f"{sum(f.spikes for f in data)} recorded, {sum(f.spikes for f in model)} of the fit",
        "search": f"{fitted.seconds:.0f} s, ended by {fit.ended}: {steps}",
    }
    if (ceiling := itself(fitted)) is not None:
        rows["cell with itself"] = f"Gamma {ceiling:.3f}, between repetitions"
    if fitted.v is not None:
        rows["potential"] = f"mean square error {fit.best.v_error:.3f} of its variance, between spikes"
    return rows


def values(fitted: Fitted) -> dict[str, str]:
    """The best values, as the terminal shows them."""
    edges = fitted.fit.at_edges()
    return {
        name: f"{value:.5g} {_unit(fitted, name)}".rstrip() + (f", at the {edges[name]} edge" if name in edges else "")
        for name, value in fitted.fit.best.values.items()
    }


def write(fitted: Fitted, folder: Path) -> Path:
    """Write report.html into the folder. Raises `StorageError`."""
    data, model = compared(fitted)
    host, name = machine(), fitted.kind.__name__
    file = fitted.file
    settings = {key: _said(value) for key, value in fitted.settings.as_json().items() if value not in (None, ())}
    report = Report(
        title=f"{name} fitted to {file.path.name}",
        summary=summary(fitted),
        figures=figures(fitted),
        pictures=[],
        opening=opening(fitted),
        sections=[
            Section("Parameters", [parameters(fitted)]),
            Section("Features side by side", [features_table(data, model)]),
            Section("What to try next", advice(fitted, data, model)),
            Section("Every sweep", all_sweeps(fitted)),
            Section("The fitted neuron", _loading(fitted, folder)),
            Section("The recording", [f"{file.path.name}, {file.form}: {fitted.recording!r}", *fitted.notes]),
        ],
        settings=settings,
        command=command(fitted, folder),
        footer=f"rheobase {host['rheobase']}, torch {host['torch']}, Python {host['python']}, {host['system']}; "
        f"{date.today().isoformat()}.",
    )
    return report.write(folder / REPORT)


def _loading(fitted: Fitted, folder: Path) -> list[str]:
    neuron, path = fitted.kind.__name__, folder / named.FILE
    clock = f", dt={fitted.recording.dt:g}" if fitted.fit.neuron.dt is not None else ""
    return [
        f'In Python: neurons.{neuron}.named("{path}", 1{clock}).',
        f"On the command line: rheobase simulate {neuron} --set {path} --current VALUE.",
        *named.readout(fitted),
    ]


def parameters(fitted: Fitted) -> Table:
    """Every searched quantity with its range, and a warning at an edge."""
    fit, edges = fitted.fit, fitted.fit.at_edges()
    rows = [
        (
            axis.name, fit.best.values[axis.name], _unit(fitted, axis.name),
            f"at the {edges[axis.name]} edge" if axis.name in edges else "", axis.low, axis.high,
        )
        for axis in fit.axes
    ]  # fmt: skip
    caption = "Beyond an edge a better value may lie: give a wider range." if edges else ""
    return Table("What was searched", ("name", "best", "unit", "warning", "from", "to"), rows, caption=caption)


def features_table(data: list[SweepFeatures], model: list[SweepFeatures]) -> Table:
    """Data and fit, sweep by sweep."""
    columns = ("sweep", "spikes", "fit ", "first (ms)", "fit  ", "interval (ms)", "fit   ", "last/first", "fit    ")
    columns = (*columns, "v (mV)", "fit     ")
    rows = [
        (
            k, a.spikes, b.spikes, _cell(a.first), _cell(b.first), _cell(a.interval), _cell(b.interval),
            _cell(a.adaptation), _cell(b.adaptation), _cell(a.v), _cell(b.v),
        )
        for k, (a, b) in enumerate(zip(data, model, strict=True))
    ]  # fmt: skip
    caption = (
        "The first spike is counted from the beginning of the sweep; last/first: the last interval over the first."
    )
    return Table("Recorded, and of the fit", columns, rows, caption=caption)


def as_json(fitted: Fitted) -> dict[str, Any]:
    """All numbers. Without those of the clock, the same run gives the same."""
    fit, (data, model) = fitted.fit, compared(fitted)
    recipe = fit.recipe
    return {
        "neuron": fitted.kind.__name__, "file": fitted.file.path.name, "format": fitted.file.form,
        "gamma": fit.gamma, "delta_ms": fit.delta, "v_error": fit.best.v_error, "score": fit.best.score,
        "gamma_of_repetitions": itself(fitted), "ended": fit.ended, "seconds": fitted.seconds,
        "steps": {"forced": recipe.forced, "free": recipe.free, "generations": recipe.generations},
        "seed": fitted.settings.seed, "dt_ms": fitted.recording.dt, "level_mV": fitted.recording.level,
        "parameters": {
            axis.name: {
                "value": fit.best.values[axis.name], "unit": _unit(fitted, axis.name), "range": [axis.low, axis.high],
                "edge": fit.at_edges().get(axis.name),
            }
            for axis in fit.axes
        },
        "readout": dict(fit.readout),
        "sweeps": [
            {"data": _plain(a), "fit": _plain(b)} for a, b in zip(data, model, strict=True)
        ],
        "notes": list(fitted.notes), "try_next": advice(fitted, data, model),
    }  # fmt: skip


def command(fitted: Fitted, folder: Path) -> str:
    """The command that makes the same fit on any machine: with as many steps as were done, and no clock."""
    s, recipe = fitted.settings, fitted.fit.recipe
    words = ["rheobase", "fit", s.neuron, s.file, "--name", folder.name, "--seed", str(s.seed)]
    for name, value in (
        ("current-file", s.current_file), ("sweeps", s.sweeps), ("channel", s.channel), ("units", s.units),
        ("interval", s.interval), ("level", s.level), ("dt", s.dt),
    ):  # fmt: skip
        if value is not None:
            words.append(f"--{name}={value}")
    if s.learn is not None:
        words += ["--learn", ",".join(s.learn)]
    for name, low, high in s.ranges:
        words += ["--range", f"{name}={low!r}:{high!r}"]
    if s.scale is not None:
        words += ["--scale", f"{s.scale[0]!r}:{s.scale[1]!r}"]
    words += ["--forced", str(recipe.forced), "--free", str(recipe.free), "--generations", str(recipe.generations)]
    return shlex.join([*words, "--population", str(s.population), "--time-limit", "none"])


def _unit(fitted: Fitted, name: str) -> str:
    return quantity_unit(fitted.fit, name)


def _plain(features: SweepFeatures) -> dict[str, float | None]:
    return {
        "spikes": features.spikes, "first_spike_ms": _cell(features.first), "interval_ms": _cell(features.interval),
        "last_over_first_interval": _cell(features.adaptation), "v_mV": _cell(features.v),
    }  # fmt: skip


def _cell(value: float) -> float | None:
    return None if math.isnan(value) else value


def _mean(values: list[Any]) -> float:
    return sum(values) / len(values) if values else 0.0


def _said(value: Any) -> str:
    return ", ".join(map(str, value)) if isinstance(value, tuple) else str(value)
