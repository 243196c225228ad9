"""One neuron under a current: its response, the smallest current that makes it fire, and one that shows it at work."""

from __future__ import annotations

import copy
import itertools
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from rheobase.core import MapNeuron, Neuron, OdeNeuron
from rheobase.core.declaration.describe import STEPS
from rheobase.core.declaration.inputs import driven
from rheobase.core.declaration.parameter_sets import NamedSet
from rheobase.core.declaration.population import Declared
from rheobase.core.ode import USUAL_DT
from rheobase.errors import ParameterError
from rheobase.firing import rates
from rheobase.learning.metrics import CROSSING

FINE_DT = USUAL_DT
_LOWEST, _DECADES, _PER_DECADE = 1e-3, 8, 20
WITHIN = 0.01  # of the rate
_AT_ONCE, _FINER = 40_000_000, 65  # steps of all lanes in one run; currents of a refinement
SOON, LONG = 50.0, 1000.0  # ms or steps
SEVERAL = 5
MULTIPLES = (1.5, 2.0, 3.0, 4.0, 6.0)
DURATIONS = (25.0, 50.0, 100.0, 200.0, 400.0, LONG)
USUAL = 200.0


def make(kind: type[Declared], size: int, dt: float, **values: Any) -> Declared:
    """A population of `size` neurons; those that count in steps take no dt."""
    return kind(size, **values) if issubclass(kind, MapNeuron) else kind(size, dt=dt, **values)


def check_kind(owner: str, kind: Any, given: Mapping[str, Any], *, dt: bool = False) -> None:
    """Raise `ParameterError` unless `kind` is a class of neurons and `given` are what is left to give to it.

    `dt`: whether the caller has an argument of that name; else the step is that of `time_step`.
    """
    if not isinstance(kind, type) or not issubclass(kind, Declared):
        expected = "a class of neurons, of which it makes its own"
        raise ParameterError(owner, f"{kind!r:.80}", expected, f"{owner}(neurons.LIF, tau_mem=10.0)")
    if not dt and "dt" in given:
        expected = f"no dt: the step is the usual one of {kind.__name__}, {time_step(kind):g} ms"
        raise ParameterError(owner, f"dt = {given['dt']!r}", expected, "leave it out, or inject(neuron, current)")


def never_spikes(neuron: Declared | type[Declared]) -> bool:
    """Whether a neuron is an equation without a threshold (a leaky integrator)."""
    kind = neuron if isinstance(neuron, type) else type(neuron)
    return issubclass(kind, OdeNeuron) and kind.graded


def onsets(out: Tensor, graded: bool) -> Tensor:
    """Where spikes begin, bool, the shape of `out` (time, ...); of a graded cell, its upward crossings of 0.5.

    >>> onsets(torch.tensor([0.0, 0.8, 0.9, 0.1]), graded=True).tolist()
    [False, True, False, False]
    """
    above = out >= CROSSING
    if not graded:
        return above
    began = above.clone()
    began[1:] &= ~above[:-1]
    return began


def membrane(neuron: Neuron | type[Neuron]) -> str:
    """The name of the state that is the membrane potential, or stands for it.

    >>> from rheobase import neurons
    >>> membrane(neurons.SRC(1)), membrane(neurons.LIF(1, dt=1.0))
    ('h', 'v')
    """
    return next((name for name in ("v", "h") if name in neuron.states), next(iter(neuron.states)))


@dataclass(frozen=True)
class Response:
    """A run of one neuron. All tensors are (time,); the value after step t belongs to (t + 1) dt."""

    neuron: Declared
    inputs: dict[str, Tensor]
    out: Tensor
    spikes: Tensor  # bool
    states: dict[str, Tensor]
    before: dict[str, Tensor]  # the states as they are before the reset
    onset: int  # step at which the current begins
    start: Any = None  # the state it began in; None for rest

    @property
    def current(self) -> Tensor:
        """The input; of several, the first."""
        return next(iter(self.inputs.values()))

    @property
    def dt(self) -> float | None:
        """The time step in ms; None where the neuron counts in steps."""
        return self.neuron.dt

    @property
    def time_unit(self) -> str:
        """The unit of time: ms or steps."""
        return STEPS if self.dt is None else "ms"

    @property
    def spike_times(self) -> list[float]:
        """When spikes began, in ms or steps from the start of the run."""
        step = 1.0 if self.dt is None else self.dt
        return [round((int(k) + 1) * step, 9) for k in self.spikes.nonzero()]

    @property
    def count(self) -> int:
        """Number of spikes."""
        return int(self.spikes.sum())

    @property
    def intervals(self) -> list[float]:
        """Between spikes after the onset of the current, in ms or steps."""
        at = self.spikes[self.onset :].nonzero().flatten().tolist()
        return [round((b - a) * (self.dt or 1.0), 9) for a, b in itertools.pairwise(at)]

    @property
    def rate(self) -> float:
        """Spikes per second, or per step: 1 over the mean of `intervals`; 0 where there is none."""
        return float(rates(self.spikes[self.onset :, None], self.dt))

    @property
    def rate_unit(self) -> str:
        """The unit of `rate`."""
        return "1/step" if self.dt is None else "Hz"

    @property
    def latency(self) -> float | None:
        """From the onset of the current to the first spike after it, in ms or steps; None where there is none."""
        start = self.onset * (1.0 if self.dt is None else self.dt)
        after = [t for t in self.spike_times if t > start]
        return round(after[0] - start, 9) if after else None


def respond(
    neuron: Declared,
    *,
    current: float,
    steps: int,
    onset: int = 0,
    end: int | None = None,
    beside: Mapping[str, float] = {},
) -> Response:
    """Run a population of one neuron, at rest at first, under a current from step `onset` to step `end`.

    Of several inputs, `current` is the first; the others are zero, or have their value in `beside` in the same steps.
    """
    stimulus = torch.zeros(steps)
    stimulus[onset:end] = 1.0
    others = {name: value * stimulus for name, value in beside.items()}
    return inject(neuron, current * stimulus, onset=onset, beside=others)


def inject(
    neuron: Declared, stimulus: Tensor, state: Any = None, *, onset: int = 0, beside: Mapping[str, Tensor] = {}
) -> Response:
    """Run a population of one neuron under a current (time,), at rest at first unless a state is given.

    Raises: `Diverged` for states that become NaN or infinite.
    """
    names = tuple(type(neuron).states)
    with torch.no_grad():
        inputs = driven(neuron, stimulus.view(-1, 1, 1)) | {name: x.view(-1, 1, 1) for name, x in beside.items()}
        out, _, recorded = neuron(inputs, state, record=(*names, *(f"{name}.pre" for name in names)))
    after, before = ({name: getattr(recorded, name + when)[:, 0, 0] for name in names} for when in ("", "_pre"))
    spikes = torch.zeros_like(out, dtype=torch.bool) if never_spikes(neuron) else onsets(out, neuron.graded)
    seen = {name: x[:, 0, 0] for name, x in inputs.items()}
    return Response(neuron, seen, out[:, 0, 0], spikes[:, 0, 0], after, before, onset, state)


@dataclass(frozen=True)
class HalfStep:
    """What a run would have been at half its time step, under the same current.

    rate     of that run, in Hz
    change   of the rate by halving, relative; None where one of the runs has no rate
    error    of the rate at the whole step, relative, at most: twice the change, which it is of a first-order method
    rounding of the rate at the whole step, relative: spikes wait for the end of a step before they reset, by 0.5 dt of
             a mean interval, which both runs may have in common; 0 where nothing is reset
    alike    whether both runs have a rate, or the same number of spikes
    """

    dt: float
    count: int
    rate: float
    change: float | None
    error: float | None
    rounding: float
    alike: bool

    @classmethod
    def of(cls, dt: float, rate: float, halved: float, count: int, counted: int, *, resets: bool = False) -> HalfStep:
        """What is told of a rate and a number of spikes, at half the step dt `halved` and `counted`."""
        change = halved / rate - 1.0 if halved and rate else None
        # of second order it is 4/3 of the change, and near the length of a spike more
        error = None if change is None else 2.0 * abs(change)
        rounding = dt * rate / 1000.0 if resets and change is not None else 0.0
        return cls(dt, counted, halved, change, error, rounding, change is not None or counted == count)

    @property
    def converged(self) -> bool:
        """Whether the rate is right within 1 %, as far as half the step can tell."""
        return self.alike and (self.error is None or max(self.error, self.rounding) <= WITHIN)


def at_half_step(run: Response) -> HalfStep | None:
    """How the rate of a run changes at half the time step; None for a neuron that counts in steps, or never fires.

    The input of each step is held through both of its halves, so that the current is the same.

    >>> from rheobase import neurons
    >>> coarse = respond(neurons.EIF(1, dt=0.2), current=1.0, steps=2000)
    >>> finer = at_half_step(coarse)
    >>> finer.dt, round(finer.change, 3), finer.converged
    (0.1, 0.025, False)
    """
    if run.dt is None or never_spikes(run.neuron):
        return None
    finer = copy.deepcopy(run.neuron)
    finer.dt = run.dt / 2
    inputs = {name: x.repeat_interleave(2).view(-1, 1, 1) for name, x in run.inputs.items()}
    with torch.no_grad():
        out, _ = finer(inputs, run.start)
    spikes = onsets(out[2 * run.onset :, 0, 0], finer.graded)
    rate, count = float(rates(spikes[:, None], finer.dt)), int(spikes.sum())
    before = int(run.spikes[run.onset :].sum())
    return HalfStep.of(finer.dt, run.rate, rate, before, count, resets=not getattr(finer, "crossing", False))


def shown_response(kind: type[Declared], chosen: NamedSet, **given: Any) -> Response:
    """A neuron with a named set under the protocol with which its source shows it; `given` overrides its values.

    Raises: `ParameterError` for a set that is shown by none, `Diverged` for states that become NaN or infinite.
    """
    shown = chosen.shown
    if shown is None:
        name = kind.__name__
        raise ParameterError(f"{name}: set {chosen.name!r}", "no protocol", "a set that is shown", "give a current")
    neuron = make(kind, 1, shown.dt, **{**chosen.values, **chosen.options, **given})
    stimulus = shown.current().flatten()
    changes = (stimulus != stimulus[0]).nonzero()
    return inject(neuron, stimulus, neuron.start(shown), onset=int(changes[0]) if len(changes) else 0)


def ever_fires(spikes: Tensor) -> Tensor:
    """Whether there is a spike at all: (time, ...) -> (...)."""
    return spikes.any(0)


def smallest_current(kind: type[Declared], *, within: float = 400.0, **values: Any) -> float | None:
    """The rheobase: the smallest constant current that makes a neuron at rest fire, to three digits.

    `within` is how long it has, in ms or steps. 0 where it fires by itself, None where no current from 0.001 to
    100000 (in the unit of its input) makes it.

    >>> from rheobase import neurons
    >>> smallest_current(neurons.IF, within=100.0)
    0.01
    """
    check_kind("smallest_current", kind, values)
    if never_spikes(kind):
        return None
    (found,) = smallest_currents(make(kind, 1, time_step(kind), **values), within=within)
    return found


def smallest_currents(
    neuron: Declared, *, within: float = 400.0, fires: Callable[[Tensor], Tensor] = ever_fires
) -> list[float | None]:
    """The rheobase of each neuron of a population (n,), which may differ in their parameters; see `smallest_current`.

    All neurons are tried side by side. `fires` judges spikes (time, currents, n), and gives (currents, n).
    """
    count, steps = neuron.shape[0], round(within / (neuron.dt or 1.0))
    grid = torch.logspace(0, _DECADES, _DECADES * _PER_DECADE + 1, dtype=torch.float64) * _LOWEST
    tried = torch.cat([torch.zeros(1, dtype=torch.float64), grid])
    found = torch.full((count,), -1)
    # in parts from the smallest current on, as many at a time as fit into memory, until all have fired
    for part in torch.arange(len(tried)).split(max(1, min(_AT_ONCE // (steps * count), len(tried)))):
        fired = fires(spikes_under(neuron, tried[part, None].expand(-1, count), within))
        first = torch.where(fired.any(0), part[fired.long().argmax(0)], -1)
        found = torch.where(found >= 0, found, first)
        if bool((found >= 0).all()):
            break
    # between the last that did not fire and the first that did
    low, high = tried[(found - 1).clamp(min=0)], tried[found.clamp(min=0)]
    for _ in range(2):
        share = torch.linspace(0.0, 1.0, _FINER, dtype=torch.float64)[:, None]
        between = low + share * (high - low)
        parts = between.split(max(1, _AT_ONCE // (steps * count)))
        fired = torch.cat([fires(spikes_under(neuron, part, within)) for part in parts])
        at = torch.where(fired.any(0), fired.long().argmax(0), _FINER - 1)
        pick = (at - 1).clamp(min=0)
        low, high = between.gather(0, pick[None])[0], between.gather(0, at[None])[0]
    return [
        None if k < 0 else 0.0 if k == 0 else float(f"{current:.3g}")
        for k, current in zip(found.tolist(), high.tolist(), strict=True)
    ]


def step_response(kind: type[Declared], **values: Any) -> Response:
    """A neuron under a step of current that shows it at work, for as long as it takes to see several spikes.

    The current is 1.5 times the smallest that makes it fire within 50 ms (or steps), or a higher multiple where at
    this one it does not go on firing; 1 for an equation without a threshold.
    """
    neuron = make(kind, 1, time_step(kind), **values)
    current = current_at_work(kind, **values)
    step = neuron.dt or 1.0
    probe = respond(neuron, current=current, steps=round(LONG / step))
    # the step fills eight tenths of the picture
    lasts = (d for d in DURATIONS if d >= 50 * step and sum(t <= 0.8 * d for t in probe.spike_times) >= SEVERAL)
    steps = round(next(lasts, USUAL) / step)
    return respond(neuron, current=current, steps=steps, onset=steps // 10, end=9 * steps // 10)


def time_step(kind: type[Declared]) -> float:
    """The step (ms) at which a neuron is run where nobody names one (`OdeNeuron.usual_dt`).

    >>> from rheobase import neurons
    >>> time_step(neurons.LIF), time_step(neurons.HodgkinHuxley)
    (0.1, 0.025)
    """
    return kind.usual_dt if issubclass(kind, OdeNeuron) else FINE_DT


def current_at_work(kind: type[Declared], **values: Any) -> float:
    """The current of `step_response`, under which a neuron goes on firing; 1 for an equation without a threshold."""
    neuron = make(kind, 1, time_step(kind), **values)
    least = smallest_current(kind, within=SOON, **values)
    if least is None:
        return 1.0
    if least == 0.0:
        # it fires by itself: what doubles its rate is seen
        tried = torch.cat([torch.zeros(1), torch.logspace(0, _DECADES, 4 * _DECADES + 1) * _LOWEST])
        counts = spike_counts(neuron, tried, USUAL)
        doubled = (counts >= 2 * counts[0]).nonzero()
        return float(f"{float(tried[doubled[0]]):.2g}") if len(doubled) else 0.0
    tried = least * torch.tensor(MULTIPLES)
    going_on = (spike_counts(neuron, tried, LONG) >= SEVERAL).nonzero()
    return float(f"{float(tried[going_on[0]] if len(going_on) else tried[0]):.3g}")


def spike_counts(neuron: Declared, currents: Tensor, duration: float) -> Tensor:
    """How often a neuron at rest fires under each constant current (lanes,) within a duration in ms or steps."""
    return spikes_under(neuron, currents, duration).sum(0)


def spikes_under(neuron: Declared, currents: Tensor, duration: float) -> Tensor:
    """When neurons at rest fire under constant currents within a duration in ms or steps: bool. One run for all.

    Shapes: for one neuron currents (lanes,) and spikes (time, lanes); for a population (n,) currents (lanes, n) and
    spikes (time, lanes, n).
    """
    steps = round(duration / (neuron.dt or 1.0))
    each = currents if currents.dim() == 2 else currents[:, None]
    stimulus = each.float().expand(steps, -1, -1)
    with torch.no_grad():
        # a current too strong for the step of one lane does not take the others with it
        out, _ = neuron(driven(neuron, stimulus.contiguous()), check_finite=False)
    spikes = onsets(out, neuron.graded)
    return spikes if currents.dim() == 2 else spikes[:, :, 0]
