"""Units of a recording: stated by the user, else mV and pA; values of an implausible size are then refused."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from rheobase.errors import UnitError
from rheobase.units import parse


@dataclass(frozen=True)
class Quantity:
    """Potential or current of a recording: its unit, the range of its largest value, and other units in use for it."""

    name: str
    unit: str
    least: float
    most: float
    others: tuple[str, ...]


# A cell rests tens of mV below 0, and no amplifier goes far beyond 1 V. The smallest cells fire at some 10 pA.
POTENTIAL = Quantity("v", "mV", 1.0, 1000.0, ("V", "uV"))
CURRENT = Quantity("current", "pA", 5.0, 1e5, ("nA", "A", "uA", "fA"))


def in_unit(quantity: Quantity, values: Tensor, unit: str | None) -> Tensor:
    """The values in the quantity's own unit, in the default dtype; `unit` is that of `values`, None if not stated.

    Raises: `UnitError` for a unit of another kind; and, where none is stated, for values that no cell has in this one.
    Zeros alone are accepted without a unit.

    >>> in_unit(CURRENT, torch.tensor([0.1, 0.3]), "nA")
    tensor([100., 300.])
    """
    if unit is None:
        _check_size(quantity, float(values.abs().max()))
        return values.to(torch.get_default_dtype())
    given, own = parse(unit), parse(quantity.unit)
    if given.exponents != own.exponents:
        expected = f"a unit of the kind of {quantity.unit}"
        raise UnitError("Recording", f"{quantity.name}_unit = {unit!r}", expected, f'"{quantity.unit}", say')
    shift = given.power - own.power
    # with all digits: amperes are as small as float32 can be
    exact = values.double()
    return (exact * 10.0**shift if shift >= 0 else exact / 10.0**-shift).to(torch.get_default_dtype())


def _check_size(quantity: Quantity, largest: float) -> None:
    if largest == 0.0 or quantity.least <= largest <= quantity.most:
        return
    name, unit = quantity.name, quantity.unit
    scales = {other: 10.0 ** (parse(other).power - parse(unit).power) for other in quantity.others}
    likely = [other for other, scale in scales.items() if quantity.least <= largest * scale <= quantity.most]
    said = " or ".join(f'{name}_unit="{other}"' for other in (*likely[:1], unit))
    raise UnitError(
        "Recording",
        f"{name} of {largest:.3g} at most, without a unit",
        f"{quantity.least:g} to {quantity.most:g} {unit}, as cells have it",
        f"say the unit: {said}",
    )
