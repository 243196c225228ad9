from __future__ import annotations

import pytest

from rheobase.cli.quantity import quantity
from rheobase.errors import ParameterError, UnitError

GOOD = [
    ("800pA", "pA", 800.0),
    ("0.8 nA", "pA", 800.0),
    ("800", "pA", 800.0),
    ("-3", "pA", -3.0),
    ("1e2pA", "pA", 100.0),
    ("0.4s", "ms", 400.0),
    ("250us", "ms", 0.25),
    ("250µs", "ms", 0.25),
    ("1.5", "1", 1.5),
    (".5", "1", 0.5),
    ("10uA/cm2", "uA/cm2", 10.0),
    ("3", "steps", 3.0),
    ("3steps", "steps", 3.0),
    ("1GOhm", "MOhm", 1000.0),
]


@pytest.mark.parametrize(("text", "unit", "value"), GOOD)
def test_units_are_understood(text, unit, value):
    assert quantity(text, unit, "--current") == value


@pytest.mark.parametrize(
    ("text", "unit"),
    [
        ("800pA", "1"),
        ("800pA", "mV"),
        ("5ms", "steps"),
        ("5mV", "ms"),
        ("1nA/cm2", "uA/cm2"),
        ("5xA", "pA"),
        ("5pa", "pA"),
    ],
)
def test_another_unit_is_refused(text, unit):
    with pytest.raises(UnitError, match="--current"):
        quantity(text, unit, "--current")


@pytest.mark.parametrize("text", ["", "pA", "nan", "inf", "1,5", "1e999", "--", "1 2"])
def test_what_is_no_number_is_refused(text):
    with pytest.raises((ParameterError, UnitError)):
        quantity(text, "pA", "--current")
