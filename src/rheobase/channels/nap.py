"""The persistent sodium current."""

from __future__ import annotations

from typing import Any

import torch

from rheobase.channels.channel import Channel
from rheobase.core import entry, param, relax, state
from rheobase.core.equations.rates import linoid, q10


class Nap(Channel):
    """The persistent sodium current, whose activation follows the potential at once.

        i = gbar m_inf h (v - e)        m_inf = sigma( (v + 52.6)/4.6 )         phi = 2.3^((celsius - 21)/10)
        alpha_h = 2.88e-6 * 4.63 L( (v + 17)/4.63 )       beta_h = 6.94e-6 * 2.63 L( -(v + 64.4)/2.63 )
        h_inf = sigma( -(v + 48.8)/10 )                   tau_h = 1 / (phi (alpha_h + beta_h))
        L(x) = x / (exp(x) - 1)

    Units: v, e in mV; rates in 1/ms; gbar in S/cm2; i in mA/cm2, outwards positive.

    Numerics: the slope of the current, which an implicit step needs, includes that of m_inf.

    Reference: Magistretti & Alonso, J. Gen. Physiol. 114, 491-509 (1999), doi 10.1085/jgp.114.4.491.
    """

    ion = "na"

    gbar = param(1e-5, "S/cm2", "maximal conductance", nonnegative=True)
    e = param(53.0, "mV", "sodium reversal potential")
    celsius = param(34.0, "degC", "temperature")
    v = entry("mV", "membrane potential")
    h = state(1.0, "1", "inactivation: 1 is open")

    def dynamics(self, s: Any, i: Any) -> dict[str, Any]:
        alpha = 2.88e-6 * 4.63 * linoid((i + 17.0) / 4.63)
        beta = 6.94e-6 * 2.63 * linoid(-(i + 64.4) / 2.63)
        return dict(h=relax(torch.sigmoid(-(i + 48.8) / 10.0), rate=q10(self.celsius, 21.0) * (alpha + beta)))

    def conductance(self, s: Any, i: Any) -> Any:
        return self.gbar * torch.sigmoid((i + 52.6) / 4.6) * s.h


__all__ = ["Nap"]
