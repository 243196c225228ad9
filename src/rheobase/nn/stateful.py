"""Layers other than neurons that carry a state from one chunk of time to the next."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from rheobase.core.declaration.exact import Exact
from rheobase.core.execution.check import check_tensor
from rheobase.errors import ShapeError


class Stateful(Exact):
    """Abstract: `forward(x, state=None, *, lengths=None, backend="auto") -> (out, state)`, as neurons do it.

    >>> from rheobase import nn
    >>> isinstance(nn.Delay(3, taps=5), Stateful)
    True
    """

    dt: float | None = None

    def forward(self, x: Tensor, state: Any = None, *, lengths: Tensor | None = None, backend: str = "auto") -> Any:
        raise NotImplementedError


def last_of(out: Tensor, lengths: Tensor, before: Tensor) -> Tensor:
    """The last output of each sequence, (batch, *shape), of out (time, batch, *shape); `before` for an empty one."""
    at = (lengths.long() - 1).clamp(min=0).view(1, -1, *(1,) * (out.dim() - 2)).expand(1, *out.shape[1:])
    not_empty = (lengths > 0).view(-1, *(1,) * (out.dim() - 2))
    return torch.where(not_empty, out.gather(0, at)[0], before)


def alive_steps(x: Tensor, lengths: Tensor) -> Tensor:
    """The steps before the end of each sequence of x (time, batch, ...): bool, and broadcasts to x."""
    alive = torch.arange(x.shape[0], device=x.device)[:, None] < lengths
    return alive.view(*alive.shape, *(1,) * (x.dim() - 2))


def check_sequence(owner: str, x: Tensor, features: int | None, rank: int | None) -> None:
    """Raise unless x is a tensor (time, batch, features, ...) with `rank` axes; None is any number from 3."""
    check_tensor(owner, "input", x)
    names = ["time", "batch", "features" if features is None else str(features)]
    if rank is None or rank > 3:
        names.append("...")
    axes = f"({', '.join(names)})"
    given = f"input of shape {tuple(x.shape)}"
    if (rank is None and x.dim() < 3) or (rank is not None and x.dim() != rank):
        wanted = f"{rank or '3 or more'} axes: {axes}"
        raise ShapeError(owner, given, wanted, "time is the first axis, batch the second")
    if features is not None and x.shape[2] != features:
        raise ShapeError(owner, given, axes, f"make the layer before it give {features} features")
