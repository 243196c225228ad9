"""One neuron under a current: its response, and the smallest current that makes it fire."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from rheobase.cli.models import make
from rheobase.cli.quantity import STEPS
from rheobase.core import Neuron, OdeNeuron
from rheobase.core.declared import Declared
from rheobase.errors import InputError
from rheobase.learning.metrics import CROSSING

FINE_DT = 0.1  # ms
_LOWEST, _DECADES, _PER_DECADE = 1e-3, 8, 20


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


def membrane(neuron: Neuron) -> str:
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
    current: Tensor
    out: Tensor
    spikes: Tensor  # bool
    states: dict[str, Tensor]
    onset: int  # step at which the current begins

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
    def rate(self) -> float:
        """Spikes per second, or per step, from the onset of the current on."""
        steps = len(self.current) - self.onset
        during = int(self.spikes[self.onset :].sum())
        return during / steps if self.dt is None else 1000 * during / (steps * self.dt)

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


def respond(neuron: Declared, *, current: float, steps: int, onset: int = 0, end: int | None = None) -> Response:
    """Run a population of one neuron, at rest at first, under a current from step `onset` to step `end`."""
    stimulus = torch.zeros(steps, 1, 1)
    stimulus[onset:end] = current
    names = tuple(type(neuron).states)
    with torch.no_grad():
        out, _, recorded = neuron(stimulus, record=names)
    states = {name: getattr(recorded, name)[:, 0, 0] for name in names}
    _check_finite(neuron, states)
    spikes = torch.zeros_like(out, dtype=torch.bool) if never_spikes(neuron) else onsets(out, neuron.graded)
    return Response(neuron, stimulus[:, 0, 0], out[:, 0, 0], spikes[:, 0, 0], states, onset)


def _check_finite(neuron: Declared, states: dict[str, Tensor]) -> None:
    for name, trace in states.items():
        bad = ~trace.isfinite()
        if bool(bad.any()):
            given = f"{name} = {float(trace[bad][0])} at step {int(bad.nonzero()[0]) + 1}"
            raise InputError(repr(neuron), given, "finite states", "use a smaller dt, or a smaller current")


def smallest_current(kind: type[Declared], *, within: float = 400.0, **values: Any) -> float | None:
    """The rheobase: the smallest constant current that makes a neuron at rest fire, to three digits.

    `within` is how long it has, in ms or steps. 0 where it fires by itself, None where no current from 0.001 to
    100000 (in the unit of its input) makes it.

    >>> from rheobase import neurons
    >>> smallest_current(neurons.IF, within=100.0)
    0.01
    """
    if never_spikes(kind):
        return None
    neuron = make(kind, 1, FINE_DT, **values)
    steps = round(within / (neuron.dt or 1.0))
    grid = torch.logspace(0, _DECADES, _DECADES * _PER_DECADE + 1, dtype=torch.float64) * _LOWEST
    tried = torch.cat([torch.zeros(1, dtype=torch.float64), grid])
    found = _first_that_fires(neuron, tried, steps)
    if found is None or found == 0:
        return None if found is None else 0.0
    # between the last that did not fire and the first that did
    for _ in range(2):
        tried = torch.linspace(float(tried[found - 1]), float(tried[found]), 65, dtype=torch.float64)
        found = _first_that_fires(neuron, tried, steps) or len(tried) - 1
    return float(f"{float(tried[found]):.3g}")


def _first_that_fires(neuron: Declared, currents: Tensor, steps: int) -> int | None:
    stimulus = currents.float()[None, :, None].expand(steps, -1, -1)
    with torch.no_grad():
        out, _ = neuron(stimulus.contiguous())
    fires = onsets(out, neuron.graded).any(0)[:, 0]
    return int(fires.nonzero()[0]) if bool(fires.any()) else None
