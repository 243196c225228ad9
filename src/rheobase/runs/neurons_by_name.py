"""The neurons by name."""

from __future__ import annotations

import difflib
from collections.abc import Mapping

from rheobase import neurons
from rheobase.core.declaration.elsewhere import class_elsewhere
from rheobase.core.declaration.population import Declared
from rheobase.errors import ParameterError, nearest


def names() -> list[str]:
    """The names of all neurons, in the order of the alphabet."""
    return sorted(neurons.__all__, key=str.lower)


def find(name: str) -> type[Declared]:
    """The neuron of that name; upper and lower case do not matter.

    Raises: `ParameterError` with the nearest name.

    >>> find("lif").__name__
    'LIF'
    """
    by_lower = {known.lower(): known for known in names()}
    known = by_lower.get(name.lower())
    if known is None:
        remedy = class_elsewhere(name) or nearest(by_lower.get(_closest(name, by_lower), name), names())
        raise ParameterError("neuron", repr(name), "the name of a neuron", remedy)
    return getattr(neurons, known)


def _closest(name: str, by_lower: Mapping[str, str]) -> str:
    return next(iter(difflib.get_close_matches(name.lower(), by_lower, n=1)), "")
