"""The delayed rectifier of a fast-spiking interneuron."""

from __future__ import annotations

from typing import Any

from rheobase.channels.channel import Channel
from rheobase.channels.squid_axon import rectifier
from rheobase.core import entry, param, state


class K_WB(Channel):
    """The delayed rectifier of a fast-spiking hippocampal interneuron.

        i = gbar n^4 (v - e)                dn/dt = phi ( alpha_n (1 - n) - beta_n n )
        alpha_n = 0.1 L( (-34 - v)/10 )     beta_n = 0.125 exp( (-44 - v)/80 )              L(x) = x / (exp(x) - 1)

    Units: v, e in mV; rates in 1/ms; gbar in S/cm2; i in mA/cm2, outwards positive. The rate alpha_n has the scale
    alpha_n_rate, the potential alpha_n_v and the slope alpha_n_k, and so on.

    Reference: Wang & Buzsaki, J. Neurosci. 16, 6402-6413 (1996), doi 10.1523/JNEUROSCI.16-20-06402.1996.
    """

    ion = "k"

    gbar = param(0.009, "S/cm2", "maximal conductance", nonnegative=True)
    e = param(-90.0, "mV", "potassium reversal potential")
    phi = param(5.0, "1", "speed of the gates", positive=True)
    alpha_n_rate = param(0.1, "1/ms", "delayed rectifier: opening at alpha_n_v", positive=True)
    alpha_n_v = param(-34.0, "mV", "delayed rectifier: potential of the opening rate")
    alpha_n_k = param(10.0, "mV", "delayed rectifier: slope of the opening rate", positive=True)
    beta_n_rate = param(0.125, "1/ms", "delayed rectifier: closing at beta_n_v", positive=True)
    beta_n_v = param(-44.0, "mV", "delayed rectifier: potential of the closing rate")
    beta_n_k = param(80.0, "mV", "delayed rectifier: slope of the closing rate", positive=True)
    v = entry("mV", "membrane potential")
    n = state(0.0, "1", "activation of the delayed rectifier")

    def dynamics(self, s: Any, i: Any) -> dict[str, Any]:
        return dict(n=rectifier(self, i, self.phi))

    def conductance(self, s: Any, i: Any) -> Any:
        return self.gbar * s.n**4


__all__ = ["K_WB"]
