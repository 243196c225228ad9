"""Adaptive LIF of Bittar and Garner."""

from __future__ import annotations

from typing import Any

from rheobase.core import MapNeuron, param, state


class AdLIF(MapNeuron):
    """Adaptive leaky integrate-and-fire neuron, in steps (Bittar & Garner, 2022).

        w[t] = beta w[t-1] + a u[t-1] + b s[t-1]
        u[t] = alpha (u[t-1] - s[t-1]) + (1 - alpha) (i[t] - w[t])
        s[t] = 1 where u[t] >= v_threshold

    In the code v is u - s, the potential after the reset, and z is s.

    Shapes: i (time, batch, *shape); out (time, batch, *shape) in {0, 1}; v, w, z (batch, *shape).

    Raises: `ParameterError` outside the ranges.

    Numerics: the paper's update, as it is; alpha, beta, a and b are clamped to the paper's ranges at every use.

    Differs from the paper: starts at zero instead of at random; a spike is u >= v_threshold, not u > v_threshold;
    one value for each parameter; `draw` draws one for each neuron, as the paper does.

    Reference: Bittar & Garner, Front. Neurosci. 16:865897 (2022), doi 10.3389/fnins.2022.865897, eq. 3 to 5.

    Example:

        >>> import torch
        >>> spikes, end = AdLIF(1)(torch.full((100, 1, 1), 3.0))
        >>> int(spikes.sum())
        6
    """

    alpha = param(0.9, "1", "membrane decay per step", clamp=(0.8187307530779818, 0.9607894391523232), draw=True)
    beta = param(0.98, "1", "adaptation decay per step", clamp=(0.9672161004820059, 0.9917012926388759), draw=True)
    a = param(0.0, "1", "coupling of the potential to the adaptation", clamp=(-1.0, 1.0), draw=True)
    b = param(1.0, "1", "jump of the adaptation at a spike", clamp=(0.0, 2.0), draw=True)
    v_threshold = param(1.0, "1", "firing threshold")

    v = state(0.0, "1", "membrane potential, after the reset")
    w = state(0.0, "1", "adaptation")
    z = state(0.0, "1", "last spike")

    def step(self, s: Any, i: Any) -> tuple[Any, ...]:
        last_u = s.v + (self.detached(s.z) if self.detach_reset else s.z)
        w = self.beta * s.w + self.a * last_u + self.b * s.z
        u = self.alpha * s.v + (1.0 - self.alpha) * (i - w)
        z = self.fire(u - self.v_threshold)
        kept = self.detached(z) if self.detach_reset else z
        before = s._replace(v=u, w=w, z=z)
        return z, before._replace(v=u - kept), before
