"""The slow delayed rectifier of Kv2 type."""

from __future__ import annotations

from typing import Any

import torch

from rheobase.channels.channel import Channel
from rheobase.core import entry, param, relax, state
from rheobase.core.equations.rates import exponential, gate, linoid, q10


class Kv2like(Channel):
    """The slow delayed rectifier of Kv2 type, with two inactivations of one target.

        i = gbar m^2 (h1 + h2)/2 (v - e)                phi = 2.3^((celsius - 21)/10)
        alpha_m = 0.12 * 11 L( -(v - 43)/11 )           beta_m = 0.02 exp( -(v + 1.27)/120 )
        m_inf = alpha_m / (alpha_m + beta_m)            tau_m = 2.5 / (phi (alpha_m + beta_m))
        h_inf = sigma( -(v + 58)/11 )                   L(x) = x / (exp(x) - 1)
        tau_h1 = (360 + (1010 + 23.7 (v + 54)) exp( -((v + 75)/48)^2 )) / phi
        tau_h2 = (2350 + 1380 exp( -0.011 v ) - 210 exp( -0.03 v )) / phi, and 0.001 ms where that is below 0

    Units: v, e in mV; tau in ms; gbar in S/cm2; i in mA/cm2, outwards positive. tau_h2 is below 0 from -119 mV down.

    Reference: Keren, Peled & Korngreen, J. Neurophysiol. 94, 3730-3742 (2005), doi 10.1152/jn.00408.2005; Liu & Bean,
    J. Neurosci. 34, 4991-5002 (2014), doi 10.1523/JNEUROSCI.1925-13.2014.
    """

    ion = "k"

    gbar = param(1e-5, "S/cm2", "maximal conductance", nonnegative=True)
    e = param(-107.0, "mV", "potassium reversal potential")
    celsius = param(34.0, "degC", "temperature")
    v = entry("mV", "membrane potential")
    m = state(0.0, "1", "activation")
    h1 = state(1.0, "1", "faster inactivation: 1 is open")
    h2 = state(1.0, "1", "slower inactivation: 1 is open")

    def dynamics(self, s: Any, i: Any) -> dict[str, Any]:
        phi = q10(self.celsius, 21.0)
        alpha, beta = 0.12 * 11.0 * linoid(-(i - 43.0) / 11.0), 0.02 * exponential(-(i + 1.27) / 120.0)
        h = torch.sigmoid(-(i + 58.0) / 11.0)
        tau_h1 = (360.0 + (1010.0 + 23.7 * (i + 54.0)) * torch.exp(-(((i + 75.0) / 48.0) ** 2))) / phi
        tau_h2 = (2350.0 + 1380.0 * exponential(-0.011 * i) - 210.0 * exponential(-0.03 * i)) / phi
        return dict(
            m=gate(alpha, beta, phi / 2.5), h1=relax(h, tau_h1), h2=relax(h, torch.where(tau_h2 < 0.0, 0.001, tau_h2))
        )

    def conductance(self, s: Any, i: Any) -> Any:
        return self.gbar * s.m**2 * (0.5 * (s.h1 + s.h2))


__all__ = ["Kv2like"]
