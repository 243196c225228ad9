"""Connor-Stevens."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from rheobase.core import OdeNeuron, param, relax, state
from rheobase.core.equations.equilibrium import equilibrium
from rheobase.core.equations.rates import exponential, gate, linoid, membrane
from rheobase.core.integrators import ExpMidpoint


class ConnorStevens(OdeNeuron):
    """Crustacean walking-leg axon with a transient potassium current, the A-current (Connor, Walter & McKown, 1977).

        c_mem dv/dt = i - g_Na m^3 h (v - e_Na) - g_K n^4 (v - e_K) - g_A a^3 b (v - e_A) - g_leak (v - e_leak)
        dx/dt = alpha_x (1 - x) - beta_x x                for x = m, h, n
        dx/dt = (x_inf - x) / tau_x                       for x = a, b

        alpha_m = 3.8 L( (-29.7 - v)/10 )         beta_m = 15.2 exp( (-54.7 - v)/18 )
        alpha_h = 0.266 exp( (-48 - v)/20 )       beta_h = 3.8 / ( 1 + exp( (-18 - v)/10 ) )
        alpha_n = 0.2 L( (-45.7 - v)/10 )         beta_n = 0.25 exp( (-55.7 - v)/80 )
        a_inf = ( 0.0761 exp( (v + 94.22)/31.84 ) / ( 1 + exp( (v + 1.17)/28.93 ) ) )^(1/3)
        tau_a = 0.3632 + 1.158 / ( 1 + exp( (v + 55.96)/20.12 ) )
        b_inf = 1 / ( 1 + exp( (v + 53.3)/14.54 ) )^4
        tau_b = 1.24 + 2.678 / ( 1 + exp( (v + 50)/16.027 ) )
        L(x) = x / (exp(x) - 1)
        spike where v crosses v_threshold upwards; no reset

    In the code the rate alpha_m has the scale alpha_m_rate, the potential alpha_m_v and the slope alpha_m_k, and so on.

    Shapes: i (time, batch, *shape) in uA/cm2, positive inwards; out (time, batch, *shape) in {0, 1};
    v in mV, m, h, n, a, b (batch, *shape).

    Raises: `ParameterError` for capacitance, conductances, rates, time constants and slopes <= 0.

    Numerics: by default ExpMidpoint, at a dt of 0.01 ms: v and each gate relax, so it is stable at any dt, and spikes
    of 200 ms are within 0.1 ms of their time. ExpEuler takes half the work and is of first order: there intervals are
    0.6 to 1.1 % too long. RK4 at 0.05 ms has them to 0.01 %, and diverges at 0.1 ms. The rates are smooth where L is
    0/0. Rest is solved for.

    Differs from the paper: the equations as in Dayan & Abbott, who state the Hodgkin-Huxley rates after their shift and
    their speeding-up; the reciprocals of the slopes are printed there with three digits.

    Reference: Connor, Walter & McKown, Biophys. J. 18, 81-102 (1977), doi 10.1016/S0006-3495(77)85598-7; Dayan &
    Abbott, Theoretical Neuroscience, MIT Press (2001), chapter 6.

    Example:

        >>> import torch
        >>> spikes, end = ConnorStevens(1, dt=0.02)(torch.full((5000, 1, 1), 10.0))
        >>> int(spikes.sum())
        3
    """

    c_mem = param(1.0, "uF/cm2", "membrane capacitance", positive=True)
    g_Na = param(120.0, "mS/cm2", "maximal sodium conductance", positive=True)
    g_K = param(20.0, "mS/cm2", "maximal conductance of the delayed rectifier", positive=True)
    g_A = param(47.7, "mS/cm2", "maximal conductance of the A-current", clamp=(0.0, None))
    g_leak = param(0.3, "mS/cm2", "leak conductance", positive=True)
    e_Na = param(55.0, "mV", "sodium reversal potential")
    e_K = param(-72.0, "mV", "reversal potential of the delayed rectifier")
    e_A = param(-75.0, "mV", "reversal potential of the A-current")
    e_leak = param(-17.0, "mV", "leak reversal potential")
    alpha_m_rate = param(3.8, "1/ms", "sodium activation: opening at alpha_m_v", positive=True)
    alpha_m_v = param(-29.7, "mV", "sodium activation: potential of the opening rate")
    alpha_m_k = param(10.0, "mV", "sodium activation: slope of the opening rate", positive=True)
    beta_m_rate = param(15.2, "1/ms", "sodium activation: closing at beta_m_v", positive=True)
    beta_m_v = param(-54.7, "mV", "sodium activation: potential of the closing rate")
    beta_m_k = param(18.0, "mV", "sodium activation: slope of the closing rate", positive=True)
    alpha_h_rate = param(0.266, "1/ms", "sodium inactivation: opening at alpha_h_v", positive=True)
    alpha_h_v = param(-48.0, "mV", "sodium inactivation: potential of the opening rate")
    alpha_h_k = param(20.0, "mV", "sodium inactivation: slope of the opening rate", positive=True)
    beta_h_rate = param(3.8, "1/ms", "sodium inactivation: largest closing rate", positive=True)
    beta_h_v = param(-18.0, "mV", "sodium inactivation: potential of half the closing rate")
    beta_h_k = param(10.0, "mV", "sodium inactivation: slope of the closing rate", positive=True)
    alpha_n_rate = param(0.2, "1/ms", "delayed rectifier: opening at alpha_n_v", positive=True)
    alpha_n_v = param(-45.7, "mV", "delayed rectifier: potential of the opening rate")
    alpha_n_k = param(10.0, "mV", "delayed rectifier: slope of the opening rate", positive=True)
    beta_n_rate = param(0.25, "1/ms", "delayed rectifier: closing at beta_n_v", positive=True)
    beta_n_v = param(-55.7, "mV", "delayed rectifier: potential of the closing rate")
    beta_n_k = param(80.0, "mV", "delayed rectifier: slope of the closing rate", positive=True)
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
    v_threshold = param(0.0, "mV", "level whose upward crossing is a spike")

    v = state(-68.0, "mV", "membrane potential")
    m = state(0.010, "1", "sodium activation")
    h = state(0.966, "1", "sodium inactivation: 1 is open")
    n = state(0.156, "1", "activation of the delayed rectifier")
    a = state(0.540, "1", "activation of the A-current")
    b = state(0.289, "1", "inactivation of the A-current: 1 is open")

    input_unit = "uA/cm2"
    crossing = True
    integrator = ExpMidpoint()

    def dynamics(self, s: Any, i: Any) -> dict[str, Any]:
        alpha_m = self.alpha_m_rate * linoid((self.alpha_m_v - s.v) / self.alpha_m_k)
        beta_m = self.beta_m_rate * exponential((self.beta_m_v - s.v) / self.beta_m_k)
        alpha_h = self.alpha_h_rate * exponential((self.alpha_h_v - s.v) / self.alpha_h_k)
        beta_h = self.beta_h_rate * torch.sigmoid((s.v - self.beta_h_v) / self.beta_h_k)
        alpha_n = self.alpha_n_rate * linoid((self.alpha_n_v - s.v) / self.alpha_n_k)
        beta_n = self.beta_n_rate * exponential((self.beta_n_v - s.v) / self.beta_n_k)
        rise = self.a_scale * exponential((s.v - self.a_v) / self.a_k)
        cubed = rise / (1.0 + exponential((s.v - self.a_cut_v) / self.a_cut_k))
        a_inf = torch.exp(torch.log(cubed) / 3.0)
        b_inf = torch.sigmoid((self.b_v - s.v) / self.b_k) ** 4
        tau_a = self.a_tau_min + self.a_tau_span * torch.sigmoid((self.a_tau_v - s.v) / self.a_tau_k)
        tau_b = self.b_tau_min + self.b_tau_span * torch.sigmoid((self.b_tau_v - s.v) / self.b_tau_k)
        sodium = (self.g_Na * s.m**3 * s.h, self.e_Na)
        potassium = (self.g_K * s.n**4, self.e_K)
        transient = (self.g_A * s.a**3 * s.b, self.e_A)
        return dict(
            v=membrane(self.c_mem, i, sodium, potassium, transient, (self.g_leak, self.e_leak)),
            m=gate(alpha_m, beta_m),
            h=gate(alpha_h, beta_h),
            n=gate(alpha_n, beta_n),
            a=relax(a_inf, tau_a),
            b=relax(b_inf, tau_b),
        )

    def threshold(self, s: Any) -> Any:
        return s.v - self.v_threshold

    def resting(self) -> dict[str, Tensor]:
        return equilibrium(self, self.e_Na, self.e_K, self.e_A, self.e_leak)
