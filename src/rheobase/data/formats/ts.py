"""Reader of .ts files, the text format of the UEA and UCR archives of time series."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import numpy as np

from rheobase.errors import DataError
from rheobase.problems import Problems
from rheobase.text_files import check_room_for_text, read_text

_EXPECTED = "a .ts file: @-lines, @data, then a line for each series with channels separated by ':', its class last"
_BYTES_A_VALUE = 37  # measured
_MISSING = ("?", "nan", "")
REMEDY = "mend or drop these lines"


@dataclass(frozen=True)
class TsFile:
    """The series of a .ts file, each (time, channels) float64, with a class each, and the classes of the header."""

    series: list[np.ndarray]
    labels: list[str]
    classes: tuple[str, ...]
    notes: tuple[str, ...] = ()


def read_ts(path: Path, *, labelled: bool = True) -> TsFile:
    """Read a .ts file, plain or .gz. Without `labelled` the classes may be missing, and are not read.

    Series with time stamps are read in the order of the file; a note says where the stamps are not evenly spaced.

    **Raises**: DataError with all that is wrong, by line: ragged channels, missing values, missing or unknown classes,
    a header that does not fit; and for a set of regression or forecasting, which has no classes.
    """
    check_room_for_text(path, ",:", _BYTES_A_VALUE)
    lines = read_text(path).splitlines()
    head, start = _header(path, lines)
    problems = Problems(str(path), REMEDY)
    has_class = head.get("classlabel", ("false",))[0].lower() == "true"
    if head.get("targetlabel", ("false",))[0].lower() == "true" and labelled:
        given = "a set of regression (@targetlabel true): numbers for targets, no classes"
        raise DataError(str(path), given, "a set with classes (@classLabel true ...)", "sort the targets into classes")
    if labelled and not has_class:
        remedy = "add @classLabel true with the classes, and the class of each series at the end of its line"
        raise DataError(str(path), "no classes (@classLabel)", _EXPECTED, remedy)
    target = has_class or head.get("targetlabel", ("false",))[0].lower() == "true"
    classes = head.get("classlabel", ())[1:]
    stamped = head.get("timestamps", ("false",))[0].lower() == "true"
    found = TsFile([], [], classes)
    spacing = _Spacing()
    for number, line in enumerate(lines[start:], start + 1):
        text = line.strip()
        if text and text[0] not in "#%":
            parts = _parts(text)
            label = parts.pop().strip() if target else ""
            where = f"line {number}"
            if labelled and label in _MISSING:
                problems.add("no class", where)
            elif labelled and classes and label not in classes:
                problems.add(f"class {label!r}, which @classLabel does not name", where)
            values = _channels(parts, where, problems, spacing if stamped else None)
            if values is not None:
                found.series.append(values)
                found.labels.append(label)
    if not found.series and not len(problems):
        problems.add("no series after @data")
    _check_shape(found.series, head, problems)
    problems.tell(_EXPECTED)
    return TsFile(found.series, found.labels, classes, spacing.notes())


def _header(path: Path, lines: list[str]) -> tuple[dict[str, tuple[str, ...]], int]:
    """The @-lines by their name in lower case, and the number of lines up to and with @data."""
    head: dict[str, tuple[str, ...]] = {}
    for number, line in enumerate(lines, 1):
        text = line.strip()
        if not text or text[0] in "#%":
            continue
        if text[0] != "@":
            raise DataError(
                str(path), f"line {number}, {text[:40]!r}, before @data", _EXPECTED, "is it another format?"
            )
        name, *values = text[1:].split()
        if name.lower() == "data":
            return head, number
        head[name.lower()] = tuple(values)
    raise DataError(str(path), "no line @data", _EXPECTED, "is it another format, or a part of a file?")


def _parts(text: str) -> list[str]:
    """What the colons outside of parentheses separate."""
    if "(" not in text:
        return text.split(":")
    parts, depth, begin = list[str](), 0, 0
    for at, sign in enumerate(text):
        depth += (sign == "(") - (sign == ")")
        if sign == ":" and depth == 0:
            parts.append(text[begin:at])
            begin = at + 1
    return [*parts, text[begin:]]


def _channels(parts: list[str], where: str, problems: Problems, spacing: _Spacing | None) -> np.ndarray | None:
    """The values of a line (time, channels); None where they cannot be read."""
    channels: list[list[float]] = []
    for number, part in enumerate(parts, 1):
        if spacing is None:
            words = part.split(",")
        else:
            pairs = [pair.strip(" ,()").rsplit(",", 1) for pair in part.split(")") if pair.strip(" ,")]
            if any(len(pair) != 2 for pair in pairs):
                problems.add(f"channel {number} without pairs (time, value)", where)
                return None
            words = [pair[1] for pair in pairs]
            spacing.see([pair[0] for pair in pairs], where, problems)
        values = [_number(word) for word in words]
        for step, (value, word) in enumerate(zip(values, words, strict=True)):
            if not math.isfinite(value):
                what = "a missing value" if word.strip().lower() in _MISSING else f"{word.strip()[:20]!r}, no number,"
                problems.add(f"{what} in channel {number}, step {step}", where)
                return None
        channels.append(values)
    steps = [len(values) for values in channels]
    if not channels or len(set(steps)) > 1:
        told = ", ".join(map(str, steps)) or "no"
        problems.add(f"channels of {told} steps", where)
        return None
    return np.array(channels).T


def _number(word: str) -> float:
    try:
        # float takes 1_000 for a thousand
        return float(word) if "_" not in word else math.nan
    except ValueError:
        return math.nan


def _check_shape(series: list[np.ndarray], head: dict[str, tuple[str, ...]], problems: Problems) -> None:
    if not series:
        return
    widths = sorted({values.shape[1] for values in series})
    declared = head.get("dimensions", head.get("dimension", ()))
    if len(widths) > 1:
        problems.add(f"series with {' and '.join(map(str, widths))} channels")
    elif declared and declared[0] != str(widths[0]):
        problems.add(f"{widths[0]} channels, where @dimensions says {declared[0]}")
    elif head.get("univariate", ("false",))[0].lower() == "true" and widths[0] != 1:
        problems.add(f"{widths[0]} channels, where @univariate says true")
    lengths = sorted({len(values) for values in series})
    if head.get("equallength", ("false",))[0].lower() == "true" and len(lengths) > 1:
        problems.add(f"series of {lengths[0]} to {lengths[-1]} steps, where @equalLength says true")
    stated = head.get("serieslength", ())
    if stated and len(lengths) == 1 and stated[0] != str(lengths[0]):
        problems.add(f"series of {lengths[0]} steps, where @seriesLength says {stated[0]}")


class _Spacing:
    """Whether the time stamps of a file are evenly spaced, and rise."""

    def __init__(self) -> None:
        self.low, self.high = math.inf, -math.inf

    def see(self, stamps: list[str], where: str, problems: Problems) -> None:
        try:
            times = np.array([moment(stamp) for stamp in stamps])
        except ValueError as error:
            problems.add(f"a time stamp that is neither a number nor a date: {error}", where)
            return
        if len(times) > 1:
            steps = np.diff(times)
            if steps.min() <= 0:
                problems.add("time stamps that do not rise", where)
            self.low, self.high = min(self.low, float(steps.min())), max(self.high, float(steps.max()))

    def notes(self) -> tuple[str, ...]:
        if self.high <= self.low * (1 + 1e-6) or self.high < 0:
            return ()
        return (f"time stamps are {self.low:g} to {self.high:g} apart; each is taken as one step",)


def moment(stamp: str) -> float:
    """A time stamp as a number: itself, or the seconds of a date and time. Raises `ValueError`.

    >>> moment("0.5"), moment("2007-01-01 00:01:00") - moment("2007-01-01 00:00:00")
    (0.5, 60.0)
    """
    value = _number(stamp)
    if math.isfinite(value):
        return value
    then = datetime.fromisoformat(stamp.strip())
    return (then - datetime(1970, 1, 1, tzinfo=then.tzinfo)).total_seconds()
