"""The transient potassium current of perisomatic models."""

from __future__ import annotations

from typing import Any

import torch

from rheobase.channels.channel import Channel
from rheobase.core import entry, param, relax, state
from rheobase.core.equations.rates import q10


class K_T(Channel):
    """The transient (A-type) potassium current of layer 5 somata, as perisomatic models have it.

        i = gbar m^4 h (v - e)              phi = 2.3^((celsius - 21)/10)
        m_inf = sigma( (v + 47)/29 )        tau_m = (0.34 + 0.92 exp( -((v + 71)/59)^2 )) / phi
        h_inf = sigma( -(v + 66)/10 )       tau_h = (8 + 49 exp( -((v + 73)/23)^2 )) / phi

    Units: v, e in mV; tau in ms; gbar in S/cm2; i in mA/cm2, outwards positive.

    Reference: Korngreen & Sakmann, J. Physiol. 525, 621-639 (2000), doi 10.1111/j.1469-7793.2000.00621.x.
    """

    ion = "k"

    gbar = param(1e-5, "S/cm2", "maximal conductance", nonnegative=True)
    e = param(-107.0, "mV", "potassium reversal potential")
    celsius = param(34.0, "degC", "temperature")
    v = entry("mV", "membrane potential")
    m = state(0.0, "1", "activation")
    h = state(1.0, "1", "inactivation: 1 is open")

    def dynamics(self, s: Any, i: Any) -> dict[str, Any]:
        phi = q10(self.celsius, 21.0)
        tau_m = (0.34 + 0.92 * torch.exp(-(((i + 71.0) / 59.0) ** 2))) / phi
        tau_h = (8.0 + 49.0 * torch.exp(-(((i + 73.0) / 23.0) ** 2))) / phi
        return dict(m=relax(torch.sigmoid((i + 47.0) / 29.0), tau_m), h=relax(torch.sigmoid(-(i + 66.0) / 10.0), tau_h))

    def conductance(self, s: Any, i: Any) -> Any:
        return self.gbar * s.m**4 * s.h


__all__ = ["K_T"]
