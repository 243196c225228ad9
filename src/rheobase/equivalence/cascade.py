"""Integrate-and-fire that spikes several times in a step, where its potential has passed several thresholds."""

from __future__ import annotations

from typing import Any

import torch

from rheobase.core import MapNeuron, param, state


class CascadeIF(MapNeuron):
    """Perfect integrate-and-fire neuron (Lapicque, 1907) whose output is how often it spikes in a step.

        u[t] = v[t-1] + gain i[t]
        n[t] = floor(u[t] / v_threshold) where that is positive, else 0
        v[t] = u[t] - n[t] v_threshold

    So n counts the multiples of the threshold that the free potential passes for the first time, as in continuous time,
    where a jump over two thresholds is two spikes at one instant.

    Shapes: i (time, batch, *shape); out (time, batch, *shape), whole numbers >= 0; v (batch, *shape).

    Raises: `ParameterError` for values that are not finite, or a threshold that is not positive.

    Numerics: the recursion, as it is; counts have no gradient.

    Differs from the paper: the potential is normalised, time is in steps, several spikes may fall in one.

    Reference: Lapicque, J. Physiol. Pathol. Gen. 9, 620-635 (1907); translation doi 10.1007/s00422-007-0189-6.

    Example:

        >>> counts, end = CascadeIF(1)(torch.tensor([0.5, 2.0, 0.5]).view(3, 1, 1))
        >>> counts.flatten().tolist(), end.v.item()
        ([0.0, 2.0, 1.0], 0.0)
    """

    gain = param(1.0, "1", "what the potential gets of the input")
    v_threshold = param(1.0, "1", "firing threshold", positive=True)

    v = state(0.0, "1", "membrane potential")

    graded = True
    counts = True

    def count(self, u: Any) -> Any:
        """Spikes of a step from the potential u."""
        return torch.relu(torch.floor(u / self.v_threshold))

    def step(self, s: Any, i: Any) -> tuple[Any, ...]:
        u = s.v + self.gain * i
        n = self.count(u)
        return n, s._replace(v=u - n * self.v_threshold), s._replace(v=u)
