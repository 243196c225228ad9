"""Weights in fixed point."""

from __future__ import annotations

from typing import TypeVar

import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize

from rheobase.chip.fixed_point.format import Format
from rheobase.core.execution.finite import concrete
from rheobase.core.primitives import substitute
from rheobase.errors import NotRepresentable, ParameterError

Layer = TypeVar("Layer", bound=nn.Module)
EXACT = {torch.float32: 1 << 24, torch.float64: 1 << 53}


class FixedWeight(nn.Module):
    """The nearest weight of a format, in units of a step's fraction; the gradient is that of the identity.

    `scale` is a factor before the rounding, one for all or (out, 1), so that a learnable weight keeps the units that it
    had: FixedLIF has the factor of LIF's membrane in its weights. `input_fraction`: bits behind the point of what comes
    in, 0 for spikes; sums of products must be exact in the type of the weights.

    Shapes: weight (out, in) -> the same, on the grid of the format.

    Raises: `NotRepresentable` where a sum of products could need more bits than the type counts exactly.

    >>> FixedWeight(Format(0, 2))(torch.tensor([[0.9, -0.6, 0.2]]))
    tensor([[ 0.7500, -0.5000,  0.2500]])
    """

    scale: Tensor

    def __init__(self, form: Format, scale: Tensor | float = 1.0, input_fraction: int = 0):
        super().__init__()
        self.form, self.input_fraction = form, input_fraction
        self.register_buffer("scale", torch.as_tensor(scale))

    def levels(self, weight: Tensor) -> Tensor:
        """What is stored: whole numbers, int64."""
        return self.form.levels(weight.detach() * self.scale)

    def forward(self, weight: Tensor) -> Tensor:
        whole = self.levels(weight).to(weight.dtype)
        if concrete() and whole.numel():
            most = float(whole.abs().sum(1).amax()) * 2.0**self.input_fraction
            if most > EXACT.get(weight.dtype, 0):
                given = f"sums of up to {most:g} steps, in {weight.dtype}"
                expected = f"no more than {EXACT.get(weight.dtype, 0)}, which it counts"
                raise NotRepresentable("FixedWeight", given, expected, "net.double(), fewer inputs, or fewer bits")
        return substitute(whole * self.form.step, weight * self.scale)

    def extra_repr(self) -> str:
        return f"{self.form}"


def fixed_weights(layer: Layer, form: Format, *, scale: Tensor | float = 1.0, input_fraction: int = 0) -> Layer:
    """A linear layer, in place, whose weights are those of a format, rounded at every use.

    Raises: `ParameterError` for another layer, one with a bias (which is the neuron's) and one that is rounded already.

    >>> layer = nn.Linear(2, 1, bias=False)
    >>> layer.weight.data = torch.tensor([[0.9, -0.3]])
    >>> fixed_weights(layer, Format(0, 4)).weight.tolist()
    [[0.875, -0.3125]]
    """
    if not isinstance(layer, nn.Linear) or layer.bias is not None or parametrize.is_parametrized(layer):
        given = f"{layer!r}"
        raise ParameterError("fixed_weights", given, "a plain Linear layer without a bias", "bias=False")
    parametrize.register_parametrization(layer, "weight", FixedWeight(form, scale, input_fraction))
    return layer


def weights_of(layer: nn.Module) -> FixedWeight:
    """How the weights of a layer are rounded. Raises `ParameterError` for one that `fixed_weights` has not made."""
    chain = layer.parametrizations["weight"] if parametrize.is_parametrized(layer, "weight") else ()  # type: ignore[index,operator]
    for rounding in chain:
        if isinstance(rounding, FixedWeight):
            return rounding
    raise ParameterError(
        "fixed_point", repr(layer), "a layer of weights in fixed point", "fixed_point.quantise(net, x)"
    )
