"""Compares a network with the one that is read back from its NIR graph: spikes and potentials of every layer."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch import nn as torch_nn

from rheobase import nn
from rheobase.core import Neuron
from rheobase.errors import ParameterError
from rheobase.interop.exported import plain
from rheobase.interop.nir.exchange import from_graph, to_graph
from rheobase.learning.layers import spiking_layer
from rheobase.learning.metrics import onsets


@dataclass(frozen=True, kw_only=True)
class RoundTrip:
    """Two networks on the same input.

    steps, samples   of the input
    layers           how many layers with spikes or potentials were compared
    spikes           of the first network
    differing        steps at which a neuron of one network spikes and that of the other does not: the Hamming distance
    distance         the van Rossum distance of the spike trains, root mean square over the neurons (`TAU` steps)
    max_dv           the largest difference of a membrane potential, of any step and neuron, in units of v
    max_out          the largest difference of the outputs of the whole networks
    exact            whether all values are the same to the last bit
    """

    steps: int
    samples: int
    layers: int
    spikes: int
    differing: int
    distance: float
    max_dv: float
    max_out: float

    @property
    def exact(self) -> bool:
        return self.differing == 0 and self.max_dv == 0.0 and self.max_out == 0.0

    def __str__(self) -> str:
        same = "exact" if self.exact else f"{self.differing:,} differ (distance {self.distance:.3g})"
        return (
            f"{self.spikes:,} spikes of {self.layers} layers, {self.samples} samples, {self.steps} steps: {same}; "
            f"largest difference of a potential {self.max_dv:.3g}, of the output {self.max_out:.3g}"
        )


TAU = 10.0  # steps, of the van Rossum kernel


def round_trip(net: nn.Sequential, x: Tensor, *, dt: float | None = None, allow: Iterable[str] = ()) -> RoundTrip:
    """Write a network as a NIR graph, read that, and run both on x (time, batch, ...), in eval mode, from rest.

    Raises: as `to_graph` and `from_graph`.

    >>> from rheobase import neurons
    >>> net = nn.Sequential(nn.Linear(4, 3), neurons.HardResetLIF(3, dt=1.0))
    >>> round_trip(net, 9 * torch.rand(20, 2, 4)).exact
    True
    """
    graph = to_graph(net, shape=tuple(x.shape[2:]), dt=dt, allow=allow)
    return compare(net, from_graph(graph), x)


@torch.no_grad()
def compare(first: nn.Sequential, second: nn.Sequential, x: Tensor) -> RoundTrip:
    """Two networks on x (time, batch, ...): their layers that spike or have a potential, compared in order.

    Raises: `ParameterError` for networks with other numbers of such layers.

    >>> from rheobase import neurons
    >>> net = nn.Sequential(nn.Linear(4, 3), neurons.HardResetLIF(3, dt=1.0))
    >>> compare(net, net, 9 * torch.rand(20, 2, 4)).exact
    True
    """
    # copies: a network in training stays so
    nets = [plain("nir.compare", net, _type(net)) for net in (first, second)]
    runs = [_walked(net, x.to(dtype)) for net, dtype in nets]
    if len(runs[0]) != len(runs[1]):
        given = f"{len(runs[0])} layers with neurons, and {len(runs[1])}"
        raise ParameterError("nir.compare", given, "the same number", "compare a network with its copy")
    spikes = differing = compared = 0
    gaps, outs, distances = [0.0], [0.0], [0.0]
    for (fired, v), (other, w) in zip(*runs, strict=True):
        if fired is not None and other is not None:
            spikes += int(fired.count_nonzero())
            differing += int((fired != other).count_nonzero())
            distances.append(_van_rossum(fired.double() - other.double()))
            compared += 1
        if v is not None and w is not None:
            gaps.append(float((v.double() - w.double()).abs().max()))
    a, b = (net(x.to(dtype))[0] for net, dtype in nets)
    outs.append(float((a.double() - b.double()).abs().max()))
    largest = [float(torch.tensor(values, dtype=torch.float64).max()) for values in (distances, gaps, outs)]
    return RoundTrip(
        steps=len(x),
        samples=x.shape[1],
        layers=compared,
        spikes=spikes,
        differing=differing,
        distance=largest[0],
        max_dv=largest[1],
        max_out=largest[2],
    )


def _type(net: torch_nn.Module) -> torch.dtype:
    kinds = {value.dtype for value in net.state_dict().values() if value.is_floating_point()}
    return torch.float64 if torch.float64 in kinds else torch.float32


def _van_rossum(difference: Tensor) -> float:
    """The distance of two spike trains (time, ...) whose difference this is, filtered by exp(-t / TAU)."""
    decay, trace, total = float(torch.exp(torch.tensor(-1.0 / TAU))), torch.zeros_like(difference[0]), 0.0
    for row in difference:
        trace = decay * trace + row
        total += float(trace.square().sum())
    return (total / TAU / max(trace.numel(), 1)) ** 0.5


def _walked(net: nn.Sequential, x: Tensor) -> list[tuple[Tensor | None, Tensor | None]]:
    """The spikes and potentials of each layer that has them, in order."""
    found: list[tuple[Tensor | None, Tensor | None]] = []
    for layer in net.layers:
        if isinstance(layer, nn.Sequential):
            found += _walked(layer, x)
        elif isinstance(layer, nn.Graph):
            seen = layer.outputs(x)
            pairs = [_pair(part, seen[name]) for name, part in layer.layers.items()]
            found += [pair for pair in pairs if pair is not None]
        x, pair = _through(layer, x)
        if pair is not None:
            found.append(pair)
    return found


def _pair(layer: torch_nn.Module, out: Tensor) -> tuple[Tensor | None, Tensor | None] | None:
    kind = spiking_layer(layer)
    if kind is None:
        cell = getattr(layer, "neuron", layer)
        return (None, out) if isinstance(cell, Neuron) else None
    return (onsets(out) if kind.graded else out), None


def _through(layer: torch_nn.Module, x: Tensor) -> tuple[Tensor, tuple[Tensor | None, Tensor | None] | None]:
    cell: Any = getattr(layer, "neuron", layer)
    if isinstance(cell, Neuron) and "v" in cell.lane_states:
        out, _, rec = layer(x, record=("v",))
        kind = spiking_layer(layer)
        return out, (None if kind is None else out, rec.v)
    result: Any = layer(x)
    out = result[0] if isinstance(result, tuple) else result
    return out, None if isinstance(layer, (nn.Graph, nn.Sequential)) else _pair(layer, out)
