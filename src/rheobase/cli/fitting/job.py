"""One fit from what was typed: read the recording, choose what was left open, search."""

from __future__ import annotations

import math
import sys
from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from functools import partial
from typing import Any

import torch
import typer
from torch import Tensor

from rheobase.core import OdeNeuron
from rheobase.core.declaration.population import Declared
from rheobase.current_clamp import smallest_current
from rheobase.errors import DataError, ParameterError, UnitError, nearest
from rheobase.learning import Fit, FitCallback, FitRecipe, FitStep, Recording, RichFitProgress, fit_neuron
from rheobase.learning.fitting.agreement import Agreement, agreement
from rheobase.learning.fitting.fit import search_space
from rheobase.learning.fitting.guess import likely_ranges, likely_values, measured, usual_learn
from rheobase.learning.fitting.hold_out import AUTO, HoldOut, Split, split
from rheobase.learning.fitting.matched import matched_lif
from rheobase.learning.fitting.resampling import REFRACTORY
from rheobase.progress import Paced
from rheobase.recordings import RecordingFile
from rheobase.recordings.read import numbers
from rheobase.runs.neurons_by_name import find
from rheobase.units import parse

FINEST = 0.25  # ms: the largest time step that is chosen where none is given
LEVELS = (-10.0, 0.0, 10.0, -20.0, -30.0)  # mV, tried in this order
AROUND = 10.0  # a scale without a range is searched from a tenth of what rheobases suggest to ten times it


@dataclass(frozen=True, kw_only=True)
class FitSettings:
    """What a fit is: all that makes it again. None where it follows from the recording."""

    neuron: str
    file: str
    current_file: str | None = None
    sweeps: str | None = None
    channel: str | None = None
    units: str | None = None
    interval: float | None = None
    level: float | None = None
    dt: float | None = None
    learn: tuple[str, ...] | None = None
    ranges: tuple[tuple[str, float, float], ...] = ()
    scale: tuple[float, float] | None = None
    hold_out: str = AUTO
    time_limit: float | None = 120.0
    forced: int = 60
    free: int = 10
    generations: int = 1000
    population: int = 64
    seed: int = 0

    def as_json(self) -> dict[str, Any]:
        """The settings by name."""
        return {field.name: getattr(self, field.name) for field in fields(self)}


@dataclass(frozen=True)
class Fitted:
    """A fit with its data: spikes and v of the model are (sweep, time), v in mV; `notes`: what was chosen and why.

    `recording` has all sweeps, also those that were held out. `matched` has the errors of a LIF that needs no search,
    on the sweeps that were fitted and on those held out; None where it cannot be made.
    """

    settings: FitSettings
    kind: type[Declared]
    file: RecordingFile
    recording: Recording
    fit: Fit
    spikes: Tensor
    v: Tensor | None
    seconds: float
    notes: tuple[str, ...]
    matched: tuple[Agreement, Agreement | None] | None

    def number(self, k: int) -> int:
        """The number that a sweep has in the file."""
        return self.file.numbers[k]


@dataclass(frozen=True)
class Plan:
    """A fit that can begin: all that was left open is chosen, and nothing of it is refused."""

    settings: FitSettings
    kind: type[Declared]
    file: RecordingFile
    recording: Recording
    hold_out: HoldOut
    learn: tuple[str, ...]
    ranges: dict[str, tuple[float, float]]
    start: dict[str, float]
    scale: tuple[float, float] | None
    recipe: FitRecipe
    notes: tuple[str, ...]


def kinds_of(names: Sequence[str]) -> list[type[Declared]]:
    """The neurons of these names. Raises: `ParameterError`, also for a name that is given twice."""
    kinds = [find(name) for name in names]
    if not kinds or len(set(kinds)) < len(kinds):
        raise ParameterError("NEURON", repr(",".join(names)), "a neuron, or several different ones", "AdEx,GLIF3, say")
    return kinds


def settings_of(settings: FitSettings, kinds: Sequence[type[Declared]]) -> list[FitSettings]:
    """The settings of each neuron: of --learn and --range, those names that it has.

    Raises: `ParameterError` for a name that none of them has.
    """
    if len(kinds) == 1:
        return [settings]
    known = {name for kind in kinds for name in kind.params}
    for option, given in (("--learn", settings.learn or ()), ("--range", [name for name, *_ in settings.ranges])):
        for name in given:
            if name not in known:
                raise ParameterError(option, repr(name), "a parameter of one of the neurons", nearest(name, known))
    found: list[FitSettings] = []
    for kind in kinds:
        learn = None if settings.learn is None else tuple(name for name in settings.learn if name in kind.params)
        if learn == ():
            raise ParameterError("--learn", ",".join(settings.learn or ()), f"one of {kind.__name__}, too", "name some")
        ranges = tuple(one for one in settings.ranges if one[0] in kind.params)
        found.append(replace(settings, neuron=kind.__name__, learn=learn, ranges=ranges))
    return found


def plan(settings: FitSettings, kind: type[Declared], file: RecordingFile) -> Plan:
    """Choose what was left open.

    Raises: `DataError` for a recording without a spike, and what `fit_neuron` raises.
    """
    recording, notes = prepared(settings, kind, file)
    hold_out = held_of(settings.hold_out, file)
    parts = split(recording, hold_out)
    # what is held out is not looked at
    seen = recording.sweeps(parts.fitted)
    found = measured(seen)
    learn = settings.learn or usual_learn(kind)
    given = {name: (low, high) for name, low, high in settings.ranges}
    ranges = {**likely_ranges(kind, learn, found), **given}
    scale = settings.scale or _scale(kind, seen)
    recipe = FitRecipe(
        forced=settings.forced, free=settings.free, generations=settings.generations, population=settings.population,
        sweeps=6, patience=None, time_limit=settings.time_limit, settle=min(50.0, 0.1 * recording.duration),
    )  # fmt: skip
    search_space(kind, seen, learn=learn, ranges=ranges, scale=scale)
    notes.append(_said(parts, file))
    start = likely_values(kind, learn, found)
    return Plan(
        settings, kind, file, recording, hold_out, learn, ranges, start, scale, recipe, (*file.notes, *notes)
    )  # fmt: skip


def run(made: Plan) -> Fitted:
    """Fit. After Ctrl-C the best so far is given, as after the time limit."""
    recording = made.recording
    fit = fit_neuron(
        made.kind, recording, learn=made.learn, ranges=made.ranges, scale=made.scale, hold_out=made.hold_out,
        start=made.start, recipe=made.recipe, seed=made.settings.seed, callbacks=[_progress()],
    )  # fmt: skip
    spikes, v = fit.run(recording)
    seconds = fit.history[-1].seconds if fit.history else 0.0
    return Fitted(
        made.settings, made.kind, made.file, recording, fit, spikes, v, seconds, made.notes, _matched(recording, fit)
    )


def _matched(recording: Recording, fit: Fit) -> tuple[Agreement, Agreement | None] | None:
    """The errors of a LIF in closed form, made of the sweeps that were fitted."""
    neuron = matched_lif(recording.sweeps(fit.split.fitted))
    if neuron is None:
        return None
    with torch.no_grad():
        spikes, _, rec = neuron(recording.current.T[..., None], record=("v",))
    score = partial(agreement, recording, settle=fit.recipe.settle, delta=fit.delta)
    response = spikes[..., 0].T, rec.v[..., 0].T
    return score(fit.split.fitted, *response), score(fit.split.held, *response) if fit.split.held else None


def held_of(text: str, file: RecordingFile) -> HoldOut:
    """What --hold-out means: auto, none, a share (20%, 0.2), or numbers of sweeps as the file counts them.

    Raises: `ParameterError`.
    """
    if text in (AUTO, "none"):
        return None if text == "none" else AUTO
    if text.endswith("%") or "." in text:
        try:
            return float(text.removesuffix("%")) / (100.0 if text.endswith("%") else 1.0)
        except ValueError:
            expected = "numbers of sweeps, a share, auto or none"
            raise ParameterError("--hold-out", repr(text), expected, "--hold-out 3,7 or --hold-out 20%") from None
    places = {number: k for k, number in enumerate(file.numbers)}
    chosen = numbers(text, max(file.numbers) + 1, "--hold-out")
    for number in chosen:
        if number not in places:
            listed = ", ".join(map(str, file.numbers))
            raise ParameterError("--hold-out", f"sweep {number}", f"one of those that were read: {listed}", "--sweeps")
    return [places[number] for number in chosen]


def _said(parts: Split, file: RecordingFile) -> str:
    if not parts.held:
        return f"held out: nothing, so there is no test; {parts.reason}"
    listed = ", ".join(str(file.numbers[k]) for k in parts.held)
    return f"held out to test the fit: {'sweep' if len(parts.held) == 1 else 'sweeps'} {listed} ({parts.reason})"


def prepared(settings: FitSettings, kind: type[Declared], file: RecordingFile) -> tuple[Recording, list[str]]:
    """The recording at the level and time step of the fit, and what was chosen. Raises `DataError`."""
    recording, notes = _at_level(settings, file)
    if not any(map(len, recording.spike_times())):
        highest = float(recording.v.max())
        given = f"no spike: the potential reaches {highest:.3g} mV, and crosses {recording.level:g} mV nowhere"
        raise DataError(str(file.path), given, "a spike in one sweep at least", "--level sets what counts as a spike")
    dt = settings.dt or max(1, math.floor(FINEST / recording.dt + 1e-9)) * recording.dt
    if abs(dt - recording.dt) > 1e-9:
        notes.append(f"sampled every {recording.dt:g} ms, fitted at dt = {dt:g} ms")
        recording = recording.resampled(dt)
    if not issubclass(kind, OdeNeuron):
        notes.append(f"{kind.__name__} counts in steps: here a step is {dt:g} ms")
    return recording, notes


def _at_level(settings: FitSettings, file: RecordingFile) -> tuple[Recording, list[str]]:
    """Spikes counted at -10 mV, or, where noise crosses that, at the next level that it does not cross."""
    if settings.level is not None:
        return Recording.of(file, level=settings.level), []
    tried = (Recording.of(file, level=level) for level in LEVELS)
    first = next(tried)
    if _apart(first):
        return first, []
    for recording in tried:
        if _apart(recording) and any(map(len, recording.spike_times())):
            return recording, [f"spikes are counted at {recording.level:g} mV: noise crosses {LEVELS[0]:g} mV"]
    return first, []


def _apart(recording: Recording) -> bool:
    return all(float(times.diff().min()) >= REFRACTORY for times in recording.spike_times() if len(times) > 1)


def _scale(kind: type[Declared], recording: Recording) -> tuple[float, float] | None:
    """Where to search the input per pA, for a neuron whose input is in other units: by the two rheobases."""
    if parse(kind.input_unit) == parse("pA"):
        return None
    own = smallest_current(kind)
    firing = [
        float(row.max()) for row, times in zip(recording.current, recording.spike_times(), strict=True) if len(times)
    ]
    if not own or min(firing) <= 0.0:
        unit = kind.input_unit
        expected = f"how many {unit} a pA is" if unit != "1" else "how much input a pA is"
        raise UnitError(kind.__name__, f"its input in {unit}, and a recording in pA", expected, "--scale LOW:HIGH")
    middle = own / min(firing)
    return middle / AROUND, middle * AROUND


class _Lines(FitCallback):
    """A line every few seconds, where there is no terminal to draw a bar on."""

    def __init__(self) -> None:
        self._paced = Paced()

    def on_step(self, step: FitStep) -> None:
        if self._paced.due():
            said = f"{step.seconds:.0f} s, {step.stage}: best Gamma {step.gamma:.3f} ({step.delta:.3g} ms)"
            typer.echo(said, err=True)


def _progress() -> FitCallback:
    return RichFitProgress() if sys.stderr.isatty() else _Lines()


def ranges_of(given: list[str]) -> tuple[tuple[str, float, float], ...]:
    """NAME=LOW:HIGH, repeated. Raises `ParameterError`."""
    found: list[tuple[str, float, float]] = []
    for text in given:
        name, equals, ends = text.partition("=")
        found.append((name, *two(ends if equals else "", "--range", text)))
    return tuple(found)


def two(text: str, option: str, shown: str) -> tuple[float, float]:
    """LOW:HIGH. Raises `ParameterError`."""
    low, _, high = text.partition(":")
    try:
        return float(low), float(high)
    except ValueError:
        example = "--range c_mem=50:400" if option == "--range" else f"{option} 0.001:0.1"
        raise ParameterError(option, repr(shown), "two numbers, LOW:HIGH", example) from None
