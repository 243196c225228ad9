"""Traces of codes between two models: what an operator or a stand-in makes of a cell that nobody has fitted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from rheobase.checks import is_number
from rheobase.errors import OutOfRange, ParameterError, ShapeError
from rheobase.operator.fourier import FourierOperator
from rheobase.operator.scores import upward
from rheobase.operator.stand_in import StandIn

FRACTIONS = (0.0, 0.25, 0.5, 0.75, 1.0)


@dataclass(frozen=True)
class Interpolated:
    """What is made of the codes between two models.

    Shapes: code (fractions, features), not scaled; v (time, fractions, batch) in mV; spikes as v, in {0, 1}.

    >>> found = Interpolated((0.0, 1.0), torch.tensor([[1.0], [2.0]]), torch.zeros(9, 2, 1), torch.zeros(9, 2, 1))
    >>> dict(zip(found.fractions, found.v.unbind(1), strict=True))[1.0].shape
    torch.Size([9, 1])
    """

    fractions: tuple[float, ...]
    code: Tensor
    v: Tensor
    spikes: Tensor


def interpolate(
    net: FourierOperator | StandIn,
    current: Tensor,
    one: Tensor,
    other: Tensor,
    fractions: Sequence[float] = FRACTIONS,
    *,
    check_range: bool = True,
) -> Interpolated:
    """The traces of `net` for the codes on the line between those of two models (Ghafourpour et al., 2025, sec. 4.3).

        code(s) = (1 - s) one + s other,    for each s of `fractions`

    0 and 1 are the two models themselves. The range of a code is a box, so that what lies between two codes in it is
    in it, too. No gradient is kept.

    current     (time, batch) in nA; a whole window for a `FourierOperator`
    one, other  (features,), in the order of `net.features` and as its codes are: not scaled

    Shapes: see `Interpolated`. Spikes of a stand-in are those that it makes itself, of an operator the steps in which
    its potential reaches -20 mV from below.

    Raises: `OutOfRange` for a fraction beyond 0 to 1, and for a code or a current beyond what was trained, which
    `check_range=False` turns off; `ParameterError` for a net of another kind or a fraction that is no number,
    `ShapeError`, and what a call of the net raises.

    Differs from the paper: it draws points from a disc around a code and from the hull of all; here it is a line, so
    that each point has a cell with the parameters in between (`mixtures.blended`) beside it.

    Reference: Ghafourpour et al., NOBLE, arXiv 2506.04536 (2025), sec. 4.3.

    >>> from rheobase.operator import Codes
    >>> one, other = torch.tensor([742.9]), torch.tensor([848.0])
    >>> net = StandIn(Codes.of(("s_thr",), torch.stack([one, other])), sample=0.12, hidden=2)
    >>> found = interpolate(net, torch.full((40, 3), 0.1), one, other, (0.0, 0.5))
    >>> found.v.shape, round(float(found.code[1]), 2)
    (torch.Size([40, 2, 3]), 795.45)
    """
    if not isinstance(net, FourierOperator | StandIn):
        given, remedy = f"a {type(net).__name__}", "others have no code, or are called in another way"
        raise ParameterError("interpolate", given, "a FourierOperator or a StandIn", remedy)
    shares = _checked(fractions, check_range)
    for name, x in (("one", one), ("other", other)):
        if not isinstance(x, Tensor) or x.shape != (len(net.features),):
            given = f"{name} of {f'shape {tuple(x.shape)}' if isinstance(x, Tensor) else type(x).__name__}"
            remedy = f"the features of one model, in this order: {', '.join(net.features)}"
            raise ShapeError("interpolate", given, f"a tensor of shape ({len(net.features)},)", remedy)
        if check_range and net.codes is not None:
            net.codes.check(x)  # by its own value, and not by one in between
    if not isinstance(current, Tensor) or current.dim() != len(("time", "batch")):
        shape = f"shape {tuple(current.shape)}" if isinstance(current, Tensor) else type(current).__name__
        given = f"a current of {shape}"
        raise ShapeError("interpolate", given, "(time, batch) in nA", "current[:, None] has a batch of one")
    share = torch.tensor(shares, dtype=torch.float64, device=one.device)[:, None]
    code = ((1.0 - share) * one.double() + share * other.double()).to(next(net.parameters()).dtype)
    given = current[:, None].expand(-1, len(shares), -1).contiguous()
    each = code[:, None].expand(-1, current.shape[1], -1)
    with torch.no_grad():
        if isinstance(net, StandIn):
            spikes, v, _ = net(given[:, None], each, check_range=check_range)
            return Interpolated(shares, code, v[:, 0], spikes[:, 0])
        v = net(given, each, check_range=check_range)
        return Interpolated(shares, code, v, upward(v).to(v.dtype))


def _checked(fractions: Sequence[float], check_range: bool) -> tuple[float, ...]:
    remedy = "(0.0, 0.5, 1.0), say: both ends and the middle"
    listed = isinstance(fractions, tuple | list) and len(fractions) > 0
    if not listed or not all(is_number(x) for x in fractions):
        raise ParameterError("interpolate", f"fractions = {fractions!r}", "one or more finite numbers", remedy)
    for x in fractions:
        if check_range and not 0.0 <= x <= 1.0:
            remedy = "check_range=False extrapolates, at your own risk"
            raise OutOfRange("interpolate", f"a fraction of {x:g}", "0 (one) to 1 (other)", remedy)
    return tuple(float(x) for x in fractions)


__all__ = ["FRACTIONS", "Interpolated", "interpolate"]
