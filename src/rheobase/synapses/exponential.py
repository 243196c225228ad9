"""A conductance that jumps and decays."""

from __future__ import annotations

from typing import Any

from rheobase.core import entry, param, relax, state
from rheobase.synapses.receptor import Receptor


class Exponential(Receptor):
    """A conductance that jumps by `weight` at a spike and decays exponentially (NEURON's `ExpSyn`).

        dg/dt = -g/tau          at a spike g <- g + weight          i = g (v - e)

    Shapes: spikes (time, batch, *shape), how many in each step; out of the same shape, the conductance over each step.

    Units: weight, g in uS; v, e in mV; i in nA, outwards positive. g is linear in weight: a weight in nS gives nS.

    Raises: `ParameterError` for a weight below 0 or a tau that is not above it.

    Numerics: exact for spikes at the beginnings of steps.

    Differs from the paper: in nothing; the conductance is 0 before the first spike.

    Reference: Dayan & Abbott, Theoretical Neuroscience, MIT Press (2001), eq. 5.31. Named sets: Brunel & Wang (2001).

        >>> import torch
        >>> from rheobase.synapses import Exponential
        >>> g, _ = Exponential(1, dt=1.0, weight=2.0, tau=5.0)(torch.tensor([1.0, 0.0, 0.0]).view(3, 1, 1))
        >>> [round(x, 4) for x in g.flatten().tolist()]
        [2.0, 1.6375, 1.3406]
    """

    weight = param(1e-3, "uS", "conductance that a spike opens", nonnegative=True)
    tau = param(2.0, "ms", "time constant of decay", positive=True, usual=(0.1, 1e5))
    e = param(0.0, "mV", "reversal potential")
    spikes = entry("1", "spikes of the step")
    g = state(0.0, "uS", "conductance")

    def received(self, s: Any, spikes: Any) -> Any:
        return s._replace(g=s.g + self.weight * spikes)

    def dynamics(self, s: Any, v: Any) -> dict[str, Any]:
        return dict(g=relax(0.0, self.tau))

    def conductance(self, s: Any, v: Any) -> Any:
        return s.g


__all__ = ["Exponential"]
