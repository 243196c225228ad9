"""The sodium current of a fast-spiking interneuron."""

from __future__ import annotations

from typing import Any

from rheobase.channels.channel import Channel
from rheobase.channels.squid_axon import activation, inactivation
from rheobase.core import entry, param, state


class Na_WB(Channel):
    """The sodium current of a fast-spiking hippocampal interneuron, whose activation is instantaneous.

        i = gbar m_inf^3 h (v - e)          m_inf = alpha_m / (alpha_m + beta_m)
        dh/dt = phi ( alpha_h (1 - h) - beta_h h )
        alpha_m = 1 L( (-35 - v)/10 )       beta_m = 4 exp( (-60 - v)/18 )
        alpha_h = 0.07 exp( (-58 - v)/20 )  beta_h = 1 / ( 1 + exp( (-28 - v)/10 ) )        L(x) = x / (exp(x) - 1)

    Units: v, e in mV; rates in 1/ms; gbar in S/cm2; i in mA/cm2, outwards positive. The rate alpha_m has the scale
    alpha_m_rate, the potential alpha_m_v and the slope alpha_m_k, and so on.

    Reference: Wang & Buzsaki, J. Neurosci. 16, 6402-6413 (1996), doi 10.1523/JNEUROSCI.16-20-06402.1996.
    """

    ion = "na"

    gbar = param(0.035, "S/cm2", "maximal conductance", nonnegative=True)
    e = param(55.0, "mV", "sodium reversal potential")
    phi = param(5.0, "1", "speed of the gates", positive=True)
    alpha_m_rate = param(1.0, "1/ms", "sodium activation: opening at alpha_m_v", positive=True)
    alpha_m_v = param(-35.0, "mV", "sodium activation: potential of the opening rate")
    alpha_m_k = param(10.0, "mV", "sodium activation: slope of the opening rate", positive=True)
    beta_m_rate = param(4.0, "1/ms", "sodium activation: closing at beta_m_v", positive=True)
    beta_m_v = param(-60.0, "mV", "sodium activation: potential of the closing rate")
    beta_m_k = param(18.0, "mV", "sodium activation: slope of the closing rate", positive=True)
    alpha_h_rate = param(0.07, "1/ms", "sodium inactivation: opening at alpha_h_v", positive=True)
    alpha_h_v = param(-58.0, "mV", "sodium inactivation: potential of the opening rate")
    alpha_h_k = param(20.0, "mV", "sodium inactivation: slope of the opening rate", positive=True)
    beta_h_rate = param(1.0, "1/ms", "sodium inactivation: largest closing rate", positive=True)
    beta_h_v = param(-28.0, "mV", "sodium inactivation: potential of half the closing rate")
    beta_h_k = param(10.0, "mV", "sodium inactivation: slope of the closing rate", positive=True)
    v = entry("mV", "membrane potential")
    h = state(1.0, "1", "sodium inactivation: 1 is open")

    def dynamics(self, s: Any, i: Any) -> dict[str, Any]:
        return dict(h=inactivation(self, i, self.phi))

    def conductance(self, s: Any, i: Any) -> Any:
        alpha, beta = activation(self, i)
        return self.gbar * (alpha / (alpha + beta)) ** 3 * s.h


__all__ = ["Na_WB"]
