"""Hodgkin-Huxley."""

from __future__ import annotations

from rheobase.channels import K_HH, Na_HH, Pas
from rheobase.core import PointNeuron, insert, param, state


class HodgkinHuxley(PointNeuron):
    """Membrane of the squid's giant axon (Hodgkin & Huxley, 1952), at 6.3 degrees Celsius.

        c_mem dv/dt = i - g_Na m^3 h (v - e_Na) - g_K n^4 (v - e_K) - g_leak (v - e_leak)
        dx/dt = alpha_x (1 - x) - beta_x x                for x = m, h, n

        alpha_m = 1 L( (-40 - v)/10 )             beta_m = 4 exp( (-65 - v)/18 )
        alpha_h = 0.07 exp( (-65 - v)/20 )        beta_h = 1 / ( 1 + exp( (-35 - v)/10 ) )
        alpha_n = 0.1 L( (-55 - v)/10 )           beta_n = 0.125 exp( (-65 - v)/80 )
        L(x) = x / (exp(x) - 1)
        spike where v crosses v_threshold upwards; no reset

    In the code the rate alpha_m has the scale alpha_m_rate, the potential alpha_m_v and the slope alpha_m_k, and so on.

    Shapes: i (time, batch, *shape) in uA/cm2, positive inwards; out (time, batch, *shape) in {0, 1};
    v in mV, m, h, n (batch, *shape).

    Raises: `ParameterError` for capacitance, conductances, rates and slopes <= 0.

    Numerics: by default ExpMidpoint, at a dt of 0.01 ms: v and each gate relax, so it is stable at any dt, and spikes
    of 200 ms are within 0.1 ms of their time. ExpEuler takes half the work and is of first order: there intervals are
    0.5 % too long. RK4 at 0.05 ms has them to 0.01 %, and diverges at 0.1 ms. The rates are smooth where L is 0/0. Rest
    is solved for.

    Differs from the paper: potentials are absolute, inside minus outside, with the rest at -65 mV (the paper counts
    from rest, depolarisation negative), so e_leak = -65 + 10.613 mV, which makes the ionic current vanish at -65 mV.

    Reference: Hodgkin & Huxley, J. Physiol. 117, 500-544 (1952), doi 10.1113/jphysiol.1952.sp004764, eq. 7, 12, 13,
    15, 16, 20, 21, 23, 24, 26 and table 3.

    Example:

        >>> import torch
        >>> spikes, end = HodgkinHuxley(1, dt=0.02)(torch.full((2500, 1, 1), 10.0))
        >>> int(spikes.sum())
        4
    """

    c_mem = param(1.0, "uF/cm2", "membrane capacitance", positive=True)
    g_Na = param(120.0, "mS/cm2", "maximal sodium conductance", positive=True)
    g_K = param(36.0, "mS/cm2", "maximal potassium conductance", positive=True)
    g_leak = param(0.3, "mS/cm2", "leak conductance", positive=True)
    e_Na = param(50.0, "mV", "sodium reversal potential")
    e_K = param(-77.0, "mV", "potassium reversal potential")
    e_leak = param(-54.387, "mV", "leak reversal potential")

    v = state(-65.0, "mV", "membrane potential")
    sodium = insert(Na_HH, gbar="g_Na", e="e_Na", m=0.053, h=0.596)
    potassium = insert(K_HH, gbar="g_K", e="e_K", n=0.318)
    leak = insert(Pas, g="g_leak", e="e_leak")
    v_threshold = param(0.0, "mV", "level whose upward crossing is a spike")

    input_unit = "uA/cm2"
