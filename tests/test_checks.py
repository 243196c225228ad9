"""A bool is no number, and neither is NaN, infinity or a string; a bound belongs to its range where it says so."""

from __future__ import annotations

import math
from enum import IntEnum
from typing import Any

import numpy as np
import pytest
import torch

from rheobase.checks import is_number, is_whole


class Two(IntEnum):
    TWO = 2


VAST = 10**310  # no float holds it
NEITHER = (True, False, None, "1", "", 1j, [1], (1,), np.True_, np.int64(1), np.float32(1.0), torch.ones(()))


@pytest.mark.parametrize("value", [*NEITHER, 1.0, np.float64(1.0), math.nan, math.inf, -math.inf], ids=repr)
def test_no_whole_number(value: Any) -> None:
    assert is_whole(value) is False


@pytest.mark.parametrize("value", [0, -1, Two.TWO, 2**64, VAST], ids=["0", "-1", "enum", "2^64", "vast"])
def test_whole_numbers(value: int) -> None:
    assert is_whole(value) is True


@pytest.mark.parametrize("value", [*NEITHER, math.nan, math.inf, -math.inf, np.float64("nan")], ids=repr)
def test_no_number(value: Any) -> None:
    assert is_number(value) is False


@pytest.mark.parametrize("value", [0, -0.0, 5e-324, -1.5, np.float64(1.0), Two.TWO, VAST], ids=type)
def test_numbers(value: float) -> None:
    assert is_number(value) is True


@pytest.mark.parametrize(
    ("value", "least", "most", "within"),
    [
        (0, 1, None, False),
        (1, 1, None, True),
        (VAST, 1, None, True),
        (17, None, 16, False),
        (16, None, 16, True),
        (-VAST, None, 16, True),
        (1, 2, 16, False),
        (2, 2, 16, True),
        (16, 2, 16, True),
        (17, 2, 16, False),
        (0, 0, 0, True),
        (True, 0, 1, False),
        (2.0, 2, 16, False),
    ],
)
def test_bounds_of_whole_numbers(value: Any, least: int | None, most: int | None, within: bool) -> None:
    assert is_whole(value, least, most) is within


@pytest.mark.parametrize(
    ("value", "bounds", "within"),
    [
        (0, {"least": 0}, True),
        (-0.0, {"least": 0}, True),
        (-5e-324, {"least": 0}, False),
        (0.0, {"above": 0}, False),
        (5e-324, {"above": 0}, True),
        (1.0, {"most": 1}, True),
        (1.5, {"most": 1}, False),
        (np.float64(1.5), {"most": 1}, False),
        (1, {"below": 1.0}, False),
        (0.5, {"below": 1.0}, True),
        (np.float64(0.5), {"below": 1.0}, True),
        (0, {"least": 0, "below": 1}, True),
        (1, {"least": 0, "below": 1}, False),
        (0, {"above": 0, "most": 1}, False),
        (1, {"above": 0, "most": 1}, True),
        (True, {"least": 0, "most": 1}, False),
        (math.nan, {"least": 0}, False),
        (math.inf, {"most": math.inf}, False),
        (-math.inf, {"least": -math.inf}, False),
    ],
)
def test_bounds_of_numbers(value: Any, bounds: dict[str, float], within: bool) -> None:
    assert is_number(value, **bounds) is within
