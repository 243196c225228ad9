"""One fit from what was typed: read the recording, choose what was left open, search."""

from __future__ import annotations

import math
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import torch
import typer
from torch import Tensor

from rheobase.cells import Cell
from rheobase.cells.parameters import populated
from rheobase.cli.fitting import parameter_file
from rheobase.cli.fitting.choice import Choice, identifiable
from rheobase.cli.fitting.quantities import held_of
from rheobase.cli.fitting.settings import FitSettings
from rheobase.cli.fitting.subjects import (
    CellSubject,
    NeuronSubject,
    Subject,
    check_names,
    conductances,
    without_range,
)
from rheobase.core import OdeNeuron
from rheobase.core.declaration.population import Declared
from rheobase.current_clamp import smallest_current
from rheobase.errors import DataError, ParameterError, UnitError, nearest
from rheobase.learning import Fit, FitCallback, FitRecipe, FitStep, Recording, RichFitProgress, fit_neuron
from rheobase.learning.fitting.agreement import Agreement, agreement
from rheobase.learning.fitting.cell_candidates import PER_PA
from rheobase.learning.fitting.fit import search_space
from rheobase.learning.fitting.guess import likely_ranges, likely_values, measured, usual_learn
from rheobase.learning.fitting.hold_out import HoldOut, Split, split
from rheobase.learning.fitting.matched import matched_lif
from rheobase.learning.fitting.passive import Passive, planned
from rheobase.learning.fitting.resampling import REFRACTORY
from rheobase.memory import check_memory
from rheobase.progress import Paced
from rheobase.recordings import RecordingFile
from rheobase.units import parse

LEVELS = (-10.0, 0.0, 10.0, -20.0, -30.0)  # mV, tried in this order
BELOW = 0.0  # mV: a potential beyond it is that of a spike
AROUND = 10.0  # a scale without a range is searched from a tenth of what rheobases suggest to ten times it


@dataclass(frozen=True)
class Fitted:
    """A fit with its data: spikes and v of the model are (sweep, time), v in mV; `notes`: what was chosen and why.

    `recording` has all sweeps, also those that were held out. `matched` has the errors of a LIF that needs no search,
    on the sweeps that were fitted and on those held out; None where it cannot be made. `before` has those of a cell
    with the values of its file; None for a neuron, which has none.
    """

    settings: FitSettings
    subject: Subject
    file: RecordingFile
    recording: Recording
    fit: Fit
    spikes: Tensor
    v: Tensor | None
    seconds: float
    notes: tuple[str, ...]
    matched: tuple[Agreement, Agreement | None] | None
    before: tuple[Agreement, Agreement | None] | None = None

    @property
    def name(self) -> str:
        """What was fitted: the name of a neuron, or of a cell's parameter file."""
        return self.subject.name

    def number(self, k: int) -> int:
        """The number that a sweep has in the file."""
        return self.file.numbers[k]


@dataclass(frozen=True)
class Plan:
    """A fit that can begin: all that was left open is chosen, and nothing of it is refused."""

    settings: FitSettings
    subject: Subject
    model: type[Declared] | Cell
    file: RecordingFile
    recording: Recording
    hold_out: HoldOut
    learn: tuple[str, ...]
    ranges: dict[str, tuple[float, float]]
    start: dict[str, float]
    scale: tuple[float, float] | None
    recipe: FitRecipe
    notes: tuple[str, ...]


def settings_of(settings: FitSettings, subjects: Sequence[Subject]) -> list[FitSettings]:
    """The settings of each neuron: of --learn and --range, those names that it has.

    Raises: `ParameterError` for a name that none of them has.
    """
    if len(subjects) == 1:
        return [settings]
    own = {one.name: one.parameters() for one in subjects if isinstance(one, NeuronSubject)}
    known = {name for names in own.values() for name in names}
    for option, given in (("--learn", settings.learn or ()), ("--range", [name for name, *_ in settings.ranges])):
        for name in given:
            if name not in known:
                raise ParameterError(option, repr(name), "a parameter of one of the neurons", nearest(name, known))
    found: list[FitSettings] = []
    for neuron, names in own.items():
        learn = None if settings.learn is None else tuple(name for name in settings.learn if name in names)
        if learn == ():
            raise ParameterError("--learn", ",".join(settings.learn or ()), f"one of {neuron}, too", "name some")
        ranges = tuple(one for one in settings.ranges if one[0] in names)
        found.append(replace(settings, neuron=neuron, learn=learn, ranges=ranges))
    return found


def plan(settings: FitSettings, subject: Subject, file: RecordingFile) -> Plan:
    """Choose what was left open.

    Raises: `DataError` for a recording that has no spike at its level, and potentials as high as those of spikes; what
    `fit_neuron` raises.
    """
    recording, notes = prepared(settings, subject, file)
    hold_out = held_of(settings.hold_out, file)
    parts = split(recording, hold_out)
    # what is held out is not looked at
    seen = recording.sweeps(parts.fitted)
    model = subject.model(recording.dt)
    choose = _of_cell if isinstance(subject, CellSubject) else _of_neuron
    chosen, settle = choose(settings, subject, model, seen), min(50.0, 0.1 * recording.duration)  # type: ignore[arg-type]
    if settings.learn is None:
        chosen = identifiable(model, seen, chosen, settle, settings.series)
    learn, ranges, start, scale, chosen_notes = chosen
    recipe = FitRecipe(
        passive=settings.passive,
        forced=settings.forced,
        schedule=settings.schedule,
        free=settings.free,
        generations=settings.generations,
        population=settings.population,
        sweeps=6,
        patience=None,
        time_limit=settings.time_limit,
        settle=settle,
    )
    space = search_space(model, seen, learn=learn, ranges=ranges, scale=scale, series=settings.series or False)
    notes += [*chosen_notes, *_passive_note(planned(space, seen, recipe), parts, file), _hold_out_note(parts, file)]
    return Plan(
        settings, subject, model, file, recording, hold_out, learn, ranges, start, scale, recipe, (*file.notes, *notes)
    )


def _of_neuron(settings: FitSettings, subject: NeuronSubject, model: type[Declared], seen: Recording) -> Choice:
    """What to fit of a neuron, where, from which values on, with which input per pA: as the recording shows it."""
    found = measured(seen)
    learn = settings.learn or usual_learn(model)
    given = {name: (low, high) for name, low, high in settings.ranges}
    ranges = {**likely_ranges(model, learn, found), **given}
    return Choice(learn, ranges, likely_values(model, learn, found), settings.scale or _scale(model, seen), [])


def _of_cell(settings: FitSettings, subject: CellSubject, model: Cell, seen: Recording) -> Choice:
    """The same of a cell, by the values of its file."""
    notes: list[str] = []
    learn = settings.learn
    if learn is None:
        found, none = conductances(model)
        learn = tuple(found)
        notes.append(f"fitted: the {len(learn)} conductances of {subject.name} (--learn chooses)")
        if none:
            notes.append(f"not fitted, since they are 0 there: {', '.join(none)}")
    given = {name: (low, high) for name, low, high in settings.ranges}
    check_names(model, subject.path, learn)
    without_range(model, learn, list(given))
    parameter_file.check_writable(subject, model, learn)
    sweeps = len(seen.repeats()[0])
    listed = f"{settings.population} candidates of {sweeps} currents of {seen.steps} steps"
    check_memory(
        "--population", listed, seen.bytes_of(settings.population), "--population 16, fewer --sweeps, or a larger --dt"
    )
    start = {name: float(value.detach().flatten()[0]) for name, value in model.values().items() if name in learn}
    return Choice(learn, given, start, settings.scale, notes)


def run(made: Plan, journal: Path | None = None) -> Fitted:
    """Fit, or go on with the fit of a journal. After Ctrl-C the best so far is given, as after the time limit."""
    recording = made.recording
    fit = fit_neuron(
        made.model,
        recording,
        learn=made.learn,
        ranges=made.ranges,
        scale=made.scale,
        series=made.settings.series or False,
        hold_out=made.hold_out,
        start=made.start,
        recipe=made.recipe,
        seed=made.settings.seed,
        callbacks=[_progress()],
        journal=journal,
    )
    spikes, v = fit.run(recording)
    seconds = fit.history[-1].seconds if fit.history else 0.0
    return Fitted(
        made.settings,
        made.subject,
        made.file,
        recording,
        fit,
        spikes,
        v,
        seconds,
        made.notes,
        _matched(recording, fit),
        _before(made, fit),
    )


def _before(made: Plan, fit: Fit) -> tuple[Agreement, Agreement | None] | None:
    """The errors of a cell with the values of its file."""
    if not isinstance(made.model, Cell):
        return None
    recording, watch = made.recording, made.model.watch
    place = f"{watch.section}({watch.x})"
    cell = populated(made.model, 1, made.learn, threshold=recording.level)
    with torch.no_grad():
        drive = (PER_PA * recording.current.T[..., None]).contiguous()
        spikes, _, traces = cell(drive, record=(place,), check_finite=False)
    return _agreements(recording, fit, spikes[..., 0].T, traces[place][..., 0].T, shaped=True)


def _matched(recording: Recording, fit: Fit) -> tuple[Agreement, Agreement | None] | None:
    """The errors of a LIF in closed form, made of the sweeps that were fitted."""
    neuron = matched_lif(recording.sweeps(fit.split.fitted))
    if neuron is None:
        return None
    with torch.no_grad():
        spikes, _, rec = neuron(recording.current.T[..., None], record=("v",))
    return _agreements(recording, fit, spikes[..., 0].T, rec.v[..., 0].T)


def _agreements(
    recording: Recording, fit: Fit, spikes: Tensor, v: Tensor, *, shaped: bool = False
) -> tuple[Agreement, Agreement | None]:
    """The errors on the sweeps that were fitted, and on those that were held out."""
    score = partial(agreement, recording, settle=fit.recipe.settle, delta=fit.delta, shaped=shaped)
    return score(fit.split.fitted, spikes, v), score(fit.split.held, spikes, v) if fit.split.held else None


def _passive_note(stage: Passive | None, parts: Split, file: RecordingFile) -> list[str]:
    """The note on the passive stage of a cell, before the fit begins."""
    if stage is None:
        return []
    if not stage.sweeps:
        return [f"passive stage: {stage.said}"]
    numbers = ", ".join(str(file.numbers[parts.fitted[k]]) for k in stage.sweeps)
    many = f"sweeps {numbers}, which have" if len(stage.sweeps) > 1 else f"sweep {numbers}, which has"
    names = ", ".join(stage.searched)
    return [f"passive stage: first all is fitted to {many} no spike, and what these identify of {names} is then held"]


def _hold_out_note(parts: Split, file: RecordingFile) -> str:
    if not parts.held:
        return f"held out: nothing, so there is no test; {parts.reason}"
    listed = ", ".join(str(file.numbers[k]) for k in parts.held)
    return f"held out to test the fit: {'sweep' if len(parts.held) == 1 else 'sweeps'} {listed} ({parts.reason})"


def prepared(settings: FitSettings, subject: Subject, file: RecordingFile) -> tuple[Recording, list[str]]:
    """The recording at the level and time step of the fit, and what was chosen. Raises `DataError`."""
    recording, notes = _at_level(settings, file)
    if not any(map(len, recording.spike_times())):
        highest = float(recording.v.max())
        least = min(LEVELS) if settings.level is None else BELOW
        if highest >= least:
            given = f"no spike: the potential reaches {highest:.3g} mV, and crosses {recording.level:g} mV nowhere"
            remedy = f"--level sets what counts as a spike; given one, what stays below {BELOW:g} mV is fitted without"
            expected = f"a spike in one sweep at least, or a potential below {least:g} mV throughout"
            raise DataError(str(file.path), given, expected, remedy)
        notes.append(f"no spike (at most {highest:.3g} mV): the potential alone is fitted, and Gamma has no value")
    if settings.junction:
        recording = recording.corrected(settings.junction)
        taken = f"junction potential: {settings.junction:g} mV taken off what was recorded"
        notes.append(f"{taken}, so spikes are counted at {recording.level:g} mV")
    dt = settings.dt or _step(recording.dt, subject)
    if abs(dt - recording.dt) > 1e-9:
        notes.append(f"sampled every {recording.dt:g} ms, fitted at dt = {dt:g} ms")
        recording = recording.resampled(dt)
    if isinstance(subject, NeuronSubject) and not issubclass(subject.kind, OdeNeuron):
        notes.append(f"{subject.name} counts in steps: here a step is {dt:g} ms")
    return recording, notes


def _step(sampled: float, subject: Subject) -> float:
    """The time step where none is given: a whole number of samples, or, for a cell, a part of one that is coarse."""
    whole = math.floor(subject.finest / sampled + 1e-9)
    if isinstance(subject, NeuronSubject):
        return max(1, whole) * sampled
    return whole * sampled if whole else sampled / math.ceil(sampled / subject.finest - 1e-9)


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
    if not own or not firing or min(firing) <= 0.0:
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
            typer.echo(f"{step.seconds:.0f} s, {step.stage}: {step.said}", err=True)


def _progress() -> FitCallback:
    return RichFitProgress() if sys.stderr.isatty() else _Lines()
