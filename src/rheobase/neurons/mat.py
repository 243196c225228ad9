"""Multi-timescale adaptive threshold."""

from __future__ import annotations

from typing import Any

from rheobase.core import OdeNeuron, barred, param, relax, running, state


class MAT(OdeNeuron):
    """Multi-timescale adaptive threshold neuron (Kobayashi, Tsubo & Shinomoto, 2009): a leaky integrator that no spike
    resets, under a threshold that every spike raises.

        tau_mem dv/dt = -(v - v_leak) + r i
        dtheta_k/dt = -theta_k / tau_k,  k = 1, 2
        spike when v >= omega + theta_1 + theta_2, then theta_k <- theta_k + alpha_k
        and none for tau_refrac after a spike (`refrac` is the time that is left)

    It is a level that counts, not a crossing: v may stay above the threshold and fire at the end of each refractory
    time.

    Shapes: i (time, batch, *shape) in pA; out (time, batch, *shape) in {0, 1}; v, theta_1, theta_2 in mV, refrac in
    ms, each (batch, *shape).

    Raises: `ParameterError` for tau_mem, r, tau_1, tau_2 or tau_refrac <= 0.

    Numerics: with ExpEuler exact for current constant over a step. The refractory time is rounded to whole steps of dt;
    its clock counts steps, so an integrator with stages inside a step (Heun, RK4) blurs its end. detach_reset is True
    by default, since the jumps of the threshold can multiply the gradient at every spike.

    Differs from the paper: v is an absolute potential, where the paper measures v and omega from rest; v_leak = -65 mV
    is that of the authors' program. The first step that may fire again ends tau_refrac after the spike, in the authors'
    program one step of 0.1 ms later.

    Reference: Kobayashi, Tsubo & Shinomoto, Front. Comput. Neurosci. 3:9 (2009), doi 10.3389/neuro.10.009.2009.

    Example:

        >>> import torch
        >>> spikes, end = MAT(1, dt=0.1)(torch.full((5000, 1, 1), 600.0))
        >>> int(spikes.sum())
        16
    """

    tau_mem = param(5.0, "ms", "membrane time constant", positive=True)
    r = param(0.05, "GOhm", "membrane resistance", positive=True)
    v_leak = param(-65.0, "mV", "resting potential")
    omega = param(-45.0, "mV", "threshold at rest")
    tau_1 = param(10.0, "ms", "fast time constant of the threshold", positive=True)
    tau_2 = param(200.0, "ms", "slow time constant of the threshold", positive=True)
    alpha_1 = param(30.0, "mV", "fast jump of the threshold at a spike")
    alpha_2 = param(2.0, "mV", "slow jump of the threshold at a spike")
    tau_refrac = param(2.0, "ms", "absolute refractory time", positive=True)

    v = state("v_leak", "mV", "membrane potential")
    theta_1 = state(0.0, "mV", "fast part of the threshold")
    theta_2 = state(0.0, "mV", "slow part of the threshold")
    refrac = state(0.0, "ms", "refractory time that is left")

    input_unit = "pA"
    detach_reset = True

    def dynamics(self, s: Any, i: Any) -> dict[str, Any]:
        refractory = running(s.refrac, self.dt)
        return dict(
            v=relax(self.v_leak + self.r * i, self.tau_mem),
            theta_1=relax(0.0, self.tau_1),
            theta_2=relax(0.0, self.tau_2),
            refrac=-refractory.to(s.refrac.dtype),
        )

    def threshold(self, s: Any) -> Any:
        return barred(running(s.refrac, self.dt), s.v - (self.omega + s.theta_1 + s.theta_2))

    def reset(self, s: Any) -> Any:
        return s._replace(
            theta_1=s.theta_1 + self.alpha_1,
            theta_2=s.theta_2 + self.alpha_2,
            refrac=self.tau_refrac,
        )
