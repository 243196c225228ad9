"""Leaky integrate-and-fire in fixed point."""

from __future__ import annotations

from typing import Any

from rheobase.chip.fixed_point.arithmetic import OVERFLOWS, ROUNDINGS, check_widths, coded, held, stored
from rheobase.core import MapNeuron, option, param, state


class FixedLIF(MapNeuron):
    """Leaky integrate-and-fire neuron in fixed point, with subtractive reset; with beta = 1 integrate-and-fire.

        v[t] = hold( Q(beta v[t-1]) + Q(W s_in[t]) + bias )
        spike when v >= v_threshold, then v <- v - v_threshold

    Q rounds to `fraction` bits behind the binary point; v, bias and v_threshold have `whole` bits before it (Qm.n),
    beta has `param_fraction` bits behind it. The weights have the factor that LIF has in its membrane: 1 - beta. `hold`
    stops v at its ends or wraps around (`overflow`); the state `overflows` counts the steps in which it did.

    Shapes: input (time, batch, *shape), of any value: it is rounded to the grid of v; out (time, batch, *shape) in
    {0, 1}; v, overflows (batch, *shape).

    Raises: `DTypeError` for a type that would not hold every product exactly: float32 does for whole + fraction +
    param_fraction <= 24, float64 beyond; `ParameterError` for a beta outside [0, 1].

    Numerics: exact, so the same bits on every backend. The gradient is that of the equations without Q and hold.

    Differs from the paper: as LIF does; formats and rounding are ours.

    Reference: Lapicque, J. Physiol. Pathol. Gen. 9, 620-635 (1907); translation doi 10.1007/s00422-007-0189-6.

    Example:

        >>> import torch
        >>> spikes, end = FixedLIF(1, beta=0.5, fraction=4)(torch.full((6, 1, 1), 0.6875))
        >>> spikes.flatten().tolist(), float(end.v)
        ([0.0, 1.0, 0.0, 1.0, 0.0, 1.0], 0.0625)
    """

    beta = param(0.95, "1", "what is left of v after a step", range=(0.0, 1.0))
    v_threshold = param(1.0, "1", "firing threshold")
    bias = param(0.0, "1", "what v gains in each step")

    fraction = option(10, "bits behind the point of v", least=1)
    whole = option(4, "bits before the point of v", least=0)
    param_fraction = option(8, "bits behind the point of beta", least=1)
    rounding = option("nearest", "to the nearest, or down as a shift does", choices=ROUNDINGS)
    overflow = option("saturate", "what becomes of a v beyond its ends", choices=OVERFLOWS)

    v = state(0.0, "1", "membrane potential")
    overflows = state(0.0, "1", "steps in which v did not fit")

    def step(self, s: Any, i: Any) -> tuple[Any, ...]:
        n = self.fraction
        theta = stored(self, self.v_threshold, n)
        kept = coded(self, stored(self, self.beta, self.param_fraction) * s.v, n)
        v, lost = held(self, kept + stored(self, self.bias, n), coded(self, i, n), self.whole, n)
        z = self.fire(v - theta)
        resets = self.detached(z) if self.detach_reset else z
        before = s._replace(v=v, overflows=s.overflows + lost)
        return z, before._replace(v=v - resets * theta), before

    @property
    def width(self) -> int:
        """The bits of the widest value in a step."""
        return self.whole + self.fraction + self.param_fraction

    def forward(self, current: Any = None, *args: Any, **kwargs: Any) -> Any:
        check_widths(self, current, self.width)
        return super().forward(current, *args, **kwargs)
