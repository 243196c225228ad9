"""Coherent units: declarations whose equations are combined use one unit for each physical quantity."""

from __future__ import annotations

from typing import Any

from rheobase.errors import DeclarationError
from rheobase.units import parse


def check_coherent(cls: type[Any], units: tuple[str, ...]) -> None:
    """Raise `DeclarationError` for a parameter, state or input in a multiple of one of these units.

    Equations contain no conversion factors, so a multiple would silently be wrong by a power of ten.
    """
    known = [(unit, parse(unit)) for unit in units]
    for name, spec in {**cls.params, **cls.states, **cls.entries}.items():
        given = parse(spec.unit)
        for unit, one in known:
            if given.exponents == one.exponents and given.power != one.power:
                remedy = f"declare {name} in {unit}: no equation holds a factor between units"
                raise DeclarationError(cls.__name__, f"{name} in {spec.unit}", unit, remedy)


__all__ = ["check_coherent"]
