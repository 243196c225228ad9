"""The words of `rheobase fit` as they are typed: times, voltages, resistances, ranges, names and sweeps."""

from __future__ import annotations

import re

from rheobase.cli.quantity import quantity
from rheobase.errors import ParameterError
from rheobase.learning.fitting.hold_out import AUTO, HoldOut
from rheobase.learning.fitting.recording import MOST_JUNCTION
from rheobase.recordings import RecordingFile
from rheobase.recordings.read import numbers

ELECTRODE = (1e-3, 1.0)  # GOhm: between these lies the greatest that an electrode may add
TIMES = {"min": 60.0, "h": 3600.0}  # s, beside those with a unit of their own


def ms(text: str | None, option: str) -> float | None:
    value = None if text is None else quantity(text, "ms", option)
    if value is not None and value <= 0.0:
        raise ParameterError(option, repr(text), "a time above 0", f"{option} 0.1ms")
    return value


def mv(text: str | None) -> float | None:
    return None if text is None else quantity(text, "mV", "--level")


def junction_of(text: str) -> float:
    """A liquid junction potential in mV. Raises: `ParameterError`, `UnitError`.

    >>> junction_of("14mV"), junction_of("0.0125 V")
    (14.0, 12.5)
    """
    value = quantity(text, "mV", "--junction")
    if abs(value) > MOST_JUNCTION:
        expected = f"{MOST_JUNCTION:g} mV at most to either side of 0"
        raise ParameterError("--junction", repr(text), expected, "--junction 14mV is usual")
    return value


def series_of(text: str) -> tuple[float, float]:
    """HIGH or LOW:HIGH, resistances of an electrode, in GOhm; one without a unit has that of the other, or MOhm.

    Raises: `ParameterError`, `UnitError`.

    >>> series_of("50MOhm"), series_of("10:150MOhm"), series_of("0.01GOhm:150MOhm")
    ((0.0, 0.05), (0.01, 0.15), (0.01, 0.15))
    """
    parts = text.split(":")
    unit = next((found[0] for part in parts if (found := re.search(r"[A-Za-z]*Ohm", part))), "MOhm")
    # only what ends in a digit lacks a unit; what is no number at all is refused as it stands
    bare = [part + unit if part.strip()[-1:].isdecimal() else part for part in parts]
    ends = [quantity(part, "GOhm", "--series") for part in bare]
    low, high = ends if len(ends) == 2 else (0.0, ends[0])
    least, most = ELECTRODE
    if len(ends) > 2 or not 0.0 <= low < high or not least <= high <= most:
        expected = f"LOW:HIGH, or HIGH alone, with 0 <= LOW < HIGH and HIGH from {1e3 * least:g} to {1e3 * most:g} MOhm"
        raise ParameterError("--series", repr(text), expected, "--series 50MOhm searches from 0 to 50 MOhm")
    return low, high


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


def names(text: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in text.split(",") if name.strip())


def held_of(text: str, file: RecordingFile) -> HoldOut:
    """What --hold-out means: auto, none, a share (20%, 0.2), or numbers of sweeps as the file counts them.

    Raises: `ParameterError`.
    """
    if text in (AUTO, "none"):
        return None if text == "none" else AUTO
    if text.endswith("%") or "." in text:
        try:
            return float(text.removesuffix("%")) / (100.0 if text.endswith("%") else 1.0)
        except ValueError:
            expected = "numbers of sweeps, a share, auto or none"
            raise ParameterError("--hold-out", repr(text), expected, "--hold-out 3,7 or --hold-out 20%") from None
    places = {number: k for k, number in enumerate(file.numbers)}
    chosen = numbers(text, max(file.numbers) + 1, "--hold-out")
    for number in chosen:
        if number not in places:
            listed = ", ".join(map(str, file.numbers))
            raise ParameterError("--hold-out", f"sweep {number}", f"one of those that were read: {listed}", "--sweeps")
    return [places[number] for number in chosen]


def ranges_of(given: list[str]) -> tuple[tuple[str, float, float], ...]:
    """NAME=LOW:HIGH, repeated. Raises `ParameterError`."""
    found: list[tuple[str, float, float]] = []
    for text in given:
        name, equals, ends = text.partition("=")
        found.append((name, *two(ends if equals else "", "--range", text)))
    return tuple(found)


def two(text: str, option: str, shown: str) -> tuple[float, float]:
    """LOW:HIGH. Raises `ParameterError`."""
    low, _, high = text.partition(":")
    try:
        return float(low), float(high)
    except ValueError:
        example = "--range c_mem=50:400" if option == "--range" else f"{option} 0.001:0.1"
        raise ParameterError(option, repr(shown), "two numbers, LOW:HIGH", example) from None
