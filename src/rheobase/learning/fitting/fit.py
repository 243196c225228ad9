"""Fit any neuron to a recording: `fit_neuron`."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from rheobase.cells import Cell
from rheobase.cells.declared import tell_unusual
from rheobase.core.declaration.population import Declared
from rheobase.core.neuron import Neuron
from rheobase.core.ode import OdeNeuron
from rheobase.errors import ParameterError
from rheobase.learning.fitting import stages
from rheobase.learning.fitting.candidates import Candidates
from rheobase.learning.fitting.cell_candidates import CellCandidates
from rheobase.learning.fitting.hold_out import HoldOut, split
from rheobase.learning.fitting.journal import Journal
from rheobase.learning.fitting.progress import FitCallback
from rheobase.learning.fitting.recipe import FitRecipe
from rheobase.learning.fitting.recording import Recording
from rheobase.learning.fitting.result import Fit
from rheobase.learning.fitting.search import Search
from rheobase.learning.training.stopping import InterruptWatch
from rheobase.memory import check_memory


def fit_neuron(
    neuron: Neuron | type[Declared] | Cell,
    recording: Recording,
    *,
    learn: Sequence[str],
    ranges: Mapping[str, tuple[float, float]] | None = None,
    scale: float | tuple[float, float] | None = None,
    series: bool | tuple[float, float] = False,
    hold_out: HoldOut = None,
    start: Mapping[str, float] | None = None,
    recipe: FitRecipe | None = None,
    seed: int = 0,
    callbacks: Iterable[FitCallback] = (),
    journal: str | Path | None = None,
) -> Fit:
    """Fit the parameters in `learn` so that the neuron spikes when the cell did, with the potential that it had.

    neuron     a neuron, Refractory(neuron), a class, or a `Cell`; what is not learnt keeps its values
    ranges     where to search, by name: (low, high); else the declared range, else around the neuron's value (a third
               to three times it for positive ones, 15 mV to both sides for potentials, its threefold for others)
    scale      input per pA, where the neuron's input is not in pA; (low, high) to fit it
    series     whether a part of the electrode's resistance is in the recorded potential, as where the potential jumps
               with the current and the foot of spikes rises with it: r_series is fitted, up to 0.05 GOhm (50 MOhm) or
               in the range (low, high)
    hold_out   sweeps that are kept from the fit, to test it: their numbers, a share such as 0.2, or "auto"; see
               `rheobase.learning.fitting.hold_out.split`. `Fit.held_out` has the errors on them
    start      values near which half of the restarts begin, by name; those that are not given are drawn
    journal    a file into which each step is written as it is done. With the file of an interrupted fit, the same call
               goes on from there, to the numbers of a fit that was not interrupted; one that the clock ended goes on
               where its recipe has a longer time limit, or none. A callback is not told again what was done before

    Random restarts first descend the gradient with the recorded spikes given (error of the potential, and likelihood of
    the spikes under a soft threshold), then running freely (error of the potential, and van Rossum distance with
    surrogate gradients). The best of them start an evolution, which minimises 1 - Gamma (mean at 2, 4 and 8 ms, or less
    for a cell that fires fast: `delta` of the fit), the error of the potential, and a van Rossum distance of 50 ms that
    constrains the rate. All run as lanes of one neuron. The same seed gives the same fit.
    Of a `Cell`, whose parameters are named as in `Cell.values`, the first stage pulls the cells to the recorded
    potential by an electrode that weakens, and no gradient runs freely: a spike that is missing has none. With
    `FitRecipe(passive=40)` a passive stage comes before it: all is fitted to the sweeps without a spike, and what these
    identify of leak, capacitance, axial resistance and Ih is held from then on (`Fit.passive`, `Candidate.held`).
    Ctrl-C, or the time limit of the recipe, ends the search and gives the best so far; a second Ctrl-C raises.

    Where no fitted sweep has a spike (hyperpolarising steps), the potential alone is fitted: `Fit.silent`. Gamma is
    NaN, `Fit.fitted.v_rms` is the error in mV, and `Fit.unidentifiable` names what such data do not identify.

    A candidate whose potential ends as none (NaN, infinite, or 100 V) is dropped, and counted: `Fit.diverged`.

    Raises: `ParameterError`, `UnitError`; `Diverged` where all candidates do; `CheckpointError` for the journal of
    another fit, `StorageError` for one that cannot be written.

    >>> from rheobase import neurons, stimuli
    >>> cell = neurons.GLIF1(1, dt=0.5, v_leak=-70.0, v_reset=-60.0, v_threshold=-45.0)
    >>> current = stimuli.noise(250.0, 80.0, tau=5.0, seed=0).sample(500.0, 0.5)[None]
    >>> spikes, _, rec = cell(current.T[..., None], record=("v",))
    >>> recording = Recording((rec.v + 80.0 * spikes)[:, 0].T, current, dt=0.5)
    >>> quick = FitRecipe(restarts=8, forced=10, free=2, generations=20, population=16)
    >>> fit = fit_neuron(cell, recording, learn=("v_threshold", "g_leak"), recipe=quick)
    >>> fit.gamma > 0.8
    True
    """
    recipe = FitRecipe() if recipe is None else recipe
    parts = split(recording, hold_out)
    part = recording.sweeps(parts.fitted)
    space = search_space(neuron, part, learn=learn, ranges=ranges, scale=scale, series=series)
    watched = tuple(callbacks)
    if recording.duration <= recipe.settle:
        given = f"settle = {recipe.settle} ms of {recording.duration} ms"
        raise ParameterError("fit_neuron", given, "a part of the recording that is left to score", "lower settle")
    lanes = max(recipe.restarts, recipe.population)
    listed = f"{lanes} candidates under {len(part.repeats()[0])} currents of {part.steps} steps"
    check_memory("fit_neuron", listed, part.bytes_of(lanes), "fewer restarts or a smaller population in FitRecipe")
    path = None if journal is None else Path(journal)
    kept = Journal(path, b"" if path is None else fingerprint(space, recipe, seed, start or {}))
    search = Search(space, stages.Target(part, recipe.settle), recipe, seed, watched, start or {}, kept)
    watch = InterruptWatch()
    for callback in watched:
        callback.on_start(search.total)
    try:
        with watch.installed():
            ended = search.run(watch)
    finally:
        for callback in watched:
            callback.on_end()
    return search.result(ended, recording, parts)


def search_space(
    neuron: Neuron | type[Declared] | Cell,
    recording: Recording,
    *,
    learn: Sequence[str],
    ranges: Mapping[str, tuple[float, float]] | None = None,
    scale: float | tuple[float, float] | None = None,
    series: bool | tuple[float, float] = False,
) -> Candidates | CellCandidates:
    """What `fit_neuron` would search, with the same arguments. Raises: `ParameterError`, `UnitError`."""
    if isinstance(learn, str):
        raise ParameterError("fit_neuron", f"learn = {learn!r}", "a sequence of names", f"learn=({learn!r},)")
    twice = next((name for k, name in enumerate(learn) if name in learn[:k]), None)
    if twice is not None:
        raise ParameterError("fit_neuron", f"{twice} twice in learn", "each name once", "leave one out")
    template = _template(neuron, recording)
    space: Candidates | CellCandidates
    if isinstance(template, Cell):
        if scale is not None:
            remedy = "its current is in nA: leave it out"
            raise ParameterError(repr(template), "scale", "a fit of a cell without it", remedy)
        tell_unusual(template, caller=4)
        space = CellCandidates(template, recording, learn=learn, ranges=ranges or {}, series=series)
    else:
        space = Candidates(template, recording, learn=learn, ranges=ranges or {}, scale=scale, series=series)
    if not space.axes:
        raise ParameterError("fit_neuron", "nothing to learn", "names of parameters", 'learn=("tau_mem",)')
    return space


def fingerprint(space: Candidates | CellCandidates, recipe: FitRecipe, seed: int, start: Mapping[str, float]) -> bytes:
    """What tells a search from others: its data, its model, its ranges and its recipe without the clock."""
    found = hashlib.sha256()
    recording = space.recording
    said = (replace(recipe, time_limit=None), seed, sorted(start.items()), space.axes, sorted(space.fixed.items()),
            recording.dt, recording.level, recording.start, tuple(recording.v.shape), space.model())  # fmt: skip
    found.update(repr(said).encode())
    for x in (recording.v, recording.current, *space.constants()):
        found.update(x.detach().contiguous().numpy().tobytes())
    return found.digest()


def _template(neuron: Any, recording: Recording) -> Neuron | Cell:
    if isinstance(neuron, Cell):
        return _at_step(neuron, recording)
    if isinstance(neuron, type) and issubclass(neuron, Declared):
        clock: dict[str, Any] = {"dt": recording.dt} if issubclass(neuron, OdeNeuron) else {}
        neuron = neuron(1, **clock)
    if not isinstance(neuron, Neuron):
        raise ParameterError("fit_neuron", f"{type(neuron).__name__}", "a neuron, or a class", "neurons.AdEx, say")
    if neuron.Input is not None:
        given = f"a neuron with the inputs {', '.join(neuron.entries)}"
        raise ParameterError("fit_neuron", given, "a neuron with one input", "a recording holds one current")
    if neuron.graded:
        raise ParameterError("fit_neuron", repr(neuron), "a neuron that spikes", "fit one with a threshold")
    return _at_step(neuron, recording)


def _at_step(neuron: Any, recording: Recording) -> Any:
    if neuron.dt is not None and abs(neuron.dt - recording.dt) > 1e-9:
        raise ParameterError(
            repr(neuron),
            f"a recording with dt = {recording.dt} ms",
            f"dt = {neuron.dt} ms",
            f"recording.resampled({neuron.dt})",
        )
    return neuron
