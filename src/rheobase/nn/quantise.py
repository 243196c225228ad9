"""Weights of few bits: a network whose weights are rounded as on a chip, and which can still be trained."""

from __future__ import annotations

import copy

import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize

from rheobase.checks import is_whole
from rheobase.errors import ParameterError
from rheobase.nn.recurrence.recurrent import Recurrent

WEIGHTS = {nn.Linear: "weight", nn.Conv1d: "weight", nn.Conv2d: "weight", Recurrent: "weight_rec"}


class Rounded(nn.Module):
    """The nearest of 2^bits - 1 evenly spaced levels, symmetric around 0; the gradient is that of the identity.

    The outermost levels are at the largest absolute weight: of the tensor, or of each row (output) with `per_row`.

    Shapes: weight (out, ...) -> the same.
    """

    def __init__(self, bits: int, per_row: bool = False):
        super().__init__()
        self.bits, self.per_row = bits, per_row

    def step(self, weight: Tensor) -> Tensor:
        """The distance between two levels: a number, or (out, 1, ...) with `per_row`."""
        size = weight.detach().abs()
        largest = size.flatten(1).amax(1).view(-1, *[1] * (weight.dim() - 1)) if self.per_row else size.amax()
        # a row of zeros keeps its zeros
        return largest.clamp(min=torch.finfo(weight.dtype).tiny * 2**self.bits) / self.most

    @property
    def most(self) -> int:
        """The number of the outermost level."""
        return (1 << (self.bits - 1)) - 1

    def levels(self, weight: Tensor) -> Tensor:
        """Which level each weight is at: whole numbers from -most to most, int32."""
        return torch.round(weight.detach() / self.step(weight)).to(torch.int32)

    def forward(self, weight: Tensor) -> Tensor:
        rounded = self.levels(weight).to(weight.dtype) * self.step(weight)
        return weight + (rounded - weight).detach()

    def extra_repr(self) -> str:
        return f"bits={self.bits}, per_row={self.per_row}"


def quantised(net: nn.Module, bits: int, *, per_row: bool = False) -> nn.Module:
    """A copy of a network whose weights (linear, convolutional, lateral) have `bits` bits.

    Without further training, the copy is the network after post-training quantisation. When it is trained, its weights
    in full precision learn through the rounding (quantisation-aware training). Biases and neuron parameters are not
    rounded. `levels(net)` gives the whole numbers that a chip would store.

    Raises: `ParameterError` for fewer than 2 or more than 16 bits, for a network without weights, and for one that
    is quantised already.

    >>> net = quantised(nn.Linear(3, 2, bias=False), bits=4)
    >>> int(levels(net)["weight"].abs().max())
    7
    """
    if not is_whole(bits, 2, 16):
        raise ParameterError("quantised", f"bits = {bits!r}", "a whole number from 2 to 16", "bits=5, say")
    twin = copy.deepcopy(net)
    found = [(module, name) for module in twin.modules() for kind, name in WEIGHTS.items() if isinstance(module, kind)]
    if not found:
        raise ParameterError("quantised", type(net).__name__, "a network with weights", "add a linear layer")
    for module, name in found:
        if parametrize.is_parametrized(module):
            raise ParameterError("quantised", repr(module), "a layer with plain weights", "quantise the original")
        parametrize.register_parametrization(module, name, Rounded(bits, per_row))
    return twin


def levels(net: nn.Module) -> dict[str, Tensor]:
    """The whole numbers behind each quantised weight, by its name: int32, shaped as the weight."""
    found: dict[str, Tensor] = {}
    for name, module in net.named_modules():
        for weight, chain in getattr(module, "parametrizations", {}).items():
            for rounding in chain:
                if isinstance(rounding, Rounded):
                    found[f"{name}.{weight}".strip(".")] = rounding.levels(chain.original)
    return found


__all__ = ["Rounded", "levels", "quantised"]
