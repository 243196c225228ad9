"""The high-voltage-activated calcium current."""

from __future__ import annotations

from typing import Any

from rheobase.channels.channel import Channel
from rheobase.channels.squid_axon import activation, inactivation
from rheobase.core import entry, param, state
from rheobase.core.equations.rates import gate


class Ca_HVA(Channel):
    """The high-voltage-activated calcium current.

        i = gbar m^2 h (v - e)
        alpha_m = 0.055 * 3.8 L( (-27 - v)/3.8 )        beta_m = 0.94 exp( (-75 - v)/17 )
        alpha_h = 0.000457 exp( (-13 - v)/50 )          beta_h = 0.0065 / (1 + exp( (-v - 15)/28 ))
        L(x) = x / (exp(x) - 1)

    Units: v, e in mV; rates in 1/ms, at every temperature; gbar in S/cm2; i in mA/cm2, outwards positive.

    Reference: Reuveni, Friedman, Amitai & Gutnick, J. Neurosci. 13, 4609-4621 (1993),
    doi 10.1523/JNEUROSCI.13-11-04609.1993.
    """

    ion = "ca"

    gbar = param(1e-5, "S/cm2", "maximal conductance", nonnegative=True)
    e = param(131.0, "mV", "calcium reversal potential")
    alpha_m_rate = param(0.209, "1/ms", "activation: opening at alpha_m_v", positive=True)
    alpha_m_v = param(-27.0, "mV", "activation: potential of the opening rate")
    alpha_m_k = param(3.8, "mV", "activation: slope of the opening rate", positive=True)
    beta_m_rate = param(0.94, "1/ms", "activation: closing at beta_m_v", positive=True)
    beta_m_v = param(-75.0, "mV", "activation: potential of the closing rate")
    beta_m_k = param(17.0, "mV", "activation: slope of the closing rate", positive=True)
    alpha_h_rate = param(0.000457, "1/ms", "inactivation: opening at alpha_h_v", positive=True)
    alpha_h_v = param(-13.0, "mV", "inactivation: potential of the opening rate")
    alpha_h_k = param(50.0, "mV", "inactivation: slope of the opening rate", positive=True)
    beta_h_rate = param(0.0065, "1/ms", "inactivation: largest closing rate", positive=True)
    beta_h_v = param(-15.0, "mV", "inactivation: potential of half the closing rate")
    beta_h_k = param(28.0, "mV", "inactivation: slope of the closing rate", positive=True)
    v = entry("mV", "membrane potential")
    m = state(0.0, "1", "activation")
    h = state(1.0, "1", "inactivation: 1 is open")

    def dynamics(self, s: Any, i: Any) -> dict[str, Any]:
        return dict(m=gate(*activation(self, i)), h=inactivation(self, i))

    def conductance(self, s: Any, i: Any) -> Any:
        return self.gbar * s.m**2 * s.h


__all__ = ["Ca_HVA"]
