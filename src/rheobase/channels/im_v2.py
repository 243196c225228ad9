"""The muscarinic potassium current of dendrites."""

from __future__ import annotations

from typing import Any

from rheobase.channels.channel import Channel
from rheobase.core import entry, param, relax, state
from rheobase.core.equations.rates import exponential, q10


class Im_v2(Channel):
    """The muscarinic potassium current (M current), in the form for dendrites.

        i = gbar m (v - e)          phi = 2.3^((celsius - 30)/10)
        alpha = 0.007 exp( 2.4 (v + 48)/26.12 )      beta = 0.007 exp( -3.6 (v + 48)/26.12 )
        m_inf = alpha / (alpha + beta)               tau_m = (15 + 1/(alpha + beta)) / phi

    Units: v, e in mV; rates in 1/ms; gbar in S/cm2; i in mA/cm2, outwards positive. 26.12 mV is RT/F near 30 degC and
    does not follow the temperature; the floor of 15 ms is divided by phi as well.

    Reference: Vervaeke, Gu, Agdestein, Hu & Storm, J. Physiol. 576, 235-256 (2006), doi 10.1113/jphysiol.2006.111336.
    """

    ion = "k"

    gbar = param(1e-5, "S/cm2", "maximal conductance", nonnegative=True)
    e = param(-107.0, "mV", "potassium reversal potential")
    celsius = param(34.0, "degC", "temperature")
    v = entry("mV", "membrane potential")
    m = state(0.0, "1", "activation")

    def dynamics(self, s: Any, i: Any) -> dict[str, Any]:
        alpha, beta = 0.007 * exponential(2.4 * (i + 48.0) / 26.12), 0.007 * exponential(-3.6 * (i + 48.0) / 26.12)
        total = alpha + beta
        return dict(m=relax(alpha / total, (15.0 + 1.0 / total) / q10(self.celsius, 30.0)))

    def conductance(self, s: Any, i: Any) -> Any:
        return self.gbar * s.m


__all__ = ["Im_v2"]
