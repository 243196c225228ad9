"""Fit any neuron to a recording: `fit_neuron`, and the `Fit` that it gives."""

from __future__ import annotations

import copy
import time
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from rheobase.checks import is_number, is_whole
from rheobase.core.declaration.population import Declared
from rheobase.core.neuron import Neuron
from rheobase.core.ode import OdeNeuron
from rheobase.errors import ParameterError
from rheobase.learning.fitting import stages
from rheobase.learning.fitting.candidates import Candidates
from rheobase.learning.fitting.gamma import check_window, gamma, trains_of
from rheobase.learning.fitting.population import Axis, declared
from rheobase.learning.fitting.progress import FitCallback, FitStep
from rheobase.learning.fitting.recording import Recording
from rheobase.learning.fitting.shown import fit_card
from rheobase.learning.training.stopping import InterruptWatch

EDGE = 0.02  # of a range: a best value that is nearer to an end might lie beyond it
FORCED, GRADIENT = 1.0 / 3.0, 0.5  # of the time limit: when the forced stage and all stages by gradient end
INTERRUPTED = "Ctrl-C"


@dataclass(frozen=True, kw_only=True)
class FitRecipe:
    """How long a fit searches.

    restarts       random points that the gradient stages start from, each a lane
    forced         steps by gradient with the recorded spikes given (none for a neuron without reset)
    free           steps by gradient with the neuron running freely
    generations    of evolution, over a population of `population` lanes
    sweeps         how many sweeps the forced stage uses
    piece          ms: gradients of the free stage are truncated to pieces of this length; 0: not truncated
    rate           learning rate of Adam, as a share of the search ranges
    patience       generations without a better best after which evolution ends; None: never
    settle         ms at the start that are run, but not scored
    time_limit     seconds after which the search ends with the best so far: the forced stage may take a third of them,
                   both gradient stages a half; None: no limit
    """

    restarts: int = 24
    forced: int = 60
    free: int = 10
    generations: int = 150
    population: int = 64
    sweeps: int = 3
    piece: float = 500.0
    rate: float = 0.03
    patience: int | None = 60
    settle: float = 50.0
    time_limit: float | None = None

    def __post_init__(self) -> None:
        for name in ("restarts", "forced", "free", "generations", "population", "sweeps"):
            value, least = getattr(self, name), {"forced": 0, "free": 0, "generations": 0, "population": 4}.get(name, 1)
            if not is_whole(value, least):
                raise ParameterError("FitRecipe", f"{name} = {value!r}", f"an integer >= {least}", "leave it out")
        for name in ("piece", "rate", "settle"):
            value = getattr(self, name)
            if not is_number(value, least=0):
                raise ParameterError("FitRecipe", f"{name} = {value!r}", "a finite number >= 0", "leave it out")
        if self.time_limit is not None and not is_number(self.time_limit, above=0):
            given = f"time_limit = {self.time_limit!r}"
            raise ParameterError("FitRecipe", given, "a number of seconds > 0", "leave it out for no limit")


@dataclass(frozen=True)
class Candidate:
    """One candidate: the values that were searched, and how well they fit.

    `score` was minimised; `gamma` is Gamma at the fit's `delta`; `v_error` is the mean square error of the potential
    between spikes over its variance.
    """

    values: Mapping[str, float]
    score: float
    gamma: float
    v_error: float


@dataclass(frozen=True, eq=False, repr=False)
class Fit:
    """The result of a fit: `neuron` (of shape (1,)) and `candidates`, the best first.

    `readout` converts between the units of the recording and of the neuron: input = input_scale * pA, and
    mV = v_offset + v_gain * v + r_series * pA. `ended` says why the search ended: "generations", "patience", "time
    limit" or "Ctrl-C"; `finished` is False after Ctrl-C.
    `recipe` makes the same fit, whatever the clock says: it has the steps that were done, and no time limit.
    `delta` is the precision (ms) of every Gamma that is reported: 4, or less where the cell fires so fast that at 4
    chance alone would meet its spikes (see `window`).
    """

    neuron: Neuron
    readout: Mapping[str, float]
    candidates: tuple[Candidate, ...]
    history: tuple[FitStep, ...]
    ended: str
    delta: float
    recipe: FitRecipe
    _space: Candidates
    _point: Tensor

    def __repr__(self) -> str:
        values = ", ".join(f"{name}={value:.4g}" for name, value in self.best.values.items())
        said = f"{type(declared(self.neuron)).__name__}, Gamma {self.gamma:.3f} at {self.delta:.3g} ms"
        return f"Fit({said}; {values}; {len(self.candidates)} candidates; ended by {self.ended})"

    def _repr_html_(self) -> str:
        """The fit in a notebook."""
        return fit_card(self).html()

    @property
    def finished(self) -> bool:
        """Whether it was not interrupted."""
        return self.ended != INTERRUPTED

    @property
    def axes(self) -> tuple[Axis, ...]:
        """What was searched, with its range."""
        return tuple(self._space.axes)

    def at_edges(self) -> dict[str, str]:
        """The searched quantities whose best value lies at an edge of their range: "low" or "high"."""
        shares = {axis.name: float(share) for axis, share in zip(self.axes, self._point[0], strict=True)}
        low = {name: "low" for name, share in shares.items() if share < EDGE}
        return low | {name: "high" for name, share in shares.items() if share > 1.0 - EDGE}

    @property
    def best(self) -> Candidate:
        """The best candidate."""
        return self.candidates[0]

    @property
    def gamma(self) -> float:
        """Gamma of the best candidate at `delta` ms: the mean over the fitted sweeps that have spikes."""
        return self.best.gamma

    def run(self, recording: Recording) -> tuple[Tensor, Tensor | None]:
        """Spikes and potential in mV under the currents of a recording, from rest; (sweep, time) each.

        Raises: `ParameterError` for a recording of another time step.
        """
        dt = self._space.recording.dt
        if abs(recording.dt - dt) > 1e-9:
            given = f"a recording with dt = {recording.dt} ms"
            raise ParameterError("Fit", given, f"dt = {dt} ms", f"recording.resampled({dt})")
        with torch.no_grad():
            response, _ = self._space.free(self._point, recording.current.T.contiguous())
        v = None if response.v is None else response.v[..., 0].T
        return response.spikes[..., 0].T, v

    def gamma_on(self, recording: Recording, *, start: float | None = None, delta: float | None = None) -> float:
        """The mean Gamma over the sweeps of a recording that have spikes; 0 without any.

        It is run from its first sample and scored from `start`.

        `delta` in ms; that of the fit where it is not given.

        Raises: `ParameterError` for another time step, and for a cell too fast for this precision.
        """
        delta = self.delta if delta is None else delta
        spikes, _ = self.run(recording)
        part = recording.between(recording.start if start is None else start, recording.start + recording.duration)
        times = part.spike_times()
        check_window("Fit.gamma_on", times, duration=part.duration, delta=delta)
        trains = trains_of(spikes[:, -part.steps :].T, recording.dt)
        pairs = zip(times, trains, strict=True)
        found = [float(gamma(a, b, duration=part.duration, delta=delta)) for a, b in pairs if len(a)]
        return sum(found) / max(1, len(found))


def fit_neuron(
    neuron: Neuron | type[Declared],
    recording: Recording,
    *,
    learn: Sequence[str],
    ranges: Mapping[str, tuple[float, float]] | None = None,
    scale: float | tuple[float, float] | None = None,
    series: bool = False,
    recipe: FitRecipe | None = None,
    seed: int = 0,
    callbacks: Iterable[FitCallback] = (),
) -> Fit:
    """Fit the parameters in `learn` so that the neuron spikes when the cell did, with the potential that it had.

    neuron     a neuron, Refractory(neuron), or a class; what is not learnt keeps its values
    ranges     where to search, by name: (low, high); else the declared range, else around the neuron's value (a third
               to three times it for positive ones, 15 mV to both sides for potentials, its threefold for others)
    scale      input per pA, where the neuron's input is not in pA; (low, high) to fit it
    series     whether a part of the electrode's resistance is in the recorded potential: r_series is fitted

    Random restarts first descend the gradient with the recorded spikes given (error of the potential, and likelihood of
    the spikes under a soft threshold), then running freely (error of the potential, and van Rossum distance with
    surrogate gradients). The best of them start an evolution, which minimises 1 - Gamma (mean at 2, 4 and 8 ms, or less
    for a cell that fires fast: `delta` of the fit), the error of the potential, and a van Rossum distance of 50 ms that
    constrains the rate. All run as lanes of one neuron. The same seed gives the same fit.
    Ctrl-C, or the time limit of the recipe, ends the search and gives the best so far; a second Ctrl-C raises.

    Raises: `ParameterError`, `UnitError`.

    >>> from rheobase import neurons, stimuli
    >>> cell = neurons.GLIF1(1, dt=0.5, v_leak=-70.0, v_reset=-60.0, v_threshold=-45.0)
    >>> current = stimuli.noise(250.0, 80.0, tau=5.0).sample(500.0, 0.5)[None]
    >>> spikes, _, rec = cell(current.T[..., None], record=("v",))
    >>> recording = Recording((rec.v + 80.0 * spikes)[:, 0].T, current, dt=0.5)
    >>> quick = FitRecipe(restarts=8, forced=10, free=2, generations=20, population=16)
    >>> fit = fit_neuron(cell, recording, learn=("v_threshold", "g_leak"), recipe=quick)
    >>> fit.gamma > 0.8
    True
    """
    recipe = FitRecipe() if recipe is None else recipe
    space = search_space(neuron, recording, learn=learn, ranges=ranges, scale=scale, series=series)
    watched = tuple(callbacks)
    if recording.duration <= recipe.settle:
        given = f"settle = {recipe.settle} ms of {recording.duration} ms"
        raise ParameterError("fit_neuron", given, "a part of the recording that is left to score", "lower settle")
    search = _Search(space, stages.Target(recording, recipe.settle), recipe, seed, watched)
    watch = InterruptWatch()
    for callback in watched:
        callback.on_start(search.total)
    try:
        with watch.installed():
            ended = search.run(watch)
    finally:
        for callback in watched:
            callback.on_end()
    return search.result(ended)


def search_space(
    neuron: Neuron | type[Declared],
    recording: Recording,
    *,
    learn: Sequence[str],
    ranges: Mapping[str, tuple[float, float]] | None = None,
    scale: float | tuple[float, float] | None = None,
    series: bool = False,
) -> Candidates:
    """What `fit_neuron` would search, with the same arguments. Raises: `ParameterError`, `UnitError`."""
    template = _template(neuron, recording)
    space = Candidates(template, recording, learn=learn, ranges=ranges or {}, scale=scale, series=series)
    if not space.axes:
        raise ParameterError("fit_neuron", "nothing to learn", "names of parameters", 'learn=("tau_mem",)')
    return space


def _template(neuron: Any, recording: Recording) -> Neuron:
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
    if neuron.dt is not None and abs(neuron.dt - recording.dt) > 1e-9:
        raise ParameterError(
            repr(neuron), f"a recording with dt = {recording.dt} ms", f"dt = {neuron.dt} ms",
            f"recording.resampled({neuron.dt})",
        )  # fmt: skip
    return neuron


class _Search:
    """A fit on its way: the best score of every lane so far, and what happened."""

    def __init__(
        self, space: Candidates, target: stages.Target, recipe: FitRecipe, seed: int, callbacks: tuple[FitCallback, ...]
    ):
        self.space, self.target, self.recipe, self.callbacks = space, target, recipe, callbacks
        self.generator = torch.Generator().manual_seed(seed)
        self.history: list[FitStep] = []
        self.began = time.monotonic()
        inner = declared(space.neuron)
        # without a reset there is nothing to tell
        self.tells = not getattr(inner, "crossing", False)
        self.total = (recipe.forced if self.tells else 0) + recipe.free + recipe.generations
        self.point = space.draw(recipe.restarts, self.generator)
        self.scores = target.scores(space, self.point)

    def run(self, watch: InterruptWatch) -> str:
        """All stages; what ended them."""
        recipe, space, target = self.recipe, self.space, self.target
        told = recipe.forced if self.tells else 0
        start = self.point
        forced = stages.forced(space, target, start, steps=told, rate=recipe.rate, sweeps=recipe.sweeps)
        for k, start in enumerate(forced):
            last = self._over(FORCED)
            # scoring costs a run: now and then is enough
            if k % 10 == 9 or k == told - 1 or last:
                self._keep(start)
            if self._report("forced", watch):
                return INTERRUPTED
            if last:
                break
        free = stages.free(
            space,
            target,
            start,
            steps=recipe.free,
            rate=0.3 * recipe.rate,
            piece=recipe.piece or target.recording.duration,
        )
        for start in free:
            self._keep(start)
            last = self._over(GRADIENT)
            if self._report("free", watch):
                return INTERRUPTED
            if last:
                break
        return self._evolve(start, watch)

    def _keep(self, point: Tensor) -> None:
        """Score points, and take those that are better than their lane's best."""
        old, new = self.scores, self.target.scores(self.space, point)
        better = new.total < old.total
        self.point = torch.where(better[:, None], point, self.point)
        self.scores = stages.Scores(
            torch.where(better, new.total, old.total), torch.where(better, new.gamma, old.gamma),
            torch.where(better, new.v_error, old.v_error),
        )  # fmt: skip

    def _over(self, share: float) -> bool:
        """Whether this share of the time limit has passed."""
        limit = self.recipe.time_limit
        return limit is not None and time.monotonic() - self.began >= share * limit

    def _evolve(self, last: Tensor, watch: InterruptWatch) -> str:
        if self.recipe.generations == 0:
            return "generations"
        order = self.scores.total.argsort()
        # where the gradient ended may be worth more than its score: both join
        founders = torch.cat([self.point[order], last])
        population = stages.mixed(founders, self.recipe.population, self.space, self.generator)
        best, stale = float(self.scores.total.min()), 0
        steps = stages.evolve(
            self.space, self.target, population, steps=self.recipe.generations, generator=self.generator
        )
        for self.point, self.scores in steps:
            now = float(self.scores.total.min())
            best, stale = (now, 0) if now < best - 1e-4 else (best, stale + 1)
            if self._report("evolve", watch):
                return INTERRUPTED
            if self.recipe.patience is not None and stale >= self.recipe.patience:
                return "patience"
            if self._over(1.0):
                return "time limit"
        return "generations"

    def _report(self, stage: str, watch: InterruptWatch) -> bool:
        """Tell those who look on; True where it is time to stop."""
        k = int(self.scores.total.argmin())
        step = FitStep(
            stage, len(self.history) + 1, float(self.scores.total[k]), float(self.scores.gamma[k]),
            time.monotonic() - self.began, self.target.precisions[stages.TOLD],
        )  # fmt: skip
        self.history.append(step)
        try:
            for callback in self.callbacks:
                callback.on_step(step)
        except KeyboardInterrupt:
            return True
        return watch.requested

    def result(self, ended: str) -> Fit:
        order = self.scores.total.argsort()
        point = self.point[order].detach()
        names = [*self.space.learn, *(n for n in self.space.names if n not in self.space.learn)]
        table = {name: value.tolist() for name, value in self.space.values(point).items()}
        scores = torch.stack([self.scores.total, self.scores.gamma, self.scores.v_error], 1)[order].tolist()
        candidates = tuple(
            Candidate({name: table[name][k] for name in names}, *figures) for k, figures in enumerate(scores)
        )
        best = point[:1].clone()
        self.space.free(best, self.target.currents[:1])
        readout = {name: table[name][0] for name in self.space.fixed}
        return Fit(
            copy.deepcopy(self.space.made(1)), readout, candidates, tuple(self.history), ended,
            self.target.precisions[stages.TOLD], self._done(), self.space, best,
        )  # fmt: skip

    def _done(self) -> FitRecipe:
        """The recipe with as many steps as were done."""
        done = Counter(step.stage for step in self.history)
        counts = {"forced": done["forced"], "free": done["free"], "generations": done["evolve"]}
        if not self.tells:
            counts["forced"] = self.recipe.forced
        return replace(self.recipe, time_limit=None, **counts)
