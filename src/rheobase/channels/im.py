"""The muscarinic potassium current."""

from __future__ import annotations

from typing import Any

from rheobase.channels.channel import Channel
from rheobase.core import entry, param, state
from rheobase.core.equations.rates import exponential, gate, q10


class Im(Channel):
    """The muscarinic potassium current (M current).

        i = gbar m (v - e)                  phi = 2.3^((celsius - 21)/10)
        alpha = 0.0033 exp( 0.1 (v + 35) )  beta = 0.0033 exp( -0.1 (v + 35) )      dm/dt = phi (alpha (1 - m) - beta m)

    Units: v, e in mV; rates in 1/ms; gbar in S/cm2; i in mA/cm2, outwards positive.

    Reference: Adams, Brown & Constanti, J. Physiol. 330, 537-572 (1982), doi 10.1113/jphysiol.1982.sp014357.
    """

    ion = "k"

    gbar = param(1e-5, "S/cm2", "maximal conductance", nonnegative=True)
    e = param(-107.0, "mV", "potassium reversal potential")
    celsius = param(34.0, "degC", "temperature")
    v = entry("mV", "membrane potential")
    m = state(0.0, "1", "activation")

    def dynamics(self, s: Any, i: Any) -> dict[str, Any]:
        x = 0.1 * (i + 35.0)
        return dict(m=gate(0.0033 * exponential(x), 0.0033 * exponential(-x), q10(self.celsius, 21.0)))

    def conductance(self, s: Any, i: Any) -> Any:
        return self.gbar * s.m


__all__ = ["Im"]
