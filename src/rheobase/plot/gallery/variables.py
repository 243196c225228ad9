"""Which states of a neuron are variables of its dynamics, and how fast they change: a field, evaluated anywhere."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch

from rheobase.core import MapNeuron, Relax
from rheobase.core.bound import Bound
from rheobase.core.declaration.inputs import driven, one_step_of
from rheobase.core.declaration.population import Declared
from rheobase.current_clamp import membrane

# how the meaning of a state begins that keeps count for a neuron: a refractory time, whether it has fired
BOOKKEEPING = ("last spike", "refractory", "time ", "whether ")


def variables(kind: type[Declared] | Declared) -> list[str]:
    """The states that are no bookkeeping, the membrane potential first.

    >>> from rheobase import neurons
    >>> variables(neurons.AdLIF), variables(neurons.ResonateAndFire)
    (['v', 'w'], ['v', 'x'])
    """
    first = membrane(kind)
    counted = [name for name, spec in kind.states.items() if not spec.meaning.startswith(BOOKKEEPING)]
    return [first, *(name for name in counted if name != first)]


def velocity(neuron: Declared, at: Mapping[str, np.ndarray], current: float) -> dict[str, np.ndarray]:
    """How fast each state changes at these points under a current, the states not named being at rest.

    Per ms; where a neuron counts in steps, what one step adds (before a reset).
    """
    shape = np.broadcast_shapes(*(x.shape for x in at.values()))
    rest = neuron.rest(1, dtype=torch.float64)
    fields: dict[str, Any] = {
        name: torch.from_numpy(np.broadcast_to(at[name], shape).copy())
        if name in at
        else torch.full(shape, float(getattr(rest, name).flatten()[0]), dtype=torch.float64)
        for name in neuron.State._fields
    }
    s, i = neuron.State(**fields), torch.full(shape, current, dtype=torch.float64)
    inputs = one_step_of(neuron, list(driven(neuron, i).values()))
    bound = Bound(neuron, {k: v.double() for k, v in neuron.values().items()}, neuron.dt)
    with torch.no_grad():
        if isinstance(neuron, MapNeuron):
            before = bound.transition(s, inputs).pre
            found = {name: getattr(before, name) - value for name, value in fields.items()}
        else:
            slopes = bound.dynamics(s, inputs)
            found = {k: d.derivative(fields[k]) if isinstance(d, Relax) else d for k, d in slopes.items()}
    return {k: torch.as_tensor(d, dtype=torch.float64).expand(shape).numpy() for k, d in found.items()}
