"""Where something enters a cell: a current, a conductance, spikes, or an electrode that holds the potential."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from rheobase.cells.implausible import check_given
from rheobase.checks import is_number
from rheobase.errors import ParameterError
from rheobase.synapses.receptor import Receptor

PLACE = re.compile(r"([^()]+?)(?:\((\d+(?:\.\d*)?)\))?")  # "dend[3](0.97)"; the middle without a position


@dataclass(frozen=True)
class Place:
    """A place on a cell: a section by name and a position from 0 to 1 along it.

    >>> Place("dend[3]", 0.97)
    Place(section='dend[3]', x=0.97)
    """

    section: str = "soma"
    x: float = 0.5

    def __post_init__(self) -> None:
        if not isinstance(self.section, str):  # pyright: ignore[reportUnnecessaryIsInstance]
            given = f"section {self.section!r}"
            raise ParameterError(type(self).__name__, given, "the name of a section", '"dend[3]", say')
        if not is_number(self.x, least=0, most=1):
            raise ParameterError(type(self).__name__, f"x = {self.x!r}", "a position from 0 to 1", "0.5 is the middle")


def place(owner: str, given: Any) -> Place:
    """A place, or one that is written "dend[3](0.97)". Raises `ParameterError` for anything else.

    >>> place("Synapse", "dend[3](0.97)")
    Place(section='dend[3]', x=0.97)
    """
    match = PLACE.fullmatch(given) if isinstance(given, str) else None
    if match is not None:
        return Place(match[1], float(match[2] or 0.5))
    if type(given) is not Place:
        raise ParameterError(
            owner, f"the place {given!r}", "a place on the cell", '"dend[3](0.5)", or Place("dend[3]", 0.5)'
        )
    return given


@dataclass(frozen=True)
class Current(Place):
    """A current in nA, inwards positive: what a cell takes at its soma where nothing else is said.

    >>> Current("dend[3]", 0.97).unit
    'nA'
    """

    unit = "nA"


@dataclass(frozen=True)
class Conductance(Place):
    """A conductance in uS to a battery of `e` mV: i = g (e - v), inwards positive.

    Raises: `ParameterError` for an e that no cell has.

    >>> Conductance("soma", 0.5, e=-70.0).unit
    'uS'
    """

    e: float = 0.0
    unit = "uS"

    def __post_init__(self) -> None:
        super().__post_init__()
        if not is_number(self.e):
            raise ParameterError("Conductance", f"e = {self.e!r}", "a potential in mV", "e=0.0, say")
        check_given("e of a Conductance", self.e, near_0=True)


@dataclass(frozen=True)
class VoltageClamp(Place):
    """An electrode that holds the potential in mV behind `r` MOhm: i = (command - v)/r.

    >>> VoltageClamp("soma", r=0.1)
    VoltageClamp(section='soma', x=0.5, r=0.1)
    """

    r: float = 0.01
    unit = "mV"

    def __post_init__(self) -> None:
        super().__post_init__()
        if not is_number(self.r, above=0):
            raise ParameterError("VoltageClamp", f"r = {self.r!r}", "a resistance > 0 in MOhm", "r=0.01, say")


@dataclass(frozen=True, eq=False)
class Synapse:
    """Spikes at one place or at many, which open the conductance of a receptor there.

        Synapse("dend[1](0.7)", AMPA)                               # spikes (time, batch, *cells)
        Synapse(["dend[1](0.7)", "dend[2](0.1)"], AMPA)             # spikes (time, batch, *cells, places)

    at         a place, "dend[1](0.7)" or `Place("dend[1]", 0.7)`, or a sequence of them, in which one may stand twice
    receptor   a declaration of `rheobase.synapses`. A parameter is one number, or of the shape (*cells, places), in
               which axes of size 1 stand for all: weights (places,) are shared by the cells.

    The input is how many spikes there are in each step, from 0 on; they act from its beginning. `spike_trains` makes it
    of times. A synapse has no delay of its own: `nn.AxonalDelay` before the cell has one for each place, which it can
    learn; or the times are later.

    Raises: `ParameterError` for what is no place or no receptor, and for a delay.

    >>> from rheobase.synapses import Exponential
    >>> len(Synapse(["dend(0.2)", "dend(0.7)"], Exponential(tau=2.0)).places)
    2
    """

    at: Any
    receptor: Receptor
    delay: None = None
    unit = "1"

    def __post_init__(self) -> None:
        if not isinstance(self.receptor, Receptor):  # pyright: ignore[reportUnnecessaryIsInstance]
            given = f"the receptor {self.receptor!r}"
            raise ParameterError("Synapse", given, "a receptor", "rheobase.synapses.Exponential(tau=2.0), say")
        if self.delay is not None:
            remedy = "nn.AxonalDelay before the cell, or later spike times"
            raise ParameterError("Synapse", f"delay = {self.delay!r}", "no delay", remedy)
        if not self.places:
            raise ParameterError("Synapse", "no place", "at least one", '"dend[3](0.5)", say')

    @property
    def many(self) -> bool:
        """Whether its input has an axis of places."""
        return not isinstance(self.at, str | Place) and isinstance(self.at, Iterable)

    @functools.cached_property
    def places(self) -> tuple[Place, ...]:
        """Its places in order."""
        return tuple(place("Synapse", each) for each in (self.at if self.many else [self.at]))


@dataclass(frozen=True, eq=False)
class GapJunction:
    """An electrical synapse between two places, of `g` uS: i = g (v - u), out of the one, into the other.

    The places are on one cell, or on two that are trees of one `Compartments`.

    g is one number above 0, or one for each cell, (*cells,); `learn=("g_gap",)` at the cell learns those of all its
    junctions.

    Raises: `ParameterError` for what are no two places.

    >>> GapJunction("soma", "dend(1)").ends
    (Place(section='soma', x=0.5), Place(section='dend', x=1.0))
    """

    a: Any
    b: Any
    g: Any = 1e-3

    def __post_init__(self) -> None:
        if self.ends[0] == self.ends[1]:
            remedy = "another place for b; another cell is another tree: Compartments.of(sections, trees=2)"
            raise ParameterError("GapJunction", f"{self.a!r} twice", "two places", remedy)

    @functools.cached_property
    def ends(self) -> tuple[Place, Place]:
        """Its two places."""
        return place("GapJunction", self.a), place("GapJunction", self.b)


Port = Current | Conductance | VoltageClamp | Synapse

__all__ = ["PLACE", "Conductance", "Current", "GapJunction", "Place", "Port", "Synapse", "VoltageClamp", "place"]
