"""The spiking recurrent cell in fixed point."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from rheobase.chip.fixed_point.arithmetic import OVERFLOWS, ROUNDINGS, check_widths, coded, held, on_grid, stored
from rheobase.core import MapNeuron, option, param, state

REACH = 6  # bits before the point of x + r h + r_s h_s + b_h, whatever the parameters


class FixedSRC(MapNeuron):
    """Spiking recurrent cell (De Geeter, Ernst & Drion, 2024) in fixed point, with lines in the place of its functions.

        i[t] = hold( Q(alpha i[t-1]) + Q(W s_in[t]) )
        x[t] = rho T( i[t] / rho )
        h[t] = T( Q( x[t] + r h[t-1] + r_s h_s[t-1] + b_h ) )
        z_s[t] = Q( z_hyp + (z_dep - z_hyp) S( 10 (h[t-1] - 1/2) ) )
        h_s[t] = h[t-1] + Q( z_s[t] (h_s[t-1] - h[t-1]) )
        s_out[t] = ReLU( h[t] ), or with output = "spike" 1 where h[t] >= 1/2

    Q rounds to `fraction` bits behind the binary point, once after each sum of products (`rounding`). h and h_s have no
    bit before it (Q0.n), i has `whole` (Qm.n); parameters are the nearest with `param_fraction` bits behind it. T is
    the tanh of lines of slope 1, 1/2, 1/8 and 0 (shifts and adds), S the sigmoid of lines of slope 1/4, 1/8, 1/32 and
    0, or a step. `hold` stops i at its ends or wraps around (`overflow`); the state `overflows` counts the steps in
    which it did.

    Shapes: input (time, batch, *shape), of any value: it is rounded to the grid of i; out (time, batch, *shape) in
    [0, 1); i, h, h_s, overflows (batch, *shape).

    Raises: `DTypeError` for a type that would not hold every product exactly: float32 does for fraction +
    param_fraction <= 18 and whole <= 6, float64 beyond; `ParameterError` for values outside their ranges.

    Numerics: exact, so the same bits on every backend. The gradient is that of the equations without Q and hold, with
    T and S as they are, and as in SRC it passes ReLU (and the spike) as the identity and, with `detach_recurrence`, not
    h and h_s in time.

    Differs from the paper: formats, rounding and the lines are ours. The FPGA of the paper's authors has fewer
    numbers still: `FpgaSRC`.

    Reference: De Geeter, Ernst & Drion (2024), doi 10.1088/2634-4386/ad473b; the lines of S, which here change where
    they meet: Amin, Curtis & Hayes-Gill, IEE Proc. Circuits Devices Syst. 144(6), 313 (1997).

    Example:

        >>> out, end = FixedSRC(1, fraction=8)(torch.full((100, 1, 1), 0.3))
        >>> int(((out[1:] >= 0.5) & (out[:-1] < 0.5)).sum()), float(end.i * 2**8), float(end.overflows)
        (5, 754.0, 0.0)
    """

    alpha = param(0.9, "1", "decay of the input integrator per step", range=(0.0, 1.0))
    rho = param(3.0, "1", "saturation of the input", range=(0.0, 8.0))
    r = param(2.0, "1", "fast positive feedback", range=(0.0, 8.0))
    r_s = param(-7.0, "1", "slow negative feedback", range=(-16.0, 0.0))
    b_h = param(-6.0, "1", "bias: excitability", clamp=(-16.0, -4.0))
    z_hyp = param(0.9, "1", "slow gate while hyperpolarised", range=(0.0, 1.0))
    z_dep = param(0.0, "1", "slow gate while depolarised", range=(0.0, 1.0))

    fraction = option(10, "bits behind the point of i, h and h_s", least=1)
    whole = option(5, "bits before the point of i", least=0)
    param_fraction = option(8, "bits behind the point of the parameters", least=1)
    rounding = option("nearest", "to the nearest, or down as a shift does", choices=ROUNDINGS)
    overflow = option("saturate", "what becomes of an i beyond its ends", choices=OVERFLOWS)
    output = option("graded", "ReLU(h), or a spike where h >= 1/2", choices=("graded", "spike"))
    gate = option("lines", "the shape of the slow gate", choices=("lines", "step"))
    detach_recurrence = option(True, "cut the gradient through h and h_s in time, as the paper does")

    i = state(0.0, "1", "integrated input")
    h = state(0.0, "1", "fast variable: the membrane potential")
    h_s = state(0.0, "1", "slow variable: negative feedback")
    overflows = state(0.0, "1", "steps in which i did not fit")

    graded = True

    def step(self, s: Any, i: Any) -> tuple[Any, ...]:
        n, p = self.fraction, self.param_fraction
        alpha, rho, r, r_s, b_h, z_hyp, z_dep = (
            stored(self, value, p)
            for value in (self.alpha, self.rho, self.r, self.r_s, self.b_h, self.z_hyp, self.z_dep)
        )
        i, lost = held(self, coded(self, alpha * s.i, n), coded(self, i, n), self.whole, n)
        x = self.lines(i, rho)
        h_last, h_s_last = (self.detached(v) if self.detach_recurrence else v for v in (s.h, s.h_s))
        y = coded(self, x + r * h_last + r_s * h_s_last + b_h, n)
        most = 1.0 - 2.0**-n
        h = torch.clamp(self.lines(y, torch.ones_like(y)), -most, most)
        z_s = coded(self, z_hyp + (z_dep - z_hyp) * self.opened(h_last), n)
        h_s = h_last + coded(self, z_s * (h_s_last - h_last), n)
        if self.output == "graded":
            out = torch.relu(h)
        else:
            out = torch.where(h >= 0.5, torch.ones_like(h), torch.zeros_like(h))
        after = s._replace(i=i, h=h, h_s=h_s, overflows=s.overflows + lost)
        return self.substituted(out, h), after

    def lines(self, x: Any, end: Any) -> Any:
        """end T(x / end), rounded: T has lines of slope 1, 1/2, 1/8 and 0 that meet at 1/2, 5/4 and 9/4."""
        a = torch.abs(x)
        low, high = 0.25 * end + 0.5 * a, 0.71875 * end + 0.125 * a
        size = coded(self, torch.minimum(torch.minimum(a, low), torch.minimum(high, end)), self.fraction)
        return torch.where(x < 0.0, -size, size)

    def opened(self, h: Any) -> Any:
        """S(10 (h - 1/2)), rounded: how far h has opened the slow gate."""
        if self.gate == "step":
            return torch.where(h >= 0.5, torch.ones_like(h), torch.zeros_like(h))
        x = 10.0 * h - 5.0
        a = torch.abs(x)
        low, high = torch.minimum(0.25 * a + 0.5, 0.125 * a + 0.625), torch.clamp(0.03125 * a + 0.84375, max=1.0)
        upper = torch.minimum(low, high)
        return coded(self, torch.where(x < 0.0, 1.0 - upper, upper), self.fraction)

    @property
    def width(self) -> int:
        """The bits of the widest value in a step."""
        n, p = self.fraction, self.param_fraction
        return max(max(REACH, self.whole) + n + p, 2 * n + 1, REACH + max(n, p) + 5)

    def resting(self) -> dict[str, Tensor]:
        """The state at rest of the equations without rounding, on the grid: a few steps from it, the cell stands."""
        from rheobase.core.equations.fixed_points import fixed_point
        from rheobase.core.equations.piecewise import piecewise_tanh

        with torch.no_grad():
            values = (on_grid(x, self.param_fraction) for x in (self.r + self.r_s, self.b_h))
            h = on_grid(fixed_point(piecewise_tanh, *values), self.fraction)
        return {"h": h, "h_s": h}

    def forward(self, current: Any = None, *args: Any, **kwargs: Any) -> Any:
        check_widths(self, current, self.width)
        return super().forward(current, *args, **kwargs)
