"""Spikes on their way: delays, targets, hops, what merges, and the traffic over the mesh."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from rheobase.chip.truenorth import HOST, NOWHERE, Configuration, Emulator, Events, TrueNorth, traffic
from tests.chip.boards import both, random_board


def relay(board: TrueNorth, **parameters: Any) -> Configuration:
    """Neuron n of each core fires when axon n does."""
    wires = np.eye(256, dtype=bool)[None]
    return Configuration(board, crossbar=wires, s=1, alpha=1, **parameters)


@pytest.mark.parametrize("delay", [1, 2, 8, 15])
def test_a_spike_arrives_after_its_delay(delay: int) -> None:
    board = TrueNorth(cores=(2, 1))
    target = np.array([[1], [HOST]])
    run = both(
        relay(board, target=target, target_axon=np.arange(256)[None, ::-1], delay=delay),
        40,
        Events(np.array([3]), np.array([0]), np.array([7])),
    )
    assert [x.tolist() for x in run.spikes] == [[3, 3 + delay], [0, 1], [7, 248]]
    assert run.counts.hops.sum() == 1
    assert run.counts.host.sum() == 1


def test_spikes_on_one_axon_in_one_tick_are_one() -> None:
    board = TrueNorth(cores=(2, 1))
    net = relay(board, target=np.array([[1], [NOWHERE]]), target_axon=9)
    twice = Events(np.array([0, 0, 0, 1]), np.array([0, 0, 0, 1]), np.array([1, 2, 2, 9]))
    run = both(net, 3, twice)
    # axon 2 of core 0 twice from outside; axon 9 of core 1 from neurons 1 and 2, and from outside
    assert run.counts.merged.tolist() == [2, 1, 0]
    assert run.counts.active_axons.tolist() == [2, 1, 0]
    assert [x.tolist() for x in run.spikes] == [[0, 0, 1], [0, 0, 1], [1, 2, 9]]


def test_hops_and_crossings() -> None:
    board = TrueNorth(cores=(4, 4), chips=(2, 2))
    assert board.hops(board.core(0, 0), board.core(7, 3)) == 10
    assert board.crossings(board.core(0, 0), board.core(7, 3)) == 1
    assert board.crossings(board.core(3, 3), board.core(4, 4)) == 2
    assert board.hops(5, 5) == 0
    net = random_board(1, board, ("wide",))
    run = both(net, 2)
    target = net.target[run.spikes.core, run.spikes.neuron]
    there = target >= 0
    assert run.counts.hops.sum() == board.hops(run.spikes.core[there], target[there]).sum()
    assert run.counts.crossings.sum() == board.crossings(run.spikes.core[there], target[there]).sum() > 0


def test_a_full_chip_is_as_wide_as_published() -> None:
    """Random targets on 64 x 64 cores are 21.3 cores away in x and in y on average (Merolla et al., 2014)."""
    board = TrueNorth()
    g = np.random.default_rng(0)
    dx, dy = board.distance(*g.integers(0, board.n_cores, (2, 200_000)))
    assert board.n_cores == 4096
    assert np.abs(dx).mean() == pytest.approx(21.3, abs=0.1)
    assert np.abs(dy).mean() == pytest.approx(21.3, abs=0.1)


def test_traffic_is_that_of_walking() -> None:
    board = TrueNorth(cores=(3, 4), chips=(2, 1))
    net = random_board(2, board, ("narrow", "wide"))
    run = Emulator(net).run(4, record="all")
    found = traffic(net, run.spikes)
    x_links, y_links = (np.zeros(s, int) for s in ((board.height, board.width - 1), (board.height - 1, board.width)))
    received = np.zeros((board.height, board.width), int)
    for core, neuron in zip(run.spikes.core.tolist(), run.spikes.neuron.tolist(), strict=True):
        target = int(net.target[core, neuron])
        if target < 0:
            continue
        (x, y), (x1, y1) = divmod(core, board.width)[::-1], divmod(target, board.width)[::-1]
        received[y1, x1] += 1
        while x != x1:
            step = 1 if x1 > x else -1
            x_links[y, min(x, x + step)] += 1
            x += step
        while y != y1:
            step = 1 if y1 > y else -1
            y_links[min(y, y + step), x] += 1
            y += step
    np.testing.assert_array_equal(found.along_x, x_links)
    np.testing.assert_array_equal(found.along_y, y_links)
    np.testing.assert_array_equal(found.received, received)
    assert x_links.sum() + y_links.sum() == run.counts.hops.sum() > 1000
    assert found.through.sum() == 2 * run.counts.hops.sum()


def test_only_what_goes_to_the_host_is_told_unless_all_is_asked_for() -> None:
    net = random_board(3, TrueNorth(cores=(2, 1)), ("wide",))
    few, every = (Emulator(net).run(5, record=record) for record in ("host", "all"))  # type: ignore[arg-type]
    to_host = net.target[every.spikes.core, every.spikes.neuron] == HOST
    for a, b in zip(few.spikes, every.spikes, strict=True):
        np.testing.assert_array_equal(a, b[to_host])
    assert 0 < len(few.spikes.tick) < len(every.spikes.tick)
    assert few.counts.host.sum() == len(few.spikes.tick)
