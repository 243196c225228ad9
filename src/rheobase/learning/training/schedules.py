"""How the learning rate moves over a run: a factor as a pure function of the part of the run that is done.

A schedule holds no state, so a resumed run needs only the number of its steps.
"""

from __future__ import annotations

import math
from collections.abc import Callable

WARM_UP = 0.3
START, END = 1 / 25, 1e-4 / 25


def constant(done: float) -> float:
    """Always 1."""
    return 1.0


def cosine(done: float) -> float:
    """From 1 to 0 along half a cosine.

    >>> cosine(0.0), cosine(1.0)
    (1.0, 0.0)
    """
    return 0.5 * (1.0 + math.cos(math.pi * done))


def one_cycle(done: float) -> float:
    """Up from 1/25 to 1 in 30 % of the run, then down to 1/250000, along half cosines (Smith & Topin, 2017).

    >>> one_cycle(0.0), one_cycle(0.3)
    (0.04, 1.0)
    """
    if done < WARM_UP:
        return START + (1.0 - START) * (1.0 - cosine(done / WARM_UP))
    return END + (1.0 - END) * cosine((done - WARM_UP) / (1.0 - WARM_UP))


SCHEDULES: dict[str, Callable[[float], float]] = {
    "constant": constant,
    "cosine": cosine,
    "one-cycle": one_cycle,
}
