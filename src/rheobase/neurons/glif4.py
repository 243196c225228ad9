"""Generalised leaky integrate-and-fire, level 4: LIF-R-ASC."""

from __future__ import annotations

from typing import Any

import torch

from rheobase.core import OdeNeuron, barred, param, relax, running, state


class GLIF4(OdeNeuron):
    """Leaky integrate-and-fire with reset rules and after-spike currents, LIF-R-ASC (Teeter et al., 2018): GLIF4.

        c_mem dv/dt = i + asc_1 + asc_2 - g_leak (v - v_leak)
        dasc_j/dt = -asc_j / tau_asc_j,  j = 1, 2
        dtheta_s/dt = -b_s theta_s
        spike when v >= v_threshold + theta_s, then
            v <- v_leak + f_v (v - v_leak) + v_add
            asc_j <- f_asc_j asc_j exp(-tau_refrac / tau_asc_j) + asc_add_j
            theta_s <- theta_s exp(-b_s tau_refrac) + theta_add
        and for tau_refrac from a spike on all of them stand still (`refrac` is the time that is left)

    Shapes: i (time, batch, *shape) in pA; out (time, batch, *shape) in {0, 1}; v, theta_s in mV, asc_1, asc_2 in pA,
    refrac in ms, each (batch, *shape).

    Raises: `ParameterError` for c_mem, g_leak, tau_refrac, tau_asc_1, tau_asc_2 or b_s <= 0.

    Numerics: ExpEuler solves every relaxation exactly for currents constant over a step. The step of the spike is the
    first of the cut, which is rounded to whole steps of dt; the clock `refrac` counts steps, so an integrator with
    stages inside a step (Heun, RK4) blurs its end. detach_reset is True by default, since the jump to the reset
    potential can multiply the gradient at every spike.

    Differs from the paper: a spike is v >= threshold, not v > threshold. The authors' simulator takes Euler steps of
    0.05 ms in v. A reset above the threshold, at which the authors' simulator stops, fires again after the cut.
    Defaults are one cell of the Allen database, fitted at this level, as in NEST's example glif_psc_neuron; potentials
    count from rest, as in the paper, and absolute ones serve as well.

    Reference: Teeter et al., Nat. Commun. 9:709 (2018), doi 10.1038/s41467-017-02717-4.

    Example:

        >>> import torch
        >>> spikes, end = GLIF4(1, dt=0.05)(torch.full((4000, 1, 1), 400.0))
        >>> int(spikes.sum())
        10
    """

    c_mem = param(58.72, "pF", "membrane capacitance", positive=True)
    g_leak = param(9.43, "nS", "leak conductance", positive=True)
    v_leak = param(0.0, "mV", "resting potential")
    v_threshold = param(28.66, "mV", "threshold at rest")
    f_v = param(0.2, "1", "part of the distance to rest that a spike leaves")
    v_add = param(18.56, "mV", "what a spike adds to the potential")
    theta_add = param(0.37, "mV", "what a spike adds to the threshold")
    b_s = param(0.009, "1/ms", "decay rate of the threshold that spikes raise", positive=True)
    tau_asc_1 = param(333.3, "ms", "time constant of the first after-spike current", positive=True)
    tau_asc_2 = param(10.0, "ms", "time constant of the second after-spike current", positive=True)
    asc_add_1 = param(-9.18, "pA", "what a spike adds to the first after-spike current")
    asc_add_2 = param(-198.94, "pA", "what a spike adds to the second after-spike current")
    f_asc_1 = param(1.0, "1", "part of the first after-spike current that a spike leaves")
    f_asc_2 = param(1.0, "1", "part of the second after-spike current that a spike leaves")
    tau_refrac = param(3.75, "ms", "duration of the cut around a spike", positive=True)

    v = state("v_leak", "mV", "membrane potential")
    asc_1 = state(0.0, "pA", "first after-spike current")
    asc_2 = state(0.0, "pA", "second after-spike current")
    theta_s = state(0.0, "mV", "threshold raised by spikes")
    refrac = state(0.0, "ms", "time that is left of the cut")

    input_unit = "pA"
    detach_reset = True

    def dynamics(self, s: Any, i: Any) -> dict[str, Any]:
        cut = running(s.refrac, self.dt)
        v_inf = self.v_leak + (i + s.asc_1 + s.asc_2) / self.g_leak
        return dict(
            v=relax(torch.where(cut, s.v, v_inf), self.c_mem / self.g_leak),
            asc_1=relax(torch.where(cut, s.asc_1, 0.0), self.tau_asc_1),
            asc_2=relax(torch.where(cut, s.asc_2, 0.0), self.tau_asc_2),
            theta_s=relax(torch.where(cut, s.theta_s, 0.0), 1.0 / self.b_s),
            refrac=-cut.to(s.refrac.dtype),
        )

    def threshold(self, s: Any) -> Any:
        return barred(running(s.refrac, self.dt), s.v - (self.v_threshold + s.theta_s))

    def reset(self, s: Any) -> Any:
        return s._replace(
            v=self.v_leak + self.f_v * (s.v - self.v_leak) + self.v_add,
            asc_1=self.f_asc_1 * s.asc_1 * torch.exp(-self.tau_refrac / self.tau_asc_1) + self.asc_add_1,
            asc_2=self.f_asc_2 * s.asc_2 * torch.exp(-self.tau_refrac / self.tau_asc_2) + self.asc_add_2,
            theta_s=s.theta_s * torch.exp(-self.b_s * self.tau_refrac) + self.theta_add,
            refrac=torch.relu(self.tau_refrac - self.dt),
        )
