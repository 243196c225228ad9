"""The parts that conductance-based neurons share: rates of opening and closing, gates, and the membrane.

The exponentials are constant beyond `LIMIT`, so that neither they nor their gradients overflow in float32.
"""

from __future__ import annotations

import math
from typing import Any

import torch

from rheobase.core.declaration.words import Relax, relax

LIMIT = 80.0  # exp(80) is 5.5e34; float32 ends at 3.4e38
NEAR = 0.1  # nearer to zero, the quotient in `linoid` loses the digits of its derivative


def exponential(x: Any) -> Any:
    """exp(x) for x from -80 to 80, constant beyond."""
    return torch.exp(torch.clamp(x, -LIMIT, LIMIT))


def linoid(x: Any) -> Any:
    """x / (exp(x) - 1), which is 1 at x = 0, smooth there in value and derivative; constant from x = 80 on.

    Near zero it is computed by its series; the first omitted term is below 3e-18.

    >>> linoid(torch.tensor([-10.0, 0.0, 10.0]))
    tensor([1.0000e+01, 1.0000e+00, 4.5402e-04])
    """
    x = torch.clamp(x, max=LIMIT)
    near = torch.abs(x) < NEAR
    # each branch sees values at which it is finite, also where the other is taken: the gradient passes both
    small, large = torch.where(near, x, 0.0), torch.where(near, 1.0, x)
    square = small * small
    tail = square * (1.0 / 12.0 - square * (1.0 / 720.0 - square * (1.0 / 30240.0 - square * (1.0 / 1209600.0))))
    return torch.where(near, 1.0 - 0.5 * small + tail, large / torch.expm1(large))


def gate(alpha: Any, beta: Any, phi: Any = 1.0) -> Relax:
    """A gate that opens at the rate alpha and closes at the rate beta: dx/dt = phi (alpha (1 - x) - beta x)."""
    total = alpha + beta
    return relax(alpha / total, rate=phi * total)


def q10(celsius: Any, reference: float, factor: float = 2.3) -> Any:
    """factor^((celsius - reference)/10): by how much rates measured at the reference are faster.

    >>> round(q10(34.0, 21.0), 5)
    2.95288
    """
    x = (celsius - reference) * (math.log(factor) / 10.0)
    return math.exp(x) if isinstance(x, float) else torch.exp(x)


def membrane(c_mem: Any, i: Any, *channels: tuple[Any, Any]) -> Relax:
    """A membrane with channels (g, e), each a conductance and its reversal potential: c dv/dt = i - sum g (v - e).

    Stated as a relaxation towards (sum g e + i)/(sum g), so that a step of any length leaves it between the two.
    """
    g = sum((g for g, _ in channels[1:]), channels[0][0])
    drive = sum((g * e for g, e in channels), i)
    return relax(drive / g, rate=g / c_mem)


__all__ = ["exponential", "gate", "linoid", "membrane", "q10"]
