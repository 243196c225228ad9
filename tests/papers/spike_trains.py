"""What the papers' firing patterns are told by: times, intervals and bursts of one neuron's spikes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

Array = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Trial:
    """One neuron under one current: when it fired (ms), and its potential after each step."""

    times: Array
    v: Array
    dt: float

    @property
    def intervals(self) -> Array:
        return np.diff(self.times)

    def between(self, start: float, stop: float) -> Array:
        """The potential from `start` to `stop` (ms)."""
        return self.v[round(start / self.dt) : round(stop / self.dt)]

    def bursts(self, gap: float) -> list[Array]:
        """The spikes in groups: a pause longer than `gap` (ms) begins the next."""
        return np.split(self.times, np.flatnonzero(self.intervals > gap) + 1) if len(self.times) else []


def trial(neuron: Any, current: Tensor, state: Any = None) -> Trial:
    """Run a population of one, in float64, under a current (time, 1, 1)."""
    neuron = neuron.double()
    state = None if state is None else type(state)(*(s.double() for s in state))
    with torch.no_grad():
        out, _, rec = neuron(current.double(), state, record=("v",))
    steps = out[:, 0, 0].nonzero().flatten() + 1
    return Trial(steps.double().numpy() * neuron.dt, rec.v[:, 0, 0].numpy(), neuron.dt)


def named(kind: Any, name: str, **given: Any) -> Any:
    """A neuron with a named set in float64, with all digits of the set's numbers; at the source's dt."""
    found = kind.sets()[name]
    neuron = kind.named(name, 1, **{"dt": found.shown.dt, **given}).double()
    for parameter, spec in kind.params.items():
        neuron.assign(parameter, found.values.get(parameter, spec.default))
    return neuron


def shown(kind: Any, name: str, **given: Any) -> Trial:
    """A named set under the protocol of its source."""
    neuron, protocol = named(kind, name, **given), kind.sets()[name].shown
    return trial(neuron, protocol.current(), neuron.start(protocol))


def constant(value: float, stop: float, dt: float) -> Tensor:
    """A constant current, (time, 1, 1)."""
    return torch.full((round(stop / dt), 1, 1), value, dtype=torch.float64)
