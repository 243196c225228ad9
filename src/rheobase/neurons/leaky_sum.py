"""Leaky sum."""

from __future__ import annotations

from typing import Any

from rheobase.core import MapNeuron, param, state


class LeakySum(MapNeuron):
    """Leaky sum of its input, in steps: the output integrator of the SRC network (De Geeter et al., 2024).

        o[t] = decay o[t-1] + i[t]

    Shapes: i, out = o (time, batch, *shape); o (batch, *shape).

    Raises: `ParameterError` for a decay outside [0, 1].

    Numerics: the recursion, as it is.

    Differs from the paper: in nothing; the paper's decay is the default.

    Reference: De Geeter, Ernst & Drion, Neuromorph. Comput. Eng. (2024), doi 10.1088/2634-4386/ad473b.

    Example:

        >>> import torch
        >>> out, end = LeakySum(1, decay=0.5)(torch.ones(3, 1, 1))
        >>> out.flatten().tolist()
        [1.0, 1.5, 1.75]
    """

    decay = param(0.99, "1", "what is left of the sum after a step", range=(0.0, 1.0))

    o = state(0.0, "1", "sum")

    graded = True

    def step(self, s: Any, i: Any) -> tuple[Any, ...]:
        o = self.decay * s.o + i
        return o, s._replace(o=o)
