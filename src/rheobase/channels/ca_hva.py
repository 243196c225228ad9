"""The high-voltage-activated calcium current."""

from __future__ import annotations

from typing import Any

import torch

from rheobase.channels.channel import Channel
from rheobase.core import entry, param, state
from rheobase.core.equations.rates import exponential, gate, linoid


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
    v = entry("mV", "membrane potential")
    m = state(0.0, "1", "activation")
    h = state(1.0, "1", "inactivation: 1 is open")

    def dynamics(self, s: Any, i: Any) -> dict[str, Any]:
        m = gate(0.055 * 3.8 * linoid((-27.0 - i) / 3.8), 0.94 * exponential((-75.0 - i) / 17.0))
        h = gate(0.000457 * exponential((-13.0 - i) / 50.0), 0.0065 * torch.sigmoid((i + 15.0) / 28.0))
        return dict(m=m, h=h)

    def conductance(self, s: Any, i: Any) -> Any:
        return self.gbar * s.m**2 * s.h


__all__ = ["Ca_HVA"]
