"""The sodium current of the squid's axon."""

from __future__ import annotations

from typing import Any

from rheobase.channels.channel import Channel
from rheobase.channels.squid_axon import activation, inactivation
from rheobase.core import entry, param, state
from rheobase.core.equations.rates import gate


class Na_HH(Channel):
    """The sodium current of the squid's giant axon, at 6.3 degrees Celsius.

        i = gbar m^3 h (v - e)              dx/dt = alpha_x (1 - x) - beta_x x for x = m, h
        alpha_m = 1 L( (-40 - v)/10 )       beta_m = 4 exp( (-65 - v)/18 )
        alpha_h = 0.07 exp( (-65 - v)/20 )  beta_h = 1 / ( 1 + exp( (-35 - v)/10 ) )        L(x) = x / (exp(x) - 1)

    Units: v, e in mV; rates in 1/ms; gbar in S/cm2; i in mA/cm2, outwards positive. The rate alpha_m has the scale
    alpha_m_rate, the potential alpha_m_v and the slope alpha_m_k, and so on.

    Differs from the paper: potentials are absolute, inside minus outside, with the rest at -65 mV.

    Reference: Hodgkin & Huxley, J. Physiol. 117, 500-544 (1952), doi 10.1113/jphysiol.1952.sp004764, eq. 20, 21,
    23 and 24.
    """

    ion = "na"

    gbar = param(0.12, "S/cm2", "maximal conductance", nonnegative=True)
    e = param(50.0, "mV", "sodium reversal potential")
    alpha_m_rate = param(1.0, "1/ms", "sodium activation: opening at alpha_m_v", positive=True)
    alpha_m_v = param(-40.0, "mV", "sodium activation: potential of the opening rate")
    alpha_m_k = param(10.0, "mV", "sodium activation: slope of the opening rate", positive=True)
    beta_m_rate = param(4.0, "1/ms", "sodium activation: closing at beta_m_v", positive=True)
    beta_m_v = param(-65.0, "mV", "sodium activation: potential of the closing rate")
    beta_m_k = param(18.0, "mV", "sodium activation: slope of the closing rate", positive=True)
    alpha_h_rate = param(0.07, "1/ms", "sodium inactivation: opening at alpha_h_v", positive=True)
    alpha_h_v = param(-65.0, "mV", "sodium inactivation: potential of the opening rate")
    alpha_h_k = param(20.0, "mV", "sodium inactivation: slope of the opening rate", positive=True)
    beta_h_rate = param(1.0, "1/ms", "sodium inactivation: largest closing rate", positive=True)
    beta_h_v = param(-35.0, "mV", "sodium inactivation: potential of half the closing rate")
    beta_h_k = param(10.0, "mV", "sodium inactivation: slope of the closing rate", positive=True)
    v = entry("mV", "membrane potential")
    m = state(0.0, "1", "sodium activation")
    h = state(1.0, "1", "sodium inactivation: 1 is open")

    def dynamics(self, s: Any, i: Any) -> dict[str, Any]:
        return dict(m=gate(*activation(self, i)), h=inactivation(self, i))

    def conductance(self, s: Any, i: Any) -> Any:
        return self.gbar * s.m**3 * s.h


__all__ = ["Na_HH"]
