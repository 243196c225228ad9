"""Generalised leaky integrate-and-fire, level 2: LIF-R."""

from __future__ import annotations

from typing import Any

import torch

from rheobase.core import OdeNeuron, barred, param, relax, running, state


class GLIF2(OdeNeuron):
    """Leaky integrate-and-fire with biologically defined reset rules, LIF-R (Teeter et al., 2018): GLIF2.

        c_mem dv/dt = i - g_leak (v - v_leak)
        dtheta_s/dt = -b_s theta_s
        spike when v >= v_threshold + theta_s, then
            v <- v_leak + f_v (v - v_leak) + v_add
            theta_s <- theta_s exp(-b_s tau_refrac) + theta_add
        and for tau_refrac from a spike on all of them stand still (`refrac` is the time that is left)

    Shapes: i (time, batch, *shape) in pA; out (time, batch, *shape) in {0, 1}; v, theta_s in mV, refrac in ms, each
    (batch, *shape).

    Raises: `ParameterError` for c_mem, g_leak, tau_refrac or b_s <= 0.

    Numerics: ExpEuler solves every relaxation exactly for a current constant over a step. The step of the spike is the
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
        >>> spikes, end = GLIF2(1, dt=0.05)(torch.full((4000, 1, 1), 400.0))
        >>> int(spikes.sum())
        9
    """

    c_mem = param(58.72, "pF", "membrane capacitance", positive=True)
    g_leak = param(9.12, "nS", "leak conductance", positive=True)
    v_leak = param(0.0, "mV", "resting potential")
    v_threshold = param(41.71, "mV", "threshold at rest")
    f_v = param(0.2, "1", "part of the distance to rest that a spike leaves")
    v_add = param(18.56, "mV", "what a spike adds to the potential")
    theta_add = param(0.37, "mV", "what a spike adds to the threshold")
    b_s = param(0.009, "1/ms", "decay rate of the threshold that spikes raise", positive=True)
    tau_refrac = param(3.75, "ms", "duration of the cut around a spike", positive=True)

    v = state("v_leak", "mV", "membrane potential")
    theta_s = state(0.0, "mV", "threshold raised by spikes")
    refrac = state(0.0, "ms", "time that is left of the cut")

    input_unit = "pA"
    detach_reset = True

    def dynamics(self, s: Any, i: Any) -> dict[str, Any]:
        cut = running(s.refrac, self.dt)
        v_inf = self.v_leak + i / self.g_leak
        return dict(
            v=relax(torch.where(cut, s.v, v_inf), self.c_mem / self.g_leak),
            theta_s=relax(torch.where(cut, s.theta_s, 0.0), 1.0 / self.b_s),
            refrac=-cut.to(s.refrac.dtype),
        )

    def threshold(self, s: Any) -> Any:
        return barred(running(s.refrac, self.dt), s.v - (self.v_threshold + s.theta_s))

    def reset(self, s: Any) -> Any:
        return s._replace(
            v=self.v_leak + self.f_v * (s.v - self.v_leak) + self.v_add,
            theta_s=s.theta_s * torch.exp(-self.b_s * self.tau_refrac) + self.theta_add,
            refrac=torch.relu(self.tau_refrac - self.dt),
        )
