"""Layers as narrow as cores: neurons in groups of a core, each group with few inputs of its own."""

from __future__ import annotations

import copy
import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.utils import parametrize

from rheobase.checks import is_whole
from rheobase.chip.truenorth.board import AXONS, NEURONS
from rheobase.errors import ParameterError, ShapeError

HALF = AXONS // 2  # inputs of a core that takes each of them with both signs


class Confined(nn.Module):
    """Weights of which some are fixed at 0, and so is their gradient.

    Shapes: weight (out, in) -> the same.
    """

    there: Tensor

    def __init__(self, there: Tensor):
        super().__init__()
        self.register_buffer("there", there, persistent=False)

    def forward(self, weight: Tensor) -> Tensor:
        return weight * self.there

    def extra_repr(self) -> str:
        return f"{int(self.there.sum())} of {self.there.numel()} synapses"


def confined(net: nn.Module, shape: Sequence[int] | None = None, *, inputs: int = HALF) -> nn.Module:
    """A copy of a network, before it is trained, whose linear layers fit the cores of a chip.

    The neurons of a layer are divided, in order, into groups of up to 256; each group reads at most `inputs` inputs. In
    the first layer, these are a window of the image of this `shape` (height, width); in other layers, every n-th
    neuron, so that each group reads from all groups before it. All other weights are 0 and stay 0 in training. The
    remaining weights are scaled as torch initialises a layer with so few inputs. Layers with at most `inputs` inputs
    are unchanged. An input with weights of both signs takes two of the 256 axons of a core, so 128 inputs with ternary
    weights (`nn.quantised(net, whole=1)`) fill a core.

    Raises: `ParameterError` for a network without linear layers or with weights that are parametrized, `inputs` outside
    1 to 256; `ShapeError` for a shape that is not that of the first layer.

    Source: trained connections within the crossbars of cores, as Esser et al. (2015) had them.

    >>> from rheobase.nn import Linear, Sequential
    >>> from rheobase.neurons import IF
    >>> net = confined(Sequential(Linear(784, 900), IF(900, dt=1.0), Linear(900, 80), IF(80, dt=1.0)), (28, 28))
    >>> [int((net[k].weight != 0).sum(1).max()) for k in (0, 2)]
    [121, 113]
    """
    if not is_whole(inputs, 1, AXONS):
        given = f"inputs = {inputs!r}"
        raise ParameterError("confined", given, f"a whole number from 1 to {AXONS}", f"{HALF} fill a core, two signs")
    twin = copy.deepcopy(net)
    found: list[Any] = [part for part in twin.modules() if isinstance(part, nn.Linear)]
    if not found:
        raise ParameterError("confined", type(net).__name__, "a network with linear layers", "add one")
    if any(parametrize.is_parametrized(layer, "weight") for layer in found):
        given, remedy = "weights that are quantised or confined already", "nn.quantised(chip.confined(net), whole=1)"
        raise ParameterError("confined", given, "a network with plain weights, which are scaled here", remedy)
    n = found[0].in_features
    sides = (n,) if shape is None else tuple(shape)
    if math.prod(sides) != n or len(sides) > 2:
        remedy = "give (height, width), or leave it out"
        raise ShapeError("confined", f"shape {sides} for {n} inputs", "one or two sides with so many inputs", remedy)
    for k, layer in enumerate(found):
        if layer.in_features > inputs:
            there = torch.from_numpy(
                _synapses(layer.out_features, layer.in_features, inputs, sides if k == 0 else None)
            )
            kept = there.sum(1, keepdim=True).clamp(min=1)
            with torch.no_grad():
                layer.weight.mul_(there).mul_((layer.in_features / kept).sqrt())
            parametrize.register_parametrization(layer, "weight", Confined(there.to(layer.weight.dtype)))
    return twin


def _synapses(n_out: int, n_in: int, inputs: int, sides: tuple[int, ...] | None) -> NDArray[np.bool_]:
    """Which inputs each neuron reads, (out, in)."""
    least = -(-n_out // NEURONS)
    if sides is None:
        stride = -(-n_in // inputs)
        reads = [np.arange(n_in) % stride == k for k in range(stride)]
    else:
        reads = windows(sides, inputs, least)
    groups = max(len(reads), least)
    own = np.arange(n_out) * groups // n_out
    return np.stack([reads[k % len(reads)] for k in own])


def windows(sides: tuple[int, ...], inputs: int, least: int = 1) -> list[NDArray[np.bool_]]:
    """At least `least` windows of up to `inputs` pixels, nearly square, that together cover an image; they may overlap.

    >>> found = windows((28, 28), 128)
    >>> len(found), int(found[0].sum()), bool(np.any(found, axis=0).all())
    (9, 121, True)
    """
    spans, left = list[int](), inputs
    for k, n in enumerate(sides):
        # the room that a short side does not use is left to the other one
        spans.append(min(n, max(1, int(left ** (1 / (len(sides) - k))))))
        left //= spans[-1]
    counts = [-(-n // span) for n, span in zip(sides, spans, strict=True)]
    while math.prod(counts) < least:
        counts[int(np.argmin(counts))] += 1
    axes = [_spread(*given) for given in zip(sides, spans, counts, strict=True)]
    return axes[0] if len(axes) == 1 else [np.logical_and.outer(y, x).ravel() for y in axes[0] for x in axes[1]]


def _spread(n: int, span: int, many: int) -> list[NDArray[np.bool_]]:
    """Masks of `many` intervals of length `span`, evenly spread over n places."""
    first = np.rint(np.linspace(0, n - span, many)).astype(int)
    return [(np.arange(n) >= k) & (np.arange(n) < k + span) for k in first]
