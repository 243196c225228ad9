"""A run that several processes share: each computes cores that follow one another, and hands spikes on after a tick."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from rheobase.chip.truenorth.configuration import NAMES, Configuration
from rheobase.chip.truenorth.results import Events, State
from rheobase.errors import ParameterError


class Processes:
    """The processes of a group of torch.distributed, each with a share of the cores.

    Raises: `ParameterError` where there are more processes than cores, or torch.distributed is not begun.
    """

    def __init__(self, group: Any, cores: int):
        dist = torch.distributed
        if not dist.is_available() or not dist.is_initialized():
            remedy = "call torch.distributed.init_process_group first, or run it in one process"
            raise ParameterError("Emulator.run", f"group={group!r}", "a group of processes", remedy)
        self.group, self.rank, self.size = group, dist.get_rank(group), dist.get_world_size(group)
        if self.size > cores:
            raise ParameterError(
                "Emulator.run",
                f"{self.size} processes for {cores} cores",
                "a core or more for each process",
                "start fewer processes",
            )
        self.ends = np.array([cores * k // self.size for k in range(self.size + 1)])
        self.cores = range(int(self.ends[self.rank]), int(self.ends[self.rank + 1]))

    def check(self, net: Configuration, inputs: Events, ticks: int, state: State) -> None:
        """Raise `ParameterError` in every process where not all were given the same."""
        arrays = [*(getattr(net, name) for name in NAMES), *inputs, state.v, state.due]
        mark = 0
        for array in arrays:
            mark = zlib.crc32(np.ascontiguousarray(array).data, mark)
        mine = torch.tensor([net.board.width, net.board.n_cores, ticks, state.tick, state.seed, mark])
        every = [torch.empty_like(mine) for _ in range(self.size)]
        torch.distributed.all_gather(every, mine, group=self.group)
        other = next((k for k, one in enumerate(every) if not torch.equal(one, every[0])), None)
        if other is not None:
            raise ParameterError(
                "Emulator.run",
                f"another configuration, inputs, ticks or state in process {other} than in process 0",
                "the same in all processes",
                "a seed for what is drawn at random makes them so",
            )

    def exchange(self, sent: Sequence[Tensor]) -> Tensor:
        """Give each process what is for it (int32); returns what all have for this one, in any order."""
        sizes = torch.tensor([len(one) for one in sent])
        coming = torch.empty_like(sizes)
        torch.distributed.all_to_all_single(coming, sizes, group=self.group)
        got = torch.empty(int(coming.sum()), dtype=torch.int32)
        torch.distributed.all_to_all_single(
            got, torch.cat(list(sent)), coming.tolist(), sizes.tolist(), group=self.group
        )
        return got

    def total(self, values: Tensor) -> Tensor:
        """The sum over all processes."""
        found = values.clone()
        torch.distributed.all_reduce(found, group=self.group)
        return found

    def together(self, events: Events) -> Events:
        """The events of all processes, in their order."""
        mine = torch.from_numpy(np.stack(events))
        sizes = [torch.zeros(1, dtype=torch.int64) for _ in range(self.size)]
        torch.distributed.all_gather(sizes, torch.tensor([mine.shape[1]]), group=self.group)
        most = max(int(size) for size in sizes)
        padded = torch.zeros((3, most), dtype=torch.int64)
        padded[:, : mine.shape[1]] = mine
        every = [torch.empty_like(padded) for _ in sizes]
        torch.distributed.all_gather(every, padded, group=self.group)
        tick, core, neuron = torch.cat([x[:, : int(n)] for x, n in zip(every, sizes, strict=True)], 1).numpy()
        # a process has cores that follow those of the one before, so within a tick they are in order
        order = np.argsort(tick, kind="stable")
        return Events(tick[order], core[order], neuron[order])


def mark(due: NDArray[np.uint8], entries: NDArray[np.int32]) -> int:
    """Set the bits of what is due that another process has sent; returns how many were set already."""
    place, bit = np.divmod(np.unique(entries), 8)
    flat, masks = due.reshape(-1), (1 << bit).astype(np.uint8)
    fresh = int((flat[place] & masks == 0).sum())
    np.bitwise_or.at(flat, place, masks)
    return len(entries) - fresh
