"""Weights of few bits: a network whose weights are rounded as on a chip, and which can still be trained."""

from __future__ import annotations

import copy

import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize

from rheobase.checks import is_whole
from rheobase.errors import ParameterError
from rheobase.nn.recurrence.recurrent import Recurrent

STEPS = ("largest", "mean")
MEANS = 1.4  # mean sizes of a weight in a step of ternary weights
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


class Whole(Rounded):
    """The number of the nearest of 2 most + 1 levels, from -most to most: what a chip adds for a spike.

    The gradient is that of the weight in units of a step. With `step_of` "largest", the outermost levels are where
    those of `Rounded` are; with "mean", a step is 1.4 / most of the mean size of the weights that are not 0, so that
    ternary weights are 0 below 0.7 of the mean (Li & Liu, Ternary weight networks, 2016, arXiv 1605.04711), and what
    is beyond the outermost levels is at them.

    Shapes: weight (out, ...) -> the same, whole numbers.

    >>> Whole(1)(torch.tensor([[0.9, -0.5, 0.2]]))
    tensor([[ 1., -1.,  0.]])
    """

    def __init__(self, most: int, per_row: bool = False, step_of: str = "largest"):
        # the bits that such a number takes
        super().__init__(most.bit_length() + 1, per_row)
        self.outermost, self.step_of = most, step_of

    @property
    def most(self) -> int:
        return self.outermost

    def step(self, weight: Tensor) -> Tensor:
        if self.step_of == "largest":
            return super().step(weight)
        size = weight.detach().abs()
        axes = tuple(range(1, size.dim())) if self.per_row else tuple(range(size.dim()))
        there = (size > 0).sum(axes, keepdim=True).clamp(min=1)
        mean = size.sum(axes, keepdim=True) / there
        return MEANS * mean.clamp(min=torch.finfo(weight.dtype).tiny * 2**self.bits) / self.most

    def levels(self, weight: Tensor) -> Tensor:
        return super().levels(weight).clamp(-self.most, self.most)

    def forward(self, weight: Tensor) -> Tensor:
        scaled = weight / self.step(weight)
        # the second term is exactly 0, and has the gradient
        return self.levels(weight).to(weight.dtype) + (scaled - scaled.detach())

    def extra_repr(self) -> str:
        return f"most={self.most}, per_row={self.per_row}, step_of={self.step_of!r}"


class NearestWhole(nn.Module):
    """The nearest whole number; the gradient is that of the identity. Of biases, which a chip has as leaks."""

    def forward(self, bias: Tensor) -> Tensor:
        return bias + (torch.round(bias) - bias).detach()


def quantised(
    net: nn.Module,
    bits: int | None = None,
    *,
    per_row: bool = False,
    whole: int | None = None,
    step_of: str = "largest",
) -> nn.Module:
    """A copy of a network whose weights (linear, convolutional, lateral) have `bits` bits, or are whole numbers.

    Without further training, the copy is the network after post-training quantisation. When it is trained, its weights
    in full precision learn through the rounding (quantisation-aware training). With `bits`, biases and neuron
    parameters are not rounded. `levels(net)` gives the whole numbers that a chip would store.

    With `whole`, weights are the whole numbers from -whole to whole themselves (1: ternary; 2: the four values that a
    neuron of TrueNorth can tell apart, and 0), and biases are rounded: with thresholds that are whole numbers, the copy
    is the network of integers that `rheobase.chip.deploy` puts on a chip. A threshold then counts such weights: one
    that was meant for weights in full precision must be chosen anew. `step_of`, of whole numbers: the outermost level
    is at the "largest" weight, or steps follow the "mean" size (see `Whole`).

    Raises: `ParameterError` for fewer than 2 or more than 16 bits, for a `whole` outside 1 to 255, for both or none of
    the two, for a network without weights, for layers whose weights are of another kind (those of `SynapticDelay` and
    gated layers would stay as they are), and for one that is quantised already.

    >>> net = quantised(nn.Linear(3, 2, bias=False), bits=4)
    >>> int(levels(net)["weight"].abs().max())
    7
    """
    if (bits is None) == (whole is None):
        given, remedy = f"bits = {bits!r} and whole = {whole!r}", "bits=5, or whole=1 for a chip"
        raise ParameterError("quantised", given, "one of the two", remedy)
    if bits is not None and not is_whole(bits, 2, 16):
        raise ParameterError("quantised", f"bits = {bits!r}", "a whole number from 2 to 16", "bits=5, say")
    if whole is not None and not is_whole(whole, 1, 255):
        raise ParameterError("quantised", f"whole = {whole!r}", "a whole number from 1 to 255", "whole=1 is ternary")
    if step_of not in STEPS or (whole is None and step_of != "largest"):
        given = f"step_of = {step_of!r}" + ("" if step_of not in STEPS else " without whole")
        raise ParameterError("quantised", given, f"one of {', '.join(STEPS)}, the latter with whole", "whole=1, say")
    twin = copy.deepcopy(net)
    found = [(module, name) for module in twin.modules() for kind, name in WEIGHTS.items() if isinstance(module, kind)]
    if not found:
        raise ParameterError("quantised", type(net).__name__, "a network with weights", "add a linear layer")
    rounded = {id(module) for module, _ in found}
    for path, module in twin.named_modules():
        left = [name for name, p in module.named_parameters(recurse=False) if "weight" in name and p.dim() > 1]
        if left and id(module) not in rounded:
            given = f"{type(module).__name__} as layer {path}, whose {left[0]} would keep its full precision"
            expected = f"weights of {', '.join(kind.__name__ for kind in WEIGHTS)} alone"
            raise ParameterError("quantised", given, expected, "quantise the parts of the network that are to be")
    for module, name in found:
        chains = getattr(module, "parametrizations", {})
        if any(isinstance(part, (Rounded, NearestWhole)) for chain in chains.values() for part in chain):
            raise ParameterError("quantised", repr(module), "a layer that is not quantised", "quantise the original")
        rounding = Rounded(bits, per_row) if bits is not None else Whole(int(whole or 0), per_row, step_of)
        parametrize.register_parametrization(module, name, rounding)
        if whole is not None and getattr(module, "bias", None) is not None:
            parametrize.register_parametrization(module, "bias", NearestWhole())
    return twin


def kind_of(module: nn.Module) -> type[nn.Module]:
    """The class of a layer; of one whose weights are quantised, the class that it was.

    >>> kind_of(quantised(nn.Linear(3, 2), whole=1)).__name__
    'Linear'
    """
    kind = type(module)
    return kind.__bases__[0] if parametrize.is_parametrized(module) else kind


def levels(net: nn.Module) -> dict[str, Tensor]:
    """The whole numbers behind each quantised weight, by its name: int32, shaped as the weight.

    >>> net = nn.Linear(2, 1, bias=False)
    >>> net.weight.data = torch.tensor([[1.0, -0.5]])
    >>> levels(quantised(net, bits=3))
    {'weight': tensor([[ 3, -2]], dtype=torch.int32)}
    """
    found: dict[str, Tensor] = {}
    for name, module in net.named_modules():
        for weight, chain in getattr(module, "parametrizations", {}).items():
            for rounding in chain:
                if isinstance(rounding, Rounded):
                    found[f"{name}.{weight}".strip(".")] = rounding.levels(chain.original)
    return found


__all__ = ["NearestWhole", "Rounded", "Whole", "levels", "quantised"]
