"""Adaptive LIF discretised by forward Euler."""

from __future__ import annotations

from typing import Any

import torch

from rheobase.core import MapNeuron, param, state


class EFAdLIF(MapNeuron):
    """Adaptive LIF neuron, forward-Euler discretisation, in steps (Baronig et al., 2025).

        u^[t] = alpha u[t-1] + (1 - alpha) (i[t] - w[t-1]),  alpha = exp(-1/tau_u)
        z[t] = 1 where u^[t] >= v_threshold;  u[t] = u^[t] (1 - z[t])
        w[t] = beta w[t-1] + (1 - beta) q (a u[t-1] + b z[t-1]),  beta = exp(-1/tau_w)

    Shapes: i (time, batch, *shape); out (time, batch, *shape) in {0, 1}; v (the paper's u), w and z (batch, *shape).

    Raises: `ParameterError` outside the ranges.

    Numerics: the paper's update; the spike is detached in the reset, as in the authors' code.

    Differs from the paper: in nothing; `draw` draws a value for each neuron, as the paper does.

    Reference: Baronig, Ferrand, Sabathiel & Legenstein, Nat. Commun. 16 (2025), arXiv 2408.07517.

    Example:

        >>> import torch
        >>> spikes, end = EFAdLIF(1)(torch.full((100, 1, 1), 6.0))
        >>> int(spikes.sum())
        7
    """

    tau_u = param(15.0, "1", "membrane time constant in steps", range=(5.0, 25.0), draw=True)
    tau_w = param(180.0, "1", "adaptation time constant in steps", range=(60.0, 300.0), draw=True)
    a = param(0.5, "1", "coupling of the potential to the adaptation", clamp=(0.0, 1.0), draw=True)
    b = param(1.0, "1", "jump of the adaptation at a spike", clamp=(0.0, 2.0), draw=True)
    q = param(60.0, "1", "scale of the adaptation", positive=True)
    v_threshold = param(1.0, "1", "firing threshold")

    v = state(0.0, "1", "membrane potential, after the reset")
    w = state(0.0, "1", "adaptation")
    z = state(0.0, "1", "last spike")

    def step(self, s: Any, i: Any) -> tuple[Any, ...]:
        alpha, beta = torch.exp(-1.0 / self.tau_u), torch.exp(-1.0 / self.tau_w)
        u = alpha * s.v + (1.0 - alpha) * (i - s.w)
        z = self.fire(u - self.v_threshold)
        v = self.switch(self.detached(z), torch.zeros_like(u), u)
        w = beta * s.w + (1.0 - beta) * self.q * (self.a * s.v + self.b * s.z)
        return z, s._replace(v=v, w=w, z=z), s._replace(v=u, w=w, z=z)
