"""A conductance that rises and decays."""

from __future__ import annotations

from typing import Any

from rheobase.core import entry, param, relax, state
from rheobase.synapses.peak import over_peak
from rheobase.synapses.receptor import Receptor


class DoubleExponential(Receptor):
    """A conductance whose rise and decay are exponential, with a peak of `weight` (NEURON's `Exp2Syn`).

        g = B - A          dA/dt = -A/tau_rise          dB/dt = -B/tau_decay          i = g (v - e)
        at a spike A <- A + weight f,  B <- B + weight f          1/f = exp(-t_p/tau_decay) - exp(-t_p/tau_rise)
        t_p = tau_rise tau_decay / (tau_decay - tau_rise) ln( tau_decay/tau_rise )

    Shapes: spikes (time, batch, *shape), how many in each step; out of the same shape, the conductance over each step.

    Units: weight, A, B, g in uS; v, e in mV; i in nA, outwards positive.

    Raises: `ParameterError` for time constants that are not above 0 or that are equal, and for a weight below 0.

    Numerics: exact for spikes at the beginnings of steps. g is a difference: of time constants that are near each
    other, its relative error is that of the type times tau_decay / (tau_decay - tau_rise).

    Differs from NEURON's `Exp2Syn`: there a tau1 above 0.9999 tau2 is replaced by that; here equal ones are refused,
    and a rise that is slower than the decay is the same curve with the two exchanged.

    Reference: Carnevale & Hines, The NEURON Book, Cambridge University Press (2006), ch. 10. Named sets: Markram et al.
    (2015).

        >>> import torch
        >>> from rheobase.synapses import DoubleExponential
        >>> spikes = torch.zeros(200, 1, 1)
        >>> spikes[0] = 1.0
        >>> round(float(DoubleExponential.named("AMPA", 1, dt=0.01)(spikes)[0].max()), 6)
        0.001
    """

    apart = ("tau_rise", "tau_decay")

    weight = param(1e-3, "uS", "peak of the conductance that a spike opens", nonnegative=True)
    tau_rise = param(0.5, "ms", "time constant of the rise", positive=True)
    tau_decay = param(2.0, "ms", "time constant of the decay", positive=True, usual=(0.1, 1e5))
    e = param(0.0, "mV", "reversal potential")
    spikes = entry("1", "spikes of the step")
    A = state(0.0, "uS", "what is still closed of it")
    B = state(0.0, "uS", "what decays")

    def received(self, s: Any, spikes: Any) -> Any:
        jump = self.weight * over_peak(self.tau_rise, self.tau_decay) * spikes
        return s._replace(A=s.A + jump, B=s.B + jump)

    def dynamics(self, s: Any, v: Any) -> dict[str, Any]:
        return dict(A=relax(0.0, self.tau_rise), B=relax(0.0, self.tau_decay))

    def conductance(self, s: Any, v: Any) -> Any:
        return s.B - s.A


__all__ = ["DoubleExponential"]
