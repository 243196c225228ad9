"""Traub-Miles."""

from __future__ import annotations

import torch
from torch import Tensor

from rheobase.channels import K_TM, Na_TM, Pas
from rheobase.core import PointNeuron, insert, param, state
from rheobase.core.equations.equilibrium import settled


class TraubMiles(PointNeuron):
    """Hippocampal pyramidal cell of one compartment (Traub & Miles, 1991), as benchmarks use it (Brette et al., 2007).

        c_mem dv/dt = i - g_Na m^3 h (v - e_Na) - g_K n^4 (v - e_K) - g_leak (v - e_leak)
        dx/dt = alpha_x (1 - x) - beta_x x                for x = m, h, n;  u = v - v_T

        alpha_m = 0.32 * 4 L( (13 - u)/4 )        beta_m = 0.28 * 5 L( (u - 40)/5 )
        alpha_h = 0.128 exp( (17 - u)/18 )        beta_h = 4 / ( 1 + exp( (40 - u)/5 ) )
        alpha_n = 0.032 * 5 L( (15 - u)/5 )       beta_n = 0.5 exp( (10 - u)/40 )
        L(x) = x / (exp(x) - 1)
        spike where v crosses v_threshold upwards; no reset

    In the code the rate alpha_m has the scale alpha_m_rate, the potential alpha_m_v above v_T and the slope alpha_m_k,
    and so on.

    Shapes: i (time, batch, *shape) in uA/cm2, positive inwards; out (time, batch, *shape) in {0, 1};
    v in mV, m, h, n (batch, *shape).

    Raises: `ParameterError` for capacitance, conductances, rates and slopes <= 0.

    Numerics: by default ExpMidpoint, at a dt of 0.01 ms: v and each gate relax, so it is stable at any dt, and spikes
    of 200 ms are within 0.1 ms of their time. ExpEuler takes half the work and is of first order: there intervals are
    0.4 to 1.2 % too long. RK4 at 0.05 ms has them to 0.01 %, and diverges at 0.1 ms. The rates are smooth where L is
    0/0.

    Differs from the paper: the book's cell has many compartments and calcium currents; this is the reduction of the
    benchmark, whose synapses are left to the network. At its e_leak the cell has no stable rest and fires by itself, so
    it starts at e_leak with the gates settled there; at e_leak = -65 mV, which some versions have, it is silent.

    Reference: Brette et al., J. Comput. Neurosci. 23, 349-398 (2007), doi 10.1007/s10827-007-0038-6, benchmark 3;
    Traub & Miles, Neuronal Networks of the Hippocampus, Cambridge University Press (1991).

    Example:

        >>> import torch
        >>> spikes, end = TraubMiles(1, dt=0.02)(torch.full((5000, 1, 1), 2.0))
        >>> int(spikes.sum())
        7
    """

    c_mem = param(1.0, "uF/cm2", "membrane capacitance", positive=True)
    g_Na = param(100.0, "mS/cm2", "maximal sodium conductance", positive=True)
    g_K = param(30.0, "mS/cm2", "maximal potassium conductance", positive=True)
    g_leak = param(0.05, "mS/cm2", "leak conductance", positive=True)
    e_Na = param(50.0, "mV", "sodium reversal potential")
    e_K = param(-90.0, "mV", "potassium reversal potential")
    e_leak = param(-60.0, "mV", "leak reversal potential")
    v_T = param(-63.0, "mV", "shift of all rates: sets the threshold")

    v = state("e_leak", "mV", "membrane potential")
    sodium = insert(Na_TM, gbar="g_Na", e="e_Na", m=0.0269, h=0.9913)
    potassium = insert(K_TM, gbar="g_K", e="e_K", n=0.0604)
    leak = insert(Pas, g="g_leak", e="e_leak")
    v_threshold = param(-20.0, "mV", "level whose upward crossing is a spike")

    input_unit = "uA/cm2"

    def resting(self) -> dict[str, Tensor]:
        with torch.no_grad():
            return {"v": self.e_leak, **settled(self, self.e_leak)}
