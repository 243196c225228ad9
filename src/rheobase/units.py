"""Units as text in, dimensions and a power of ten out; used by the unit checker, never at run time."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property

from rheobase.errors import UnitError, nearest

DIMENSIONS = ("m", "kg", "s", "A", "K", "mol")
PREFIXES = {
    "f": -15, "p": -12, "n": -9, "u": -6, "m": -3, "c": -2, "d": -1, "k": 3, "M": 6, "G": 9, "T": 12,
}  # fmt: skip
# exponents of DIMENSIONS, and a power of ten
SYMBOLS: Mapping[str, tuple[tuple[int, ...], int]] = {
    "m": ((1, 0, 0, 0, 0, 0), 0),
    "g": ((0, 1, 0, 0, 0, 0), -3),
    "s": ((0, 0, 1, 0, 0, 0), 0),
    "A": ((0, 0, 0, 1, 0, 0), 0),
    "K": ((0, 0, 0, 0, 1, 0), 0),
    "degC": ((0, 0, 0, 0, 1, 0), 0),  # as a difference of temperatures
    "mol": ((0, 0, 0, 0, 0, 1), 0),
    "M": ((-3, 0, 0, 0, 0, 1), 3),
    "L": ((3, 0, 0, 0, 0, 0), -3),
    "Hz": ((0, 0, -1, 0, 0, 0), 0),
    "C": ((0, 0, 1, 1, 0, 0), 0),
    "V": ((2, 1, -3, -1, 0, 0), 0),
    "J": ((2, 1, -2, 0, 0, 0), 0),
    "W": ((2, 1, -3, 0, 0, 0), 0),
    "Ohm": ((2, 1, -3, -2, 0, 0), 0),
    "S": ((-2, -1, 3, 2, 0, 0), 0),
    "F": ((-2, -1, 4, 2, 0, 0), 0),
    "rad": ((0, 0, 0, 0, 0, 0), 0),
}
COMMON = ("ms", "mV", "pA", "nA", "uA", "nS", "uS", "mS", "pF", "nF", "uF", "MOhm", "GOhm", "um", "cm", "mM", "kHz")
_FACTOR = re.compile(r"([A-Za-z]+)\^?(-?\d+)?")


@dataclass(frozen=True, eq=False)
class Unit:
    """A product of powers of symbols. Two are equal if dimensions and power of ten are: 1 pA GOhm is 1 mV.

    >>> parse("pA") * parse("GOhm") == parse("mV")
    True
    >>> parse("mS/cm2") * parse("mV") / parse("uF/cm2")
    mS mV/uF
    """

    factors: tuple[tuple[str, int], ...]

    @cached_property
    def exponents(self) -> tuple[int, ...]:
        """The exponents of metre, kilogram, second, ampere, kelvin and mole."""
        parts = [(_symbol(symbol)[0], n) for symbol, n in self.factors]
        return tuple(sum(e[k] * n for e, n in parts) for k in range(len(DIMENSIONS)))

    @cached_property
    def power(self) -> int:
        """The power of ten relative to the SI unit of the same dimensions."""
        return sum(_symbol(symbol)[1] * n for symbol, n in self.factors)

    @property
    def plain(self) -> bool:
        """Whether it is the unit of a pure number."""
        return not any(self.exponents) and self.power == 0

    def __mul__(self, other: Unit) -> Unit:
        return _unit((*self.factors, *other.factors))

    def __truediv__(self, other: Unit) -> Unit:
        return self * other**-1

    def __pow__(self, n: int) -> Unit:
        return _unit((symbol, k * n) for symbol, k in self.factors)

    def root(self, n: int) -> Unit | None:
        """The unit whose n-th power this is, if there is one with whole exponents."""
        if any(k % n for _, k in self.factors):
            return None
        return _unit((symbol, k // n) for symbol, k in self.factors)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Unit) and (self.exponents, self.power) == (other.exponents, other.power)

    def __hash__(self) -> int:
        return hash((self.exponents, self.power))

    def __str__(self) -> str:
        above = " ".join(symbol if n == 1 else f"{symbol}{n}" for symbol, n in self.factors if n > 0)
        below = "".join(f"/{symbol}" if n == -1 else f"/{symbol}{-n}" for symbol, n in self.factors if n < 0)
        return (above or "1") + below

    __repr__ = __str__


def parse(text: str) -> Unit:
    """The unit of a text: "mV", "1/ms", "mS/cm2", "pA GOhm", "1/ms/mV", "1".

    A slash divides by the one factor that follows it. Raises `UnitError` for anything else.

    >>> parse("uF/cm2").exponents, parse("uF/cm2").power
    ((-4, -1, 4, 2, 0, 0), -2)
    """
    above, *below = text.strip().split("/")
    factors = [_factor(word, text) for word in above.replace("*", " ").split() if word != "1"]
    if not above.split():
        raise _unreadable(text, "it starts with nothing")
    for word in below:
        symbol, n = _factor(word.strip(), text)
        factors.append((symbol, -n))
    return _unit(factors)


def _unit(factors: Iterable[tuple[str, int]]) -> Unit:
    """Equal symbols together, in the order of their first mention; those that cancel go."""
    total: dict[str, int] = {}
    for symbol, n in factors:
        total[symbol] = total.get(symbol, 0) + n
    return Unit(tuple((symbol, n) for symbol, n in total.items() if n))


def _factor(word: str, text: str) -> tuple[str, int]:
    match = _FACTOR.fullmatch(word)
    if match is None:
        raise _unreadable(text, f"{word!r} is not one symbol with a whole power")
    symbol, power = match[1], int(match[2] or 1)
    if _known(symbol) is None:
        known = (*SYMBOLS, *COMMON)
        alike = next((s for s in known if s.lower() == symbol.lower()), None)
        raise _unreadable(text, nearest(symbol, known) if alike is None else f"did you mean {alike!r}?")
    return symbol, power


def _known(symbol: str) -> tuple[tuple[int, ...], int] | None:
    if symbol in SYMBOLS:
        return SYMBOLS[symbol]
    prefix, rest = symbol[:1], symbol[1:]
    if prefix in PREFIXES and rest in SYMBOLS:
        exponents, power = SYMBOLS[rest]
        return exponents, power + PREFIXES[prefix]
    return None


def _symbol(symbol: str) -> tuple[tuple[int, ...], int]:
    found = _known(symbol)
    if found is None:
        raise _unreadable(symbol, "it is no symbol of a unit")
    return found


def _unreadable(text: str, why: str) -> UnitError:
    return UnitError(f"unit {text!r}", "a text that is no unit", 'such as "mV", "1/ms", "mS/cm2", "1"', why)
