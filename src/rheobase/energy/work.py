"""What was seen of one call of a layer, what it did, and how synapses count what they read."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import torch
from torch import Tensor

from rheobase.energy.operation_counts import Operations


class Seen(NamedTuple):
    """The input of a call (time, batch, ...), zero after the end of each sequence; its output; and how long it was.

    steps: the mean over samples; ends: those of each, (batch,).
    """

    x: Tensor
    out: Tensor
    steps: float
    ends: Tensor

    @property
    def returns(self) -> float:
        """How often a sample's output comes back to the layer: once less than it has steps."""
        return float((self.ends - 1).clamp(min=0).double().mean())

    @property
    def read_again(self) -> Tensor:
        """The output as the layer's own products see it."""
        return self.read(self.out)

    def read(self, out: Tensor) -> Tensor:
        """What is read one step later: nothing of the last step."""
        read = torch.arange(1, len(out) + 1, device=out.device)[:, None] < self.ends
        return torch.where(read.view(*read.shape, *(1,) * (out.dim() - 2)), out, 0.0)


class Work(NamedTuple):
    """The operations of a layer, and what it keeps.

    weights  that are stored
    lines    values that its synapses read in one step
    words    of state, of one sample
    through  what its synapses read besides the present step; empty where that is all
    steps    that it runs for a sample

    >>> Work(Operations(accumulates=10.0), weights=15, lines=3).operations.accumulates
    10.0
    """

    operations: Operations
    weights: int = 0
    lines: int = 0
    words: int = 0
    through: str = ""
    steps: float = 0.0


def before_the_end(x: Tensor, lengths: Tensor | None) -> Tensor:
    """x (time, batch, ...), zero after the end of each sequence, `lengths` (batch,).

    >>> before_the_end(torch.ones(2, 2, 1), torch.tensor([1, 2]))[..., 0].tolist()
    [[1.0, 1.0], [0.0, 1.0]]
    """
    if lengths is None:
        return x
    going = torch.arange(len(x), device=x.device)[:, None] < lengths
    return torch.where(going.view(*going.shape, *(1,) * (x.dim() - 2)), x, 0.0)


def synapses(x: Tensor, reach: Tensor | float, *, dense: float = 0.0) -> Operations:
    """What synapses do with x (time, batch, ...): a spike is an accumulate, another value a multiply-accumulate.

    `reach` is the number of weights, other than zero, that read each value, and broadcasts to x.

    >>> found = synapses(torch.tensor([1.0, 0.0, 0.5]).view(1, 1, 3), 10.0)
    >>> found.accumulates, found.multiply_accumulates, found.spikes_read, found.values_read
    (10.0, 10.0, 1.0, 1.0)
    """
    spike = x.abs() == 1
    graded = ~spike & (x != 0)
    spikes, values, added, multiplied = (
        float(part.double().sum()) / x.shape[1] for part in (spike, graded, spike * reach, graded * reach)
    )
    return Operations(
        spikes_in=spikes,
        accumulates=added,
        multiply_accumulates=multiplied,
        dense=dense,
        spikes_read=spikes,
        values_read=values,
    )


def returning(x: Tensor, reach: Tensor | float, *, dense: float = 0.0) -> Operations:
    """Of what comes back to the layer that gave it: as `synapses`, but nothing enters from outside."""
    found = synapses(x, reach, dense=dense)
    return found + Operations(spikes_in=-found.spikes_in)


def columns(weights: Iterable[Tensor]) -> Tensor:
    """How many weights of matrices (out, in), other than zero, read each input."""
    return sum(((w.detach() != 0).sum(0).double() for w in weights), torch.zeros(()).double())
