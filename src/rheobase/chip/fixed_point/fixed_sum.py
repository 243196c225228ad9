"""A leaky sum in fixed point: the readout."""

from __future__ import annotations

from typing import Any

from rheobase.chip.fixed_point.arithmetic import OVERFLOWS, ROUNDINGS, check_widths, coded, held, stored
from rheobase.core import MapNeuron, option, param, state


class FixedLeakySum(MapNeuron):
    """Leaky sum of its input in fixed point: the output integrator of a network.

        o[t] = hold( Q(decay o[t-1]) + Q(W s_in[t]) + bias );  out = o

    Q, hold, formats and `overflows` are those of `FixedLIF`, of which this is the membrane.

    Shapes: input, out = o (time, batch, *shape); o, overflows (batch, *shape).

    Raises: `DTypeError` for a type that would not hold every product exactly; `ParameterError` for a decay outside
    [0, 1].

    Numerics: exact, so the same bits on every backend. The gradient is that of the equations without Q and hold.

    Differs from the paper: formats and rounding are ours.

    Reference: De Geeter, Ernst & Drion (2024), doi 10.1088/2634-4386/ad473b; `neurons.LeakySum`, `neurons.LI`.

    Example:

        >>> import torch
        >>> out, end = FixedLeakySum(1, decay=0.5, fraction=1)(torch.ones(4, 1, 1))
        >>> out.flatten().tolist()
        [1.0, 1.5, 2.0, 2.0]
    """

    decay = param(0.99, "1", "what is left of the sum after a step", range=(0.0, 1.0))
    bias = param(0.0, "1", "what the sum gains in each step")

    fraction = option(8, "bits behind the point of o", least=1)
    whole = option(8, "bits before the point of o", least=0)
    param_fraction = option(8, "bits behind the point of the decay", least=1)
    rounding = option("nearest", "to the nearest, or down as a shift does", choices=ROUNDINGS)
    overflow = option("saturate", "what becomes of an o beyond its ends", choices=OVERFLOWS)

    o = state(0.0, "1", "sum")
    overflows = state(0.0, "1", "steps in which o did not fit")

    graded = True

    def step(self, s: Any, i: Any) -> tuple[Any, ...]:
        n = self.fraction
        kept = coded(self, stored(self, self.decay, self.param_fraction) * s.o, n)
        o, lost = held(self, kept + stored(self, self.bias, n), coded(self, i, n), self.whole, n)
        return o, s._replace(o=o, overflows=s.overflows + lost)

    @property
    def width(self) -> int:
        """The bits of the widest value in a step."""
        return self.whole + self.fraction + self.param_fraction

    def forward(self, current: Any = None, *args: Any, **kwargs: Any) -> Any:
        check_widths(self, current, self.width)
        return super().forward(current, *args, **kwargs)
