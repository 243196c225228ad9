"""Fixed points, for resting states."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch


def tanh_fixed_point(slope: Any, bias: Any) -> Any:
    """The h with h = tanh(slope h + bias), elementwise; unique for slope <= 1.

    Newton's method on u = slope tanh(u) + bias, started from the solution of its linearisation at 0. For
    slope <= 0 six steps reach the last bit (checked for slope from -20 to 0 and bias from -12 to 6).

    >>> h = tanh_fixed_point(torch.tensor(-5.0), torch.tensor(-6.0))
    >>> round(h.item(), 4)
    -0.9027
    """
    u = bias / (1.0 - slope)
    for _ in range(7):
        h = torch.tanh(u)
        u = u - (u - slope * h - bias) / (1.0 - slope * (1.0 - h * h))
    return torch.tanh(u)


def fixed_point(f: Callable[[Any], Any], slope: Any, bias: Any) -> Any:
    """The h in [-1, 1] with h = f(slope h + bias), elementwise, by bisection; f maps into [-1, 1], without jumps.

    Unique where f does not fall and slope <= 0.

    >>> h = fixed_point(torch.tanh, torch.tensor(-5.0), torch.tensor(-6.0))
    >>> round(h.item(), 4)
    -0.9027
    """
    low = torch.zeros_like(slope * 1.0 + bias) - 1.0
    high = low + 2.0
    for _ in range(60):
        middle = 0.5 * (low + high)
        above = f(slope * middle + bias) > middle
        low, high = torch.where(above, middle, low), torch.where(above, high, middle)
    return 0.5 * (low + high)
