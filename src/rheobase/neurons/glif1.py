"""Generalised leaky integrate-and-fire, level 1: LIF."""

from __future__ import annotations

from typing import Any

import torch

from rheobase.core import OdeNeuron, barred, param, relax, running, state


class GLIF1(OdeNeuron):
    """Leaky integrate-and-fire neuron with a refractory cut (Teeter et al., 2018): GLIF1.

        c_mem dv/dt = i - g_leak (v - v_leak)
        spike when v >= v_threshold, then v <- v_reset
        and for tau_refrac from a spike on v stands still (`refrac` is the time that is left)

    Shapes: i (time, batch, *shape) in pA; out (time, batch, *shape) in {0, 1}; v in mV, refrac in ms, each (batch,
    *shape).

    Raises: `ParameterError` for c_mem, g_leak or tau_refrac <= 0.

    Numerics: ExpEuler solves every relaxation exactly for a current constant over a step. The step of the spike is the
    first of the cut, which is rounded to whole steps of dt; the clock `refrac` counts steps, so an integrator with
    stages inside a step (Heun, RK4) blurs its end. detach_reset is True by default, since the jump to the reset
    potential can multiply the gradient at every spike.

    Differs from the paper: a spike is v >= threshold, not v > threshold. The authors' simulator takes Euler steps of
    0.05 ms in v. Defaults are one cell of the Allen database, fitted at this level, as in NEST's example
    glif_psc_neuron; potentials count from rest, as in the paper, and absolute ones serve as well.

    Reference: Teeter et al., Nat. Commun. 9:709 (2018), doi 10.1038/s41467-017-02717-4.

    Example:

        >>> import torch
        >>> spikes, end = GLIF1(1, dt=0.05)(torch.full((4000, 1, 1), 400.0))
        >>> int(spikes.sum())
        9
    """

    c_mem = param(58.72, "pF", "membrane capacitance", positive=True)
    g_leak = param(9.12, "nS", "leak conductance", positive=True)
    v_leak = param(0.0, "mV", "resting potential")
    v_reset = param(0.0, "mV", "potential after a spike")
    v_threshold = param(40.97, "mV", "firing threshold")
    tau_refrac = param(3.75, "ms", "duration of the cut around a spike", positive=True)

    v = state("v_leak", "mV", "membrane potential")
    refrac = state(0.0, "ms", "time that is left of the cut")

    input_unit = "pA"
    detach_reset = True

    def dynamics(self, s: Any, i: Any) -> dict[str, Any]:
        cut = running(s.refrac, self.dt)
        v_inf = self.v_leak + i / self.g_leak
        return dict(
            v=relax(torch.where(cut, s.v, v_inf), self.c_mem / self.g_leak),
            refrac=-cut.to(s.refrac.dtype),
        )

    def threshold(self, s: Any) -> Any:
        return barred(running(s.refrac, self.dt), s.v - self.v_threshold)

    def reset(self, s: Any) -> Any:
        return s._replace(
            v=self.v_reset,
            refrac=torch.relu(self.tau_refrac - self.dt),
        )
