"""The run of a plan: memory for the compiled ticks, and what goes in and out of them."""

from __future__ import annotations

import ctypes
from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from rheobase.chip.truenorth.board import AXONS, NEURONS
from rheobase.chip.truenorth.configuration import ROW, Configuration
from rheobase.chip.truenorth.kernel import COUNTED, WORDS, kernel
from rheobase.chip.truenorth.plan import DRAWS, RECORD, STOCHASTIC, WIDE, Plan
from rheobase.chip.truenorth.reference import OF_NEURONS, OF_SYNAPSES
from rheobase.chip.truenorth.results import Counts, Events, Run, State
from rheobase.core.random_numbers import keys
from rheobase.engine.llvm import threads

CORES = 64  # cores under which a second thread costs more than it gives
AT_ONCE = 1 << 24  # bytes of spikes that a launch keeps
MOST_TICKS = 512  # of a launch, so that progress is told and a user can interrupt
# how much longer a core takes than one of 16 bits and no chance, so that shards take alike
COST = {0: 2, WIDE: 3, STOCHASTIC: 5, WIDE | STOCHASTIC: 6}


def run(
    net: Configuration, plan: Plan, inputs: Events, ticks: int, state: State, recorded: NDArray[np.bool_],
    told: Callable[[int], None] = lambda done: None,
) -> Run:  # fmt: skip
    """`ticks` ticks from `state` on, as `reference.run` does. `told` is called with the ticks that are done."""
    board = _Board(net, plan, state, recorded)
    at_once = max(1, min(MOST_TICKS, AT_ONCE // max(1, board.rows * ROW)))
    spikes, counts = list[Events](), list[NDArray[np.int64]]()
    done = 0
    while done < ticks:
        many = min(at_once, ticks - done)
        found, counted = board.launch(inputs, state.tick + done, many)
        spikes.append(found)
        counts.append(counted)
        done += many
        told(done)
    together = np.concatenate(counts) if counts else np.zeros((0, COUNTED), np.int64)
    after = State(state.tick + ticks, state.seed, board.potentials(), board.due.numpy())
    columns = np.ascontiguousarray(together[:, : len(Counts._fields)].T)
    return Run(_joined(spikes), after, Counts(*columns))


class _Board:
    """The memory of a run."""

    def __init__(self, net: Configuration, plan: Plan, state: State, recorded: NDArray[np.bool_]):
        self.plan, self.seed, self.cores = plan, state.seed, net.board.n_cores
        neurons = self.cores * NEURONS
        self.crossbar = net.crossbar
        narrow = plan.classes.narrow
        self.narrow = torch.from_numpy(state.v[narrow].astype(np.int16))
        self.wide = torch.from_numpy(state.v[~narrow])
        self.due = torch.from_numpy(state.due.copy())
        self.bounds = shards(plan, min(threads.available(), max(1, self.cores // CORES)))
        self.shards = len(self.bounds) - 1
        self.owners = np.repeat(np.arange(self.shards, dtype=np.int32), np.diff(self.bounds))
        self.sent = torch.empty(2 * self.shards * neurons, dtype=torch.int32)
        self.sent_counts = torch.zeros(2 * self.shards**2, dtype=torch.int64)
        self.fired = torch.empty(neurons, dtype=torch.int32)
        self.recorded = recorded
        some = recorded.any(1)
        self.which, self.rows = np.flatnonzero(some), int(some.sum())
        self.told = np.where(some, np.cumsum(some) - 1, -1).astype(np.int32)

    def launch(self, inputs: Events, tick: int, ticks: int) -> tuple[Events, NDArray[np.int64]]:
        """Run some ticks; returns their spikes, and counts (ticks, COUNTED)."""
        axons, starts = self._given(inputs, tick, ticks)
        raster = torch.empty((ticks, self.rows, ROW), dtype=torch.uint8)
        counts = torch.zeros((ticks, self.shards, COUNTED), dtype=torch.int64)
        held: dict[str, Tensor | NDArray[np.generic] | int] = {
            "rounds": ticks + 1, "shards": self.shards, "ticks": ticks, "tick": tick,
            "neurons": self.cores * NEURONS, "rows": self.rows, "bounds": self.bounds, "owners": self.owners,
            "crossbar": self.crossbar, "tables": self.plan.tables, "cores": self.plan.records, "told": self.told,
            "narrow": self.narrow, "wide": self.wide, "due": self.due, "sent": self.sent,
            "sent_counts": self.sent_counts, "fired": self.fired, "targets": self.plan.targets,
            "inputs": axons, "input_starts": starts, "keys": tick_keys(self.seed, tick, ticks), "raster": raster,
            "counts": counts,
        }  # fmt: skip
        words = (ctypes.c_int64 * len(WORDS))(*(_word(held.get(name, 0)) for name in WORDS))
        code = kernel()
        threads.launch(code.call, code.address, ctypes.addressof(words), self.shards)
        return self._spikes(raster, tick), counts.sum(1).numpy()

    def potentials(self) -> NDArray[np.int32]:
        """Of all cores, (cores, neurons)."""
        v, narrow = np.empty((self.cores, NEURONS), np.int32), self.plan.classes.narrow
        v[narrow], v[~narrow] = self.narrow.numpy(), self.wide.numpy()
        return v

    def _given(self, inputs: Events, tick: int, ticks: int) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
        """Axons that are active from outside, by tick and shard, and where each begins. `inputs` are in their order."""
        low, high = np.searchsorted(inputs.tick, [tick, tick + ticks])
        when, core = inputs.tick[low:high] - tick, inputs.core[low:high]
        order = when * self.shards + self.owners[core]
        starts = np.searchsorted(order, np.arange(ticks * self.shards + 1))
        return (core * AXONS + inputs.neuron[low:high]).astype(np.int32), starts.astype(np.int64)

    def _spikes(self, raster: Tensor, tick: int) -> Events:
        words = raster.numpy().reshape(-1).view(np.uint64)
        some = np.flatnonzero(words)
        bits = np.unpackbits(words[some].view(np.uint8), bitorder="little").reshape(-1, 64)
        at, bit = np.nonzero(bits)
        place = some[at] * 64 + bit
        when, inside = np.divmod(place, max(1, self.rows) * NEURONS)
        core, neuron = self.which[inside // NEURONS], inside % NEURONS
        keep = self.recorded[core, neuron]
        return Events(*(x[keep].astype(np.int64) for x in (when + tick, core, neuron)))


def shards(plan: Plan, many: int) -> NDArray[np.int32]:
    """The first core of each shard, and the end: cores that follow one another, and take alike."""
    kinds = plan.records[:, RECORD.index("kind")] & ~DRAWS
    until = np.cumsum([0, *(COST[int(kind)] for kind in kinds)])
    inner = np.searchsorted(until, until[-1] * np.arange(1, many) / many)
    return np.array([0, *inner, len(kinds)], np.int32)


def tick_keys(seed: int, tick: int, ticks: int) -> NDArray[np.uint32]:
    """The keys of the random words of each tick: those of neurons, and those of synapses."""
    steps = np.arange(tick, tick + ticks)
    return np.stack([keys(seed, steps, stream)[0] for stream in (OF_NEURONS, OF_SYNAPSES)], axis=1).astype(np.uint32)


def _word(given: Tensor | NDArray[np.generic] | int) -> int:
    if isinstance(given, int):
        return given
    return given.data_ptr() if isinstance(given, Tensor) else given.ctypes.data


def _joined(parts: list[Events]) -> Events:
    nothing = Events(*np.zeros((3, 0), np.int64))
    return Events(*(np.concatenate(columns) for columns in zip(nothing, *parts, strict=True)))
