"""Where something enters a cell: a current, a conductance, or an electrode that holds the potential."""

from __future__ import annotations

from dataclasses import dataclass

from rheobase.checks import is_number
from rheobase.errors import ParameterError


@dataclass(frozen=True)
class Place:
    """A place on a cell: a section by name and a position from 0 to 1 along it."""

    section: str = "soma"
    x: float = 0.5

    def __post_init__(self) -> None:
        if not isinstance(self.section, str):  # pyright: ignore[reportUnnecessaryIsInstance]
            given = f"section {self.section!r}"
            raise ParameterError(type(self).__name__, given, "the name of a section", '"dend[3]", say')
        if not is_number(self.x, least=0, most=1):
            raise ParameterError(type(self).__name__, f"x = {self.x!r}", "a position from 0 to 1", "0.5 is the middle")


@dataclass(frozen=True)
class Current(Place):
    """A current in nA, inwards positive: what a cell takes at its soma where nothing else is said."""

    unit = "nA"


@dataclass(frozen=True)
class Conductance(Place):
    """A conductance in uS to a battery of `e` mV: i = g (e - v), inwards positive."""

    e: float = 0.0
    unit = "uS"


@dataclass(frozen=True)
class VoltageClamp(Place):
    """An electrode that holds the potential in mV behind `r` MOhm: i = (command - v)/r."""

    r: float = 0.01
    unit = "mV"

    def __post_init__(self) -> None:
        super().__post_init__()
        if not is_number(self.r, above=0):
            raise ParameterError("VoltageClamp", f"r = {self.r!r}", "a resistance > 0 in MOhm", "r=0.01, say")


Port = Current | Conductance | VoltageClamp

__all__ = ["Conductance", "Current", "Place", "Port", "VoltageClamp"]
