"""Numbers with units, as a user types them."""

from __future__ import annotations

import math
import re

from rheobase.core.declaration.describe import STEPS
from rheobase.errors import ParameterError, UnitError

_POWERS = {"f": -15, "p": -12, "n": -9, "u": -6, "µ": -6, "m": -3, "": 0, "k": 3, "M": 6, "G": 9}
_BASES = ("Ohm", "Hz", "s", "V", "A", "S", "F")
LARGEST = 3.4e38  # about the largest number of float32, in which neurons run
_MOST_DIGITS = 18
_SIZES = {
    "": 1.0,
    "b": 1.0,
    "kb": 1e3,
    "mb": 1e6,
    "gb": 1e9,
    "tb": 1e12,
    "kib": 2.0**10,
    "mib": 2.0**20,
    "gib": 2.0**30,
}
_NUMBER = re.compile(r"\s*([-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?)\s*(\S*)\s*")


def quantity(text: str, unit: str, name: str) -> float:
    """The number in `text`, converted to `unit`. A unit after the number must be that one, or a multiple of it.

    Raises: `ParameterError` for what is no finite number of float32, `UnitError` for a unit of another kind.

    >>> quantity("0.8nA", "pA", "--current"), quantity("1.5", "1", "--current"), quantity("2 s", "ms", "--stop")
    (800.0, 1.5, 2000.0)
    """
    match = _NUMBER.fullmatch(text)
    if match is None or not math.isfinite(float(match[1])):
        raise ParameterError(name, repr(text), f"a finite number{_with(unit)}", f"{_example(unit)}, say")
    value, given = float(match[1]), match[2]
    shift = 0 if given in ("", unit) else _shift(given, unit)
    if shift is None:
        plain = {"1": "a plain number", STEPS: "a number of steps"}.get(unit, f"a number in {unit}")
        raise UnitError(name, f"{text!r}, in {given}", plain, f"{_example(unit)}, say")
    value = value * 10**shift if shift >= 0 else value / 10**-shift
    if abs(value) > LARGEST:
        expected = f"at most {LARGEST:g}{'' if unit == '1' else f' {unit}'}, what a float32 holds"
        raise ParameterError(name, repr(text), expected, f"{_example(unit)}, say")
    return value


def size_of(text: str, name: str) -> float:
    """The bytes of a size: "500MB", "1.5GB", "2GiB", "800000". Raises `ParameterError`.

    >>> size_of("1.5GB", "--memory"), size_of("2 GiB", "--memory")
    (1500000000.0, 2147483648.0)
    """
    match = _NUMBER.fullmatch(text)
    factor = None if match is None else _SIZES.get(match[2].lower())
    if match is None or factor is None or not 0 < float(match[1]) * factor < math.inf:
        raise ParameterError(
            name, repr(text), f"a size with one of {', '.join(('B', 'kB', 'MB', 'GB', 'GiB'))}", "1GB, say"
        )
    return float(match[1]) * factor


def whole(text: str) -> int | None:
    """The whole number >= 0 of a text; None for another text, or for more digits than a size can have.

    >>> whole("128"), whole("1.5"), whole("-1"), whole("9" * 5000)
    (128, None, None, None)
    """
    return int(text) if text.isdecimal() and len(text) <= _MOST_DIGITS else None


def _shift(given: str, unit: str) -> int | None:
    """The power of ten from one unit to another, None where they are of different kinds."""
    ours, theirs = _split(unit), _split(given)
    return theirs[0] - ours[0] if ours and theirs and ours[1] == theirs[1] else None


def _split(unit: str) -> tuple[int, str] | None:
    for base in _BASES:
        prefix = unit.removesuffix(base)
        if unit.endswith(base) and prefix in _POWERS:
            return _POWERS[prefix], base
    return None


def _with(unit: str) -> str:
    return "" if unit in ("1", STEPS) else f", in {unit} where no unit is given"


def _example(unit: str) -> str:
    return {"1": "1.5", STEPS: "400", "nA": "0.1nA", "S/cm2": "0.01S/cm2"}.get(unit, f"100{unit}")


def parse_hidden(text: str | None) -> tuple[int, ...] | None:
    """Sizes of hidden layers: "128,64", or "none".

    Raises: `ParameterError`.

    >>> parse_hidden("128,64"), parse_hidden("none"), parse_hidden(None)
    ((128, 64), (), None)
    """
    if text is None:
        return None
    if text.strip().lower() in ("none", ""):
        return ()
    sizes = [whole(part.strip()) for part in text.split(",")]
    if not all(sizes):
        raise ParameterError("--hidden", repr(text), "sizes of layers, or none", "--hidden 128,64")
    return tuple(size for size in sizes if size)
