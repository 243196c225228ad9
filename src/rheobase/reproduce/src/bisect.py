"""Thresholds measured by running the cell: many lanes at once, each with a bracket of its own."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor


def bisect(holds: Callable[[Tensor], Tensor], low: Tensor, high: Tensor, *, rounds: int) -> Tensor:
    """The value at which a condition begins to hold, between `low` (it does not) and `high` (it does), for each lane.

    `holds` gets one value for each lane and says whether the condition holds there. Shapes: all (lanes,).

    >>> bisect(lambda x: x * x > 2.0, torch.zeros(1), torch.full((1,), 2.0), rounds=20)
    tensor([1.4142])
    """
    for _ in range(rounds):
        middle = 0.5 * (low + high)
        beyond = holds(middle)
        low, high = torch.where(beyond, low, middle), torch.where(beyond, middle, high)
    return 0.5 * (low + high)


def refine(holds: Callable[[Tensor], Tensor], low: float, high: float, *, lanes: int, rounds: int) -> float:
    """The same for one threshold: every round tries `lanes` values between the brackets at once.

    >>> round(refine(lambda x: x * x > 2.0, 0.0, 2.0, lanes=8, rounds=6), 4)
    1.4142
    """
    for _ in range(rounds):
        tried = torch.linspace(low, high, lanes + 2, dtype=torch.float64)
        beyond = holds(tried[1:-1])
        first = int(beyond.nonzero()[0]) if bool(beyond.any()) else lanes
        low, high = float(tried[first]), float(tried[first + 1])
    return 0.5 * (low + high)
