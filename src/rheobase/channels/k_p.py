"""The persistent potassium current of perisomatic models."""

from __future__ import annotations

from typing import Any

import torch

from rheobase.channels.channel import Channel
from rheobase.core import entry, param, relax, state
from rheobase.core.equations.rates import exponential, q10


class K_P(Channel):
    """The persistent (slow) potassium current of layer 5 somata, as perisomatic models have it.

        i = gbar m^2 h (v - e)              phi = 2.3^((celsius - 21)/10)
        m_inf = sigma( (v + 14.3)/14.6 )    tau_m = (1.25 + 175.03 exp( 0.026 v )) / phi  where v < -50,
                                                    (1.25 + 13 exp( -0.026 v )) / phi     beyond
        h_inf = sigma( -(v + 54)/11 )       tau_h = (360 + (1010 + 24 (v + 55)) exp( -((v + 75)/48)^2 )) / phi

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
        slow = torch.where(i < -50.0, 175.03 * exponential(0.026 * i), 13.0 * exponential(-0.026 * i))
        tau_h = (360.0 + (1010.0 + 24.0 * (i + 55.0)) * torch.exp(-(((i + 75.0) / 48.0) ** 2))) / phi
        return dict(
            m=relax(torch.sigmoid((i + 14.3) / 14.6), (1.25 + slow) / phi),
            h=relax(torch.sigmoid(-(i + 54.0) / 11.0), tau_h),
        )

    def conductance(self, s: Any, i: Any) -> Any:
        return self.gbar * s.m**2 * s.h


__all__ = ["K_P"]
