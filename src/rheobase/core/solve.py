"""Roots of monotone functions, for resting states."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor


def bisect(f: Callable[[Tensor], Tensor], low: float, high: float, *, like: Tensor) -> Tensor:
    """A root of f between `low` (where f < 0) and `high` (where f > 0), elementwise, to the last bit.

    >>> round(float(bisect(lambda x: x * x - 2.0, 0.0, 2.0, like=torch.zeros(()))), 6)
    1.414214
    """
    a, b = torch.full_like(like, low), torch.full_like(like, high)
    for _ in range(64):
        middle = 0.5 * (a + b)
        above = f(middle) > 0
        a, b = torch.where(above, a, middle), torch.where(above, middle, b)
    return 0.5 * (a + b)
