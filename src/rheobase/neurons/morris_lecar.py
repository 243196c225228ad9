"""Morris-Lecar."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from rheobase.core import OdeNeuron, param, relax, state
from rheobase.core.equations.equilibrium import equilibrium
from rheobase.core.equations.rates import exponential, membrane
from rheobase.core.integrators import ExpMidpoint


class MorrisLecar(OdeNeuron):
    """Giant muscle fibre of the barnacle, reduced to two variables (Morris & Lecar, 1981).

        c_mem dv/dt = i - g_Ca m_inf (v - e_Ca) - g_K w (v - e_K) - g_leak (v - e_leak)
        dw/dt = phi cosh( (v - v_3) / (2 v_4) ) (w_inf - w)
        m_inf = ( 1 + tanh( (v - v_1)/v_2 ) ) / 2
        w_inf = ( 1 + tanh( (v - v_3)/v_4 ) ) / 2
        spike where v crosses v_threshold upwards; no reset

    Shapes: i (time, batch, *shape) in uA/cm2, positive inwards; out (time, batch, *shape) in {0, 1};
    v in mV, w (batch, *shape).

    Raises: `ParameterError` for capacitance, conductances, phi, v_2 or v_4 <= 0.

    Numerics: by default ExpMidpoint, at a dt of 0.05 ms: v and w relax, so it is stable at any dt, and spikes of 200 ms
    are within 0.1 ms of their time. ExpEuler is of first order: at dt = 0.1 ms intervals between spikes are 0.6 % too
    long. Rest is solved for, and is the lowest where there are several.

    Differs from the paper: the defaults and the named sets are those of Rinzel & Ermentrout, who chose them to show
    each way in which repetitive firing begins; the level of v that counts as a spike is ours.

    Reference: Morris & Lecar, Biophys. J. 35, 193-213 (1981), doi 10.1016/S0006-3495(81)84782-0; sets: Rinzel &
    Ermentrout, Analysis of neural excitability and oscillations, in: Methods in Neuronal Modeling (Koch & Segev, eds),
    MIT Press (1989, 1998); Ermentrout & Terman, Mathematical Foundations of Neuroscience, Springer (2010), table 3.1,
    doi 10.1007/978-0-387-87708-2.

    Example:

        >>> import torch
        >>> spikes, end = MorrisLecar(1, dt=0.1)(torch.full((10000, 1, 1), 100.0))
        >>> int(spikes.sum())
        12
    """

    c_mem = param(20.0, "uF/cm2", "membrane capacitance", positive=True)
    g_Ca = param(4.4, "mS/cm2", "maximal calcium conductance", positive=True)
    g_K = param(8.0, "mS/cm2", "maximal potassium conductance", positive=True)
    g_leak = param(2.0, "mS/cm2", "leak conductance", positive=True)
    e_Ca = param(120.0, "mV", "calcium reversal potential")
    e_K = param(-84.0, "mV", "potassium reversal potential")
    e_leak = param(-60.0, "mV", "leak reversal potential")
    v_1 = param(-1.2, "mV", "potential of half the calcium activation")
    v_2 = param(18.0, "mV", "slope of the calcium activation", positive=True)
    v_3 = param(2.0, "mV", "potential of half the potassium activation")
    v_4 = param(30.0, "mV", "slope of the potassium activation", positive=True)
    phi = param(0.04, "1/ms", "least rate of the potassium activation", positive=True)
    v_threshold = param(0.0, "mV", "level whose upward crossing is a spike")

    v = state(-60.9, "mV", "membrane potential")
    w = state(0.015, "1", "potassium activation")

    input_unit = "uA/cm2"
    crossing = True
    integrator = ExpMidpoint()

    def dynamics(self, s: Any, i: Any) -> dict[str, Any]:
        m_inf = 0.5 * (1.0 + torch.tanh((s.v - self.v_1) / self.v_2))
        w_inf = 0.5 * (1.0 + torch.tanh((s.v - self.v_3) / self.v_4))
        x = (s.v - self.v_3) / (2.0 * self.v_4)
        cosh = 0.5 * (exponential(x) + exponential(-x))
        calcium, potassium = (self.g_Ca * m_inf, self.e_Ca), (self.g_K * s.w, self.e_K)
        return dict(
            v=membrane(self.c_mem, i, calcium, potassium, (self.g_leak, self.e_leak)),
            w=relax(w_inf, 1.0 / (self.phi * cosh)),
        )

    def threshold(self, s: Any) -> Any:
        return s.v - self.v_threshold

    def resting(self) -> dict[str, Tensor]:
        return equilibrium(self, self.e_Ca, self.e_K, self.e_leak)
