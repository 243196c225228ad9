"""The low-threshold calcium current of cortical neurons."""

from __future__ import annotations

from typing import Any

import torch

from rheobase.channels.channel import Channel
from rheobase.core import entry, param, relax, state
from rheobase.core.equations.rates import exponential


class Ca_T(Channel):
    """The low-threshold calcium current of cortical neurons, whose activation is instantaneous (T current).

        i = gbar s_inf^2 u (v - e)          S(x) = 1 / (1 + exp(-x))
        s_inf = S( (v + 59)/6.2 )           u_inf = S( -(v + 83)/4 )
        tau_u = ( 30.8 + (211.4 + exp( (v + 115.2)/5 )) S( -(v + 86)/3.2 ) ) / phi_u

    Units: v, e in mV; tau in ms; gbar in S/cm2; i in mA/cm2, outwards positive.

    Differs from the paper: s_inf, u_inf and tau_u have the shift of 2 mV added in; phi_u is 3^1.2, as in the authors'
    code.

    Reference: Pospischil et al., Biol. Cybern. 99, 427-441 (2008), doi 10.1007/s00422-008-0263-8, and the authors' code
    (ModelDB 123623).
    """

    ion = "ca"

    gbar = param(0.0004, "S/cm2", "maximal conductance", nonnegative=True)
    e = param(120.0, "mV", "calcium reversal potential")
    s_v = param(-59.0, "mV", "low-threshold calcium: potential of half activation")
    s_k = param(6.2, "mV", "low-threshold calcium: slope of the activation", positive=True)
    u_v = param(-83.0, "mV", "low-threshold calcium: potential of half inactivation")
    u_k = param(4.0, "mV", "low-threshold calcium: slope of the inactivation", positive=True)
    u_tau_min = param(30.8, "ms", "low-threshold calcium: time constant of inactivation, high v", positive=True)
    u_tau_span = param(211.4, "ms", "low-threshold calcium: how much longer it is at low v", positive=True)
    u_tau_rise = param(1.0, "ms", "low-threshold calcium: growth of the time constant at u_tau_rise_v", positive=True)
    u_tau_rise_v = param(-115.2, "mV", "low-threshold calcium: potential of that growth")
    u_tau_rise_k = param(5.0, "mV", "low-threshold calcium: slope of that growth", positive=True)
    u_tau_v = param(-86.0, "mV", "low-threshold calcium: potential where the time constant falls")
    u_tau_k = param(3.2, "mV", "low-threshold calcium: slope of that fall", positive=True)
    phi_u = param(3.7372, "1", "low-threshold calcium: speed of inactivation", positive=True)
    v = entry("mV", "membrane potential")
    u = state(1.0, "1", "inactivation of the low-threshold calcium current: 1 is open")

    def dynamics(self, s: Any, i: Any) -> dict[str, Any]:
        growth = self.u_tau_rise * exponential((i - self.u_tau_rise_v) / self.u_tau_rise_k)
        fall = torch.sigmoid((self.u_tau_v - i) / self.u_tau_k)
        tau = (self.u_tau_min + (self.u_tau_span + growth) * fall) / self.phi_u
        return dict(u=relax(torch.sigmoid((self.u_v - i) / self.u_k), tau))

    def conductance(self, s: Any, i: Any) -> Any:
        return self.gbar * torch.sigmoid((i - self.s_v) / self.s_k) ** 2 * s.u


__all__ = ["Ca_T"]
