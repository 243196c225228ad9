"""The neuron of Cassidy et al. (2013), mode by mode, against numbers that follow from its equations by hand.

Each test runs the reference and the compiled emulator, and asks both for the same bits.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from rheobase.chip.truenorth import HOST, Configuration, Emulator, Events, Run, TrueNorth
from tests.chip.boards import both

ONE = TrueNorth(cores=(1, 1))


def ran(ticks: int, inputs: list[tuple[int, int]] | None = None, *, seed: int = 0, **parameters: Any) -> Run:
    """One core of neurons that are all alike; `inputs` are (tick, axon)."""
    net = Configuration(ONE, **parameters)
    given = np.array(inputs or [], np.int64).reshape(-1, 2).T
    return both(net, ticks, Events(given[0], np.zeros_like(given[0]), given[1]), seed=seed)


def potentials(ticks: int, inputs: list[tuple[int, int]] | None = None, **parameters: Any) -> list[int]:
    """v of the first neuron after each tick."""
    emulator, state, found = Emulator(Configuration(ONE, **parameters)), None, []
    for t in range(ticks):
        now = [axon for tick, axon in inputs or [] if tick == t]
        state = emulator.run(1, ([t] * len(now), [0] * len(now), now), state=state).state
        found.append(int(state.v[0, 0]))
    # and in one run
    assert ran(ticks, inputs, **parameters).state.v[0, 0] == found[-1]
    return found


def spike_ticks(run: Run, neuron: int = 0) -> list[int]:
    return run.spikes.tick[run.spikes.neuron == neuron].tolist()


# alpha 10, beta 6, R 3; drive of 7 a tick upwards, of -4 downwards (Cassidy et al., the table of reset modes)
UP = {0: [7, 3, 3, 3], 1: [7, 4, 1, 8], 2: [7, 14, 21, 28]}
DOWN = {
    (0, 0): [-4, -3, -3, -3],
    (1, 0): [-4, -2, -6, -4],
    (2, 0): [-4, -8, -12, -16],
    (0, 1): [-4, -6, -6, -6],
    (1, 1): [-4, -6, -6, -6],
    (2, 1): [-4, -6, -6, -6],
}


@pytest.mark.parametrize("kappa", [0, 1])
@pytest.mark.parametrize("gamma", [0, 1, 2])
def test_reset_modes(gamma: int, kappa: int) -> None:
    both_ways = dict(alpha=10, beta=6, R=3, gamma=gamma, kappa=kappa)
    assert potentials(4, leak=7, **both_ways) == UP[gamma]
    assert potentials(4, leak=-4, **both_ways) == DOWN[gamma, kappa]


def test_a_spike_is_at_the_threshold_and_a_negative_one_below_it() -> None:
    assert spike_ticks(ran(3, v=9, leak=1, alpha=10, R=9, target=HOST)) == [0, 1, 2]
    assert spike_ticks(ran(3, v=8, leak=1, alpha=10, R=-5)) == [1]
    # at -beta nothing happens, below it the reset
    assert potentials(3, v=-5, leak=-1, alpha=10, beta=7, R=2, kappa=0) == [-6, -7, -2]


@pytest.mark.parametrize(
    ("leak", "epsilon", "v", "expected"),
    [
        (3, 0, 20, [23, 26, 29]),
        (-3, 0, 20, [17, 14, 11]),  # to either side
        (3, 1, 20, [23, 26, 29]),
        (3, 1, -20, [-23, -26, -29]),
        (3, 1, 0, [0, 0, 0]),  # away from 0
        (-3, 1, 7, [4, 1, 0]),
        (-3, 1, -7, [-4, -1, 0]),
        (-3, 1, 0, [0, 0, 0]),  # to 0, and not beyond
    ],
)
def test_leak_modes(leak: int, epsilon: int, v: int, expected: list[int]) -> None:
    assert potentials(3, leak=leak, epsilon=epsilon, v=v, alpha=100, beta=100) == expected


def test_weights_are_those_of_the_type_of_the_axon() -> None:
    kinds = np.zeros((1, 256), int)
    kinds[0, :4] = [0, 1, 2, 3]
    s = np.array([5, -2, 100, 255])[None, :, None]
    crossbar = np.zeros((1, 256, 256), bool)
    crossbar[0, :4, 0], crossbar[0, 1, 1] = True, True
    run = ran(1, [(0, k) for k in range(4)], axon_type=kinds, s=s, crossbar=crossbar, alpha=1000, beta=1000)
    assert run.state.v[0, :3].tolist() == [5 - 2 + 100 + 255, -2, 0]
    assert run.counts.synaptic_events.tolist() == [5]


def test_a_sum_saturates_at_20_bits() -> None:
    up = dict(s=255, crossbar=1, gamma=2, alpha=262143, beta=262143, kappa=0)
    first = [(0, axon) for axon in range(256)]
    every = [*first, *((1, axon) for axon in range(256))]
    assert ran(2, every, v=524287 - 70000, **up).state.v[0, 0] == 524287
    down = {**up, "s": -256}
    assert ran(2, every, v=-524288 + 70000, **down).state.v[0, 0] == -524288
    # the leak begins where the sum has ended
    assert ran(1, first, v=524287, **up, leak=-7).state.v[0, 0] == 524287 - 7


def within(count: float, chance: float, draws: int) -> bool:
    """Whether a count is within 5 standard deviations of its mean, which chance alone leaves once in 1.7 million."""
    return abs(count - chance * draws) <= 5 * np.sqrt(draws * chance * (1 - chance)) + 1e-9


@pytest.mark.parametrize("s", [1, -60, 127, -255, 255, 0])
def test_a_stochastic_weight_is_met_with_its_chance(s: int) -> None:
    # F(s, rho) of rho from 0 to 255: (|s| + 1) / 256, and sgn(0) adds nothing
    inputs = [(t, axon) for t in range(4) for axon in range(0, 256, 3)]
    run = ran(4, inputs, s=s, b=1, crossbar=1, alpha=262143, beta=262143, seed=s * s)
    chance = (abs(s) + 1) / 256 if s else 0.0
    assert set(np.sign(run.state.v[0]).tolist()) <= {0, int(np.sign(s))}
    assert within(np.abs(run.state.v.astype(int)).sum(), chance, 256 * len(inputs))
    # each synapse draws for itself
    if 0 < chance < 1:
        spread = run.state.v.astype(int).var() / (len(inputs) * chance * (1 - chance))
        assert 0.6 < spread < 1.5


@pytest.mark.parametrize("leak", [1, -100, 254])
def test_a_stochastic_leak_is_met_with_its_chance(leak: int) -> None:
    run = ran(300, leak=leak, c=1, alpha=262143, beta=262143, seed=5)
    chance = (abs(leak) + 1) / 256
    assert within(np.sign(leak) * run.state.v.astype(int).sum(), chance, 256 * 300)


@pytest.mark.parametrize("bits", [1, 4, 9])
def test_a_stochastic_threshold_is_met_with_its_chance(bits: int) -> None:
    # v is 5: a spike where eta <= 3
    run = ran(1, v=5, alpha=2, TM=bits, seed=6)
    assert within(run.counts.spikes[0], min(1.0, 4 / 2**bits), 256)


def test_the_negative_threshold_draws_only_where_it_resets() -> None:
    down = dict(leak=-5, alpha=1000, beta=2, TM=3, seed=8)
    assert set(ran(1, kappa=1, **down).state.v[0].tolist()) == {-2}
    found = ran(1, kappa=0, R=4, **down).state.v[0]
    # -5 < -(2 + eta): eta of 0, 1, 2 of 8
    assert set(found.tolist()) == {-5, -4}
    assert within(int((found == -4).sum()), 3 / 8, 256)


def test_seeds_are_different_and_the_same() -> None:
    chance = dict(leak=100, c=1, alpha=262143)
    a, b, c = (ran(50, seed=seed, **chance).state.v for seed in (1, 1, 2))
    np.testing.assert_array_equal(a, b)
    assert (a != c).mean() > 0.8


def test_both_streams_of_chance_are_independent() -> None:
    """Leak and threshold use other bits of a word."""
    run = ran(1, leak=127, c=1, alpha=0, TM=1, v=0, R=-9, seed=3)
    # v is 0 or 1, eta 0 or 1: three of four fire
    assert within(int(run.counts.spikes[0]), 3 / 4, 256)
