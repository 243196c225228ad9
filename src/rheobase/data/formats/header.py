"""Whether the first line of a table names its columns, or is data already."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

USUAL: dict[str, tuple[str, ...]] = {
    "id": ("id", "series", "series_id", "sample", "sample_id", "case", "case_id", "trial", "recording", "record"),
    "time": ("time", "t", "step", "timestamp", "time_s", "time_ms", "seconds", "datetime"),
    "label": ("label", "class", "target", "y", "category", "activity", "gesture"),
    "group": ("group", "subject", "subject_id", "speaker", "speaker_id", "user", "user_id", "participant"),
    "part": ("part", "split", "partition"),
}
"""The columns that are taken for what they are called, where `Reading.columns` does not name one."""
MISSING = ("", "nan", "?", "na", "none", "null", "<na>")
_KNOWN = {word for words in USUAL.values() for word in words}
_LOOKED_AT = 20  # rows below the first


def number(word: Any) -> float:
    """A number written as text; NaN for anything else.

    >>> number("1e3"), number("1_000"), number("two")
    (1000.0, nan, nan)
    """
    try:
        # float takes 1_000 for a thousand
        return math.nan if isinstance(word, str) and "_" in word else float(word)
    except (ValueError, TypeError):
        return math.nan


def is_missing(word: str) -> bool:
    """Whether a cell says that it has no value."""
    return word.strip().lower() in MISSING


def names_columns(first: Sequence[str], below: Sequence[Sequence[str]]) -> bool | None:
    """Whether the first row of a table is that of the names; None where it may be either.

    Numbers alone are data, unless they count the columns (0, 1, 2..., as pandas names them): these may be either. Words
    alone are names. Words beside numbers are names where a word is a usual one (`USUAL`), where no word stands in its
    column below, or where the numbers are in even steps (of a time, say). Else they are data, a class and a series, if
    the numbers are not all whole ones (years, say), and either if they are.

    >>> names_columns(["1", "0.5", "nan"], [["2", "0.1", "0.3"]])
    False
    >>> names_columns(["walk", "0.5", "0.1"], [["run", "0.1", "0.3"]])
    False
    >>> names_columns(["gait", "0", "1"], [["run", "0.1", "0.3"]])
    True
    >>> names_columns(["0", "1", "2"], [["2", "0.1", "0.3"]]) is None
    True
    """
    words = [k for k, word in enumerate(first) if math.isnan(number(word)) and not is_missing(word)]
    values = np.array([value for value in map(number, first) if math.isfinite(value)])
    steps = np.diff(values)
    even = len(values) > 1 and steps[0] > 0 and bool(np.allclose(steps, steps[0], rtol=1e-6))
    if not words:
        counts = len(values) > 2 and even and steps[0] == 1 and values[0] in (0, 1)
        return None if counts else False
    if not len(values) or any(first[k].strip().lower() in _KNOWN for k in words):
        return True
    text = any(
        math.isnan(number(row[k])) and not is_missing(row[k])
        for row in below[:_LOOKED_AT]
        for k in words
        if k < len(row)
    )
    if even or not text:
        return True
    return None if bool((values == np.round(values)).all()) else False
