"""A number with the range it may lie in."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Self

from rheobase.errors import ParameterError


@dataclass(frozen=True)
class Span:
    """A nominal value between a low and a high one. Sums and multiples keep both ends; two spans do not average out.

    Raises: `ParameterError` unless low <= nominal <= high, all of them finite.

    >>> Span.of(0.9, 0.05) + 2 * Span(1.0, 2.0, 4.0)
    Span(low=2.85, nominal=4.9, high=8.95)
    """

    low: float
    nominal: float
    high: float

    def __post_init__(self) -> None:
        if not (self.low <= self.nominal <= self.high and math.isfinite(self.high - self.low)):
            given = f"{self.low!r}, {self.nominal!r}, {self.high!r}"
            raise ParameterError("Span", given, "low <= nominal <= high, all finite", "Span.exact(x) has no width")

    @classmethod
    def exact(cls, value: float) -> Self:
        """A number without a range."""
        return cls(value, value, value)

    @classmethod
    def of(cls, nominal: float, within: float) -> Self:
        """A number, known to within so much on either side."""
        return cls(nominal - within, nominal, nominal + within)

    def as_json(self) -> list[float]:
        """Low, nominal and high."""
        return [self.low, self.nominal, self.high]

    def __add__(self, other: Span) -> Span:
        return Span(self.low + other.low, self.nominal + other.nominal, self.high + other.high)

    def __mul__(self, factor: float | Span) -> Span:
        """By a number or a span; neither may be negative."""
        by = factor if isinstance(factor, Span) else Span.exact(factor)
        return Span(self.low * by.low, self.nominal * by.nominal, self.high * by.high)

    __rmul__ = __mul__

    def __truediv__(self, by: float) -> Span:
        return self * (1.0 / by)


NOTHING = Span.exact(0.0)


def total(spans: list[Span]) -> Span:
    """The sum.

    >>> total([])
    Span(low=0.0, nominal=0.0, high=0.0)
    """
    return sum(spans, NOTHING)
