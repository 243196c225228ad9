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


def plane_variables(kind: type[Declared] | Declared) -> tuple[str, str] | None:
    """The two variables whose plane is drawn; None where there is no such plane.

    They are both of a neuron with two. Where the spike itself is a part of the equations there may be more: the plane
    is then that of the membrane potential and n, the activation of the potassium current, or the next variable.

    >>> from rheobase import neurons
    >>> plane_variables(neurons.AdEx), plane_variables(neurons.HodgkinHuxley), plane_variables(neurons.GLIF3)
    (('v', 'w'), ('v', 'n'), None)
    """
    names = variables(kind)
    if len(names) == 2:
        return names[0], names[1]
    if len(names) > 2 and getattr(kind, "crossing", False):
        return names[0], "n" if "n" in names else names[1]
    return None


def velocity(neuron: Declared, at: Mapping[str, np.ndarray], current: float) -> dict[str, np.ndarray]:
    """How fast each state changes at these points under a current, the states not named being at rest.

    Per ms; where a neuron counts in steps, what one step adds (before a reset).
    """
    fields, slopes = _slopes(neuron, at, current)
    found = {k: d.derivative(fields[k]) if isinstance(d, Relax) else d for k, d in slopes.items()}
    return {k: _numbers(d, fields) for k, d in found.items()}


def equilibrium(neuron: Declared, name: str, at: Mapping[str, np.ndarray], current: float) -> np.ndarray | None:
    """The value to which a state relaxes at these points; None where its equation is no relaxation."""
    fields, slopes = _slopes(neuron, at, current)
    slope = slopes.get(name)
    return _numbers(slope.to, fields) if isinstance(slope, Relax) else None


def _numbers(x: Any, fields: Mapping[str, torch.Tensor]) -> np.ndarray:
    shape = next(iter(fields.values())).shape
    return torch.as_tensor(x, dtype=torch.float64).expand(shape).numpy()


def _slopes(
    neuron: Declared, at: Mapping[str, np.ndarray], current: float
) -> tuple[dict[str, torch.Tensor], dict[str, Any]]:
    """All states at these points, and what the equations say of each."""
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
        if not isinstance(neuron, MapNeuron):
            return fields, bound.dynamics(s, inputs)
        before = bound.transition(s, inputs).pre
        return fields, {name: getattr(before, name) - value for name, value in fields.items()}
