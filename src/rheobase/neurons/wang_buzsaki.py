"""Wang-Buzsaki."""

from __future__ import annotations

from rheobase.channels import K_WB, Na_WB, Pas
from rheobase.core import PointNeuron, insert, param, state


class WangBuzsaki(PointNeuron):
    """Fast-spiking hippocampal interneuron (Wang & Buzsaki, 1996).

        c_mem dv/dt = i - g_Na m_inf^3 h (v - e_Na) - g_K n^4 (v - e_K) - g_leak (v - e_leak)
        dx/dt = phi ( alpha_x (1 - x) - beta_x x )        for x = h, n
        m_inf = alpha_m / (alpha_m + beta_m)

        alpha_m = 1 L( (-35 - v)/10 )             beta_m = 4 exp( (-60 - v)/18 )
        alpha_h = 0.07 exp( (-58 - v)/20 )        beta_h = 1 / ( 1 + exp( (-28 - v)/10 ) )
        alpha_n = 0.1 L( (-34 - v)/10 )           beta_n = 0.125 exp( (-44 - v)/80 )
        L(x) = x / (exp(x) - 1)
        spike where v crosses v_threshold upwards; no reset

    In the code the rate alpha_m has the scale alpha_m_rate, the potential alpha_m_v and the slope alpha_m_k, and so on.

    Shapes: i (time, batch, *shape) in uA/cm2, positive inwards; out (time, batch, *shape) in {0, 1};
    v in mV, h, n (batch, *shape).

    Raises: `ParameterError` for capacitance, conductances, rates and slopes <= 0.

    Numerics: by default ExpMidpoint, at a dt of 0.01 ms: v and each gate relax, so it is stable at any dt, and spikes
    of 200 ms are within 0.1 ms of their time. ExpEuler takes half the work and is of first order: there intervals are 2
    to 3 % too long. RK4 at 0.05 ms has them to 0.01 %. The rates are smooth where L is 0/0.
    Rest is solved for.

    Differs from the paper: in nothing, but that synapses are left to the network.

    Reference: Wang & Buzsaki, J. Neurosci. 16, 6402-6413 (1996), doi 10.1523/JNEUROSCI.16-20-06402.1996.

    Example:

        >>> import torch
        >>> spikes, end = WangBuzsaki(1, dt=0.02)(torch.full((5000, 1, 1), 1.0))
        >>> int(spikes.sum())
        6
    """

    c_mem = param(1.0, "uF/cm2", "membrane capacitance", positive=True)
    g_Na = param(35.0, "mS/cm2", "maximal sodium conductance", positive=True)
    g_K = param(9.0, "mS/cm2", "maximal potassium conductance", positive=True)
    g_leak = param(0.1, "mS/cm2", "leak conductance", positive=True)
    e_Na = param(55.0, "mV", "sodium reversal potential")
    e_K = param(-90.0, "mV", "potassium reversal potential")
    e_leak = param(-65.0, "mV", "leak reversal potential")
    phi = param(5.0, "1", "speed of the gates", positive=True)

    v = state(-64.0, "mV", "membrane potential")
    sodium = insert(Na_WB, gbar="g_Na", e="e_Na", h=0.78)
    potassium = insert(K_WB, gbar="g_K", e="e_K", n=0.09)
    leak = insert(Pas, g="g_leak", e="e_leak")
    v_threshold = param(0.0, "mV", "level whose upward crossing is a spike")

    input_unit = "uA/cm2"
