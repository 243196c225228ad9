"""The spiking recurrent cell in many lanes: each lane one cell with parameters of its own under a constant input x."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from rheobase.core.equations.fixed_points import tanh_fixed_point
from rheobase.neurons import SRC

MOST_X = 2.9999  # tanh lets x reach rho = 3 for an infinite input only
_ITERATIONS = 200


def cells(count: int, parameters: Mapping[str, Tensor | float], *, dtype: torch.dtype = torch.float32) -> SRC:
    """So many cells whose input acts at once (alpha = 0), with these parameters, a number or one for each lane.

    >>> cells(2, {"r_s": torch.tensor([-7.0, -8.0])}).alpha
    tensor(0.)
    """
    made = SRC(count, alpha=0.0).to(dtype)
    for name, value in parameters.items():
        setattr(made, name, value)
    return made


def input_for(x: Tensor | float, rho: float = 3.0) -> Tensor:
    """The input i for which x = rho tanh(i / rho), cut just below rho.

    >>> round(float(3.0 * torch.tanh(input_for(1.75) / 3.0)), 6)
    1.75
    """
    most = MOST_X * rho / 3.0
    return rho * torch.atanh(torch.as_tensor(x, dtype=torch.float64).clamp(-most, most) / rho)


def resting(cell: SRC, x: Tensor | float = 0.0) -> Any:
    """The lowest fixed point of each lane under a constant x.

    Where r + r_s > 1 there may be several. Where r + r_s > 0 the map is monotone, so that its iteration from h = -1
    rises to the lowest; elsewhere there is one, which Newton's method finds.
    """
    rest = cell.rest(1)
    slope, drive = cell.r + cell.r_s, cell.b_h + torch.as_tensor(x, dtype=cell.rho.dtype)
    with torch.no_grad():
        h = tanh_fixed_point(slope.clamp(max=0.0), drive) + torch.zeros_like(rest.h)
        if bool((slope > 0.0).any()):
            lowest = -torch.ones_like(rest.h)
            for _ in range(_ITERATIONS):
                lowest = torch.tanh(slope * lowest + drive)
            h = torch.where(slope > 0.0, lowest, h)
    return rest._replace(i=_held(cell, x, rest.i), h=h, h_s=h.clone())


def _held(cell: SRC, x: Tensor | float, like: Tensor) -> Tensor:
    return input_for(x, float(cell.rho)).to(like.dtype).expand_as(like).contiguous()


def kicked(cell: SRC) -> Any:
    """A state far from rest: depolarised, with the slow feedback released."""
    rest = cell.rest(1)
    return rest._replace(h=torch.ones_like(rest.h), h_s=-torch.ones_like(rest.h_s))


def traces(cell: SRC, x: Tensor | float, steps: int, start: Any = None, *, names: tuple[str, ...] = ("h",)) -> Any:
    """The traces (time, lanes) of the states `names` under a constant x; from `resting` unless a start is given.

    >>> traces(cells(1, {}), 1.75, 4).h.shape
    torch.Size([4, 1])
    """
    dtype = cell.rho.dtype
    current = input_for(x, float(cell.rho)).to(dtype).expand(steps, 1, cell.shape[0]).contiguous()
    with torch.no_grad():
        _, _, recorded = cell(current, resting(cell) if start is None else start, record=names)
    return type(recorded)(*(trace[:, 0] for trace in recorded))
