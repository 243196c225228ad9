"""Theta neuron."""

from __future__ import annotations

import math
from typing import Any

import torch

from rheobase.core import OdeNeuron, param, state


class Theta(OdeNeuron):
    """Theta neuron (Ermentrout & Kopell, 1986): the canonical model of a class 1 neuron, a phase on a circle.

        tau dtheta/dt = (1 - cos theta) + (1 + cos theta) i
        spike when theta >= pi, then theta <- theta - 2 pi

    For i < 0 it rests at -2 arctan(sqrt(-i)), for i > 0 it fires every pi tau/sqrt(i). tan(theta/2) is the potential
    of the quadratic integrate-and-fire neuron, tau dv/dt = v^2 + i with peak and reset at infinity (`QIF`).

    Shapes: i (time, batch, *shape); out (time, batch, *shape) in {0, 1}; theta in radians (batch, *shape).

    Raises: `ParameterError` for tau <= 0.

    Numerics: smooth and bounded, so the integrators keep their order through spikes and no part of a spike is cut
    off. A step must be shorter than a turn: dt < pi tau / max(1, i).

    Differs from the paper: tau is the unit of its time.

    Reference: Ermentrout & Kopell, SIAM J. Appl. Math. 46, 233-253 (1986), doi 10.1137/0146017.

    Example:

        >>> import torch
        >>> spikes, end = Theta(1, dt=0.01)(torch.full((4000, 1, 1), 0.1))
        >>> int(spikes.sum())
        4
    """

    tau = param(1.0, "ms", "unit of time", positive=True)

    theta = state(0.0, "1", "phase")

    def dynamics(self, s: Any, i: Any) -> dict[str, Any]:
        cosine = torch.cos(s.theta)
        return dict(theta=((1.0 - cosine) + (1.0 + cosine) * i) / self.tau)

    def threshold(self, s: Any) -> Any:
        return s.theta - math.pi

    def reset(self, s: Any) -> Any:
        return s._replace(theta=s.theta - 2.0 * math.pi)
