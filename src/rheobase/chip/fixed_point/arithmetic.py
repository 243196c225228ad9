"""Rounding and ends of registers, as the equations of neurons in fixed point use them.

Values are real numbers on a grid of 2^-fraction, which a float holds exactly as long as they have no more bits than its
mantissa; `check_widths` refuses what would not be exact.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from rheobase.errors import DTypeError

ROUNDINGS = ("nearest", "floor")
OVERFLOWS = ("saturate", "wrap")
MANTISSA = {torch.float32: 24, torch.float64: 53}


def on_grid(x: Any, fraction: int, rounding: str = "nearest") -> Any:
    """x on the grid of 2^-fraction: "floor" is what a shift to the right leaves; "nearest" goes up from the middle.

    >>> on_grid(torch.tensor([0.375, -0.375, 0.25]), 2).tolist()
    [0.5, -0.25, 0.25]
    """
    scaled = x * 2.0**fraction
    whole = torch.floor(scaled)
    if rounding == "nearest":
        # no half is added: to a number with all bits of a float it would not be exact
        whole = torch.where(scaled - whole >= 0.5, whole + 1.0, whole)
    return whole * 2.0**-fraction


def stored(neuron: Any, x: Any, fraction: int) -> Any:
    """A parameter as it is stored: the nearest on the grid, with the gradient of x."""
    return neuron.substituted(on_grid(x, fraction), x)


def coded(neuron: Any, x: Any, fraction: int) -> Any:
    """A value on the grid, rounded as the neuron says, with the gradient of x."""
    return neuron.substituted(on_grid(x, fraction, neuron.rounding), x)


def held(neuron: Any, kept: Any, gained: Any, whole: int, fraction: int) -> tuple[Any, Any]:
    """What a register of Q whole.fraction holds of kept + gained, and 1 where it cannot hold the sum, else 0.

    Both are on the grid. The gradient is that of the sum, also where it is beyond the ends.
    """
    most, x = 2.0**whole, kept + gained
    low, high = -most, most - 2.0**-fraction
    if neuron.overflow == "saturate":
        inside = torch.clamp(x, low, high)
    else:
        # of a large input each bit is there, of its sum with a small value the last ones may not be
        inside = _wrapped(kept + _wrapped(gained, most), most)
    lost = torch.where(torch.logical_or(x < low, x > high), torch.ones_like(x), torch.zeros_like(x))
    return neuron.substituted(inside, x), neuron.detached(lost)


def _wrapped(x: Any, most: float) -> Any:
    """x between -most and most. Twice, as x + most, rounded, may be a turn too far."""
    for _ in range(2):
        x = x - 2.0 * most * torch.floor((x + most) * (0.5 / most))
    return x


def check_widths(neuron: Any, x: Any, bits: int) -> None:
    """Raise `DTypeError` where a value of so many bits, the widest in a step, is not exact in the type of the input."""
    if not isinstance(x, Tensor) or not x.is_floating_point() or bits <= MANTISSA.get(x.dtype, 0):
        return
    wide = [str(name).replace("torch.", "") for name, most in MANTISSA.items() if bits <= most]
    given = f"an input of {x.dtype}, for steps with values of {bits} bits"
    expected = f"{' or '.join(wide)}, which hold them" if wide else "values of no more than 53 bits"
    remedy = "net.double() and x.double()" if wide else "a smaller fraction or param_fraction"
    raise DTypeError(repr(neuron), given, expected, remedy)
