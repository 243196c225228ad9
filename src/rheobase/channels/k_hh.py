"""The potassium current of the squid's axon."""

from __future__ import annotations

from typing import Any

from rheobase.channels.channel import Channel
from rheobase.channels.squid_axon import rectifier
from rheobase.core import entry, param, state


class K_HH(Channel):
    """The delayed rectifier of the squid's giant axon, at 6.3 degrees Celsius.

        i = gbar n^4 (v - e)                dn/dt = alpha_n (1 - n) - beta_n n
        alpha_n = 0.1 L( (-55 - v)/10 )     beta_n = 0.125 exp( (-65 - v)/80 )              L(x) = x / (exp(x) - 1)

    Units: v, e in mV; rates in 1/ms; gbar in S/cm2; i in mA/cm2, outwards positive. The rate alpha_n has the scale
    alpha_n_rate, the potential alpha_n_v and the slope alpha_n_k, and so on.

    Differs from the paper: potentials are absolute, inside minus outside, with the rest at -65 mV.

    Reference: Hodgkin & Huxley, J. Physiol. 117, 500-544 (1952), doi 10.1113/jphysiol.1952.sp004764, eq. 12 and
    13.
    """

    ion = "k"

    gbar = param(0.036, "S/cm2", "maximal conductance", nonnegative=True)
    e = param(-77.0, "mV", "potassium reversal potential")
    alpha_n_rate = param(0.1, "1/ms", "delayed rectifier: opening at alpha_n_v", positive=True)
    alpha_n_v = param(-55.0, "mV", "delayed rectifier: potential of the opening rate")
    alpha_n_k = param(10.0, "mV", "delayed rectifier: slope of the opening rate", positive=True)
    beta_n_rate = param(0.125, "1/ms", "delayed rectifier: closing at beta_n_v", positive=True)
    beta_n_v = param(-65.0, "mV", "delayed rectifier: potential of the closing rate")
    beta_n_k = param(80.0, "mV", "delayed rectifier: slope of the closing rate", positive=True)
    v = entry("mV", "membrane potential")
    n = state(0.0, "1", "activation of the delayed rectifier")

    def dynamics(self, s: Any, i: Any) -> dict[str, Any]:
        return dict(n=rectifier(self, i))

    def conductance(self, s: Any, i: Any) -> Any:
        return self.gbar * s.n**4


__all__ = ["K_HH"]
