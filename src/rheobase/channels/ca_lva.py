"""The low-voltage-activated calcium current."""

from __future__ import annotations

from typing import Any

import torch

from rheobase.channels.channel import Channel
from rheobase.core import entry, param, relax, state
from rheobase.core.equations.rates import q10


class Ca_LVA(Channel):
    """The low-voltage-activated calcium current (T type).

        i = gbar m^2 h (v - e)              u = v + 10,  phi = 2.3^((celsius - 21)/10)
        m_inf = sigma( (u + 30)/6 )         tau_m = (5 + 20 / (1 + exp( (u + 25)/5 ))) / phi
        h_inf = sigma( -(u + 80)/6.4 )      tau_h = (20 + 50 / (1 + exp( (u + 40)/7 ))) / phi

    Units: v, e in mV; tau in ms; gbar in S/cm2; i in mA/cm2, outwards positive.

    Reference: Avery & Johnston, J. Neurosci. 16, 5567-5582 (1996), doi 10.1523/JNEUROSCI.16-18-05567.1996; time
    constants of Randall & Tsien, Neuropharmacology 36, 879-893 (1997), doi 10.1016/S0028-3908(97)00086-5.
    """

    ion = "ca"

    gbar = param(1e-5, "S/cm2", "maximal conductance", nonnegative=True)
    e = param(131.0, "mV", "calcium reversal potential")
    celsius = param(34.0, "degC", "temperature")
    v = entry("mV", "membrane potential")
    m = state(0.0, "1", "activation")
    h = state(1.0, "1", "inactivation: 1 is open")

    def dynamics(self, s: Any, i: Any) -> dict[str, Any]:
        u, phi = i + 10.0, q10(self.celsius, 21.0)
        return dict(
            m=relax(torch.sigmoid((u + 30.0) / 6.0), (5.0 + 20.0 * torch.sigmoid(-(u + 25.0) / 5.0)) / phi),
            h=relax(torch.sigmoid(-(u + 80.0) / 6.4), (20.0 + 50.0 * torch.sigmoid(-(u + 40.0) / 7.0)) / phi),
        )

    def conductance(self, s: Any, i: Any) -> Any:
        return self.gbar * s.m**2 * s.h


__all__ = ["Ca_LVA"]
