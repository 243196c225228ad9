"""The numbers behind spike cancellation."""

from __future__ import annotations

import math

import pytest

from rheobase.equivalence.squarefree import bound, count, moebius, square_free
from rheobase.errors import ParameterError


def test_moebius_inverts_the_floor() -> None:
    """Sum over m of mu(m) floor(n / m) = 1: a group's spikes cancel all but the first, however high n gets."""
    for n in range(1, 501):
        assert sum(moebius(m) * (n // m) for m in range(1, n + 1)) == 1
        assert sum(moebius(m) * (n // m) for m in square_free(500)) == 1


def test_square_free_are_those_that_no_square_divides() -> None:
    plain = tuple(m for m in range(1, 301) if all(m % (d * d) for d in range(2, 18)))
    assert square_free(300) == plain
    assert plain == tuple(m for m in range(1, 301) if moebius(m))
    assert [count(n) for n in range(301)] == [sum(m <= n for m in plain) for n in range(301)]


def test_the_shares_of_the_theory() -> None:
    shares = {4: 0.75, 5: 0.8, 8: 0.75, 10: 0.7, 16: 0.6875, 32: 0.625, 64: 0.609375}
    for n, share in shares.items():
        assert count(n) / n == share
    for n in range(1, 2001):
        assert count(n) / n <= bound(n)
        if n >= 8:
            assert abs(count(n) - 6 * n / math.pi**2) < 0.5 * math.sqrt(n)


@pytest.mark.parametrize("wrong", [0, -3, 1.5, True])
def test_only_whole_numbers(wrong: object) -> None:
    with pytest.raises(ParameterError):
        moebius(wrong)  # type: ignore[arg-type]
