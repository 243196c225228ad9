"""The hyperpolarisation-activated cation current (HCN)."""

from __future__ import annotations

from typing import Any

from rheobase.channels.channel import Channel
from rheobase.core import entry, param, state
from rheobase.core.equations.rates import exponential, gate, linoid


class Ih(Channel):
    """The hyperpolarisation-activated cation current of layer 5 pyramidal cells (HCN).

        i = gbar m (v - e)
        alpha = 0.00643 * 11.9 L( (v + 154.9)/11.9 )        beta = 0.193 exp( v/33.1 )
        dm/dt = alpha (1 - m) - beta m                      L(x) = x / (exp(x) - 1)

    Units: v, e in mV; gbar in S/cm2; i in mA/cm2, outwards positive; rates in 1/ms, at every temperature. Several
    ions carry it, so e is its own and no cell sets it.

    Reference: Kole, Hallermann & Stuart, J. Neurosci. 26, 1677-1687 (2006), doi 10.1523/JNEUROSCI.3664-05.2006.
    """

    gbar = param(1e-5, "S/cm2", "maximal conductance", nonnegative=True)
    e = param(-45.0, "mV", "reversal potential")
    v = entry("mV", "membrane potential")
    m = state(0.0, "1", "activation")

    def dynamics(self, s: Any, i: Any) -> dict[str, Any]:
        alpha = 0.00643 * 11.9 * linoid((i + 154.9) / 11.9)
        beta = 0.193 * exponential(i / 33.1)
        return dict(m=gate(alpha, beta))

    def conductance(self, s: Any, i: Any) -> Any:
        return self.gbar * s.m


__all__ = ["Ih"]
