"""The times and voltages of `rheobase fit` as they are typed, with their units."""

from __future__ import annotations

from rheobase.cli.quantity import quantity
from rheobase.errors import ParameterError

TIMES = {"min": 60.0, "h": 3600.0}  # s, beside those with a unit of their own


def ms(text: str | None, option: str) -> float | None:
    value = None if text is None else quantity(text, "ms", option)
    if value is not None and value <= 0.0:
        raise ParameterError(option, repr(text), "a time above 0", f"{option} 0.1ms")
    return value


def mv(text: str | None) -> float | None:
    return None if text is None else quantity(text, "mV", "--level")


def seconds(text: str) -> float | None:
    if text == "none":
        return None
    number, factor = next(
        ((text.removesuffix(unit), factor) for unit, factor in TIMES.items() if text.endswith(unit)), (text, 1.0)
    )
    value = quantity(number, "s", "--time-limit") * factor
    if value <= 0.0:
        raise ParameterError("--time-limit", repr(text), "a time above 0, or none", "--time-limit 2min")
    return value
