"""One fit from what was typed: read the recording, choose what was left open, search."""

from __future__ import annotations

import math
import sys
from dataclasses import dataclass, fields
from typing import Any

import typer
from torch import Tensor

from rheobase.core import OdeNeuron
from rheobase.core.declaration.population import Declared
from rheobase.current_clamp import smallest_current
from rheobase.errors import DataError, ParameterError, UnitError
from rheobase.learning import Fit, FitCallback, FitRecipe, FitStep, Recording, RichFitProgress, fit_neuron
from rheobase.learning.fitting.fit import search_space
from rheobase.learning.fitting.guess import likely_ranges, measured, usual_learn
from rheobase.learning.fitting.resampling import REFRACTORY
from rheobase.progress import Paced
from rheobase.recordings import RecordingFile
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
    """A fit with its data: spikes and v of the model are (sweep, time), v in mV; `notes`: what was chosen and why."""

    settings: FitSettings
    kind: type[Declared]
    file: RecordingFile
    recording: Recording
    fit: Fit
    spikes: Tensor
    v: Tensor | None
    seconds: float
    notes: tuple[str, ...]


@dataclass(frozen=True)
class Plan:
    """A fit that can begin: all that was left open is chosen, and nothing of it is refused."""

    settings: FitSettings
    kind: type[Declared]
    file: RecordingFile
    recording: Recording
    learn: tuple[str, ...]
    ranges: dict[str, tuple[float, float]]
    scale: tuple[float, float] | None
    recipe: FitRecipe
    notes: tuple[str, ...]


def plan(settings: FitSettings, kind: type[Declared], file: RecordingFile) -> Plan:
    """Choose what was left open.

    Raises: `DataError` for a recording without a spike, and what `fit_neuron` raises.
    """
    recording, notes = prepared(settings, kind, file)
    learn = settings.learn or usual_learn(kind)
    given = {name: (low, high) for name, low, high in settings.ranges}
    ranges = {**likely_ranges(kind, learn, measured(recording)), **given}
    scale = settings.scale or _scale(kind, recording)
    recipe = FitRecipe(
        forced=settings.forced, free=settings.free, generations=settings.generations, population=settings.population,
        sweeps=6, patience=None, time_limit=settings.time_limit, settle=min(50.0, 0.1 * recording.duration),
    )  # fmt: skip
    search_space(kind, recording, learn=learn, ranges=ranges, scale=scale)
    return Plan(settings, kind, file, recording, learn, ranges, scale, recipe, (*file.notes, *notes))


def run(made: Plan) -> Fitted:
    """Fit. After Ctrl-C the best so far is given, as after the time limit."""
    fit = fit_neuron(
        made.kind, made.recording, learn=made.learn, ranges=made.ranges, scale=made.scale, recipe=made.recipe,
        seed=made.settings.seed, callbacks=[_progress()],
    )  # fmt: skip
    spikes, v = fit.run(made.recording)
    seconds = fit.history[-1].seconds if fit.history else 0.0
    return Fitted(made.settings, made.kind, made.file, made.recording, fit, spikes, v, seconds, made.notes)


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
