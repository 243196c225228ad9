"""The compiled emulator against the reference: the same bits on random boards, threads, vectors, and pieces of a run.

A few boards here; RHEOBASE_FUZZ=2000 with this file runs as many, and two of 10,000 ticks: one for each 1,000.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from rheobase.chip.truenorth import NOWHERE, Configuration, Emulator, Events, TrueNorth, fast
from rheobase.chip.truenorth.core_class import classes_of
from rheobase.chip.truenorth.kernel import Kernel
from rheobase.engine.llvm.compile import compile_module, host
from tests.chip.boards import KINDS, both, random_board, random_inputs, same

CASES = int(os.environ.get("RHEOBASE_FUZZ", "12"))
LONG, TICKS = (max(1, CASES // 1000), 10_000) if "RHEOBASE_FUZZ" in os.environ else (2, 150)
THREADS = (7, 2, 4, 1)


@pytest.fixture
def threads() -> Iterator[None]:
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


@settings(max_examples=CASES, deadline=None, derandomize=True)
@given(
    seed=st.integers(0, 2**62),
    cores=st.tuples(st.integers(1, 3), st.integers(1, 2)),
    kinds=st.lists(st.sampled_from(KINDS), min_size=1, max_size=4),
    density=st.sampled_from([0.0, 0.05, 0.3, 1.0]),
    per_core=st.sampled_from([0, 5, 60]),
    ticks=st.integers(1, 12),
)
def test_random_boards(
    seed: int, cores: tuple[int, int], kinds: list[str], density: float, per_core: int, ticks: int
) -> None:
    board = TrueNorth(cores=cores)
    net = random_board(seed, board, tuple(kinds), density=density)
    both(net, ticks, random_inputs(seed, board, ticks, per_core * board.n_cores), seed=seed)


def test_kinds_are_those_meant() -> None:
    """The random boards have cores of every class."""
    classes = classes_of(net := random_board(0, TrueNorth(cores=(4, 1))), net.v, range(4))
    assert classes.narrow.tolist() == [True, True, False, False]
    assert classes.draws.tolist() == classes.stochastic.any(1).tolist() == [False, True, False, True]


@pytest.mark.parametrize("active", [1, 14, 15, 40, 41, 255, 256])
def test_few_and_many_active_axons(active: int) -> None:
    """Rows are added, or axons counted in 8 bits; 256 of one type, on every neuron, are one too many for those."""
    board = TrueNorth(cores=(2, 2))
    net = random_board(active, board, ("narrow", "wide", "wide of chance"), density=1.0)
    net = replace(net, axon_type=np.array([[0], [1], [2], [3]]), gamma=0, b=0)
    axons = np.tile(np.arange(active), board.n_cores)
    cores = np.repeat(np.arange(board.n_cores), active)
    run = both(net, 2, Events(np.zeros_like(cores), cores, axons))
    assert run.counts.active_axons[0] == active * board.n_cores


@pytest.mark.parametrize("case", range(LONG))
def test_long_runs(case: int, threads: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every mode on each board, and every thread with a core of its own; in turn 7, 2, 4 threads and one."""
    monkeypatch.setattr(fast, "CORES", 1)
    g, workers = np.random.default_rng([1, case]), THREADS[case % len(THREADS)]
    board = TrueNorth(cores=(int(g.integers(max(len(KINDS), workers), 9)), 1))
    kinds = tuple(g.permutation(KINDS).tolist())
    net = random_board(case, board, kinds, density=float(g.choice([0.02, 0.1, 0.5])))
    check_every_mode(net)
    # few of the many spikes go on, since the reference takes them one by one
    net = replace(net, target=np.where(np.arange(256) % 16 == g.integers(16), net.target, NOWHERE))
    inputs = random_inputs(case, board, TICKS, int(g.integers(1, 6)))
    torch.set_num_threads(workers)
    run = both(net, TICKS, inputs, seed=int(g.integers(2**62)))
    for counted in (run.counts.spikes, run.counts.hops, run.counts.merged, run.counts.synaptic_events):
        assert counted[-TICKS // 2 :].sum() > 0


def check_every_mode(net: Configuration) -> None:
    """Each of Cassidy's modes is met by neurons of a narrow core, or (what it cannot have) by some of the board."""
    assert set(np.unique(net.gamma)) == {0, 1, 2}
    for one in (net.kappa, net.epsilon, net.c, net.b, net.TM > 0):
        assert one.any()
        assert not one.all()
    found = classes_of(net, net.v, range(net.board.n_cores))
    assert {*zip(found.narrow.tolist(), found.stochastic.any(1).tolist(), strict=True)} == {
        (narrow, chance) for narrow in (True, False) for chance in (True, False)
    }


@pytest.mark.parametrize("workers", [1, 2, 4, 7])
def test_any_number_of_threads(workers: int, threads: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fast, "CORES", 1)
    board = TrueNorth(cores=(5, 3))
    net = random_board(5, board, density=0.1)
    inputs = random_inputs(5, board, 40, 100)
    torch.set_num_threads(workers)
    run = Emulator(net).run(40, inputs, record="all")
    torch.set_num_threads(1)
    same(run, Emulator(net).run(40, inputs, record="all"))
    assert run.counts.merged.sum() > 0


@pytest.mark.parametrize("bits", [bits for bits in (128, 256, 512) if bits <= host().vector_bits])
def test_vectors_of_other_processors(bits: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Registers of 128 bits take a core in parts, those of 512 at once."""
    code = compile_module(Kernel(bits).text())
    monkeypatch.setattr(fast, "kernel", lambda: code)
    board = TrueNorth(cores=(4, 1))
    both(random_board(6, board), 20, random_inputs(6, board, 20, 100), seed=1)


def test_a_run_in_pieces_is_one_run(monkeypatch: pytest.MonkeyPatch) -> None:
    board = TrueNorth(cores=(4, 1))
    net = random_board(7, board)
    inputs = random_inputs(7, board, 50, 60)
    emulator = Emulator(net)
    whole = emulator.run(50, inputs, state=emulator.rest(seed=3), record="all")
    pieces, state = [], emulator.rest(seed=3)
    for ticks in (1, 16, 33):
        now = (inputs.tick >= state.tick) & (inputs.tick < state.tick + ticks)
        backend = "llvm" if ticks != 16 else "reference"
        # a state goes from one backend to the other
        part = Emulator(net, backend=backend).run(ticks, Events(*(x[now] for x in inputs)), state=state, record="all")
        pieces.append(part)
        state = part.state
    joined = pieces[-1]._replace(
        spikes=Events(*(np.concatenate(x) for x in zip(*(p.spikes for p in pieces), strict=True))),
        counts=type(whole.counts)(*(np.concatenate(x) for x in zip(*(p.counts for p in pieces), strict=True))),
    )
    same(whole, joined)
    # launches of a few ticks each are one run as well
    monkeypatch.setattr(fast, "MOST_TICKS", 7)
    done: list[int] = []
    same(whole, emulator.run(50, inputs, state=emulator.rest(seed=3), record="all", progress=done.append))
    assert done == [7, 14, 21, 28, 35, 42, 49, 50]
    done.clear()
    Emulator(net, backend="reference").run(3, progress=done.append)
    assert done == [1, 2, 3]


def test_a_run_changes_neither_its_state_nor_its_configuration() -> None:
    board = TrueNorth(cores=(4, 1))
    net = random_board(8, board)
    emulator = Emulator(net)
    state = emulator.run(5, random_inputs(8, board, 5, 60)).state
    v, due = state.v.copy(), state.due.copy()
    first, second = emulator.run(9, state=state), emulator.run(9, state=state)
    same(first, second)
    np.testing.assert_array_equal(state.v, v)
    np.testing.assert_array_equal(state.due, due)
    assert due.any()


def test_potentials_that_no_run_would_reach() -> None:
    """16 bits are shown to be enough from the potentials at the start; from others, the bounds are looked at again."""
    board = TrueNorth(cores=(2, 1))
    net = random_board(9, board, ("narrow",))
    state = Emulator(net).run(2).state
    far = replace(state, v=np.where(np.arange(256) % 5 == 0, 500_000, state.v).astype(np.int32))
    emulator = Emulator(net)
    emulator.run(2)
    same(emulator.run(30, state=far), Emulator(net, backend="reference").run(30, state=far))
    assert not emulator._plan.classes.narrow.any()


def test_the_largest_seed_and_tick() -> None:
    board = TrueNorth(cores=(2, 1))
    net = random_board(10, board, ("narrow of chance", "wide of chance"))
    state = replace(Emulator(net).rest(seed=2**63 - 1), tick=2**40 + 3)
    inputs = random_inputs(10, board, 5, 60, first=state.tick)
    same(*(Emulator(net, backend=b).run(5, inputs, state=state) for b in ("reference", "llvm")))
