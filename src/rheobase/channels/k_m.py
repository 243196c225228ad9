"""The slow potassium current of cortical neurons."""

from __future__ import annotations

from typing import Any

import torch

from rheobase.channels.channel import Channel
from rheobase.core import entry, param, relax, state
from rheobase.core.equations.rates import exponential


class K_M(Channel):
    """The slow potassium current of cortical neurons, which makes them adapt (M current).

        i = gbar p (v - e)                  p_inf = 1 / ( 1 + exp( -(v + 35)/10 ) )
        tau_p = tau_max / ( 3.3 exp( (v + 35)/20 ) + exp( -(v + 35)/20 ) )

    Units: v, e in mV; tau in ms; gbar in S/cm2; i in mA/cm2, outwards positive.

    Reference: Yamada, Koch & Adams, in Methods in Neuronal Modeling, MIT Press (1989), in the form of Pospischil et
    al., Biol. Cybern. 99, 427-441 (2008), doi 10.1007/s00422-008-0263-8.
    """

    ion = "k"

    gbar = param(7e-05, "S/cm2", "maximal conductance", nonnegative=True)
    e = param(-100.0, "mV", "potassium reversal potential")
    tau_max = param(1000.0, "ms", "slow potassium: scale of the time constant", positive=True, usual=(10.0, 1e5))
    p_v = param(-35.0, "mV", "slow potassium: potential of half activation")
    p_k = param(10.0, "mV", "slow potassium: slope of the activation", positive=True)
    p_tau_k = param(20.0, "mV", "slow potassium: slope of the time constant", positive=True)
    p_tau_up = param(3.3, "1", "slow potassium: weight of the rate that grows with v", positive=True)
    v = entry("mV", "membrane potential")
    p = state(0.0, "1", "activation of the slow potassium current")

    def dynamics(self, s: Any, i: Any) -> dict[str, Any]:
        x = (i - self.p_v) / self.p_tau_k
        tau = self.tau_max / (self.p_tau_up * exponential(x) + exponential(-x))
        return dict(p=relax(torch.sigmoid((i - self.p_v) / self.p_k), tau))

    def conductance(self, s: Any, i: Any) -> Any:
        return self.gbar * s.p


__all__ = ["K_M"]
