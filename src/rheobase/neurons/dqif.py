"""Discretized quadratic integrate-and-fire."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from rheobase.core import MapNeuron, option, param, state


class DQIF(MapNeuron):
    """Discretized quadratic integrate-and-fire neuron (Jahns, Moreno, Stojkov & Kinsy, 2025), a reconstruction.

        u[t] = lam v[t-1] + a (v[t-1] - u1) (v[t-1] - u2) + i[t]
        s[t] = 1 where u[t] >= v_threshold
        v[t] = u[t] where s[t] = 0, else v_reset      ( `reset="soft"`: min(u[t] - v_threshold, v_threshold) )

    `form="factored"` is lam = 0: u1 and u2 are the roots of the update. `form="euler"` is lam = 1, a forward Euler
    step of dv/dt = a (v - u1) (v - u2) + i: u1 is the potential at rest, u2 the critical one, above which v runs to
    the threshold by itself. In the code `v.pre` is u.

    Shapes: i (time, batch, *shape) in units of v; out (time, batch, *shape) in {0, 1}; v (batch, *shape).

    Raises: `ParameterError` outside the ranges, for v_threshold <= 0, and for options that are not among the choices.

    Numerics: what is stable depends on a, u1 and u2 together; their ranges are a box inside it, which learning cannot
    leave, for a threshold of about 1. There, in each step, v comes nearer to rest by the factor 1 - a (u2 - u1), 0 to
    0.999, with "euler", and by 1 - sqrt((1 + a (u1 + u2))^2 - 4 a^2 u1 u2), -0.77 to 0.04, with "factored": it
    oscillates where that is negative (for u1 = 0 it is -a u2). The square lifts a low v: with "euler" one below
    u1 - 1/a would land above u2, so v is cut at the vertex of the parabola, (u1 + u2)/2 - 1/(2 a), before it is
    squared, and the map is monotone; `clamp` says where this is done. With "factored" strong inhibition is followed by
    a spike (v < -1.77 at the defaults). A soft reset leaves v_threshold at most: from higher up (2.3 or 5.3 at the
    default roots) the square would add more than each spike takes, and v run away. Rest is the lower fixed point
    without input.

    Differs from the paper: its update (eq. 11) is reconstructed, not read. Known are the parameters a, u1, u2 (the
    defaults are those of its figure), that the potential oscillates below threshold, and a cost of one multiplication
    and one addition more than LIF. Both forms fit; "factored", the default, is the one that oscillates at these
    values. The ranges, the clamp, the soft reset and the start at rest are not the paper's, nor is the default
    surrogate: the paper's has a window that follows from the distribution of the potential. For one of that kind take
    `surrogates.Boxcar(w, 1 / w)` or `Triangle(w)` with w from `rheobase.reproduce.dqif.theory.window`.

    Reference: Jahns, Moreno, Stojkov & Kinsy, Discretized Quadratic Integrate-and-Fire Neuron Model for Deep Spiking
    Neural Networks (2025), arXiv 2510.05168, sec. 4, eq. 11.

    Example:

        >>> import torch
        >>> spikes, end = DQIF(1)(torch.full((30, 1, 1), 0.9))
        >>> int(spikes.sum())
        10
    """

    a = param(0.25, "1", "curvature: coefficient of the square", range=(0.01, 0.5))
    u1 = param(0.0, "1", "lower root: the potential at rest of the form euler", range=(-0.5, 0.2))
    u2 = param(0.5, "1", "upper root: the critical potential of the form euler", range=(0.3, 1.5))
    v_threshold = param(1.0, "1", "firing threshold", positive=True)
    v_reset = param(0.0, "1", "potential after a spike")

    form = option("factored", "the update that a, u1 and u2 are of", choices=("factored", "euler"))
    clamp = option("euler", "the forms that cut v at the vertex of the parabola", choices=("euler", "always", "never"))
    reset = option("hard", "to v_reset, or down by v_threshold", choices=("hard", "soft"))

    v = state(0.0, "1", "membrane potential")

    def step(self, s: Any, i: Any) -> tuple[Any, ...]:
        v, euler = s.v, self.form == "euler"
        if self.clamp in ("always", self.form):
            middle = 0.5 * (self.u1 + self.u2)
            v = torch.clamp(v, min=middle - 0.5 / self.a if euler else middle)
        square = self.a * (v - self.u1) * (v - self.u2)
        u = (v + square if euler else square) + i
        z = self.fire(u - self.v_threshold)
        kept = self.detached(z) if self.detach_reset else z
        # uncut, a soft reset would leave potentials that the square carries away for ever
        after = self.v_reset if self.reset == "hard" else torch.clamp(u - self.v_threshold, max=self.v_threshold)
        return z, s._replace(v=self.switch(kept, after, u)), s._replace(v=u)

    def resting(self) -> dict[str, Tensor]:
        with torch.no_grad():
            if self.form == "euler":
                return {"v": self.u1}
            # a v^2 - (1 + a (u1 + u2)) v + a u1 u2 = 0, solved so that no digits are lost for small a
            half, product = 0.5 * (1.0 + self.a * (self.u1 + self.u2)), self.a * self.u1 * self.u2
            v = product / (half + torch.sqrt(half**2 - self.a * product))
            if self.clamp == "always":
                # a rest left of the vertex gives way to the lowest value there is
                v = torch.where(v < 0.5 * (self.u1 + self.u2), -0.25 * self.a * (self.u2 - self.u1) ** 2, v)
            return {"v": v}
