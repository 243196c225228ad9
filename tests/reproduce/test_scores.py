"""Statistics over seeds, beside those of SciPy; what is said of one seed."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from rheobase.reproduce.scores import (
    SCORES,
    SEEDS,
    SPREAD,
    T95,
    Scores,
    apart,
    margin,
    over_seeds,
    paired,
    scored,
    slope,
    student,
)


def of(*values: float, tested: int = 1000) -> Scores:
    return Scores(values, classes=10, tested=tested)


def test_students_t_is_scipys() -> None:
    for freedom, value in enumerate(T95, start=1):
        assert value == pytest.approx(stats.t.ppf(0.975, freedom), abs=6e-4)
    assert student(2.9) == T95[1]
    assert student(1.0) == T95[0]
    assert student(50.0) >= stats.t.ppf(0.975, 50)


@pytest.mark.parametrize("seed", range(20))
def test_means_are_told_apart_as_by_welch(seed: int) -> None:
    rng = np.random.default_rng(seed)
    n, m = rng.integers(2, 6, 2)
    a, b = 80 + 2 * rng.standard_normal(n), 80 + rng.uniform(0, 12) + 4 * rng.standard_normal(m)
    low, high = stats.ttest_ind(b, a, equal_var=False).confidence_interval(0.95)
    half = 0.5 * (high - low)
    ours = margin(of(*a, tested=10**6), of(*b, tested=10**6))
    # degrees of freedom are rounded down: never a shorter interval
    assert half - 1e-3 <= ours <= half * T95[0] / T95[1] + 1e-3
    if abs(b.mean() - a.mean()) < half:
        assert not apart(of(*a), of(*b))


def test_one_seed_tells_nothing_apart_and_equal_seeds_have_a_margin() -> None:
    assert not apart(of(10.0), of(99.0))
    assert not apart(of(10.0, 10.1), of(99.0))
    # two seeds that score alike do not make the difference of one sample certain
    assert not apart(of(90.0, 90.0, tested=100), of(91.0, 91.0, tested=100))
    assert apart(of(50.0, 50.0, 50.0), of(91.0, 91.0, 91.0))


def test_slopes_and_pairs_are_scipys() -> None:
    rng = np.random.default_rng(0)
    x, y, z = rng.standard_normal((3, 9))
    found = stats.linregress(x, y)
    assert slope(list(x), list(y)) == pytest.approx((found.slope, found.stderr * stats.t.ppf(0.975, 7)), rel=1e-3)
    low, high = stats.ttest_rel(z, y).confidence_interval(0.95)
    assert paired(list(y), list(z)) == pytest.approx((0.5 * (low + high), 0.5 * (high - low)), rel=1e-3)
    assert paired([1.0], [3.0]) == (2.0, math.inf)


@pytest.mark.parametrize(
    ("accuracy", "tested", "learnt"), [(15.0, 100, False), (15.0, 1000, True), (9.0, 10**6, False)]
)
def test_near_chance_is_not_learnt(accuracy: float, tested: int, learnt: bool) -> None:
    assert of(accuracy, tested=tested).learnt == learnt


def test_quantities_that_differ_between_seeds_are_shown_one_by_one() -> None:
    assert over_seeds([0.94, 2.01, 5.29]) == "0.94, 2.01, 5.29"
    assert over_seeds([2.0, 2.2]) == pytest.approx(2.1)
    assert over_seeds([0.0, 1.0]) == "0, 1"
    assert over_seeds([520.4, 1808.0]) == "520, 1808"
    assert over_seeds([3.0]) == 3.0


def test_a_table_of_one_seed_has_no_deviation_and_says_so() -> None:
    one = scored("T", ("cell", *SCORES), [("LIF", *of(97.0).cells)], "Here.")
    assert SPREAD not in one.columns
    assert one.caption == "Here. One seed each, which has no deviation."
    assert one.rows[0][one.columns.index(SEEDS)] == 1
    both = scored("T", ("cell", *SCORES), [("LIF", *of(97.0).cells), ("SRC", *of(96.0, 98.0).cells)])
    assert [row[both.columns.index(SPREAD)] for row in both.rows] == [None, pytest.approx(2**0.5)]
    assert both.rows[1][both.columns.index("of each seed")] == "96.0, 98.0"
    assert not both.caption
    assert not scored("T", ("a", "b"), [("x", None)]).caption
