"""The neurons by name."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Sequence

from rheobase import channels, neurons
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
    return getattr(neurons, known_as(name, names(), "neuron", _channel))


def known_as(name: str, known: Sequence[str], what: str, hint: Callable[[str], str | None] = lambda name: None) -> str:
    """The name as it is written, upper and lower case aside.

    Raises: `ParameterError` with what `hint` says, what another library's name is here, or the nearest name.
    """
    by_lower = {each.lower(): each for each in known}
    if name.lower() in by_lower:
        return by_lower[name.lower()]
    closest = next(iter(difflib.get_close_matches(name.lower(), by_lower, n=1)), "")
    remedy = hint(name) or class_elsewhere(name) or nearest(by_lower.get(closest, name), known)
    raise ParameterError(what, repr(name), f"the name of a {what}", remedy)


def _channel(name: str) -> str | None:
    """What to do with the name of a channel, which runs in a neuron or a cell."""
    found = next((known for known in channels.FILES if known.lower() == name.lower()), None)
    return None if found is None else f"{found} is a channel, a part of neurons and cells: rheobase show {found}"
