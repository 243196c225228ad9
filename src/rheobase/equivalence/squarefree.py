"""Square-free numbers: the neurons that spike cancellation needs, and how many they are."""

from __future__ import annotations

import math

from rheobase.checks import is_whole
from rheobase.errors import ParameterError

MOST_PASSAGES = 1_000_000  # of thresholds: a neuron for the better part of them would be made


def moebius(m: int) -> int:
    """The Moebius function: 0 where a square divides m, else (-1)^(number of prime factors).

    Raises: `ParameterError` for m < 1.

    >>> [moebius(m) for m in range(1, 13)]
    [1, -1, -1, 0, -1, 1, -1, 0, 0, 1, -1, 0]
    """
    left, sign, p = _whole(m, 1), 1, 2
    while p * p <= left:
        if left % p == 0:
            left //= p
            if left % p == 0:
                return 0
            sign = -sign
        p += 1
    return -sign if left > 1 else sign


def square_free(n: int) -> tuple[int, ...]:
    """The square-free numbers up to n.

    Raises: `ParameterError` for n < 0.

    >>> square_free(10)
    (1, 2, 3, 5, 6, 7, 10)
    """
    marked = [True] * (_whole(n, 0) + 1)
    for d in range(2, math.isqrt(n) + 1):
        for multiple in range(d * d, n + 1, d * d):
            marked[multiple] = False
    return tuple(m for m in range(1, n + 1) if marked[m])


def count(n: int) -> int:
    """Q(n), the number of square-free numbers up to n: sum over d of mu(d) floor(n / d^2).

    Q(n) <= 6 n / pi^2 + sqrt(n), and |Q(n) - 6 n / pi^2| < sqrt(n) / 2 for n >= 8 (Moser & MacLeod, 1966).

    >>> count(10), count(1000)
    (7, 608)
    """
    return sum(moebius(d) * (n // (d * d)) for d in range(1, math.isqrt(_whole(n, 0)) + 1))


def bound(n: int) -> float:
    """An upper bound of the share Q(n) / n: min(1, 6/pi^2 + 1/sqrt(n)), from n = 8 on 6/pi^2 + 1/(2 sqrt(n)).

    >>> round(bound(4), 3), round(bound(64), 3)
    (1.0, 0.67)
    """
    density = 6.0 / math.pi**2
    return density + 0.5 / math.sqrt(n) if _whole(n, 1) >= 8 else min(1.0, density + 1.0 / math.sqrt(n))


def _whole(n: int, least: int) -> int:
    if not is_whole(n, least):
        raise ParameterError("square-free numbers", repr(n), f"an integer >= {least}", "count spikes")
    return n
