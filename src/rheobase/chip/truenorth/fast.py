"""The run of a plan: memory for the compiled ticks, and what goes in and out of them."""

from __future__ import annotations

import ctypes
import itertools
from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from rheobase.chip.truenorth.board import AXONS, NEURONS
from rheobase.chip.truenorth.configuration import ROW, Configuration
from rheobase.chip.truenorth.kernel import COUNTED, WORDS, kernel
from rheobase.chip.truenorth.plan import DRAWS, RECORD, STOCHASTIC, WIDE, Plan
from rheobase.chip.truenorth.processes import Processes, mark
from rheobase.chip.truenorth.reference import OF_NEURONS, OF_SYNAPSES
from rheobase.chip.truenorth.results import Counts, Events, Run, State
from rheobase.core.random_numbers import keys
from rheobase.engine.llvm import threads

CORES = 64  # cores under which a second thread costs more than it gives
AT_ONCE = 1 << 24  # bytes of spikes that a launch keeps
MOST_TICKS = 512  # of a launch, so that progress is reported and a user can interrupt
# how much longer a core takes than one of 16 bits and no chance, so that shards take alike
COST = {0: 2, WIDE: 3, STOCHASTIC: 5, WIDE | STOCHASTIC: 6}


def run(
    net: Configuration,
    plan: Plan,
    inputs: Events,
    ticks: int,
    state: State,
    recorded: NDArray[np.bool_],
    progress: Callable[[int], None] = lambda done: None,
    processes: Processes | None = None,
) -> Run:
    """`ticks` ticks from `state` on, as `reference.run` does. `progress` is called with the ticks that are done.

    With `processes`, each of which makes this call, a process computes its cores, and all return the same.
    """
    board = _Board(net, plan, state, recorded, processes)
    at_once = max(1, min(MOST_TICKS, AT_ONCE // max(1, board.rows * ROW)))
    spikes, counts = list[Events](), list[NDArray[np.int64]]()
    done = 0
    while done < ticks:
        many = min(at_once, ticks - done) if processes is None else 1
        found, counted = board.launch(inputs, state.tick + done, many)
        spikes.append(found)
        counts.append(counted)
        done += many
        progress(done)
    together = np.concatenate([np.zeros((0, COUNTED), np.int64), *counts])
    events, v, due = _joined(spikes), board.potentials(), board.due.numpy()
    if processes is not None:
        together, v, due = (processes.total(torch.from_numpy(x)).numpy() for x in (together, v, board.own_due()))
        events = processes.together(events)
    columns = np.ascontiguousarray(together[:, : len(Counts._fields)].T)
    return Run(events, State(net.board, state.tick + ticks, state.seed, v, due), Counts(*columns))


class _Board:
    """The memory of a run."""

    def __init__(
        self, net: Configuration, plan: Plan, state: State, recorded: NDArray[np.bool_], processes: Processes | None
    ):
        self.plan, self.seed, self.cores = plan, state.seed, net.board.n_cores
        self.processes, self.crossbar, self.among = processes, net.crossbar, plan.classes.among
        neurons, mine = self.cores * NEURONS, slice(self.among.start, self.among.stop)
        self.is_narrow = plan.classes.narrow[mine]
        self.narrow = torch.from_numpy(state.v[mine][self.is_narrow].astype(np.int16))
        self.wide = torch.from_numpy(state.v[mine][~self.is_narrow])
        self.due = torch.from_numpy(np.array(state.due, order="C"))
        self.bounds = shards(plan, min(threads.available(), max(1, len(self.among) // CORES)))
        self.shards = len(self.bounds) - 1
        ends = self.bounds if processes is None else processes.ends
        self.owners = np.repeat(np.arange(len(ends) - 1, dtype=np.int32), np.diff(ends)) + self.shards
        self.owners[mine] = np.repeat(np.arange(self.shards, dtype=np.int32), np.diff(self.bounds))
        self.lists = self.shards + (0 if processes is None else processes.size)
        # a list has room for all neurons of its shard; what is not touched takes none
        self.sent = torch.empty(2 * self.lists * neurons, dtype=torch.int32)
        self.sent_counts = torch.zeros((2, self.shards, self.lists), dtype=torch.int64)
        self.fired = torch.empty(neurons, dtype=torch.int32)
        self.recorded = recorded
        some: NDArray[np.bool_] = np.array(recorded.any(1))
        some[: self.among.start] = some[self.among.stop :] = False
        self.which, self.rows = np.flatnonzero(some), int(some.sum())
        self.raster_rows = np.where(some, np.cumsum(some) - 1, -1).astype(np.int32)

    def launch(self, inputs: Events, tick: int, ticks: int) -> tuple[Events, NDArray[np.int64]]:
        """Run some ticks; returns their spikes, and counts (ticks, COUNTED)."""
        axons, starts = self._given(inputs, tick, ticks)
        raster = torch.empty((ticks, self.rows, ROW), dtype=torch.uint8)
        counts = torch.zeros((ticks, self.shards, COUNTED), dtype=torch.int64)
        held: dict[str, Tensor | NDArray[np.generic] | int] = {
            "rounds": ticks + 1, "shards": self.shards, "ticks": ticks, "lists": self.lists, "tick": tick,
            "neurons": self.cores * NEURONS, "rows": self.rows, "bounds": self.bounds, "owners": self.owners,
            "crossbar": self.crossbar, "tables": self.plan.tables, "cores": self.plan.records,
            "raster_rows": self.raster_rows, "narrow": self.narrow, "wide": self.wide, "due": self.due,
            "sent": self.sent, "sent_counts": self.sent_counts, "fired": self.fired, "targets": self.plan.targets,
            "inputs": axons, "input_starts": starts, "keys": tick_keys(self.seed, tick, ticks), "raster": raster,
            "counts": counts,
        }  # fmt: skip
        words = (ctypes.c_int64 * len(WORDS))(*(_word(held.get(name, 0)) for name in WORDS))
        code = kernel()
        threads.launch(code.call, code.address, ctypes.addressof(words), self.shards)
        counted = counts.sum(1).numpy()
        if self.processes is not None:
            counted[-1, Counts._fields.index("merged")] += self._exchange(self.processes)
        return self._spikes(raster, tick), counted

    def _exchange(self, processes: Processes) -> int:
        """Send what the one round of a launch has for other processes, and take theirs; returns how many merged."""
        out = list[Tensor]()
        for process in range(processes.size):
            parts = [torch.empty(0, dtype=torch.int32)]
            for shard, (low, high) in enumerate(itertools.pairwise((self.bounds * NEURONS).tolist())):
                begin = low * self.lists + (high - low) * (self.shards + process)
                parts.append(self.sent[begin : begin + int(self.sent_counts[0, shard, self.shards + process])])
            out.append(torch.cat(parts))
        return mark(self.due.numpy(), processes.exchange(out).numpy())

    def potentials(self) -> NDArray[np.int32]:
        """Of all cores, (cores, neurons); those of other processes are 0."""
        v = np.zeros((self.cores, NEURONS), np.int32)
        mine = v[self.among.start : self.among.stop]
        mine[self.is_narrow], mine[~self.is_narrow] = self.narrow.numpy(), self.wide.numpy()
        return v

    def own_due(self) -> NDArray[np.uint8]:
        """What is due, 0 for cores of other processes."""
        due = np.zeros_like(self.due.numpy())
        mine = slice(self.among.start, self.among.stop)
        due[:, mine] = self.due.numpy()[:, mine]
        return due

    def _given(self, inputs: Events, tick: int, ticks: int) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
        """Axons that are active from outside, by tick and shard, and where each begins. `inputs` are in their order."""
        low, high = np.searchsorted(inputs.tick, [tick, tick + ticks])
        when, core, axon = inputs.tick[low:high] - tick, inputs.core[low:high], inputs.neuron[low:high]
        mine = (core >= self.among.start) & (core < self.among.stop)
        order = when[mine] * self.shards + self.owners[core[mine]]
        starts = np.searchsorted(order, np.arange(ticks * self.shards + 1))
        return (core * AXONS + axon)[mine].astype(np.int32), starts.astype(np.int64)

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
    among = plan.classes.among
    kinds = plan.records[among.start : among.stop, RECORD.index("kind")] & ~DRAWS
    until = np.cumsum([0, *(COST[int(kind)] for kind in kinds)])
    inner = np.searchsorted(until, until[-1] * np.arange(1, many) / many)
    return np.array([0, *inner, len(kinds)], np.int32) + np.int32(among.start)


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
