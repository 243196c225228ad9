"""Two processes that share a board: the same bits as one, and an error in both where they were not given the same."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import numpy as np
import pytest
import torch

from rheobase.chip.truenorth import Configuration, Counts, Emulator, Events, Run, State, TrueNorth, fast
from rheobase.chip.truenorth.processes import mark
from rheobase.errors import ParameterError
from tests.chip.boards import random_board, random_inputs, same

BOARD = TrueNorth(cores=(5, 1))
TICKS = 25


def one_run(group: object) -> list[Run]:
    """Two pieces of a run, with inputs to the first."""
    emulator = Emulator(random_board(0, BOARD))
    inputs = random_inputs(0, BOARD, TICKS, 60)
    first = emulator.run(TICKS, inputs, state=emulator.rest(seed=4), record="all", group=group)
    return [first, emulator.run(TICKS, state=first.state, group=group)]


def work(rank: int, port: int, folder: str) -> None:
    os.environ |= {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port), "GLOO_SOCKET_IFNAME": "lo"}
    torch.distributed.init_process_group("gloo", rank=rank, world_size=2)
    torch.set_num_threads(2)
    fast.CORES = 1
    group = torch.distributed.group.WORLD
    runs = one_run(group)
    for ticks, net in ((3 + rank, Configuration(BOARD)), (3, Configuration(BOARD, leak=rank))):
        with pytest.raises(ParameterError, match="process 1 than in process 0"):
            Emulator(net).run(ticks, group=group)
    with pytest.raises(ParameterError, match="2 processes for 1 cores"):
        Emulator(Configuration(TrueNorth(cores=(1, 1)))).run(1, group=group)
    with pytest.raises(ParameterError, match="backend='reference'"):
        Emulator(Configuration(BOARD), backend="reference").run(1, group=group)
    held = {
        f"{k} {name}": np.asarray(value)
        for k, run in enumerate(runs)
        for part in (run.spikes._asdict(), run.counts._asdict(), vars(run.state))
        for name, value in part.items()
    }
    # two names stand in several parts
    np.savez(
        Path(folder, f"{rank}.npz"), **held, **{f"{k} ticks": np.asarray(r.spikes.tick) for k, r in enumerate(runs)}
    )
    torch.distributed.destroy_process_group()


def read(path: Path, k: int) -> Run:
    with np.load(path) as held:
        spikes = Events(held[f"{k} ticks"], held[f"{k} core"], held[f"{k} neuron"])
        state = State(BOARD, int(held[f"{k} tick"]), int(held[f"{k} seed"]), held[f"{k} v"], held[f"{k} due"])
        return Run(spikes, state, Counts(*(held[f"{k} {name}"] for name in Counts._fields)))


def test_two_processes_are_one(tmp_path: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    torch.multiprocessing.spawn(work, (port, str(tmp_path)), nprocs=2)
    for k, expected in enumerate(one_run(None)):
        for rank in (0, 1):
            same(read(tmp_path / f"{rank}.npz", k), expected)
    assert one_run(None)[0].counts.merged.sum() > 0


def test_bits_that_were_set() -> None:
    due = np.array([[0b101, 0]], np.uint8)
    assert mark(due, np.array([1, 0, 15, 15, 1], np.int32)) == 3
    assert due.tolist() == [[0b111, 0b1000_0000]]
    assert mark(due, np.empty(0, np.int32)) == 0


def test_no_group() -> None:
    with pytest.raises(ParameterError, match="init_process_group"):
        Emulator(Configuration(BOARD)).run(1, group="two")
