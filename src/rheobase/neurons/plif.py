"""Parametric leaky integrate-and-fire."""

from __future__ import annotations

from typing import Any

import torch

from rheobase.core import MapNeuron, param, state


class PLIF(MapNeuron):
    """Parametric leaky integrate-and-fire neuron (Fang et al., 2021): the membrane time constant is learnt.

        1/tau = k(a) = sigmoid(a)
        h[t] = v[t-1] + k(a) (x[t] - (v[t-1] - v_reset))
        s[t] = 1 where h[t] >= v_threshold
        v[t] = h[t] (1 - s[t]) + v_reset s[t]

    In the code `v.pre` is h. Ask for `learn=("a",)`; a = -ln(tau - 1), so the default 0 is tau = 2 steps.

    Shapes: x (time, batch, *shape) in units of v; out (time, batch, *shape) in {0, 1}; v (batch, *shape).

    Raises: `ParameterError` for values that are not finite.

    Numerics: the paper's update, as it is. Any real a gives a tau above 1 step, so no step of a gradient leaves the
    stable range.

    Differs from the paper: a may also be one value for each neuron, where the paper shares it over a layer; v starts
    at v_reset.

    Reference: Fang et al., IEEE/CVF Int. Conf. on Computer Vision, 2661-2671 (2021), arXiv 2007.05785.

    Example:

        >>> import torch
        >>> spikes, end = PLIF(1, learn=("a",))(torch.full((30, 1, 1), 1.1))
        >>> int(spikes.sum())
        7
    """

    a = param(0.0, "1", "membrane time constant, as the logit of 1/tau")
    v_threshold = param(1.0, "1", "firing threshold")
    v_reset = param(0.0, "1", "potential at rest and after a spike")

    v = state("v_reset", "1", "membrane potential")

    def step(self, s: Any, i: Any) -> tuple[Any, ...]:
        h = s.v + torch.sigmoid(self.a) * (i - (s.v - self.v_reset))
        z = self.fire(h - self.v_threshold)
        kept = self.detached(z) if self.detach_reset else z
        return z, s._replace(v=self.switch(kept, self.v_reset, h)), s._replace(v=h)
