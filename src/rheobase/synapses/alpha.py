"""A conductance with the shape of an alpha function."""

from __future__ import annotations

import math
from typing import Any

import torch

from rheobase.core import entry, param, state
from rheobase.synapses.receptor import Receptor


class Alpha(Receptor):
    """A conductance with the shape of an alpha function, which peaks a time `tau` after a spike (Rall, 1967).

        g(t) = weight (t/tau) exp(1 - t/tau)          i = g (v - e)
        dg/dt = h - g/tau          dh/dt = -h/tau          at a spike h <- h + weight e^1/tau

    Shapes: spikes (time, batch, *shape), how many in each step; out of the same shape, the conductance over each step.

    Units: weight, g in uS; h in uS/ms; v, e in mV; i in nA, outwards positive.

    Raises: `ParameterError` for a weight below 0 or a tau that is not above it.

    Numerics: exact for spikes at the beginnings of steps: over dt, g <- (g + dt h) exp(-dt/tau), h <- h exp(-dt/tau).

    Differs from NEURON's `AlphaSynapse`, which opens once, at its `onset`: this one opens at every spike.

    Reference: Rall, J. Neurophysiol. 30, 1138-1168 (1967), doi 10.1152/jn.1967.30.5.1138.

        >>> import torch
        >>> from rheobase.synapses import Alpha
        >>> g, _ = Alpha(1, dt=1.0, weight=1.0, tau=2.0)(torch.tensor([1.0, 0.0, 0.0, 0.0]).view(4, 1, 1))
        >>> [round(x, 4) for x in g.flatten().tolist()]
        [0.0, 0.8244, 1.0, 0.9098]
    """

    weight = param(1e-3, "uS", "peak of the conductance that a spike opens", nonnegative=True)
    tau = param(1.0, "ms", "time from the spike to the peak", positive=True, usual=(0.1, 1e5))
    e = param(0.0, "mV", "reversal potential")
    spikes = entry("1", "spikes of the step")
    g = state(0.0, "uS", "conductance")
    h = state(0.0, "uS/ms", "what opens it")

    def received(self, s: Any, spikes: Any) -> Any:
        return s._replace(h=s.h + math.e * self.weight / self.tau * spikes)

    def advanced(self, s: Any, v: Any) -> Any:
        dt: Any = self.dt
        left = torch.exp(-dt / self.tau)
        return s._replace(g=(s.g + dt * s.h) * left, h=s.h * left)

    def conductance(self, s: Any, v: Any) -> Any:
        return s.g


__all__ = ["Alpha"]
