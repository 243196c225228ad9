"""The delayed rectifier of a hippocampal pyramidal cell."""

from __future__ import annotations

from typing import Any

from rheobase.channels.channel import Channel
from rheobase.channels.squid_axon import rectifier
from rheobase.core import entry, param, state


class K_TM(Channel):
    """The delayed rectifier of a hippocampal pyramidal cell.

        i = gbar n^4 (v - e)                dn/dt = alpha_n (1 - n) - beta_n n;  u = v - v_T
        alpha_n = 0.032 * 5 L( (15 - u)/5 ) beta_n = 0.5 exp( (10 - u)/40 )                 L(x) = x / (exp(x) - 1)

    Units: v, e in mV; rates in 1/ms; gbar in S/cm2; i in mA/cm2, outwards positive. The rate alpha_n has the scale
    alpha_n_rate, the potential alpha_n_v and the slope alpha_n_k, and so on.

    Reference: Traub & Miles, Neuronal Networks of the Hippocampus, Cambridge University Press (1991), in the form of
    Brette et al., J. Comput. Neurosci. 23, 349-398 (2007), doi 10.1007/s10827-007-0038-6.
    """

    ion = "k"

    gbar = param(0.03, "S/cm2", "maximal conductance", nonnegative=True)
    e = param(-90.0, "mV", "potassium reversal potential")
    v_T = param(-63.0, "mV", "shift of all rates: sets the threshold")
    alpha_n_rate = param(0.16, "1/ms", "delayed rectifier: opening at alpha_n_v", positive=True)
    alpha_n_v = param(15.0, "mV", "delayed rectifier: potential of the opening rate, above v_T")
    alpha_n_k = param(5.0, "mV", "delayed rectifier: slope of the opening rate", positive=True)
    beta_n_rate = param(0.5, "1/ms", "delayed rectifier: closing at beta_n_v", positive=True)
    beta_n_v = param(10.0, "mV", "delayed rectifier: potential of the closing rate, above v_T")
    beta_n_k = param(40.0, "mV", "delayed rectifier: slope of the closing rate", positive=True)
    v = entry("mV", "membrane potential")
    n = state(0.0, "1", "activation of the delayed rectifier")

    def dynamics(self, s: Any, i: Any) -> dict[str, Any]:
        return dict(n=rectifier(self, i - self.v_T))

    def conductance(self, s: Any, i: Any) -> Any:
        return self.gbar * s.n**4


__all__ = ["K_TM"]
