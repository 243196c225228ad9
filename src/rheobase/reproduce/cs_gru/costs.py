"""What a whole network does for one sample: the operations of its layers, added up."""

from __future__ import annotations

from dataclasses import asdict, astuple, replace
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.grad import conv3d_input

from rheobase.energy import Operations, operations, synapses
from rheobase.errors import ParameterError
from rheobase.nn import Flatten, MaxPool2d, Sequential
from rheobase.reproduce.cs_gru.networks import AsImages, OverTime, SpatialMean
from rheobase.reproduce.training import Task

FREE = (AsImages, Flatten, MaxPool2d)  # no arithmetic but comparisons
BATCH = 50
_NOTHING = Operations(0.0, 0.0, 0.0, 0.0, 0.0, 0.0)


def counted(net: nn.Module, on: Task, samples: int) -> dict[str, float]:
    """The mean operations for one of the first `samples` test samples, by the names of `Operations`.

    Raises: `ParameterError` for a network whose layers cannot be counted.
    """
    chosen = on.data.x_test[:samples]
    total = _NOTHING
    for first in range(0, len(chosen), BATCH):
        part = chosen[first : first + BATCH]
        index = torch.arange(first, first + len(part))
        found = of_network(net, on.encoder(part, seed=0, index=index).float())
        total += Operations(*(len(part) / len(chosen) * value for value in astuple(found)))
    return {**asdict(total), "energy": total.energy()}


def of_network(net: nn.Module, x: Tensor) -> Operations:
    """The operations of a `Sequential` on x (time, batch, ...): the spikes that enter it, and all that follows.

    A mean over space takes one accumulate for each value that is not zero; what it divides by can be put into the
    weights behind it, and costs nothing. The readout's products are with means, so they are multiply-accumulates.
    """
    if not isinstance(net, Sequential):
        raise ParameterError("of_network", type(net).__name__, "a Sequential", "count the layers apart")
    total, last = _NOTHING, len(net) - 1
    with torch.no_grad():
        for k, (layer, out) in enumerate(zip(net.layers, net.outputs(x), strict=True)):
            found = _of_layer(layer, x)
            # what enters later layers are the spikes of the one before, and a readout's value is no spike
            total += replace(found, spikes_in=found.spikes_in if total.spikes_in == 0 else 0.0,
                             spikes=found.spikes if k < last else 0.0)  # fmt: skip
            x = out
    return total


def _of_layer(layer: nn.Module, x: Tensor) -> Operations:
    if isinstance(layer, FREE):
        return _NOTHING
    if isinstance(layer, SpatialMean):
        return replace(_NOTHING, accumulates=float((x != 0).sum()) / x.shape[1])
    return _over_time(layer, x) if isinstance(layer, OverTime) else operations(layer, x)


def _over_time(layer: OverTime, x: Tensor) -> Operations:
    conv, (time, batch) = layer.convolution, x.shape[:2]
    stride: Any = conv.stride
    image = (1, x.shape[2], time, *x.shape[3:])
    # how many synapses a value reaches: what the gradient sums up where all weights and all slopes are 1
    ones = torch.ones_like(conv(x.new_zeros(image)))
    reach = conv3d_input(image, torch.ones_like(conv.weight), ones, stride=stride, padding=1)
    entering, added, multiplied = synapses(x, reach[0].transpose(0, 1)[:, None], batch)
    return replace(_NOTHING, spikes_in=entering, accumulates=added, multiply_accumulates=multiplied)


def summed(found: dict[str, Any]) -> tuple[float, float, float, float]:
    """Spikes, accumulates, multiply-accumulates (of synapses and of cells) and functions of what `counted` gave."""
    products = found["multiply_accumulates"] + found["updates"]
    return found["spikes"], found["accumulates"], products, found["functions"]
