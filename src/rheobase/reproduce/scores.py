"""Accuracies over seeds, with their number; a deviation is given for two seeds or more."""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rheobase.plot import Table
from rheobase.plot.table import Cell

SCORE, SPREAD, EACH, SEEDS = "test accuracy (%)", "standard deviation", "of each seed", "seeds"
SCORES = (SCORE, SPREAD, EACH, SEEDS)
ALIKE = 1.5  # the largest of a quantity over the smallest, up to which its mean over seeds says enough
# Student's t, two-sided, 5 %, for 1 to 10 degrees of freedom; the last one, a little strict, for more
T95 = (12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228)


@dataclass(frozen=True)
class Scores:
    """The accuracies (%) of one choice, one for each seed, on `tested` samples of `classes` classes.

    >>> two = Scores((97.0, 98.0), classes=10, tested=1000)
    >>> two.said(), Scores((97.0,), classes=10, tested=1000).said()
    ('97.5 +- 0.7 %', '97.0 %')
    """

    values: tuple[float, ...]
    classes: int
    tested: int

    @classmethod
    def of(cls, results: Iterable[Mapping[str, Any]], classes: int) -> Scores:
        """The scores of the results of units, one per seed, as `rheobase.reproduce.training.trained` returns them."""
        held = list(results)
        return cls(tuple(float(one["accuracy"]) for one in held), classes, int(held[0]["tested"]))

    @property
    def n(self) -> int:
        """The number of seeds."""
        return len(self.values)

    @property
    def mean(self) -> float:
        """The mean over seeds."""
        return statistics.fmean(self.values)

    @property
    def spread(self) -> float | None:
        """The standard deviation over seeds; one seed has none."""
        return statistics.stdev(self.values) if self.n > 1 else None

    @property
    def chance(self) -> float:
        """The accuracy of guessing (%)."""
        return 100.0 / self.classes

    @property
    def learnt(self) -> bool:
        """Whether the mean is more than three standard errors of guessing above chance."""
        p = self.chance / 100.0
        return self.mean > self.chance + 300.0 * math.sqrt(p * (1.0 - p) / self.tested)

    @property
    def cells(self) -> tuple[float, float | None, str | None, int]:
        """The cells of a table row, one for each column of `SCORES`."""
        return self.mean, self.spread, self.each() if self.n > 1 else None, self.n

    def each(self) -> str:
        """The accuracies of all seeds as text, in their order."""
        return ", ".join(f"{value:.{self._digits}f}" for value in self.values)

    def said(self) -> str:
        """The mean as text, with the standard deviation where there is one."""
        spread = "" if self.spread is None else f" +- {self.spread:.{self._digits}f}"
        return f"{self.mean:.{self._digits}f}{spread} %"

    @property
    def _digits(self) -> int:
        return 2 if self.tested >= 5000 else 1


def apart(a: Scores, b: Scores) -> bool:
    """Whether two means are told apart: Welch's t test over seeds, 5 %. One seed tells nothing apart.

    >>> low, high = (Scores(x, 10, 1000) for x in ((90.0, 91.0, 92.0), (96.0, 97.0, 98.0)))
    >>> apart(low, high), apart(low, Scores((97.0,), 10, 1000))
    (True, False)
    """
    if a.n < 2 or b.n < 2:
        return False
    return abs(b.mean - a.mean) > margin(a, b)


def margin(a: Scores, b: Scores) -> float:
    """Half of the 95 % interval of the difference of two means, each over two seeds or more."""
    first, second = (_variance(one) / one.n for one in (a, b))
    freedom = (first + second) ** 2 / (first**2 / (a.n - 1) + second**2 / (b.n - 1))
    return student(freedom) * math.sqrt(first + second)


def paired(a: Sequence[float], b: Sequence[float]) -> tuple[float, float]:
    """The mean of b less a, measured on the same seeds, and half of its 95 % interval (infinite for one seed).

    >>> [round(value, 2) for value in paired([1.0, 2.0, 3.0], [2.0, 3.1, 4.0])]
    [1.03, 0.14]
    """
    gone = [y - x for x, y in zip(a, b, strict=True)]
    if len(gone) < 2:
        return gone[0], math.inf
    return statistics.fmean(gone), student(len(gone) - 1) * statistics.stdev(gone) / math.sqrt(len(gone))


def slope(x: Sequence[float], y: Sequence[float]) -> tuple[float, float]:
    """The slope of the line of least squares through at least three points, and half of its 95 % interval.

    >>> [round(value, 3) for value in slope([0.0, 1.0, 2.0, 3.0], [0.0, 1.1, 1.9, 3.0])]
    [0.98, 0.183]
    """
    middle = statistics.fmean(x)
    width = sum((one - middle) ** 2 for one in x)
    found, offset = statistics.linear_regression(x, y)
    left = sum((value - found * one - offset) ** 2 for one, value in zip(x, y, strict=True))
    return found, student(len(x) - 2) * math.sqrt(left / (len(x) - 2) / width)


def student(freedom: float) -> float:
    """Student's t, two-sided, 5 %; between whole degrees of freedom the larger one."""
    return T95[min(int(freedom + 1e-9), len(T95)) - 1]


def _variance(one: Scores) -> float:
    # equal scores of a few seeds do not mean that no seed would differ: by one sample at least
    return max(statistics.variance(one.values), (100.0 / one.tested) ** 2)


def seeds(n: int) -> str:
    """The number of seeds in words.

    >>> seeds(1), seeds(3)
    ('one seed', '3 seeds')
    """
    return "one seed" if n == 1 else f"{n} seeds"


def over_seeds(values: Sequence[float], digits: int = 3) -> float | str:
    """The mean of a quantity over seeds; all of them in words where they differ too much for it to say enough.

    >>> over_seeds([0.94, 2.01, 5.29]), over_seeds([1.0, 1.2])
    ('0.94, 2.01, 5.29', 1.1)
    """
    if max(values) > ALIKE * min(values):
        # no exponent, and no comma but between two seeds
        return ", ".join(f"{value:.0f}" if value >= 10**digits else f"{value:.{digits}g}" for value in values)
    return statistics.fmean(values)


def scored(
    title: str, columns: Sequence[str], rows: Sequence[Sequence[Cell]], caption: str = "", *, digits: int = 4
) -> Table:
    """A table with the columns `SCORES`, without those that have no value; its caption states when seeds are single.

    >>> scored("T", ("cell", *SCORES), [("LIF", *Scores((97.0,), 10, 1000).cells)]).columns
    ('cell', 'test accuracy (%)', 'seeds')
    """
    kept = [k for k in range(len(columns)) if not rows or any(row[k] is not None for row in rows)]
    dropped = SPREAD in columns and SPREAD not in {columns[k] for k in kept}
    said = "One seed each, which has no deviation." if dropped else ""
    return Table(
        title,
        tuple(columns[k] for k in kept),
        [tuple(row[k] for k in kept) for row in rows],
        " ".join(text for text in (caption, said) if text),
        digits,
    )
