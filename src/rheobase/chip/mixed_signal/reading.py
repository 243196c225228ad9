"""The noise of reading devices: of a sum over many, one number for each output and step."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from rheobase.chip.mixed_signal.numbers import gaussian, seeded
from rheobase.core.random_numbers import words
from rheobase.errors import ShapeError


def read(x: Tensor, size: float, outputs: int, seeds: Sequence[int], which: int, first: int) -> Tensor:
    """The noise in the outputs of a layer: `size` |x| z, with z of (die, sample, step, output).

    Shapes: x (time, batch, dies or 1, ..., inputs) -> (time, batch, dies, ..., outputs); `first` is the number of the
    first sample.
    """
    steps, batch, _, *places, _ = x.shape
    deviation = size * x.square().sum(-1, keepdim=True).sqrt()
    each = math.prod(places) * outputs  # numbers of a sample
    lanes = first * each + torch.arange(batch * each, device=x.device)
    lanes = lanes.view(batch, 1, *places, outputs)
    keys = seeded(seeds, x.device).view(-1, *[1] * (len(places) + 1))
    drawn = [deviation[t] * gaussian(*words(lanes, keys, t, which)).to(x.dtype) for t in range(steps)]
    return torch.stack(drawn)


class ReadLinear(nn.Module):
    """A linear layer of one die, with the noise of reading it. Sample k of a batch has the noise of the k-th sample.

    Every run begins at step 0.

    Shapes: x (time, batch, ..., inputs) to (time, batch, ..., outputs). Raises: `ShapeError` for x of a single step.
    """

    def __init__(self, linear: nn.Linear, size: float, seed: int, which: int):
        super().__init__()
        self.linear, self.size, self.seed, self.which = linear, size, seed, which

    def forward(self, x: Tensor) -> Tensor:
        if x.dim() < 3:
            given, expected = f"x of shape {tuple(x.shape)}", "(time, batch, ..., inputs)"
            raise ShapeError("ReadLinear", given, expected, "run whole sequences, as noise differs from step to step")
        noise = read(x[:, :, None], self.size, self.linear.out_features, [self.seed], self.which, 0)
        return self.linear(x) + noise[:, :, 0]
