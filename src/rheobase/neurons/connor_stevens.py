"""Connor-Stevens."""

from __future__ import annotations

from rheobase.channels import K_A, K_HH, Na_HH, Pas
from rheobase.core import PointNeuron, insert, param, state


class ConnorStevens(PointNeuron):
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

    v = state(-68.0, "mV", "membrane potential")
    sodium = insert(Na_HH, "connor_stevens", gbar="g_Na", e="e_Na", m=0.010, h=0.966)
    potassium = insert(K_HH, "connor_stevens", gbar="g_K", e="e_K", n=0.156)
    transient = insert(K_A, gbar="g_A", e="e_A", a=0.540, b=0.289)
    leak = insert(Pas, g="g_leak", e="e_leak")
    v_threshold = param(0.0, "mV", "level whose upward crossing is a spike")

    input_unit = "uA/cm2"
