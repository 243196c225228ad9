"""Layers to a configuration: cores of neurons, splitters between them, delays, places, and the wires of the host."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rheobase.chip.mapping.layers import Layer
from rheobase.chip.mapping.packing import packed
from rheobase.chip.mapping.placement import placed, region
from rheobase.chip.mapping.wiring import Cores
from rheobase.chip.truenorth.board import HOST, TrueNorth
from rheobase.chip.truenorth.configuration import THRESHOLD, Configuration
from rheobase.errors import NotRepresentable


@dataclass(frozen=True, eq=False, repr=False)
class Mapped:
    """A network on cores.

    net        the configuration: of the corner of the first chip that is used, where that suffices, or of the board
    cores      how many cores hold the neurons of each layer, and the splitters in front of it, by name
    latency    ticks from a step of the network to the same step of its output
    inputs     (input, core, axon) of every axon that the host feeds
    outputs    (core, neuron) of the outputs, in their order
    flow       spikes from core to core that the placement was made for, and `place`: where each stands
    """

    net: Configuration
    cores: dict[str, int]
    latency: int
    inputs: NDArray[np.int64]
    outputs: NDArray[np.int64]
    flow: NDArray[np.int64]
    place: NDArray[np.int64]

    def __repr__(self) -> str:
        return f"<Mapped on {sum(self.cores.values())} cores, latency {self.latency} ticks>"


def mapped(
    layers: Sequence[Layer], board: TrueNorth, rates: Sequence[NDArray[Any]] | None = None, *, seed: int = 0
) -> Mapped:
    """Put layers on a board, for few spikes times hops.

    Every layer takes cores of its own. A neuron whose spikes are needed at one axon sends them there; where several
    axons need them (on several cores, or as several types), at a splitter core, whose neurons each fire for one of
    these axons. Where a layer has splitters in front of it, all its inputs take two ticks, else one, so that the spikes
    of a tick meet. A neuron with a leak starts by as many leaks off as ticks pass before its first input.

    `rates`: spikes of each neuron for each layer, by which places are chosen; None counts each neuron once.
    `seed`: of the search for places.

    Raises: `NotRepresentable` with every limit that is broken: cores of the board, axons that one neuron must reach,
    a neuron that its leak would make fire before its first input.
    """
    wrong = list[str]()
    own = [packed(layer.weight) for layer in layers]
    cores, counts, latency = Cores(), dict[str, int](), 0
    inputs, before = list[tuple[int, int, int]](), np.zeros((0, 2), np.int64)
    for k, (layer, groups) in enumerate(zip(layers, own, strict=True)):
        needed = [list[tuple[int, int]]() for _ in range(layer.n_inputs)]
        place = np.zeros((layer.n_neurons, 2), np.int64)
        standing = [cores.add(group) for group in groups]
        for core, group in zip(standing, groups, strict=True):
            place[group.rows] = np.stack([np.full(len(group.rows), core), np.arange(len(group.rows))], axis=1)
            for axon, source in enumerate(group.source.tolist()):
                needed[source].append((core, axon))
        if k == 0:
            inputs = [(source, *at) for source, ends in enumerate(needed) for at in ends]
        else:
            rate = np.ones(layer.n_inputs) if rates is None else np.asarray(rates[k - 1])
            splitters, ticks = cores.wire(before, needed, np.rint(rate).astype(np.int64), layers[k - 1].name, wrong)
            latency += ticks
            if splitters:
                counts[f"splitters before {layer.name}"] = splitters
        counts[layer.name] = len(groups)
        cores.set_neurons(place, layer, _start(layer, latency, wrong))
        before = place
    cores.target[tuple(before.T)] = HOST
    n = len(cores)
    if n > board.n_cores:
        wrong.append(f"{n} cores ({_listed(counts)}), more than the {board.n_cores} of the board")
    if wrong:
        remedy = "a larger board (TrueNorth(chips=...)), fewer or smaller layers, weights with more zeros"
        raise NotRepresentable("truenorth", "; ".join(wrong), "a network within the limits of the board", remedy)
    width, height = region(n, board)
    if width <= board.cores[0] and height <= board.cores[1]:
        # what is not used has no part in what happens
        board = TrueNorth(cores=(width, height))
    flow = cores.flow()
    place = placed(flow, width, height, seed=seed)
    at = place % width + place // width * board.width
    fed = np.array(inputs, np.int64).reshape(-1, 3)
    fed[:, 1] = at[fed[:, 1]]
    outputs = np.stack([at[before[:, 0]], before[:, 1]], axis=1)
    return Mapped(cores.configuration(board, at), counts, latency, fed, outputs, flow, at)


def _start(layer: Layer, latency: int, wrong: list[str]) -> NDArray[np.int64]:
    """Potentials before tick 0, so that they are those of the start when the first inputs come."""
    v = layer.v - latency * layer.leak
    if latency:
        early = np.maximum(layer.v, layer.v - (latency - 1) * layer.leak) >= layer.alpha
        if bool(early.any()):
            row = int(np.argmax(early))
            wrong.append(
                f"neuron {row} of {layer.name} (leak {layer.leak[row]}, threshold {layer.alpha[row]}) would "
                f"fire in the {latency} ticks before its first input"
            )
        elif bool((v < -THRESHOLD).any()):
            wrong.append(f"a neuron of {layer.name} would have to start at {v.min()}, below {-THRESHOLD}")
    return v


def _listed(counts: dict[str, int]) -> str:
    return ", ".join(f"{n} for {name}" for name, n in counts.items())
