"""How each channel of a signal becomes several lines when neurons become groups, and how weights change."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from rheobase.errors import ParameterError, ShapeError


@dataclass(frozen=True)
class Lines:
    """A signal in which each of `channels` channels has become a group of `copies` lines, side by side.

    With `coefficients` the group carries spikes, and the channel's spikes are sum_k coefficients[k] line[k]. Without,
    it carries a current, the same one on all `copies` lines. One channel may stand for several features where a map was
    flattened: the axis is then (channel, line, place).
    """

    channels: int
    copies: int
    coefficients: tuple[float, ...] | None = None

    def spread(self, x: Tensor, axis: int) -> Tensor:
        """Repeat what belongs to a feature for all lines that stand for it.

        >>> Lines(2, 3).spread(torch.tensor([1, 2]), 0).tolist()
        [1, 1, 1, 2, 2, 2]
        >>> Lines(2, 2).spread(torch.tensor([1, 2, 3, 4]), 0).tolist()  # two places in each channel
        [1, 2, 1, 2, 3, 4, 3, 4]
        """
        if self.copies == 1:
            return x
        if x.shape[axis] % self.channels:
            given = f"{x.shape[axis]} features"
            raise ShapeError("equivalence", given, f"a multiple of {self.channels}", "flatten the map as a whole")
        return (
            x.unflatten(axis, (self.channels, 1, -1)).repeat_interleave(self.copies, axis + 1).flatten(axis, axis + 2)
        )

    def columns(self, weight: Tensor) -> Tensor:
        """A weight (out, in, ...) that reads the lines where it read the channels: its columns repeated and weighed."""
        if self.coefficients is None or self.coefficients == (1.0,):
            return weight
        places = weight.shape[1] // self.channels
        signs = weight.new_tensor(self.coefficients).view(1, 1, -1, 1).expand(1, self.channels, -1, places)
        return self.spread(weight, 1) * signs.reshape(1, -1, *(1,) * (weight.dim() - 2))


class Fan(nn.Module):
    """Synapses of weight 1 between groups: the spikes of a group add up, and each line of the next one gets the sum.

        out[c, l] = sum_k coefficients[k] x[c, k],   l = 1 ... copies

    Shapes: x (time, batch, channels * len(coefficients), ...) to (time, batch, channels * copies, ...). Of a map that
    was flattened, every place by itself.

    Raises: `ParameterError` for no coefficient or fewer than one copy.

    >>> Fan((1.0, 1.0), 1, channels=2)(torch.tensor([[[1.0, 0.0, 1.0, 1.0]]])).tolist()
    [[[1.0, 2.0]]]
    """

    coefficients: Tensor

    def __init__(self, coefficients: tuple[float, ...], copies: int, *, channels: int = 1):
        super().__init__()
        if not coefficients or copies < 1 or channels < 1:
            given = f"{len(coefficients)} coefficients, copies = {copies}, channels = {channels}"
            raise ParameterError("Fan", given, "one or more of each", "Fan((1.0,), copies)")
        self.register_buffer("coefficients", torch.tensor(coefficients))
        self.copies, self.channels = copies, channels

    def forward(self, x: Tensor) -> Tensor:
        group = x.unflatten(2, (self.channels, len(self.coefficients), -1))
        signs = self.coefficients.to(x.dtype).view(-1, *(1,) * (group.dim() - 4))
        return (group * signs).sum(3).flatten(2, 3).repeat_interleave(self.copies, 2)

    def extra_repr(self) -> str:
        return f"{tuple(self.coefficients.tolist())}, {self.copies}, channels={self.channels}"
