"""Resonate-and-fire."""

from __future__ import annotations

from typing import Any

import torch

from rheobase.core import OdeNeuron, param, state


class ResonateAndFire(OdeNeuron):
    """Resonate-and-fire neuron (Izhikevich, 2001): a damped oscillator with a threshold.

        dx/dt = b x - omega v + i
        dv/dt = omega x + b v
        spike when v >= v_threshold, then x <- 0, v <- 1          (b is `damping`)

    Shapes: i (time, batch, *shape) in 1/ms; out (time, batch, *shape) in {0, 1}; x, v (batch, *shape).

    Raises: `ParameterError` for values that are not finite.

    Numerics: the system is coupled, so ExpEuler is plain Euler here and grows for dt > -2 b / (b^2 + omega^2) (1.54 ms
    for the defaults); Heun or RK4 serve larger steps. detach_reset is True by default, since the jump can multiply the
    gradient at every spike.

    Differs from the paper: in nothing (z = x + iv).

    Reference: Izhikevich, Neural Networks 14, 883-894 (2001), doi 10.1016/S0893-6080(01)00078-8, eq. 1 to 3.

    Example:

        >>> import torch
        >>> pulse = 4.0 * torch.eye(100)[0].view(100, 1, 1)
        >>> spikes, end = ResonateAndFire(1, dt=0.5)(pulse)
        >>> int(spikes.sum())
        1
    """

    damping = param(-0.05, "1/ms", "rate of decay of the subthreshold oscillation")
    omega = param(0.25, "1/ms", "angular frequency of the oscillation")
    v_threshold = param(1.0, "1", "firing threshold")

    x = state(0.0, "1", "current-like variable")
    v = state(0.0, "1", "voltage-like variable")

    input_unit = "1/ms"
    usual_dt = 0.025  # ms: its period is short beside 0.1 ms where it fires
    detach_reset = True

    def dynamics(self, s: Any, i: Any) -> dict[str, Any]:
        return dict(
            x=self.damping * s.x - self.omega * s.v + i,
            v=self.omega * s.x + self.damping * s.v,
        )

    def threshold(self, s: Any) -> Any:
        return s.v - self.v_threshold

    def reset(self, s: Any) -> Any:
        return s._replace(x=torch.zeros_like(s.x), v=torch.ones_like(s.v))
