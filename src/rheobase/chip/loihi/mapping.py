"""A network of compartments onto the cores of a chip: what each holds, and where it stands on the mesh."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from rheobase.chip.loihi.configuration import Configuration, CoreRegisters, tiles_apart
from rheobase.chip.loihi.limits import Core, Loihi, OnChip, layers_on, split
from rheobase.chip.loihi.synapses import rounding_of
from rheobase.nn import Sequential, SynapticDelay

REGISTERS = ("decay_u", "decay_v", "vth_mant", "bias_mant")


@dataclass(frozen=True, eq=False, repr=False)
class Programmed:
    """A network on cores.

    net        the configuration
    cores      how many cores hold the compartments of each layer, by name
    latency    steps from a step of the network to the same step of its output
    inputs     (input, core, in-axon) of every in-axon that the host feeds
    outputs    (core, compartment) of the outputs, in their order
    flow       spikes from core to core that the placement was made for

    >>> from rheobase.chip import loihi
    >>> from rheobase.nn import Linear
    >>> layer = Linear(3, 2, bias=False)
    >>> layer.weight.data[:] = 10.0
    >>> programmed(Sequential(loihi.synapses(layer), loihi.Compartment(2)), (3,))
    <Programmed on 1 cores, latency 0 steps>
    """

    net: Configuration
    cores: dict[str, int]
    latency: int
    inputs: NDArray[np.int64]
    outputs: NDArray[np.int64]
    flow: NDArray[np.int64]

    def __repr__(self) -> str:
        return f"<Programmed on {sum(self.cores.values())} cores, latency {self.latency} steps>"


def programmed(
    net: Sequential,
    shape: Sequence[int],
    chip: Loihi | None = None,
    rates: Sequence[NDArray[Any]] | None = None,
    *,
    names: Sequence[str] | None = None,
    seed: int = 0,
) -> Programmed:
    """Put a network of synapses and compartments on the cores of a chip, as `cores` divides it.

    A spike reaches the next layer in the next step, so that layer k is k steps behind; until its first step comes, the
    host holds it at rest. Cores stand in a nearly square part of the mesh, so that spikes make few hops: tiles of four
    cores, within which there is none. `rates`: spikes of each neuron for each layer, by which places are chosen; None
    counts each neuron once. `names`: of the layers, in reports.

    Shapes: shape is that of the input of a step, without time and batch.

    Raises: as `cores`.

    >>> from rheobase.chip import loihi
    >>> from rheobase.nn import Linear
    >>> layer = Linear(3, 2, bias=False)
    >>> layer.weight.data[:] = 10.0
    >>> found = programmed(Sequential(loihi.synapses(layer), loihi.Compartment(2)), (3,))
    >>> found.inputs.tolist(), found.outputs.tolist(), found.latency
    ([[0, 0, 0], [1, 0, 1], [2, 0, 2]], [[0, 0], [0, 1]], 0)
    """
    chip = Loihi() if chip is None else chip
    layers = list(layers_on(net, tuple(shape), chip))
    taken = split(layers, chip)
    depth = {layer.layer: k for k, layer in enumerate(layers)}
    by_layer: list[list[int]] = [[] for _ in layers]
    for k, core in enumerate(taken):
        by_layer[depth[core.layer]].append(k)
    read = [
        np.flatnonzero(layers[depth[core.layer]].reached[core.start : core.stop].any(0)) for core in taken
    ]  # the sources of each core, in the order of its in-axons
    made, flow = list[CoreRegisters](), np.zeros((len(taken), len(taken)), np.int64)
    for k, core in enumerate(taken):
        number = depth[core.layer]
        behind = by_layer[number + 1] if number + 1 < len(layers) else []
        sends = [_sends(core, target, read[target]) for target in behind]
        rate = np.ones(len(layers[number].mantissa)) if rates is None else np.asarray(rates[number])
        for target, each in zip(behind, sends, strict=True):
            flow[k, target] = round(float(rate[core.start + each[:, 0]].sum()))
        made.append(_registers(core, layers[number], read[k], sends, number, last=not behind))
    inputs = [np.stack([read[k], np.full(len(read[k]), k), np.arange(len(read[k]))], axis=1) for k in by_layer[0]]
    outputs = [
        np.stack([np.full(taken[k].compartments, k), np.arange(taken[k].compartments)], axis=1) for k in by_layer[-1]
    ]
    called = [f"layer {layer.layer}" for layer in layers] if names is None else list(names)
    counts = {name: len(each) for name, each in zip(called, by_layer, strict=True)}
    found = Configuration(chip, tuple(made), _places(flow, chip, seed))
    return Programmed(found, counts, len(layers) - 1, np.concatenate(inputs), np.concatenate(outputs), flow)


def _sends(core: Core, target: int, sources: NDArray[np.int64]) -> NDArray[np.int32]:
    """The spikes of a core to another one: (compartment, core, in-axon)."""
    axon = np.flatnonzero((sources >= core.start) & (sources < core.stop))
    return np.stack([sources[axon] - core.start, np.full(len(axon), target), axon], axis=1).astype(np.int32)


def _registers(
    core: Core, layer: OnChip, sources: NDArray[np.int64], sends: list[NDArray[np.int32]], number: int, *, last: bool
) -> CoreRegisters:
    own, rounding, values = slice(core.start, core.stop), rounding_of(layer.weights), layer.compartments.values()
    held: dict[str, Any] = {}
    for name in REGISTERS:
        value: Tensor = torch.round(values[name].detach().cpu().double())
        held[name] = value.expand(layer.compartments.shape).flatten()[own].numpy().astype(np.int32)
    delay = None
    if isinstance(layer.weights, SynapticDelay):
        weights = layer.weights
        steps = weights.positions.d.detach().cpu().clamp(0, weights.taps - 1).round().numpy().astype(np.uint8)
        delay = np.ascontiguousarray(steps[own][:, sources].T)
    return CoreRegisters(
        layer=layer.layer,
        mantissa=np.ascontiguousarray(layer.mantissa[own][:, sources].T),
        delay=delay,
        weight_bits=rounding.weight_bits,
        weight_exp=rounding.weight_exp,
        bias_exp=int(layer.compartments.bias_exp),
        refractory=layer.period[own].astype(np.int32),
        host=np.full(core.compartments, int(last), np.int32),
        sends=np.concatenate([*sends, np.zeros((0, 3), np.int32)]),
        wait=number,
        **held,
    )


def _places(flow: NDArray[np.int64], chip: Loihi, seed: int) -> NDArray[np.int64]:
    """Where cores stand: in a part of the mesh that is nearly a square of tiles, by few hops."""
    from rheobase.chip.mapping.placement import placed_among

    places = region(len(flow), chip)
    return places[placed_among(flow, tiles_apart(chip, places), seed=seed)]


def region(n: int, chip: Loihi) -> NDArray[np.int64]:
    """The places of a nearly square part of the mesh that holds n cores.

    >>> region(3, Loihi()).tolist(), len(region(17, Loihi()))
    ([0, 1, 2, 3], 24)
    """
    tiles, most = -(-n // chip.tile), -(-chip.cores // chip.tile)
    height = min(-(-most // chip.row), max(1, round(tiles**0.5)))
    width = -(-tiles // height)
    if width > chip.row:
        width = chip.row
        height = -(-tiles // width)
    tile = np.add.outer(np.arange(height) * chip.row, np.arange(width)).ravel()
    places = np.add.outer(tile[tile < most] * chip.tile, np.arange(chip.tile)).ravel()
    places = places[places < chip.cores]
    # a last row, or a last tile, that is not full may be short of places
    return places if len(places) >= n else np.arange(chip.cores)
