"""Convolution, pooling and flattening over sequences: torch's layers, with time folded into the batch."""

from __future__ import annotations

from typing import Any

from torch import Tensor, nn

from rheobase.nn.stateful import check_sequence


class _OverTime:
    """Runs the torch layer behind it in the class on (time * batch, ...) and unfolds the result."""

    rank: int

    def forward(self, input: Tensor) -> Tensor:  # the name of torch's argument
        x = input
        features = getattr(self, "in_channels", None)
        check_sequence(type(self).__name__, x, features, self.rank)
        out: Any = super().forward(x.flatten(0, 1))  # type: ignore[misc]
        return out.unflatten(0, x.shape[:2])


class Conv1d(_OverTime, nn.Conv1d):
    """torch.nn.Conv1d over (time, batch, channels, length).

    >>> import torch
    >>> Conv1d(1, 4, 3, padding=1)(torch.zeros(5, 2, 1, 8)).shape
    torch.Size([5, 2, 4, 8])
    """

    rank = 4


class Conv2d(_OverTime, nn.Conv2d):
    """torch.nn.Conv2d over (time, batch, channels, height, width).

    >>> import torch
    >>> Conv2d(1, 4, 3, padding=1)(torch.zeros(5, 2, 1, 8, 8)).shape
    torch.Size([5, 2, 4, 8, 8])
    """

    rank = 5


class AvgPool1d(_OverTime, nn.AvgPool1d):
    """torch.nn.AvgPool1d over (time, batch, channels, length).

    >>> import torch
    >>> AvgPool1d(2)(torch.zeros(5, 2, 3, 8)).shape
    torch.Size([5, 2, 3, 4])
    """

    rank = 4


class AvgPool2d(_OverTime, nn.AvgPool2d):
    """torch.nn.AvgPool2d over (time, batch, channels, height, width).

    >>> import torch
    >>> AvgPool2d(2)(torch.zeros(5, 2, 3, 8, 8)).shape
    torch.Size([5, 2, 3, 4, 4])
    """

    rank = 5


class MaxPool1d(_OverTime, nn.MaxPool1d):
    """torch.nn.MaxPool1d over (time, batch, channels, length).

    >>> import torch
    >>> MaxPool1d(2)(torch.zeros(5, 2, 3, 8)).shape
    torch.Size([5, 2, 3, 4])
    """

    rank = 4


class MaxPool2d(_OverTime, nn.MaxPool2d):
    """torch.nn.MaxPool2d over (time, batch, channels, height, width).

    >>> import torch
    >>> MaxPool2d(2)(torch.zeros(5, 2, 3, 8, 8)).shape
    torch.Size([5, 2, 3, 4, 4])
    """

    rank = 5


class Flatten(nn.Module):
    """(time, batch, ...) to (time, batch, features).

    Raises: `ShapeError` for fewer than three axes.

    >>> import torch
    >>> Flatten()(torch.zeros(5, 2, 4, 8, 8)).shape
    torch.Size([5, 2, 256])
    """

    def forward(self, x: Tensor) -> Tensor:
        check_sequence("Flatten", x, None, None)
        return x.flatten(2)
