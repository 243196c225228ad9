"""Cores while they are made, before they have a place: their synapses, neurons, and where spikes go."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rheobase.chip.mapping.layers import Layer
from rheobase.chip.mapping.packing import Packed
from rheobase.chip.truenorth.board import AXONS, NEURONS, NOWHERE, TYPES, TrueNorth
from rheobase.chip.truenorth.configuration import PER_NEURON, ROW, THRESHOLD, Configuration

DIRECT, SPLIT = 1, 2  # ticks from a spike to an axon: of the next core, and by a splitter
# name, axes after that of the cores, and what a neuron or an axon that nothing uses has
TABLES: dict[str, tuple[tuple[int, ...], int]] = {
    "crossbar": ((AXONS, ROW), 0),
    "axon_type": ((AXONS,), 0),
    "s": ((TYPES, NEURONS), 0),
    "leak": (PER_NEURON, 0),
    "alpha": (PER_NEURON, 1),
    "gamma": (PER_NEURON, 0),
    "R": (PER_NEURON, 0),
    "v": (PER_NEURON, 0),
    "target": (PER_NEURON, NOWHERE),
    "target_axon": (PER_NEURON, 0),
    "delay": (PER_NEURON, DIRECT),
}


class Cores:
    """Cores by number, in the order in which they were added."""

    def __init__(self) -> None:
        self.tables: dict[str, NDArray[Any]] = {
            name: np.full((0, *axes), 0, np.uint8 if name == "crossbar" else np.int64)
            for name, (axes, _) in TABLES.items()
        }
        self.rate = np.zeros((0, NEURONS), np.int64)  # spikes of each neuron

    def __len__(self) -> int:
        return len(self.rate)

    @property
    def target(self) -> NDArray[np.int64]:
        """Which core each neuron sends to."""
        return self.tables["target"]

    def _new(self) -> int:
        for name, (axes, nothing) in TABLES.items():
            old = self.tables[name]
            self.tables[name] = np.concatenate([old, np.full((1, *axes), nothing, old.dtype)])
        self.rate = np.concatenate([self.rate, np.zeros((1, NEURONS), np.int64)])
        return len(self) - 1

    def add(self, group: Packed) -> int:
        """A core of neurons of a layer; returns its number."""
        core = self._new()
        synapses = np.zeros((AXONS, NEURONS), bool)
        synapses[: len(group.source), : len(group.rows)] = group.crossbar
        self.tables["crossbar"][core] = np.packbits(synapses, axis=-1, bitorder="little")
        self.tables["axon_type"][core, : len(group.kind)] = group.kind
        self.tables["s"][core, :, : len(group.rows)] = group.values
        return core

    def set_neurons(self, place: NDArray[np.int64], layer: Layer, v: NDArray[np.int64]) -> None:
        """Parameters of the neurons of a layer, which stand at (core, neuron)."""
        at = tuple(place.T)
        for name, values in (("leak", layer.leak), ("alpha", layer.alpha), ("R", layer.R), ("v", v)):
            self.tables[name][at] = values
        self.tables["gamma"][at] = layer.gamma

    def wire(
        self,
        sources: NDArray[np.int64],
        needed: Sequence[list[tuple[int, int]]],
        rate: NDArray[np.int64],
        name: str,
        wrong: list[str],
    ) -> tuple[int, int]:
        """Send the spikes of each source, at (core, neuron), to the axons that need them.

        Returns how many splitter cores it took, and in how many ticks all spikes arrive. Appends to `wrong` where a
        source is needed at more axons than a splitter core has neurons.
        """
        self.rate[tuple(sources.T)] = rate
        ticks = SPLIT if any(len(ends) > 1 for ends in needed) else DIRECT
        splitters, axons, neurons = list[int](), list[int](), list[int]()
        for row, ends in enumerate(needed):
            if len(ends) > NEURONS:
                wrong.append(
                    f"neuron {row} of {name} must reach {len(ends)} axons, more than the {NEURONS} of a splitter"
                )
                return 0, ticks
            if len(ends) == 1:
                self._send(sources[row], ends[0], delay=ticks)
            elif ends:
                room = [k for k, taken in enumerate(neurons) if taken + len(ends) <= NEURONS and axons[k] < AXONS]
                if not room:
                    splitters.append(self._new())
                    axons.append(0)
                    neurons.append(0)
                    room = [len(splitters) - 1]
                k = room[0]
                self._split(sources[row], ends, splitters[k], axons[k], neurons[k], int(rate[row]))
                axons[k] += 1
                neurons[k] += len(ends)
        return len(splitters), ticks

    def _split(
        self, source: NDArray[np.int64], ends: list[tuple[int, int]], core: int, axon: int, first: int, rate: int
    ) -> None:
        """Neurons of a splitter from `first` on, which fire whenever the axon is active."""
        self._send(source, (core, axon), delay=DIRECT)
        synapses = np.zeros(NEURONS, bool)
        synapses[first : first + len(ends)] = True
        self.tables["crossbar"][core, axon] = np.packbits(synapses, bitorder="little")
        self.tables["s"][core, 0, synapses] = 1
        self.rate[core, synapses] = rate
        for k, end in enumerate(ends):
            self._send((core, first + k), end, delay=SPLIT - DIRECT)

    def _send(self, neuron: tuple[int, int] | NDArray[np.int64], end: tuple[int, int], *, delay: int) -> None:
        """Spikes of a neuron, at (core, neuron), to (core, axon)."""
        for name, value in (("target", end[0]), ("target_axon", end[1]), ("delay", delay)):
            self.tables[name][tuple(neuron)] = value

    def flow(self) -> NDArray[np.int64]:
        """Spikes from core to core."""
        source, neuron = np.nonzero(self.target >= 0)
        found = np.zeros((len(self), len(self)), np.int64)
        np.add.at(found, (source, self.target[source, neuron]), self.rate[source, neuron])
        return found

    def configuration(self, board: TrueNorth, place: NDArray[np.int64]) -> Configuration:
        """These cores at their places on a board."""
        tables = dict[str, NDArray[np.generic]]()
        for name, (axes, nothing) in TABLES.items():
            tables[name] = np.full((board.n_cores, *axes), nothing, self.tables[name].dtype)
            tables[name][place] = self.tables[name]
        there = self.target >= 0
        moved = np.where(there, place[np.where(there, self.target, 0)], self.target)
        tables["target"][place] = moved
        # as deep as it goes: networks have no floor for potentials
        return Configuration(board, **tables, beta=THRESHOLD, kappa=1)
