"""Where a neuron begins to go on firing: the beginning of its f-I curve, which its rheobase may lie below."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from rheobase.core.declaration.population import Declared
from rheobase.current_clamp import LONG, check_kind, make, never_spikes, smallest_currents, spikes_under, time_step
from rheobase.firing import PARTED


@dataclass(frozen=True)
class FiringOnset:
    """Where lasting firing begins.

    current  the smallest constant current under which a neuron at rest goes on firing for 1000 ms (or steps)
    rate     the rate there, in Hz or per step: near 0 for class 1 excitability, a jump for class 2 (Hodgkin, 1948)
    stops    whether it fires below that current as well, but stops again
    """

    current: float
    rate: float
    stops: bool


def firing_onset(kind: type[Declared], **values: Any) -> FiringOnset | None:
    """Where lasting firing begins; None where no constant current makes a neuron go on firing.

    Raises: `ParameterError` for what is no class of neurons, and for parameters that it has not.

    >>> from rheobase import neurons
    >>> firing_onset(neurons.LIF).current, firing_onset(neurons.HodgkinHuxley).stops
    (1.0, True)
    """
    check_kind("firing_onset", kind, values)
    if never_spikes(kind):
        return None
    neuron = make(kind, 1, time_step(kind), **values)
    (current,) = smallest_currents(neuron, within=LONG, fires=goes_on_firing)
    if current is None:
        return None
    # at 1.005 times the current where the rounding to three digits has gone below it
    below, at, above = spikes_under(neuron, current * torch.tensor([0.98, 1.0, 1.005], dtype=torch.float64), LONG).T
    return FiringOnset(current, late_rate(at, neuron.dt) or late_rate(above, neuron.dt), current > 0 and _stops(below))


def goes_on_firing(spikes: Tensor) -> Tensor:
    """Whether there are two spikes, and one of them in the second half of the time: (time, ...) -> (...)."""
    return spikes[len(spikes) // 2 :].any(0) & (spikes.sum(0) >= 2)


def late_rate(spikes: Tensor, dt: float | None) -> float:
    """The rate in the second half, in Hz or per step: of the interval that reaches into it, where none lies in it.

    Shapes: spikes (time,) bool. 0 where there is no such interval.
    """
    at = spikes.nonzero().flatten()
    late = at[at >= len(spikes) // 2]
    late = late if len(late) != 1 else at[-2:]
    per = 1.0 if dt is None else 1000.0 / dt
    return per * (len(late) - 1) / float(late[-1] - late[0]) if len(late) > 1 else 0.0


def _stops(spikes: Tensor) -> bool:
    """Whether a neuron has fired, and then been silent for three times the longest that it took to a spike."""
    at = spikes.nonzero().flatten()
    if not len(at):
        return False
    waits = torch.cat([at[:1] + 1, at.diff()])
    return len(spikes) - 1 - int(at[-1]) >= PARTED * int(waits.max())
