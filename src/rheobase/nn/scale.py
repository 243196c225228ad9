"""A constant factor between two layers."""

from __future__ import annotations

from torch import Tensor, nn


class Scale(nn.Module):
    """Multiplies by a constant: from numbers of order one, which train well, to currents with a unit.

    Shapes: x of any shape to the same.

    >>> import torch
    >>> Scale(500.0)(torch.ones(1))
    tensor([500.])
    """

    def __init__(self, factor: float):
        super().__init__()
        self.factor = factor

    def forward(self, x: Tensor) -> Tensor:
        return self.factor * x

    def extra_repr(self) -> str:
        return f"{self.factor:g}"
