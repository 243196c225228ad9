"""Many dies of a network as lanes of one batch: every layer runs once for all of them."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import NamedTuple, cast

import torch
from torch import Tensor, nn

from rheobase.chip.mixed_signal.cells import changed, factors
from rheobase.chip.mixed_signal.devices import largest, on_dies
from rheobase.chip.mixed_signal.layers import Part, plainly_linear
from rheobase.chip.mixed_signal.numbers import Kind, stream
from rheobase.chip.mixed_signal.process import Process
from rheobase.chip.mixed_signal.reading import read
from rheobase.core.declaration.population import Declared
from rheobase.core.neuron import Neuron
from rheobase.nn import Sequential
from rheobase.nn.stateful import Stateful


class Lanes:
    """The network of some dies.

    Shapes: x (time, batch, ...) to (time, batch, dies, outputs); the first layer reads x once for all dies.
    """

    def __init__(self, net: Sequential, parts: Sequence[Part], process: Process, seeds: Sequence[int], age: float):
        by_module = {id(part.module): part for part in parts}
        self.dies = len(seeds)
        self.layers: list[_Linear | _Neuron | _Other] = []
        for layer in _flat(net):
            part = by_module.get(id(layer))
            if part is not None and part.weight:
                self.layers.append(_Linear(part, process, seeds, age))
            elif part is not None and part.cells:
                self.layers.append(_Neuron(part, part.cells, seeds))
            else:
                self.layers.append(_Other(layer))

    def __call__(self, x: Tensor, *, lengths: Tensor | None = None, first: int = 0) -> Tensor:
        apart = False  # whether x has an axis of dies already
        for layer in self.layers:
            x = layer(x, _At(self.dies, apart, lengths, first))
            apart = apart or not isinstance(layer, _Other)
        return x


def laned(net: nn.Module, parts: Sequence[Part]) -> bool:
    """Whether a network can run so: a chain of linear layers, neurons and layers that a die does not change."""
    # a class of the user's own, or a hook, may do what lanes would leave out
    if type(net) is not Sequential or any(m._forward_hooks or m._forward_pre_hooks for m in net.modules()):  # pyright: ignore[reportPrivateUsage]
        return False
    chain = _flat(net)
    if any(part.weight and not plainly_linear(part.module) for part in parts):
        return False
    return all(not (part.weight or part.cells) or any(part.module is layer for layer in chain) for part in parts)


def widest(net: Sequential, x: Tensor) -> int:
    """The most values of a layer in one step, of one sample: what memory follows from."""
    sizes = [1, x[0, 0].numel(), *(out[0, 0].numel() for out in net.outputs(x[:, :1]))]
    for module in net.modules():
        if isinstance(module, nn.Linear):
            sizes += [module.in_features, module.out_features]
        elif isinstance(module, Neuron):
            sizes.append(torch.Size(module.shape).numel())
    return max(sizes)


class _At(NamedTuple):
    """Where a run is: how many dies, whether they have an axis, the steps of each sample, the first sample's number."""

    dies: int
    apart: bool
    lengths: Tensor | None
    first: int


def _flat(net: Sequential) -> list[nn.Module]:
    return [one for layer in net.layers for one in (_flat(layer) if type(layer) is Sequential else [layer])]


class _Linear:
    """A linear layer of all dies: one product where they read the same x, one batched product behind that."""

    def __init__(self, part: Part, process: Process, seeds: Sequence[int], age: float):
        self.seeds, self.which = seeds, stream(part.number, Kind.READ)
        self.weight = on_dies(part.tensor, process, seeds, part.number, age)  # (dies, out, in)
        self.bias: Tensor | None = part.module.bias  # type: ignore[assignment]
        self.size = process.read_noise * float(largest(part.tensor, process))

    def __call__(self, x: Tensor, at: _At) -> Tensor:
        x = x.to(self.weight.dtype)
        n, outputs, inputs = self.weight.shape
        if not at.apart:
            out = nn.functional.linear(x, self.weight.view(n * outputs, inputs)).unflatten(-1, (n, outputs))
            out = out.movedim(-2, 2)
            x = x[:, :, None]
        else:
            first = x.movedim(2, 0)
            rows = first.flatten(1, -2)  # (dies, time batch ..., in)
            out = torch.bmm(rows, self.weight.transpose(1, 2)).unflatten(1, first.shape[1:-1]).movedim(0, 2)
        if self.bias is not None:
            out = out + self.bias
        if self.size:
            out = out + read(x, self.size, outputs, self.seeds, self.which, at.first)
        return out.contiguous()


class _Neuron:
    """A population of dies x neurons, each die with its own constants."""

    def __init__(self, part: Part, cells: dict[str, float], seeds: Sequence[int]):
        twin = cast(Declared, copy.deepcopy(part.module))
        values = twin.values()
        drawn = {
            name: factors(name, share, twin, seeds, part.number, values[name].device) for name, share in cells.items()
        }
        shape, twin.shape = twin.shape, (len(seeds), *twin.shape)
        for name, factor in drawn.items():
            twin.assign(name, changed(values, name, factor.view(len(seeds), *shape)))
        self.neuron = twin

    def __call__(self, x: Tensor, at: _At) -> Tensor:
        if not at.apart:
            x = x[:, :, None].expand(*x.shape[:2], at.dies, *x.shape[2:]).contiguous()
        return self.neuron(x, lengths=at.lengths)[0]


class _Other:
    """A layer that is the same on all dies: they are samples to it."""

    def __init__(self, layer: nn.Module):
        self.layer, self.stateful = layer, isinstance(layer, Neuron | Stateful | Sequential)

    def __call__(self, x: Tensor, at: _At) -> Tensor:
        lengths, samples = at.lengths, x.shape[1]
        if at.apart:
            x = x.flatten(1, 2)
            lengths = None if lengths is None else lengths.repeat_interleave(at.dies)
        out = self.layer(x, lengths=lengths)[0] if self.stateful else self.layer(x)
        return out.unflatten(1, (samples, at.dies)) if at.apart else out
