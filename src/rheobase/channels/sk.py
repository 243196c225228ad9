"""The potassium current that calcium opens."""

from __future__ import annotations

from typing import Any

import torch

from rheobase.channels.channel import Channel
from rheobase.core import entry, param, relax, state


class SK(Channel):
    """The potassium current that calcium opens (small conductance).

        i = gbar z (v - e)      z_inf = 1 / (1 + (0.00043/c)^4.8)      tau_z = 1 ms

    Units: v, e in mV; ca in mM; gbar in S/cm2; i in mA/cm2, outwards positive. c is ca, or ca + 1e-7 below 1e-7 mM.

    Reference: Kohler et al., Science 273, 1709-1714 (1996), doi 10.1126/science.273.5282.1709.
    """

    ion = "k"

    gbar = param(1e-6, "S/cm2", "maximal conductance", nonnegative=True)
    e = param(-107.0, "mV", "potassium reversal potential")
    v = entry("mV", "membrane potential")
    ca = entry("mM", "calcium concentration inside")
    z = state(0.0, "1", "activation")

    def dynamics(self, s: Any, i: Any) -> dict[str, Any]:
        c = torch.where(i.ca < 1e-7, i.ca + 1e-7, i.ca)
        # 1/(1 + (k/c)^n) as a sigmoid of n log(c/k): the power overflows in float32 where there is little calcium
        return dict(z=relax(torch.sigmoid(4.8 * torch.log(c / 0.00043)), 1.0))

    def conductance(self, s: Any, i: Any) -> Any:
        return self.gbar * s.z


__all__ = ["SK"]
