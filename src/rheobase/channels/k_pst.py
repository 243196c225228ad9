"""The persistent potassium current of layer 5 somata."""

from __future__ import annotations

from typing import Any

import torch

from rheobase.channels.channel import Channel
from rheobase.core import entry, param, relax, state
from rheobase.core.equations.rates import exponential


class K_Pst(Channel):
    """The persistent (slow) potassium current of layer 5 somata.

        i = gbar m^2 h (v - e)              u = v + 10,  phi = 2.3^1.3
        m_inf = sigma( (u + 1)/12 )         tau_m = (1.25 + 175.03 exp( 0.026 u )) / phi  where u < -50,
                                                    (1.25 + 13 exp( -0.026 u )) / phi     beyond
        h_inf = sigma( -(u + 54)/11 )       tau_h = (360 + (1010 + 24 (u + 55)) exp( -((u + 75)/48)^2 )) / phi

    Units: v, e in mV; tau in ms; gbar in S/cm2; i in mA/cm2, outwards positive. The branches of tau_m differ by 8e-6
    of its value where they meet.

    Differs from the paper: u corrects its potentials by a junction potential of 10 mV, and phi (34 against 21 degC)
    stays the same at every temperature, both as the published model files have it. `K_P` has neither.

    Reference: Korngreen & Sakmann, J. Physiol. 525, 621-639 (2000), doi 10.1111/j.1469-7793.2000.00621.x.
    """

    ion = "k"

    gbar = param(1e-5, "S/cm2", "maximal conductance", nonnegative=True)
    e = param(-107.0, "mV", "potassium reversal potential")
    v = entry("mV", "membrane potential")
    m = state(0.0, "1", "activation")
    h = state(1.0, "1", "inactivation: 1 is open")

    def dynamics(self, s: Any, i: Any) -> dict[str, Any]:
        u, phi = i + 10.0, 2.3**1.3
        slow = torch.where(u < -50.0, 175.03 * exponential(0.026 * u), 13.0 * exponential(-0.026 * u))
        tau_h = (360.0 + (1010.0 + 24.0 * (u + 55.0)) * torch.exp(-(((u + 75.0) / 48.0) ** 2))) / phi
        return dict(
            m=relax(torch.sigmoid((u + 1.0) / 12.0), (1.25 + slow) / phi),
            h=relax(torch.sigmoid(-(u + 54.0) / 11.0), tau_h),
        )

    def conductance(self, s: Any, i: Any) -> Any:
        return self.gbar * s.m**2 * s.h


__all__ = ["K_Pst"]
