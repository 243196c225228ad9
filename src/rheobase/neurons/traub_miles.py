"""Traub-Miles."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from rheobase.core import OdeNeuron, param, state
from rheobase.core.equations.equilibrium import settled
from rheobase.core.equations.rates import exponential, gate, linoid, membrane
from rheobase.core.integrators import ExpMidpoint


class TraubMiles(OdeNeuron):
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
    alpha_n_rate = param(0.16, "1/ms", "potassium activation: opening at alpha_n_v", positive=True)
    alpha_n_v = param(15.0, "mV", "potassium activation: potential of the opening rate, above v_T")
    alpha_n_k = param(5.0, "mV", "potassium activation: slope of the opening rate", positive=True)
    beta_n_rate = param(0.5, "1/ms", "potassium activation: closing at beta_n_v", positive=True)
    beta_n_v = param(10.0, "mV", "potassium activation: potential of the closing rate, above v_T")
    beta_n_k = param(40.0, "mV", "potassium activation: slope of the closing rate", positive=True)
    v_threshold = param(-20.0, "mV", "level whose upward crossing is a spike")

    v = state("e_leak", "mV", "membrane potential")
    m = state(0.0269, "1", "sodium activation")
    h = state(0.9913, "1", "sodium inactivation: 1 is open")
    n = state(0.0604, "1", "potassium activation")

    input_unit = "uA/cm2"
    crossing = True
    integrator = ExpMidpoint()

    def dynamics(self, s: Any, i: Any) -> dict[str, Any]:
        u = s.v - self.v_T
        alpha_m = self.alpha_m_rate * linoid((self.alpha_m_v - u) / self.alpha_m_k)
        beta_m = self.beta_m_rate * linoid((u - self.beta_m_v) / self.beta_m_k)
        alpha_h = self.alpha_h_rate * exponential((self.alpha_h_v - u) / self.alpha_h_k)
        beta_h = self.beta_h_rate * torch.sigmoid((u - self.beta_h_v) / self.beta_h_k)
        alpha_n = self.alpha_n_rate * linoid((self.alpha_n_v - u) / self.alpha_n_k)
        beta_n = self.beta_n_rate * exponential((self.beta_n_v - u) / self.beta_n_k)
        sodium = (self.g_Na * s.m**3 * s.h, self.e_Na)
        potassium = (self.g_K * s.n**4, self.e_K)
        return dict(
            v=membrane(self.c_mem, i, sodium, potassium, (self.g_leak, self.e_leak)),
            m=gate(alpha_m, beta_m),
            h=gate(alpha_h, beta_h),
            n=gate(alpha_n, beta_n),
        )

    def threshold(self, s: Any) -> Any:
        return s.v - self.v_threshold

    def resting(self) -> dict[str, Tensor]:
        with torch.no_grad():
            return {"v": self.e_leak, **settled(self, self.e_leak)}
