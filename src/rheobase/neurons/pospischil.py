"""Pospischil's minimal models of cortical neurons."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from rheobase.core import OdeNeuron, param, relax, state
from rheobase.core.equations.equilibrium import equilibrium
from rheobase.core.equations.rates import exponential, gate, linoid, membrane
from rheobase.core.integrators import ExpMidpoint


class Pospischil(OdeNeuron):
    """Minimal model of the classes of cortical neurons: RS, FS, IB, LTS (Pospischil et al., 2008).

        c_mem dv/dt = i - I_leak - I_Na - I_Kd - I_M - I_L - I_T,   each I = g (v - e):
        g_leak;  g_Na m^3 h;  g_K n^4;  g_M p;  g_L q^2 r;  g_T s_inf^2 u
        dx/dt = alpha_x (1 - x) - beta_x x   for x = m, h, n (with y = v - v_T), q, r
        dx/dt = (x_inf - x) / tau_x          for x = p, u

        alpha_m = 0.32 * 4 L( (13 - y)/4 )          beta_m = 0.28 * 5 L( (y - 40)/5 )
        alpha_h = 0.128 exp( (17 - y)/18 )          beta_h = 4 / ( 1 + exp( (40 - y)/5 ) )
        alpha_n = 0.032 * 5 L( (15 - y)/5 )         beta_n = 0.5 exp( (10 - y)/40 )
        alpha_q = 0.055 * 3.8 L( (-27 - v)/3.8 )    beta_q = 0.94 exp( (-75 - v)/17 )
        alpha_r = 0.000457 exp( (-13 - v)/50 )      beta_r = 0.0065 / ( 1 + exp( (-15 - v)/28 ) )
        p_inf = S( (v + 35)/10 )                    tau_p = tau_max / ( 3.3 exp( (v + 35)/20 ) + exp( -(v + 35)/20 ) )
        s_inf = S( (v + 59)/6.2 )                   u_inf = S( -(v + 83)/4 )
        tau_u = ( 30.8 + (211.4 + exp( (v + 115.2)/5 )) S( -(v + 86)/3.2 ) ) / phi_u
        L(x) = x / (exp(x) - 1),  S(x) = 1 / (1 + exp(-x))
        spike where v crosses v_threshold upwards; no reset

    In the code the rate alpha_m has the scale alpha_m_rate, the potential alpha_m_v and the slope alpha_m_k, and so on.

    Shapes: i (time, batch, *shape) in uA/cm2, positive inwards; out (time, batch, *shape) in {0, 1};
    v in mV, m, h, n, p, q, r, u (batch, *shape).

    Raises: `ParameterError` for capacitance, g_Na, g_K, g_leak, rates, time constants and slopes <= 0.

    Numerics: by default ExpMidpoint, at a dt of 0.01 ms: v and each gate relax, so it is stable at any dt, and spikes
    of 200 ms are within 0.1 ms of their time. ExpEuler takes half the work and is of first order: there intervals are
    0.3 to 1.5 % too long. RK4 at 0.05 ms has them to 0.01 %, and diverges at 0.1 ms. The rates are smooth where L is
    0/0. Rest is solved for. g_M, g_L and g_T are cut at 0, where the current is absent.

    Differs from the paper: u_inf, s_inf and tau_u have the shift of 2 mV added in; phi_u is 3^1.2 and e_K -100 mV, as
    in the authors' code; calcium reverses at 120 mV, which that code computes from concentrations.

    Reference: Pospischil et al., Biol. Cybern. 99, 427-441 (2008), doi 10.1007/s00422-008-0263-8; the authors' code
    (ModelDB 123623), whose cells are the named sets.

    Example:

        >>> import torch
        >>> spikes, end = Pospischil.named("FS", 1, dt=0.02)(torch.full((10000, 1, 1), 3.5))
        >>> int(spikes.sum())
        9
    """

    c_mem = param(1.0, "uF/cm2", "membrane capacitance", positive=True)
    g_Na = param(50.0, "mS/cm2", "maximal sodium conductance", positive=True)
    g_K = param(5.0, "mS/cm2", "maximal conductance of the delayed rectifier", positive=True)
    g_M = param(0.07, "mS/cm2", "maximal conductance of the slow potassium current", clamp=(0.0, None))
    g_L = param(0.0, "mS/cm2", "maximal conductance of the high-threshold calcium current", clamp=(0.0, None))
    g_T = param(0.0, "mS/cm2", "maximal conductance of the low-threshold calcium current", clamp=(0.0, None))
    g_leak = param(0.1, "mS/cm2", "leak conductance", positive=True)
    e_Na = param(50.0, "mV", "sodium reversal potential")
    e_K = param(-100.0, "mV", "potassium reversal potential")
    e_Ca = param(120.0, "mV", "calcium reversal potential")
    e_leak = param(-70.0, "mV", "leak reversal potential")
    v_T = param(-55.0, "mV", "shift of the rates of sodium and delayed rectifier: sets the threshold")
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
    alpha_n_rate = param(0.16, "1/ms", "delayed rectifier: opening at alpha_n_v", positive=True)
    alpha_n_v = param(15.0, "mV", "delayed rectifier: potential of the opening rate, above v_T")
    alpha_n_k = param(5.0, "mV", "delayed rectifier: slope of the opening rate", positive=True)
    beta_n_rate = param(0.5, "1/ms", "delayed rectifier: closing at beta_n_v", positive=True)
    beta_n_v = param(10.0, "mV", "delayed rectifier: potential of the closing rate, above v_T")
    beta_n_k = param(40.0, "mV", "delayed rectifier: slope of the closing rate", positive=True)
    tau_max = param(1000.0, "ms", "slow potassium: scale of the time constant", positive=True)
    p_v = param(-35.0, "mV", "slow potassium: potential of half activation")
    p_k = param(10.0, "mV", "slow potassium: slope of the activation", positive=True)
    p_tau_k = param(20.0, "mV", "slow potassium: slope of the time constant", positive=True)
    p_tau_up = param(3.3, "1", "slow potassium: weight of the rate that grows with v", positive=True)
    alpha_q_rate = param(0.209, "1/ms", "high-threshold calcium: opening at alpha_q_v", positive=True)
    alpha_q_v = param(-27.0, "mV", "high-threshold calcium: potential of the opening rate")
    alpha_q_k = param(3.8, "mV", "high-threshold calcium: slope of the opening rate", positive=True)
    beta_q_rate = param(0.94, "1/ms", "high-threshold calcium: closing at beta_q_v", positive=True)
    beta_q_v = param(-75.0, "mV", "high-threshold calcium: potential of the closing rate")
    beta_q_k = param(17.0, "mV", "high-threshold calcium: slope of the closing rate", positive=True)
    alpha_r_rate = param(0.000457, "1/ms", "its inactivation: opening at alpha_r_v", positive=True)
    alpha_r_v = param(-13.0, "mV", "its inactivation: potential of the opening rate")
    alpha_r_k = param(50.0, "mV", "its inactivation: slope of the opening rate", positive=True)
    beta_r_rate = param(0.0065, "1/ms", "its inactivation: largest closing rate", positive=True)
    beta_r_v = param(-15.0, "mV", "its inactivation: potential of half the closing rate")
    beta_r_k = param(28.0, "mV", "its inactivation: slope of the closing rate", positive=True)
    s_v = param(-59.0, "mV", "low-threshold calcium: potential of half activation")
    s_k = param(6.2, "mV", "low-threshold calcium: slope of the activation", positive=True)
    u_v = param(-83.0, "mV", "low-threshold calcium: potential of half inactivation")
    u_k = param(4.0, "mV", "low-threshold calcium: slope of the inactivation", positive=True)
    u_tau_min = param(30.8, "ms", "low-threshold calcium: time constant of inactivation, high v", positive=True)
    u_tau_span = param(211.4, "ms", "low-threshold calcium: how much longer it is at low v", positive=True)
    u_tau_rise = param(1.0, "ms", "low-threshold calcium: growth of the time constant at u_tau_rise_v", positive=True)
    u_tau_rise_v = param(-115.2, "mV", "low-threshold calcium: potential of that growth")
    u_tau_rise_k = param(5.0, "mV", "low-threshold calcium: slope of that growth", positive=True)
    u_tau_v = param(-86.0, "mV", "low-threshold calcium: potential where the time constant falls")
    u_tau_k = param(3.2, "mV", "low-threshold calcium: slope of that fall", positive=True)
    phi_u = param(3.7372, "1", "low-threshold calcium: speed of inactivation", positive=True)
    v_threshold = param(-20.0, "mV", "level whose upward crossing is a spike")

    v = state(-70.6, "mV", "membrane potential")
    m = state(0.0005, "1", "sodium activation")
    h = state(0.9999, "1", "sodium inactivation: 1 is open")
    n = state(0.0023, "1", "activation of the delayed rectifier")
    p = state(0.028, "1", "activation of the slow potassium current")
    q = state(0.0, "1", "activation of the high-threshold calcium current")
    r = state(0.648, "1", "inactivation of the high-threshold calcium current: 1 is open")
    u = state(0.043, "1", "inactivation of the low-threshold calcium current: 1 is open")

    input_unit = "uA/cm2"
    crossing = True
    integrator = ExpMidpoint()

    def dynamics(self, s: Any, i: Any) -> dict[str, Any]:
        y = s.v - self.v_T
        alpha_m = self.alpha_m_rate * linoid((self.alpha_m_v - y) / self.alpha_m_k)
        beta_m = self.beta_m_rate * linoid((y - self.beta_m_v) / self.beta_m_k)
        alpha_h = self.alpha_h_rate * exponential((self.alpha_h_v - y) / self.alpha_h_k)
        beta_h = self.beta_h_rate * torch.sigmoid((y - self.beta_h_v) / self.beta_h_k)
        alpha_n = self.alpha_n_rate * linoid((self.alpha_n_v - y) / self.alpha_n_k)
        beta_n = self.beta_n_rate * exponential((self.beta_n_v - y) / self.beta_n_k)
        alpha_q = self.alpha_q_rate * linoid((self.alpha_q_v - s.v) / self.alpha_q_k)
        beta_q = self.beta_q_rate * exponential((self.beta_q_v - s.v) / self.beta_q_k)
        alpha_r = self.alpha_r_rate * exponential((self.alpha_r_v - s.v) / self.alpha_r_k)
        beta_r = self.beta_r_rate * torch.sigmoid((s.v - self.beta_r_v) / self.beta_r_k)
        x = (s.v - self.p_v) / self.p_tau_k
        tau_p = self.tau_max / (self.p_tau_up * exponential(x) + exponential(-x))
        s_inf = torch.sigmoid((s.v - self.s_v) / self.s_k)
        growth = self.u_tau_rise * exponential((s.v - self.u_tau_rise_v) / self.u_tau_rise_k)
        fall = torch.sigmoid((self.u_tau_v - s.v) / self.u_tau_k)
        tau_u = (self.u_tau_min + (self.u_tau_span + growth) * fall) / self.phi_u
        channels = (
            (self.g_leak, self.e_leak),
            (self.g_Na * s.m**3 * s.h, self.e_Na),
            (self.g_K * s.n**4, self.e_K),
            (self.g_M * s.p, self.e_K),
            (self.g_L * s.q**2 * s.r, self.e_Ca),
            (self.g_T * s_inf**2 * s.u, self.e_Ca),
        )
        return dict(
            v=membrane(self.c_mem, i, *channels),
            m=gate(alpha_m, beta_m),
            h=gate(alpha_h, beta_h),
            n=gate(alpha_n, beta_n),
            p=relax(torch.sigmoid((s.v - self.p_v) / self.p_k), tau_p),
            q=gate(alpha_q, beta_q),
            r=gate(alpha_r, beta_r),
            u=relax(torch.sigmoid((self.u_v - s.v) / self.u_k), tau_u),
        )

    def threshold(self, s: Any) -> Any:
        return s.v - self.v_threshold

    def resting(self) -> dict[str, Tensor]:
        return equilibrium(self, self.e_Na, self.e_K, self.e_Ca, self.e_leak)
