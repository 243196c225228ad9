"""The persistent sodium current with an activation that takes time."""

from __future__ import annotations

from typing import Any

import torch

from rheobase.channels.channel import Channel
from rheobase.core import entry, param, relax, state
from rheobase.core.equations.rates import linoid


class Nap_Et2(Channel):
    """The persistent sodium current with an activation that takes time.

        i = gbar m^3 h (v - e)          m_inf = sigma( (v + 52.6)/4.6 )         phi = 2.3^1.3
        alpha_m = 0.182 * 6 L( -(v + 38)/6 )              beta_m = 0.124 * 6 L( (v + 38)/6 )
        tau_m = 6 / (phi (alpha_m + beta_m))
        alpha_h = 2.88e-6 * 4.63 L( (v + 17)/4.63 )       beta_h = 6.94e-6 * 2.63 L( -(v + 64.4)/2.63 )
        h_inf = sigma( -(v + 48.8)/10 )                   tau_h = 1 / (phi (alpha_h + beta_h))
        L(x) = x / (exp(x) - 1)

    Units: v, e in mV; rates in 1/ms, at every temperature; gbar in S/cm2; i in mA/cm2, outwards positive.

    Reference: Magistretti & Alonso, J. Gen. Physiol. 114, 491-509 (1999), doi 10.1085/jgp.114.4.491,
    in the form of Hay et al., PLoS Comput. Biol. 7, e1002107 (2011), doi 10.1371/journal.pcbi.1002107.
    """

    ion = "na"

    gbar = param(1e-5, "S/cm2", "maximal conductance", nonnegative=True)
    e = param(53.0, "mV", "sodium reversal potential")
    v = entry("mV", "membrane potential")
    m = state(0.0, "1", "activation")
    h = state(1.0, "1", "inactivation: 1 is open")

    def dynamics(self, s: Any, i: Any) -> dict[str, Any]:
        phi, x = 2.3**1.3, (i + 38.0) / 6.0
        opens = 0.182 * 6.0 * linoid(-x) + 0.124 * 6.0 * linoid(x)
        closes = 2.88e-6 * 4.63 * linoid((i + 17.0) / 4.63) + 6.94e-6 * 2.63 * linoid(-(i + 64.4) / 2.63)
        return dict(
            m=relax(torch.sigmoid((i + 52.6) / 4.6), rate=phi / 6.0 * opens),
            h=relax(torch.sigmoid(-(i + 48.8) / 10.0), rate=phi * closes),
        )

    def conductance(self, s: Any, i: Any) -> Any:
        return self.gbar * s.m**3 * s.h


__all__ = ["Nap_Et2"]
