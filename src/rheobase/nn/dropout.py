"""Dropout with one mask for a whole sequence."""

from __future__ import annotations

import torch
from torch import Tensor

from rheobase.checks import is_number
from rheobase.core.execution.check import check_tensor
from rheobase.errors import ParameterError, StateError
from rheobase.nn.stateful import Stateful


class Dropout(Stateful):
    """Drops the same units at every step of a sequence (Gal & Ghahramani, 2016); the mask is the state.

    Shapes: x (time, batch, ...) to the same; the state is the mask (batch, ...), 0 or 1/(1 - p). In evaluation
    nothing is dropped and the state is a mask of ones, so that a run may change mode between chunks.

    Raises: `ParameterError` unless 0 <= p < 1; `StateError` for a mask of another shape.

    >>> drop = Dropout(0.5)
    >>> out, mask = drop(torch.ones(10, 2, 3))
    >>> bool((out == out[0]).all())
    True
    """

    def __init__(self, p: float = 0.5):
        super().__init__()
        if not is_number(p, least=0, below=1):
            raise ParameterError("Dropout", f"p = {p!r}", "0 <= p < 1, the share that is dropped", "p=0.5")
        self.p = float(p)

    def forward(
        self, x: Tensor, state: Tensor | None = None, *, lengths: Tensor | None = None, backend: str = "auto"
    ) -> tuple[Tensor, Tensor]:
        check_tensor(self, "input", x)
        if state is None:
            state = torch.ones_like(x[0])
            if self.training and self.p > 0:
                state = torch.bernoulli(state * (1 - self.p)) / (1 - self.p)
        elif state.shape != x.shape[1:]:
            raise StateError(
                repr(self),
                f"a mask of shape {tuple(state.shape)}",
                f"{tuple(x.shape[1:])}",
                "a new batch starts from None",
            )
        # the mask of a run under autocast, or in another type, does not change that of x
        return (x * state.to(x.dtype) if self.training else x), state

    def extra_repr(self) -> str:
        return f"p={self.p}"
