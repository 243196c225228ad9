"""The same feed-forward LIF network in every library: equal weights, no biases, one product for all steps."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor

import rheobase as rb
from benchmarks.contestants import Layer, library
from benchmarks.contestants import rheobase as ours
from benchmarks.models import activity

# share of inputs that are 1 in a step, and about that of each layer
RATE = 0.05
# rheobase's own way to trade time for memory: `nn.Chunked`
CHUNKED = "rheobase in chunks"


@dataclass(frozen=True)
class Network:
    """`run`: input spikes (time, batch, sizes[0]) -> output spikes. `exact`: as rheobase's."""

    name: str
    run: Callable[[Tensor], Tensor]
    weights: tuple[torch.nn.Parameter, ...]
    gain: float
    exact: bool
    differs: str = ""


def weights(sizes: Sequence[int]) -> list[Tensor]:
    """Matrices (out, in) that keep every layer active in a few percent of the steps."""
    generator = torch.Generator().manual_seed(3)
    made = []
    for fan_in, fan_out in pairwise(sizes):
        inputs = fan_in * RATE
        made.append(1.5 / inputs + 2.0 / inputs**0.5 * torch.randn(fan_out, fan_in, generator=generator))
    return made


def network(name: str, sizes: Sequence[int]) -> Network:
    """The network of one library; where it has two forms of LIF, the one it gives by default."""
    if name == "rheobase":
        return _rheobase(sizes)
    if name == CHUNKED:
        return _rheobase(sizes, chunk=25)
    return _stack([library(name).layers("LIF", size)[0] for size in sizes[1:]], sizes)


def reference(sizes: Sequence[int]) -> Network:
    """The network on rheobase's reference loop."""
    return _stack([ours.layers("LIF", size, backend="reference")[0] for size in sizes[1:]], sizes)


def activities(sizes: Sequence[int], x: Tensor) -> list[float]:
    """Spikes per neuron and step of each layer."""
    rates = []
    for matrix, size in zip(weights(sizes), sizes[1:], strict=True):
        with torch.no_grad():
            x = ours.layers("LIF", size)[0].run(torch.nn.functional.linear(x, matrix))
        rates.append(activity(x))
    return rates


def _stack(neurons: Sequence[Layer], sizes: Sequence[int]) -> Network:
    first = neurons[0]
    matrices = tuple(torch.nn.Parameter(first.gain * w) for w in weights(sizes))

    def run(x: Tensor) -> Tensor:
        for matrix, layer in zip(matrices, neurons, strict=True):
            x = layer.run(torch.nn.functional.linear(x, matrix))
        return x

    return Network(first.name, run, matrices, first.gain, first.reference == {}, first.differs)


def _rheobase(sizes: Sequence[int], chunk: int | None = None) -> Network:
    parts: list[torch.nn.Module] = []
    matrices = []
    for (fan_in, fan_out), matrix in zip(pairwise(sizes), weights(sizes), strict=True):
        linear = rb.nn.Linear(fan_in, fan_out, bias=False)
        with torch.no_grad():
            linear.weight.copy_(matrix)
        matrices.append(linear.weight)
        parts += [linear, ours.neuron("LIF", fan_out)]
    net: torch.nn.Module = rb.nn.Sequential(*parts)
    if chunk is None:
        return Network("rheobase", lambda x: net(x)[0], tuple(matrices), 1.0, True)
    net = rb.nn.Chunked(net, steps=chunk)
    return Network(CHUNKED, lambda x: net(x)[0], tuple(matrices), 1.0, True, f"chunks of {chunk} steps, run twice")


def spikes(time: int, batch: int, inputs: int) -> Tensor:
    """Random input spikes, 0 or 1: (time, batch, inputs)."""
    return (torch.rand(time, batch, inputs, generator=torch.Generator().manual_seed(4)) < RATE).float()


def loss(out: Tensor) -> Tensor:
    """Cross-entropy on the spike counts (batch, classes), classes in turn."""
    labels = torch.arange(out.shape[1]) % out.shape[2]
    return torch.nn.functional.cross_entropy(out.sum(0), labels)
