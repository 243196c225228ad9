"""Izhikevich's simple model."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from rheobase.core import OdeNeuron, option, param, state


class Izhikevich(OdeNeuron):
    """Simple model of spiking neurons (Izhikevich, 2003), with all twenty patterns of his comparison of 2004.

        dv/dt = quadratic v^2 + linear v + constant - u + i             ( 0.04 v^2 + 5 v + 140 - u + i )
        du/dt = a ( b (v - v_u) - decay u )                             ( a (b v - u) )
        spike when v >= v_peak, then v <- c, u <- u + d

    Shapes: i (time, batch, *shape) in mV/ms; out (time, batch, *shape) in {0, 1}; v in mV, u in mV/ms
    (batch, *shape).

    Raises: `ParameterError` for values that are not finite, and for options that are not among the choices.

    Numerics: ExpEuler is plain Euler here, as in the paper, whose figures take dt from 0.1 to 0.5 ms. The author's code
    moves v first and lets u see where it went: `u_reads="v[t+dt]"`, with Euler. The named sets take it, and fire as his
    loop does, spike for spike in float64, at their dt; bistability, depolarising_after_potential and
    inhibition_induced_bursting are patterns of that scheme at that dt, and do not outlive a finer one. Rest is the
    lower of the two fixed points without input, and the bottom of the parabola where there is none. detach_spike is
    True by default: the upstroke passes through u from spike to spike, and multiplies the gradient at each.

    Differs from the paper: the quadratic's coefficients are parameters, since two patterns (class 1, integrator) take
    4.1 v + 108; v_u and decay are, since one (accommodation) takes du/dt = a b (v + 65). A spike is v >= v_peak, not
    v > v_peak. The paper's numbers have no units; here they do.

    Reference: Izhikevich, IEEE Trans. Neural Netw. 14, 1569-1572 (2003), doi 10.1109/TNN.2003.820440, eq. 1 to 3;
    15, 1063-1070 (2004), doi 10.1109/TNN.2004.832719, fig. 1.

    Example:

        >>> import torch
        >>> spikes, end = Izhikevich(1, dt=0.25)(torch.full((800, 1, 1), 10.0))
        >>> int(spikes.sum())
        5
    """

    a = param(0.02, "1/ms", "rate of the recovery")
    b = param(0.2, "1/ms", "sensitivity of the recovery to the potential")
    c = param(-65.0, "mV", "potential after a spike")
    d = param(8.0, "mV/ms", "jump of the recovery at a spike")
    quadratic = param(0.04, "1/ms/mV", "coefficient of v^2")
    linear = param(5.0, "1/ms", "coefficient of v")
    constant = param(140.0, "mV/ms", "constant term")
    v_u = param(0.0, "mV", "potential at which v does not drive the recovery")
    decay = param(1.0, "1", "decay of the recovery, in a: with 0 it is the integral of v - v_u")
    v_peak = param(30.0, "mV", "potential at which a spike is over")

    u_reads = option("v[t]", "the potential that the recovery looks at", choices=("v[t]", "v[t+dt]"))

    v = state(-70.0, "mV", "membrane potential")
    u = state(-14.0, "mV/ms", "recovery")

    input_unit = "mV/ms"
    detach_spike = True

    def dynamics(self, s: Any, i: Any) -> dict[str, Any]:
        slope = self.quadratic * s.v**2 + self.linear * s.v + self.constant - s.u + i
        seen = s.v + self.dt * slope if self.u_reads == "v[t+dt]" else s.v
        return dict(v=slope, u=self.a * (self.b * (seen - self.v_u) - self.decay * s.u))

    def threshold(self, s: Any) -> Any:
        return s.v - self.v_peak

    def reset(self, s: Any) -> Any:
        return s._replace(v=self.c, u=s.u + self.d)

    def resting(self) -> dict[str, Tensor]:
        with torch.no_grad():
            # dv/dt = du/dt = 0 without u: second v^2 + first v + rest = 0
            second = self.decay * self.quadratic
            first, zeroth = self.decay * self.linear - self.b, self.decay * self.constant + self.b * self.v_u
            root = torch.sqrt(torch.clamp(first**2 - 4.0 * second * zeroth, min=0.0))
            bends = second > 0.0
            v = torch.where(bends, (-first - root) / (2.0 * torch.where(bends, second, 1.0)), self.v_u)
            return {"v": v, "u": self.quadratic * v**2 + self.linear * v + self.constant}
