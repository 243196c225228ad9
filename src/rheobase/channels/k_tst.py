"""The transient potassium current of layer 5 somata."""

from __future__ import annotations

from typing import Any

import torch

from rheobase.channels.channel import Channel
from rheobase.core import entry, param, relax, state


class K_Tst(Channel):
    """The transient (A-type) potassium current of layer 5 somata.

        i = gbar m^4 h (v - e)          u = v + 10
        m_inf = sigma( u/19 )           tau_m = (0.34 + 0.92 exp( -((u + 71)/59)^2 )) / phi
        h_inf = sigma( -(u + 66)/10 )   tau_h = (8 + 49 exp( -((u + 73)/23)^2 )) / phi       phi = 2.3^1.3

    Units: v, e in mV; tau in ms; gbar in S/cm2; i in mA/cm2, outwards positive.

    Differs from the paper: u corrects its potentials by a junction potential of 10 mV, and phi (34 against 21 degC)
    stays the same at every temperature, both as the published model files have it. `K_T` has neither.

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
        tau_m = (0.34 + 0.92 * torch.exp(-(((u + 71.0) / 59.0) ** 2))) / phi
        tau_h = (8.0 + 49.0 * torch.exp(-(((u + 73.0) / 23.0) ** 2))) / phi
        return dict(m=relax(torch.sigmoid(u / 19.0), tau_m), h=relax(torch.sigmoid(-(u + 66.0) / 10.0), tau_h))

    def conductance(self, s: Any, i: Any) -> Any:
        return self.gbar * s.m**4 * s.h


__all__ = ["K_Tst"]
