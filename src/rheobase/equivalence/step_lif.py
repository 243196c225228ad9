"""Leaky integrate-and-fire in steps, with a decay that a binary number can represent exactly."""

from __future__ import annotations

from typing import Any

from rheobase.core import MapNeuron, option, param, state


class StepLIF(MapNeuron):
    """Leaky integrate-and-fire neuron in steps (Lapicque, 1907), with both conventions of a subtractive reset.

        u[t] = decay (u[t-1] - v_threshold s[t-1]) + gain i[t]         where the reset leaks
        u[t] = decay u[t-1] - v_threshold s[t-1] + gain i[t]           where it does not
        s[t] = 1 where u[t] >= v_threshold

    In the code v is u. `LIF` with ExpEuler is the first, with decay = exp(-dt / tau_mem) and gain = 1 - decay; `IF` is
    both, with decay = 1. A decay of 3/4 or 1/2, and weights on a grid, make its arithmetic exact for a while:
    `equivalence.exact_steps`.

    Shapes: i (time, batch, *shape); out (time, batch, *shape) in {0, 1}; v, z (batch, *shape).

    Raises: `ParameterError` for a decay outside [0, 1].

    Numerics: the recursion, as it is.

    Differs from the paper: the potential is normalised, time is in steps, and the reset subtracts the threshold.

    Reference: Lapicque, J. Physiol. Pathol. Gen. 9, 620-635 (1907); translation doi 10.1007/s00422-007-0189-6.

    Example:

        >>> import torch
        >>> spikes, end = StepLIF(1, decay=0.5)(torch.full((6, 1, 1), 0.75))
        >>> spikes.flatten().int().tolist()
        [0, 1, 0, 1, 0, 1]
    """

    decay = param(0.75, "1", "what is left of the potential after a step", range=(0.0, 1.0))
    gain = param(1.0, "1", "what the potential gets of the input")
    v_threshold = param(1.0, "1", "firing threshold")
    leaks = option(True, "whether what a spike subtracts leaks in the step after it, with the potential")

    v = state(0.0, "1", "membrane potential, before the reset")
    z = state(0.0, "1", "last spike")

    def step(self, s: Any, i: Any) -> tuple[Any, ...]:
        last = self.detached(s.z) if self.detach_reset else s.z
        drop = self.v_threshold * last
        kept = self.decay * (s.v - drop) if self.leaks else self.decay * s.v - drop
        u = kept + self.gain * i
        z = self.fire(u - self.v_threshold)
        return z, s._replace(v=u, z=z), s._replace(v=u, z=s.z)
