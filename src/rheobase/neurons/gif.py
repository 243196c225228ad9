"""Generalised integrate-and-fire of Mensi and Pozzorini."""

from __future__ import annotations

from typing import Any

import torch

from rheobase.core import OdeNeuron, barred, param, relax, running, state


class GIF(OdeNeuron):
    """Generalised integrate-and-fire neuron (Mensi et al., 2012; Pozzorini et al., 2015): a leaky membrane with a
    spike-triggered current eta and a moving threshold, each a sum of two exponentials.

        c_mem dv/dt = -g_leak (v - v_leak) - eta_1 - eta_2 + i
        deta_k/dt = -eta_k / tau_eta_k,  dgamma_k/dt = -gamma_k / tau_gamma_k,  k = 1, 2
        spike when v >= v_threshold + gamma_1 + gamma_2, then
            v <- v_reset, eta_k <- eta_k + eta_add_k, gamma_k <- gamma_k + gamma_add_k
        and v stands still for tau_refrac after a spike (`refrac` is the time that is left)

    Shapes: i (time, batch, *shape) in pA; out (time, batch, *shape) in {0, 1}; v, gamma_1, gamma_2 in mV, eta_1, eta_2
    in pA, refrac in ms, each (batch, *shape).

    Raises: `ParameterError` for c_mem, g_leak, tau_refrac or a time constant <= 0.

    Numerics: ExpEuler is exact for i + eta constant over a step. The refractory time is rounded to whole steps of dt;
    its clock counts steps, so an integrator with stages inside a step (Heun, RK4) blurs its end. detach_reset is True
    by default, since the jump to v_reset can multiply the gradient at every spike.

    Differs from the paper: a spike is v >= threshold; the paper draws it with the intensity
    lambda_0 exp((v - threshold) / delta_V), of which this is the limit of a sharp threshold. Both kernels start at the
    spike itself, in the authors' code after the refractory time. Defaults are those of NEST's gif_population example.

    Reference: Pozzorini et al., PLoS Comput. Biol. 11(6):e1004275 (2015), doi 10.1371/journal.pcbi.1004275; Mensi et
    al., J. Neurophysiol. 107, 1756-1775 (2012), doi 10.1152/jn.00408.2011.

    Example:

        >>> import torch
        >>> spikes, end = GIF(1, dt=0.1)(torch.full((5000, 1, 1), 250.0))
        >>> int(spikes.sum())
        14
    """

    c_mem = param(83.1, "pF", "membrane capacitance", positive=True)
    g_leak = param(3.7, "nS", "leak conductance", positive=True)
    v_leak = param(-67.0, "mV", "resting potential")
    v_reset = param(-36.7, "mV", "potential after a spike")
    v_threshold = param(-39.6, "mV", "threshold at rest")
    tau_eta_1 = param(57.8, "ms", "time constant of the first spike-triggered current", positive=True)
    tau_eta_2 = param(218.2, "ms", "time constant of the second spike-triggered current", positive=True)
    eta_add_1 = param(56.7, "pA", "what a spike adds to the first spike-triggered current")
    eta_add_2 = param(-6.9, "pA", "what a spike adds to the second spike-triggered current")
    tau_gamma_1 = param(53.8, "ms", "time constant of the first movement of the threshold", positive=True)
    tau_gamma_2 = param(640.0, "ms", "time constant of the second movement of the threshold", positive=True)
    gamma_add_1 = param(11.7, "mV", "first jump of the threshold at a spike")
    gamma_add_2 = param(1.8, "mV", "second jump of the threshold at a spike")
    tau_refrac = param(4.0, "ms", "absolute refractory time", positive=True)

    v = state("v_leak", "mV", "membrane potential")
    eta_1 = state(0.0, "pA", "first spike-triggered current")
    eta_2 = state(0.0, "pA", "second spike-triggered current")
    gamma_1 = state(0.0, "mV", "first movement of the threshold")
    gamma_2 = state(0.0, "mV", "second movement of the threshold")
    refrac = state(0.0, "ms", "refractory time that is left")

    input_unit = "pA"
    detach_reset = True

    def dynamics(self, s: Any, i: Any) -> dict[str, Any]:
        refractory = running(s.refrac, self.dt)
        v_inf = self.v_leak + (i - s.eta_1 - s.eta_2) / self.g_leak
        return dict(
            v=relax(torch.where(refractory, s.v, v_inf), self.c_mem / self.g_leak),
            eta_1=relax(0.0, self.tau_eta_1),
            eta_2=relax(0.0, self.tau_eta_2),
            gamma_1=relax(0.0, self.tau_gamma_1),
            gamma_2=relax(0.0, self.tau_gamma_2),
            refrac=-refractory.to(s.refrac.dtype),
        )

    def threshold(self, s: Any) -> Any:
        return barred(running(s.refrac, self.dt), s.v - (self.v_threshold + s.gamma_1 + s.gamma_2))

    def reset(self, s: Any) -> Any:
        return s._replace(
            v=self.v_reset,
            eta_1=s.eta_1 + self.eta_add_1,
            eta_2=s.eta_2 + self.eta_add_2,
            gamma_1=s.gamma_1 + self.gamma_add_1,
            gamma_2=s.gamma_2 + self.gamma_add_2,
            refrac=self.tau_refrac,
        )
