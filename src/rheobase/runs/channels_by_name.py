"""The channels by name."""

from __future__ import annotations

from rheobase import channels, neurons
from rheobase.channels.channel import Membrane
from rheobase.core.declaration.population import Declared
from rheobase.runs.neurons_by_name import known_as
from rheobase.runs.neurons_by_name import names as neuron_names


def names() -> list[str]:
    """The names of all channels and pools, in the order of the alphabet."""
    return sorted((name for name in channels.__all__ if name not in ("Channel", "Pool")), key=str.lower)


def find(name: str) -> type[Membrane]:
    """The channel of that name; upper and lower case do not matter.

    Raises: `ParameterError` with the nearest name; for a file of NEURON, with the page that shows how one is written.

    >>> find("kv3_1").__name__
    'Kv3_1'
    """
    return getattr(channels, known_as(name, names(), "channel"))


def find_declared(name: str) -> type[Declared]:
    """The neuron or channel of that name. Raises: `ParameterError` as `find` does.

    >>> find_declared("adex").__name__, find_declared("IH").__name__
    ('AdEx', 'Ih')
    """
    known = known_as(name, [*neuron_names(), *names()], "neuron or channel")
    return getattr(channels if known in channels.FILES else neurons, known)
