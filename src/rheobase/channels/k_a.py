"""The A-current of a crustacean axon."""

from __future__ import annotations

from typing import Any

import torch

from rheobase.channels.channel import Channel
from rheobase.core import entry, param, relax, state
from rheobase.core.equations.rates import exponential


class K_A(Channel):
    """The transient potassium current of crustacean walking-leg axons, the A-current.

        i = gbar a^3 b (v - e)
        a_inf = ( 0.0761 exp( (v + 94.22)/31.84 ) / ( 1 + exp( (v + 1.17)/28.93 ) ) )^(1/3)
        tau_a = 0.3632 + 1.158 / ( 1 + exp( (v + 55.96)/20.12 ) )
        b_inf = 1 / ( 1 + exp( (v + 53.3)/14.54 ) )^4
        tau_b = 1.24 + 2.678 / ( 1 + exp( (v + 50)/16.027 ) )

    Units: v, e in mV; tau in ms; gbar in S/cm2; i in mA/cm2, outwards positive.

    Differs from the paper: the equations as in Dayan & Abbott, where the reciprocals of the slopes have three digits.

    Reference: Connor, Walter & McKown, Biophys. J. 18, 81-102 (1977), doi 10.1016/S0006-3495(77)85598-7; Dayan &
    Abbott, Theoretical Neuroscience, MIT Press (2001), chapter 6.
    """

    ion = "k"

    gbar = param(0.0477, "S/cm2", "maximal conductance", nonnegative=True)
    e = param(-75.0, "mV", "potassium reversal potential")
    a_scale = param(0.0761, "1", "A-current: third power of the activation at a_v, far below a_cut_v", positive=True)
    a_v = param(-94.22, "mV", "A-current: potential of the activation")
    a_k = param(31.84, "mV", "A-current: slope of the activation", positive=True)
    a_cut_v = param(-1.17, "mV", "A-current: potential where the activation saturates")
    a_cut_k = param(28.93, "mV", "A-current: slope of that saturation", positive=True)
    a_tau_min = param(0.3632, "ms", "A-current: least time constant of the activation", positive=True)
    a_tau_span = param(1.158, "ms", "A-current: how much longer it is at low potentials", positive=True)
    a_tau_v = param(-55.96, "mV", "A-current: potential halfway between")
    a_tau_k = param(20.12, "mV", "A-current: slope there", positive=True)
    b_v = param(-53.3, "mV", "A-current: potential of the inactivation")
    b_k = param(14.54, "mV", "A-current: slope of the inactivation", positive=True)
    b_tau_min = param(1.24, "ms", "A-current: least time constant of the inactivation", positive=True)
    b_tau_span = param(2.678, "ms", "A-current: how much longer it is at low potentials", positive=True)
    b_tau_v = param(-50.0, "mV", "A-current: potential halfway between")
    b_tau_k = param(16.027, "mV", "A-current: slope there", positive=True)
    v = entry("mV", "membrane potential")
    a = state(0.0, "1", "activation of the A-current")
    b = state(1.0, "1", "inactivation of the A-current: 1 is open")

    def dynamics(self, s: Any, i: Any) -> dict[str, Any]:
        rise = self.a_scale * exponential((i - self.a_v) / self.a_k)
        cubed = rise / (1.0 + exponential((i - self.a_cut_v) / self.a_cut_k))
        a_inf = torch.exp(torch.log(cubed) / 3.0)
        b_inf = torch.sigmoid((self.b_v - i) / self.b_k) ** 4
        tau_a = self.a_tau_min + self.a_tau_span * torch.sigmoid((self.a_tau_v - i) / self.a_tau_k)
        tau_b = self.b_tau_min + self.b_tau_span * torch.sigmoid((self.b_tau_v - i) / self.b_tau_k)
        return dict(a=relax(a_inf, tau_a), b=relax(b_inf, tau_b))

    def conductance(self, s: Any, i: Any) -> Any:
        return self.gbar * s.a**3 * s.b


__all__ = ["K_A"]
