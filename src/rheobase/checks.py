"""Checks for whole numbers and numbers, which a bool is not (to Python, True is an int)."""

from __future__ import annotations

import math
from typing import TypeGuard


def is_whole(value: object, least: int | None = None, most: int | None = None) -> TypeGuard[int]:
    """Whether `value` is an int, no bool, from `least` to `most`, both included; None is no bound.

    >>> is_whole(3, 1), is_whole(0, 1), is_whole(17, 2, 16), is_whole(True), is_whole(3.0)
    (True, False, False, False, False)
    """
    if isinstance(value, bool) or not isinstance(value, int):
        return False
    return (least is None or value >= least) and (most is None or value <= most)


def is_number(
    value: object,
    *,
    least: float | None = None,
    above: float | None = None,
    most: float | None = None,
    below: float | None = None,
) -> TypeGuard[float]:
    """Whether `value` is a finite int or float, no bool, and within the bounds, `least` and `most` included.

    >>> is_number(0.5, above=0, most=1), is_number(0, least=0), is_number(0, above=0), is_number(1.0, below=1)
    (True, True, False, False)
    >>> is_number(True), is_number(math.nan), is_number(math.inf), is_number("1")
    (False, False, False, False)
    """
    # compared, since math.isfinite fails on an int that no float can hold
    if isinstance(value, bool) or not isinstance(value, int | float) or not -math.inf < value < math.inf:
        return False
    if (least is not None and value < least) or (above is not None and value <= above):
        return False
    return not ((most is not None and value > most) or (below is not None and value >= below))
