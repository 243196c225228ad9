"""What a fit came to, in numbers and sentences: for the terminal, the page and --json."""

from __future__ import annotations

import math
from dataclasses import asdict, fields
from typing import Any

from rheobase.cli.fitting.advice import advice
from rheobase.cli.fitting.job import Fitted
from rheobase.cli.fitting.subjects import CellSubject
from rheobase.learning import reliability
from rheobase.learning.fitting.agreement import Agreement, mean
from rheobase.learning.fitting.passive import Passive
from rheobase.learning.fitting.shown import WITHOUT
from rheobase.learning.fitting.sweep_features import SweepFeatures, of_sweeps

# name, unit, digits and factor of each error; OFF says what they are
ERRORS = {
    "gamma": ("Gamma", "", ".3f", 1.0),
    "spikes": ("spikes off", "", ".2g", 1.0),
    "first": ("first spike off", " ms", ".3g", 1.0),
    "interval": ("interval off", " %", ".2g", 100.0),
    "v_error": ("potential off", " %", ".2g", 100.0),
    "v_rms": ("potential off, rms", " mV", ".3g", 1.0),
}
SHAPE = {  # of a cell, whose spikes have one
    "trough": ("trough behind spikes off", " mV", ".3g", 1.0),
    "height": ("height of spikes off", " mV", ".3g", 1.0),
    "width": ("width of spikes off", " ms", ".2g", 1.0),
}
FAR = 10.0  # times the variance: an error beyond it is only said to be so
OFF = (
    "Off, on average over sweeps: spikes, too many or too few; first spike, early or late; interval, its mean; "
    "potential, mean square error between spikes over its variance, and its root in mV."
)


def compared(fitted: Fitted) -> tuple[list[SweepFeatures], list[SweepFeatures]]:
    """The features of data and fit, of all sweeps."""
    recording = fitted.recording
    data = of_sweeps(recording, recording.spikes(), recording.v)
    return data, of_sweeps(recording, fitted.spikes, fitted.v)


def summary(fitted: Fitted) -> str:
    """The findings in three sentences."""
    fit = fitted.fit
    shown = fit.held_out or fit.fitted
    stopped = "" if fit.finished else "Interrupted: this is the best so far. "
    spikes = "spike" if f"{shown.spikes:.2g}" == "1" else "spikes"
    average = "" if len(shown.sweeps) == 1 else ", on average"
    where = "There" if len(shown.sweeps) == 1 else "In one of these sweeps"
    second = f"{where} it fires {shown.spikes:.2g} {spikes} too many or too few{average}, and {_v(shown)}."
    if fit.silent:
        second = _unidentifiable(fitted)
    edges = fit.at_edges()
    stand = "stand at edges of their ranges" if len(edges) > 1 else "stands at an edge of its range"
    third = (
        f"{', '.join(edges)} {stand}, so better values may lie beyond."
        if edges
        else "No parameter stands at an edge of its range."
    )
    return f"{stopped}{_first(fitted)} {second} {third}"


def _unidentifiable(fitted: Fitted) -> str:
    """The sentence about a fit to recordings without a spike."""
    sentence = "No spike was fitted, so the potential alone was, and Gamma has no value"
    names = fitted.fit.unidentifiable
    if not names:
        return f"{sentence}."
    value = "the value of this parameter means" if len(names) == 1 else "the values of these parameters mean"
    return f"{sentence}; such sweeps do not identify {', '.join(names)}: {value} nothing."


def _first(fitted: Fitted) -> str:
    fit, name = fitted.fit, fitted.name
    if fit.silent:
        test, error = fit.held_out, f"an rms error of {fit.fitted.v_rms:.3g} mV"
        held = "none was held out to test it" if test is None else f"{test.v_rms:.3g} mV on what was held out"
        return f"{name} meets the potential that it was fitted to with {error}; {held}."
    ceiling = itself(fitted)
    beside = "" if ceiling is None else f"; the cell predicts its own repetitions with {ceiling:.2f}"
    if fit.held_out is None:
        count = len(fit.fitted.sweeps)
        many = "the sweep" if count == 1 else f"the {count} sweeps"
        sentence = f"{name} meets {many} that it was fitted to with a Gamma of {fit.gamma:.2f} at {fit.delta:.3g} ms"
        return f"{sentence} (1: all spikes, 0: chance){beside}; none was held out to test it."
    held = fit.held_out
    many = "the sweep" if len(held.sweeps) == 1 else f"the {len(held.sweeps)} sweeps"
    sentence = f"{name} meets {many} that it was not fitted to with a Gamma of {figure(held.gamma, '.2f')}"
    return (
        f"{sentence} at {held.delta:.3g} ms (1: all spikes, 0: chance), and those fitted with {fit.gamma:.2f}{beside}."
    )


def _v(shown: Agreement) -> str:
    if math.isnan(shown.v_error):
        return "it has no potential to compare"
    if shown.v_error > FAR:
        return f"between spikes its potential is off by more than {FAR:g} times the variance there"
    return f"leaves {100 * shown.v_error:.0f} % of the variance of the potential between spikes"


def figure(value: float, digits: str) -> str:
    """A value as text; none where there is no such value."""
    return "none" if math.isnan(value) else f"{value:{digits}}"


def itself(fitted: Fitted) -> float | None:
    """The mean Gamma of repetitions of one current; None without repetitions."""
    recording = fitted.recording
    _, group = recording.repeats()
    times, found = recording.spike_times(), list[float]()
    for number in range(int(group.max()) + 1):
        trains = [times[k] for k in (group == number).nonzero()[:, 0].tolist() if len(times[k])]
        if len(trains) > 1:
            found.append(reliability(trains, duration=recording.duration, delta=fitted.fit.delta))
    return mean(found) if found else None


def figures(fitted: Fitted) -> dict[str, str]:
    """What was measured, as the terminal and the page show it."""
    fit = fitted.fit
    steps = f"{fit.recipe.forced} forced, {fit.recipe.free} free, {fit.recipe.generations} generations"
    if isinstance(fitted.subject, CellSubject):
        own = f"{fit.recipe.passive} passive, " if fit.passive is not None and fit.passive.sweeps else ""
        steps = f"{own}{fit.recipe.forced} by gradient, {fit.recipe.generations} generations"
    data, model = compared(fitted)
    rows = {label: _both(fit.fitted, fit.held_out, key) for key, (label, *_) in ERRORS.items()}
    if not math.isnan(fit.fitted.trough):
        rows |= {label: _both(fit.fitted, fit.held_out, key) for key, (label, *_) in SHAPE.items()}
    rows["Gamma"] += f"; at {fit.delta:.3g} ms"
    if math.isnan(fit.fitted.v_error):
        del rows[ERRORS["v_error"][0]], rows[ERRORS["v_rms"][0]]
    if fit.silent:
        for key in ("gamma", "first", "interval"):
            del rows[ERRORS[key][0]]
    rows["held out"] = which(fitted)
    if fitted.before is not None:
        key = "v_rms" if fit.silent else "gamma"
        rows["cell as it was"] = f"{ERRORS[key][0]} {_both(*fitted.before, key)}: with the values of {fitted.name}"
    if fit.unidentifiable:
        rows["not identifiable"] = f"{', '.join(fit.unidentifiable)}: {WITHOUT}"
    if fit.passive is not None:
        rows["passive stage"] = passive(fitted, fit.passive)
    if fitted.matched is not None:
        rows["LIF without a search"] = f"Gamma {_both(*fitted.matched, 'gamma')}: matched in closed form"
    if (ceiling := itself(fitted)) is not None:
        rows["cell with itself"] = f"Gamma {ceiling:.3f}, between repetitions"
    rows["spikes"] = f"{sum(f.spikes for f in data)} recorded, {sum(f.spikes for f in model)} of the fit"
    rows["search"] = f"{fitted.seconds:.0f} s, {fit.evaluations} candidates, ended by {fit.ended}: {steps}"
    if fit.diverged:
        rows["diverged"] = f"{fit.diverged} candidates, dropped"
    return rows


def _both(fitted: Agreement, held: Agreement | None, key: str) -> str:
    _, unit, digits, factor = (ERRORS | SHAPE)[key]
    errors = [figure(factor * getattr(one, key), digits) for one in (fitted, held) if one is not None]
    shown = [value if value == "none" else value + unit for value in errors]
    return f"{shown[0]} fitted, {shown[1]} held out" if len(shown) > 1 else f"{shown[0]} fitted"


def which(fitted: Fitted) -> str:
    """The sweeps that were held out, or why none was."""
    parts = fitted.fit.split
    numbers = ", ".join(str(fitted.number(k)) for k in parts.held)
    return f"{'sweep' if len(parts.held) == 1 else 'sweeps'} {numbers} ({parts.reason})" if numbers else parts.reason


def passive(fitted: Fitted, stage: Passive) -> str:
    """What became of the passive stage of a cell."""
    if not stage.sweeps:
        return stage.said
    numbers = ", ".join(str(fitted.number(k)) for k in stage.sweeps)
    return f"on {'sweep' if len(stage.sweeps) == 1 else 'sweeps'} {numbers}; {stage.said}"


def values(fitted: Fitted) -> dict[str, str]:
    """The best values, as the terminal shows them."""
    best = fitted.fit.best
    found = {
        name: [f"{value:.5g} {unit(fitted, name)}".rstrip(), *remarks(fitted, name)]
        for name, value in best.values.items()
    }
    return {name: ", ".join(words) for name, words in found.items()}


def remarks(fitted: Fitted, name: str) -> list[str]:
    """Remarks on a searched quantity: at an edge of its range, held, not identifiable."""
    fit, found = fitted.fit, list[str]()
    if name in fit.best.held:
        found.append("held since the passive stage")
    if name in fit.at_edges():
        found.append(f"at the {fit.at_edges()[name]} edge")
    if name in fit.unidentifiable:
        found.append("not identifiable from these data")
    if fit.passive is not None and name in fit.passive.unidentifiable:
        found.append("not identified without a spike")
    return found


def as_json(fitted: Fitted) -> dict[str, Any]:
    """All numbers. Without those of the clock, the same run gives the same."""
    fit, (data, model) = fitted.fit, compared(fitted)
    recipe, held = fit.recipe, set(fit.split.held)
    return {
        "neuron": fitted.name, "file": fitted.file.path.name, "format": fitted.file.form,
        "gamma": cell(fit.gamma), "delta_ms": fit.delta, "v_error": fit.best.v_error, "score": fit.best.score,
        "fitted": _errors(fitted, fit.fitted), "held_out": _errors(fitted, fit.held_out),
        "hold_out": {"sweeps": [fitted.number(k) for k in fit.split.held], "reason": fit.split.reason},
        "matched_lif": None if fitted.matched is None else {
            name: _errors(fitted, one) for name, one in zip(("fitted", "held_out"), fitted.matched, strict=True)
        },
        "as_it_was": None if fitted.before is None else {
            name: _errors(fitted, one) for name, one in zip(("fitted", "held_out"), fitted.before, strict=True)
        },
        "diverged": fit.diverged, "gamma_of_repetitions": itself(fitted), "ended": fit.ended, "seconds": fitted.seconds,
        "steps": {"forced": recipe.forced, "free": recipe.free, "generations": recipe.generations},
        "evaluations": fit.evaluations,
        "seed": fitted.settings.seed, "dt_ms": fitted.recording.dt, "level_mV": fitted.recording.level,
        "junction_mV": fitted.settings.junction or 0.0,
        "parameters": {
            axis.name: {
                "value": fit.best.values[axis.name], "unit": unit(fitted, axis.name), "range": [axis.low, axis.high],
                "edge": fit.at_edges().get(axis.name),
            }
            for axis in fit.axes
        },
        "readout": dict(fit.readout), "unidentifiable": list(fit.unidentifiable), "passive": _stage(fitted),
        "sweeps": [
            {"sweep": fitted.number(k), "held_out": k in held, "data": _plain(a), "fit": _plain(b)}
            for k, (a, b) in enumerate(zip(data, model, strict=True))
        ],
        "notes": list(fitted.notes), "try_next": advice(fitted, data, model),
    }  # fmt: skip


def _stage(fitted: Fitted) -> dict[str, Any] | None:
    """The passive stage of a cell; None of a neuron, which has none."""
    stage = fitted.fit.passive
    if stage is None:
        return None
    numbers = [fitted.number(k) for k in stage.sweeps]
    steps = fitted.fit.recipe.passive if numbers else 0
    return {**asdict(stage), "sweeps": numbers, "steps": steps}


def _errors(fitted: Fitted, found: Agreement | None) -> dict[str, Any] | None:
    """An agreement by name; None where there is no such value."""
    if found is None:
        return None
    values = {field.name: getattr(found, field.name) for field in fields(found)}
    numbers = {name: cell(value) for name, value in values.items() if name != "sweeps"}
    return {"sweeps": [fitted.number(k) for k in found.sweeps], **numbers}


def unit(fitted: Fitted, name: str) -> str:
    """The unit of a searched quantity."""
    return fitted.fit.unit(name)


def _plain(features: SweepFeatures) -> dict[str, float | None]:
    return {
        "spikes": features.spikes,
        "first_spike_ms": cell(features.first),
        "interval_ms": cell(features.interval),
        "last_over_first_interval": cell(features.adaptation),
        "v_mV": cell(features.v),
    }


def cell(value: float) -> float | None:
    """A number, or None where there is none."""
    return None if math.isnan(value) else value
