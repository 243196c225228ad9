"""The sodium current of a hippocampal pyramidal cell."""

from __future__ import annotations

from typing import Any

from rheobase.channels.channel import Channel
from rheobase.channels.squid_axon import inactivation
from rheobase.core import entry, param, state
from rheobase.core.equations.rates import gate, linoid


class Na_TM(Channel):
    """The sodium current of a hippocampal pyramidal cell.

        i = gbar m^3 h (v - e)              dx/dt = alpha_x (1 - x) - beta_x x for x = m, h;  u = v - v_T
        alpha_m = 0.32 * 4 L( (13 - u)/4 )  beta_m = 0.28 * 5 L( (u - 40)/5 )
        alpha_h = 0.128 exp( (17 - u)/18 )  beta_h = 4 / ( 1 + exp( (40 - u)/5 ) )          L(x) = x / (exp(x) - 1)

    Units: v, e in mV; rates in 1/ms; gbar in S/cm2; i in mA/cm2, outwards positive. The rate alpha_m has the scale
    alpha_m_rate, the potential alpha_m_v and the slope alpha_m_k, and so on.

    Reference: Traub & Miles, Neuronal Networks of the Hippocampus, Cambridge University Press (1991), in the form of
    Brette et al., J. Comput. Neurosci. 23, 349-398 (2007), doi 10.1007/s10827-007-0038-6.
    """

    ion = "na"

    gbar = param(0.1, "S/cm2", "maximal conductance", nonnegative=True)
    e = param(50.0, "mV", "sodium reversal potential")
    v_T = param(-63.0, "mV", "shift of all rates: sets the threshold")
    alpha_m_rate = param(1.28, "1/ms", "sodium activation: opening at alpha_m_v", positive=True)
    alpha_m_v = param(13.0, "mV", "sodium activation: potential of the opening rate, above v_T")
    alpha_m_k = param(4.0, "mV", "sodium activation: slope of the opening rate", positive=True)
    beta_m_rate = param(1.4, "1/ms", "sodium activation: closing at beta_m_v", positive=True)
    beta_m_v = param(40.0, "mV", "sodium activation: potential of the closing rate, above v_T")
    beta_m_k = param(5.0, "mV", "sodium activation: slope of the closing rate", positive=True)
    alpha_h_rate = param(0.128, "1/ms", "sodium inactivation: opening at alpha_h_v", positive=True)
    alpha_h_v = param(17.0, "mV", "sodium inactivation: potential of the opening rate, above v_T")
    alpha_h_k = param(18.0, "mV", "sodium inactivation: slope of the opening rate", positive=True)
    beta_h_rate = param(4.0, "1/ms", "sodium inactivation: largest closing rate", positive=True)
    beta_h_v = param(40.0, "mV", "sodium inactivation: potential of half the closing rate, above v_T")
    beta_h_k = param(5.0, "mV", "sodium inactivation: slope of the closing rate", positive=True)
    v = entry("mV", "membrane potential")
    m = state(0.0, "1", "sodium activation")
    h = state(1.0, "1", "sodium inactivation: 1 is open")

    def dynamics(self, s: Any, i: Any) -> dict[str, Any]:
        u = i - self.v_T
        alpha_m = self.alpha_m_rate * linoid((self.alpha_m_v - u) / self.alpha_m_k)
        beta_m = self.beta_m_rate * linoid((u - self.beta_m_v) / self.beta_m_k)
        return dict(m=gate(alpha_m, beta_m), h=inactivation(self, u))

    def conductance(self, s: Any, i: Any) -> Any:
        return self.gbar * s.m**3 * s.h


__all__ = ["Na_TM"]
