"""Adaptive exponential integrate-and-fire."""

from __future__ import annotations

from typing import Any

import torch

from rheobase.core import OdeNeuron, param, relax, state
from rheobase.core.equations.rates import exponential


class AdEx(OdeNeuron):
    """Adaptive exponential integrate-and-fire neuron (Brette & Gerstner, 2005).

        c_mem dv/dt = -g_leak (v - v_leak) + g_leak delta_T exp( (v - v_T)/delta_T ) - w + i
        tau_w dw/dt = a (v - v_leak) - w
        spike when v >= v_peak, then v <- v_reset, w <- w + b

    Shapes: i (time, batch, *shape) in pA; out (time, batch, *shape) in {0, 1}; v in mV, w in pA (batch, *shape).

    Raises: `ParameterError` for capacitance, conductance, slope factor and time constant <= 0.

    Numerics: leak and adaptation relax, so ExpEuler solves each exactly for a frozen right side. Above v_peak, where
    only the stages of a step come, exponential and adaptation see v_peak, and the exponential ends at exp(80). Under
    800 pA the defaults fire every 66.9 ms; a dt of 0.02, 0.1, 0.5 ms makes that 0.1, 0.5, 2.3 % longer. detach_reset is
    True by default, since the exponential upstroke and the jump to v_reset multiply the gradient at every spike.

    Differs from the paper: in nothing; the synaptic current is the input. `AdEx.sets()` holds the firing patterns of
    Naud et al. (2008).

    Reference: Brette & Gerstner, J. Neurophysiol. 94, 3637-3642 (2005), doi 10.1152/jn.00686.2005; Naud, Marcille,
    Clopath & Gerstner, Biol. Cybern. 99, 335-347 (2008), doi 10.1007/s00422-008-0264-7.

    Example:

        >>> import torch
        >>> spikes, end = AdEx(1, dt=0.1)(torch.full((4000, 1, 1), 800.0))
        >>> int(spikes.sum())
        8
    """

    c_mem = param(281.0, "pF", "membrane capacitance", positive=True)
    g_leak = param(30.0, "nS", "leak conductance", positive=True)
    v_leak = param(-70.6, "mV", "leak potential")
    v_T = param(-50.4, "mV", "threshold: where the slope of the current-voltage curve vanishes")
    delta_T = param(2.0, "mV", "slope factor: sharpness of the spike's onset", positive=True)
    tau_w = param(144.0, "ms", "adaptation time constant", positive=True)
    a = param(4.0, "nS", "adaptation by the potential")
    b = param(80.5, "pA", "adaptation by a spike")
    v_peak = param(20.0, "mV", "potential at which a spike is over")
    v_reset = param(-70.6, "mV", "potential after a spike")

    v = state("v_leak", "mV", "membrane potential")
    w = state(0.0, "pA", "adaptation current")

    input_unit = "pA"
    usual_dt = 0.025  # ms: the upstroke is a part of the equations
    detach_reset = True

    def dynamics(self, s: Any, i: Any) -> dict[str, Any]:
        v = torch.minimum(s.v, self.v_peak)
        spike = self.delta_T * exponential((v - self.v_T) / self.delta_T)
        return dict(
            v=relax(self.v_leak + spike + (i - s.w) / self.g_leak, self.c_mem / self.g_leak),
            w=relax(self.a * (v - self.v_leak), self.tau_w),
        )

    def threshold(self, s: Any) -> Any:
        return s.v - self.v_peak

    def reset(self, s: Any) -> Any:
        return s._replace(v=self.v_reset, w=s.w + self.b)
