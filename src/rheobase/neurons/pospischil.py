"""Pospischil's minimal models of cortical neurons."""

from __future__ import annotations

from rheobase.channels import K_M, K_TM, Ca_HVA, Ca_T, Na_TM, Pas
from rheobase.core import PointNeuron, insert, param, state


class Pospischil(PointNeuron):
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

    v = state(-70.6, "mV", "membrane potential")
    leak = insert(Pas, g="g_leak", e="e_leak")
    sodium = insert(Na_TM, gbar="g_Na", e="e_Na", m=0.0005, h=0.9999)
    rectifier = insert(K_TM, gbar="g_K", e="e_K", n=0.0023)
    slow = insert(K_M, gbar="g_M", e="e_K", p=0.028)
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
    q = state(0.0, "1", "activation of the high-threshold calcium current")
    r = state(0.648, "1", "inactivation of the high-threshold calcium current: 1 is open")
    high_threshold = insert(
        Ca_HVA,
        gbar="g_L",
        e="e_Ca",
        m="q",
        h="r",
        alpha_m_rate="alpha_q_rate",
        alpha_m_v="alpha_q_v",
        alpha_m_k="alpha_q_k",
        beta_m_rate="beta_q_rate",
        beta_m_v="beta_q_v",
        beta_m_k="beta_q_k",
        alpha_h_rate="alpha_r_rate",
        alpha_h_v="alpha_r_v",
        alpha_h_k="alpha_r_k",
        beta_h_rate="beta_r_rate",
        beta_h_v="beta_r_v",
        beta_h_k="beta_r_k",
    )
    low_threshold = insert(Ca_T, gbar="g_T", e="e_Ca", u=0.043)
    v_threshold = param(-20.0, "mV", "level whose upward crossing is a spike")

    input_unit = "uA/cm2"
