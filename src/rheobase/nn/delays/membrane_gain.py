"""The factor by which a neuron's membrane multiplies its input in one step; `Delay` divides its sum by it."""

from __future__ import annotations

import torch
from torch import Tensor

from rheobase.core.execution.reference import one_step
from rheobase.core.neuron import Neuron
from rheobase.errors import ParameterError


def membrane_gain(neuron: Neuron) -> Tensor:
    """The rise of the membrane potential in one step from rest per unit of input, of the neuron's shape.

    The membrane potential is the state v, or the first state where there is no v. For LIF the rise is
    1 - exp(-dt / tau_mem), for AdLIF 1 - alpha, for SRC 1 (its first state integrates the input). It has a gradient to
    the neuron's parameters.

    Raises: `ParameterError` for a neuron that does not take its input by a factor.

    >>> from rheobase import neurons
    >>> membrane_gain(neurons.AdLIF(3, alpha=0.9)).tolist()
    [0.10000002384185791, 0.10000002384185791, 0.10000002384185791]
    """
    values = neuron.values()
    rest = neuron.rest(1)
    zero = next(s for s in rest if s.is_floating_point())
    name = "v" if "v" in rest._fields else rest._fields[0]

    def potential(level: float) -> Tensor:
        """The membrane potential after one step from rest, before the reset, under this input."""
        return getattr(one_step(neuron, values, rest, [torch.full_like(zero, level)]).pre, name)[0]

    still, one, two = potential(0.0), potential(1.0), potential(2.0)
    gain = one - still
    with torch.no_grad():
        linear = torch.allclose(two - still, 2.0 * gain, rtol=1e-4, atol=0.0)
        if not linear or not bool((gain > 0).all()):
            remedy = "give the gain as a number"
            raise ParameterError("membrane_gain", repr(neuron), "a membrane that takes its input by a factor", remedy)
    return gain
