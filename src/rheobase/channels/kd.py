"""The slowly inactivating potassium current of axons."""

from __future__ import annotations

from typing import Any

import torch

from rheobase.channels.channel import Channel
from rheobase.core import entry, param, relax, state


class Kd(Channel):
    """The slowly inactivating potassium current (D current) of axons.

        i = gbar m h (v - e)
        m_inf = sigma( (v + 43)/8 )         tau_m = 1 ms
        h_inf = sigma( -(v + 67)/7.3 )      tau_h = 1500 ms

    Units: v, e in mV; gbar in S/cm2; i in mA/cm2, outwards positive. The same at every temperature.

    Reference: Foust, Yu, Popovic, Zecevic & McCormick, J. Neurosci. 31, 15490-15498 (2011),
    doi 10.1523/JNEUROSCI.2752-11.2011.
    """

    ion = "k"

    gbar = param(1e-5, "S/cm2", "maximal conductance", nonnegative=True)
    e = param(-107.0, "mV", "potassium reversal potential")
    v = entry("mV", "membrane potential")
    m = state(0.0, "1", "activation")
    h = state(1.0, "1", "inactivation: 1 is open")

    def dynamics(self, s: Any, i: Any) -> dict[str, Any]:
        return dict(m=relax(torch.sigmoid((i + 43.0) / 8.0), 1.0), h=relax(torch.sigmoid(-(i + 67.0) / 7.3), 1500.0))

    def conductance(self, s: Any, i: Any) -> Any:
        return self.gbar * s.m * s.h


__all__ = ["Kd"]
