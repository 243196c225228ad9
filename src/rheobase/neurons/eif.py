"""Exponential integrate-and-fire."""

from __future__ import annotations

from typing import Any

import torch

from rheobase.core import OdeNeuron, param, relax, state
from rheobase.core.equations.rates import exponential


class EIF(OdeNeuron):
    """Exponential integrate-and-fire neuron (Fourcaud-Trocme et al., 2003).

        c_mem dv/dt = -g_leak (v - v_leak) + g_leak delta_T exp( (v - v_T)/delta_T ) + i
        spike when v >= v_peak, then v <- v_reset

    Shapes: i (time, batch, *shape) in uA/cm2, positive inwards; out (time, batch, *shape) in {0, 1};
    v in mV (batch, *shape).

    Raises: `ParameterError` for capacitance, conductance and slope factor <= 0.

    Numerics: the leak relaxes, so ExpEuler solves it exactly for a frozen exponential, which stands still above v_peak
    and ends at exp(80), so that it cannot overflow. Under 1 uA/cm2 the defaults fire every 15.6 ms; a dt of 0.02, 0.1,
    0.5 ms makes that 0.5, 2.4, 12 % longer (RK4: 0.1, 0.5, 2.4 %). detach_reset is True by default, since the
    exponential upstroke and the jump to v_reset multiply the gradient at every spike.

    Differs from the paper: no refractory time; `Refractory(EIF(n, dt=dt), tau_refrac=1.7)` is its fit to the
    conductance-based model, whose other constants are the defaults.

    Reference: Fourcaud-Trocme, Hansel, van Vreeswijk & Brunel, J. Neurosci. 23, 11628-11640 (2003), doi
    10.1523/JNEUROSCI.23-37-11628.2003, eq. 6 and 10.

    Example:

        >>> import torch
        >>> spikes, end = EIF(1, dt=0.02)(torch.full((10000, 1, 1), 1.0))
        >>> int(spikes.sum())
        12
    """

    c_mem = param(1.0, "uF/cm2", "membrane capacitance", positive=True)
    g_leak = param(0.1, "mS/cm2", "leak conductance", positive=True)
    v_leak = param(-65.0, "mV", "leak potential")
    v_T = param(-59.9, "mV", "potential at which the slope of the current-voltage curve vanishes")
    delta_T = param(3.48, "mV", "slope factor: sharpness of the spike's onset", positive=True)
    v_peak = param(-30.0, "mV", "potential at which a spike is over")
    v_reset = param(-68.0, "mV", "potential after a spike")

    v = state("v_leak", "mV", "membrane potential")

    input_unit = "uA/cm2"
    usual_dt = 0.025  # ms: the upstroke is a part of the equations
    detach_reset = True

    def dynamics(self, s: Any, i: Any) -> dict[str, Any]:
        spike = self.delta_T * exponential((torch.minimum(s.v, self.v_peak) - self.v_T) / self.delta_T)
        return dict(v=relax(self.v_leak + spike + i / self.g_leak, self.c_mem / self.g_leak))

    def threshold(self, s: Any) -> Any:
        return s.v - self.v_peak

    def reset(self, s: Any) -> Any:
        return s._replace(v=self.v_reset)
