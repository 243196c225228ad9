"""Spiking recurrent cell."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from rheobase.core import MapNeuron, option, param, state
from rheobase.core.equations.fixed_points import fixed_point, tanh_fixed_point
from rheobase.core.equations.piecewise import piecewise_tanh


class SRC(MapNeuron):
    """Spiking recurrent cell (De Geeter, Ernst & Drion, 2024): a recurrent cell whose dynamics spike by themselves.

        i[t] = alpha i[t-1] + W s_in[t]                       (W s_in[t] is this cell's input)
        x[t] = rho tanh( i[t] / rho )
        h[t] = z h[t-1] + (1 - z) tanh( x[t] + r h[t-1] + r_s h_s[t-1] + b_h ),  z = 0
        z_s[t] = z_hyp + (z_dep - z_hyp) sigmoid( 10 (h[t-1] - 0.5) )
        h_s[t] = z_s[t] h_s[t-1] + (1 - z_s[t]) h[t-1]
        s_out[t] = ReLU( h[t] )

    Shapes: input (time, batch, *shape); out (time, batch, *shape) in [0, 1), graded: a spike lasts some steps, and
    where it is counted it is an upward crossing of 0.5; i, h, h_s (batch, *shape).

    Raises: `ParameterError` for rho <= 0, and for options that are not among the choices.

    Numerics: b_h is cut at -4 at every use, as in the authors' code. The gradient passes ReLU as the identity and,
    with `detach_recurrence`, does not pass through h and h_s in time: only through the integrator i. The state at
    rest is the fixed point h = h_s = tanh((r + r_s) h + b_h). Learnable r, r_s and z keep their signs and ranges:
    they are stored as logits (start z_dep above 0, say at 0.05: at the end of its range a logit stands still).

    Differs from the paper: it leaves the time index of z_s open; here `gate_reads` chooses between h[t-1] (the
    authors' running code) and h[t]. `gate` may be the hard step that one re-implementation uses. With `tanh =
    "piecewise"` four lines whose slopes are powers of two stand for tanh, as a chip would have it.

    Reference: De Geeter, Ernst & Drion, Neuromorph. Comput. Eng. (2024), doi 10.1088/2634-4386/ad473b,
    arXiv 2306.03623; constants from the authors' exported model.

    Example:

        >>> import torch
        >>> out, end = SRC(1)(torch.full((100, 1, 1), 0.3))
        >>> int(((out[1:] > 0.5) & (out[:-1] <= 0.5)).sum())
        5
    """

    alpha = param(0.9, "1", "decay of the input integrator per step", range=(0.0, 1.0))
    rho = param(3.0, "1", "saturation of the input", positive=True)
    r = param(2.0, "1", "fast positive feedback", range=(0.0, 10.0))
    r_s = param(-7.0, "1", "slow negative feedback", range=(-20.0, 0.0))
    b_h = param(-6.0, "1", "bias: excitability", clamp=(None, -4.0))
    z = param(0.0, "1", "update gate of h", range=(0.0, 1.0))
    z_hyp = param(0.9, "1", "slow gate while hyperpolarised", range=(0.0, 1.0))
    z_dep = param(0.0, "1", "slow gate while depolarised", range=(0.0, 1.0))

    detach_recurrence = option(True, "cut the gradient through h and h_s in time, as the paper does")
    gate_reads = option("h[t-1]", "the value that z_s looks at", choices=("h[t-1]", "h[t]"))
    gate = option("sigmoid", "the shape of the slow gate", choices=("sigmoid", "step"))
    tanh = option("exact", "the saturation", choices=("exact", "piecewise"))

    i = state(0.0, "1", "integrated input")
    h = state(0.0, "1", "fast variable: the membrane potential")
    h_s = state(0.0, "1", "slow variable: negative feedback")

    graded = True

    def step(self, s: Any, i: Any) -> tuple[Any, ...]:
        i = self.alpha * s.i + i
        tanh = torch.tanh if self.tanh == "exact" else piecewise_tanh
        x = self.rho * tanh(i / self.rho)
        h_last, h_s_last = (self.detached(v) if self.detach_recurrence else v for v in (s.h, s.h_s))
        h = tanh(x + self.r * h_last + self.r_s * h_s_last + self.b_h)
        h = self.z * h_last + (1.0 - self.z) * h
        seen = h_last if self.gate_reads == "h[t-1]" else h
        open_ = self.fire(seen - 0.5) if self.gate == "step" else torch.sigmoid(10.0 * (seen - 0.5))
        z_s = self.z_hyp + (self.z_dep - self.z_hyp) * open_
        h_s = z_s * h_s_last + (1.0 - z_s) * h_last
        return self.substituted(torch.relu(h), h), s._replace(i=i, h=h, h_s=h_s)

    def resting(self) -> dict[str, Tensor]:
        with torch.no_grad():
            slope, bias = self.r + self.r_s, self.b_h
            exact = self.tanh == "exact"
            h = tanh_fixed_point(slope, bias) if exact else fixed_point(piecewise_tanh, slope, bias)
        return {"h": h, "h_s": h}
