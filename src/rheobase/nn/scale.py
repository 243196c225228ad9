"""A constant factor between two layers."""

from __future__ import annotations

from torch import Tensor, nn


class Scale(nn.Module):
    """Multiplies by a constant: from numbers of order one, which train well, to currents with a unit.

    `factor` is a number, or a tensor that broadcasts to the features: a factor for each.

    Shapes: x (time, batch, ...) to the same; a number takes any shape.

    >>> import torch
    >>> Scale(500.0)(torch.ones(1))
    tensor([500.])
    >>> Scale(torch.tensor([1.0, 2.0]))(torch.ones(1, 1, 2))
    tensor([[[1., 2.]]])
    """

    factor: float | Tensor

    def __init__(self, factor: float | Tensor):
        super().__init__()
        self.factor = nn.Buffer(factor.detach().clone()) if isinstance(factor, Tensor) else factor

    def forward(self, x: Tensor) -> Tensor:
        return self.factor * x

    def extra_repr(self) -> str:
        return f"of shape {tuple(self.factor.shape)}" if isinstance(self.factor, Tensor) else f"{self.factor:g}"
