"""The NMDA receptor."""

from __future__ import annotations

from typing import Any

from rheobase.core import entry, param, relax, state
from rheobase.core.equations.rates import exponential
from rheobase.synapses.peak import over_peak
from rheobase.synapses.receptor import Receptor


class NMDA(Receptor):
    """The NMDA receptor, which magnesium blocks at low potentials (Jahr & Stevens, 1990).

        i = g (v - e)          g = (B - A) / (1 + mg/k_mg exp( -slope v ))
        dA/dt = -A/tau_rise          dB/dt = -B/tau_decay
        at a spike A <- A + weight f,  B <- B + weight f          f as in `DoubleExponential`

    Shapes: spikes (time, batch, *shape), how many in each step, and v of the same shape; out likewise, the conductance
    over each step.

    Units: weight, A, B, g in uS; mg, k_mg in mM; v, e in mV; slope in 1/mV; i in nA, outwards positive.

    Raises: `ParameterError` for time constants that are not above 0 or that are equal, for a weight below 0 and a
    negative concentration.

    Numerics: A and B are exact for spikes at the beginnings of steps. The block follows the potential at once; in a
    cell, its derivative is part of the slope of the current.

    Differs from the paper, which gives the block: rise and decay are those of Markram et al. (2015), and the sum of the
    conductances of many spikes does not saturate.

    Reference: Jahr & Stevens, J. Neurosci. 10, 3178-3182 (1990), doi 10.1523/JNEUROSCI.10-09-03178.1990; times:
    Markram et al., Cell 163, 456-492 (2015), doi 10.1016/j.cell.2015.09.029, model file ProbAMPANMDA_EMS.

        >>> import torch
        >>> from rheobase.synapses import NMDA
        >>> spikes, v = torch.zeros(50, 1, 2), torch.tensor([-70.0, 0.0]).expand(50, 1, 2)
        >>> spikes[0] = 1.0
        >>> g, _ = NMDA(2, dt=0.1)(spikes=spikes, v=v)
        >>> [round(x, 6) for x in g.amax(0)[0].tolist()]
        [4.4e-05, 0.000781]
    """

    apart = ("tau_rise", "tau_decay")

    weight = param(1e-3, "uS", "peak of the conductance that a spike opens, without magnesium", nonnegative=True)
    tau_rise = param(0.29, "ms", "time constant of the rise", positive=True)
    tau_decay = param(43.0, "ms", "time constant of the decay", positive=True, usual=(0.1, 1e5))
    e = param(0.0, "mV", "reversal potential")
    mg = param(1.0, "mM", "concentration of magnesium outside", nonnegative=True)
    k_mg = param(3.57, "mM", "concentration that blocks half at 0 mV", positive=True)
    slope = param(0.062, "1/mV", "steepness of the block", positive=True)
    spikes = entry("1", "spikes of the step")
    v = entry("mV", "membrane potential")
    A = state(0.0, "uS", "what is still closed of it")
    B = state(0.0, "uS", "what decays")

    def received(self, s: Any, spikes: Any) -> Any:
        jump = self.weight * over_peak(self.tau_rise, self.tau_decay) * spikes
        return s._replace(A=s.A + jump, B=s.B + jump)

    def dynamics(self, s: Any, v: Any) -> dict[str, Any]:
        return dict(A=relax(0.0, self.tau_rise), B=relax(0.0, self.tau_decay))

    def conductance(self, s: Any, v: Any) -> Any:
        return (s.B - s.A) / (1.0 + self.mg / self.k_mg * exponential(-self.slope * v))


__all__ = ["NMDA"]
