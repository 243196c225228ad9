"""Random boards for tests, of every mode of the neuron."""

from __future__ import annotations

from typing import Any

import numpy as np

from rheobase.chip.truenorth import HOST, NOWHERE, Configuration, Counts, Emulator, Events, Run, TrueNorth

# potentials of 16 bits and weights of 8, or what needs more; of chance or not
KINDS = ("narrow", "narrow of chance", "wide", "wide of chance")


def random_board(seed: int, board: TrueNorth, kinds: tuple[str, ...] = KINDS, *, density: float = 0.2) -> Configuration:
    """A board whose cores are of the kinds given, in turn; each neuron has modes and numbers of its own."""
    g = np.random.default_rng(seed)
    n = board.n_cores
    kind = np.array([kinds[k % len(kinds)] for k in range(n)])
    wide = np.char.startswith(kind, "wide")[:, None]
    chance = np.char.endswith(kind, "chance")[:, None]
    neurons = (n, 256)

    def either(narrow: tuple[int, int], large: tuple[int, int], shape: tuple[int, ...] = neurons) -> Any:
        at = wide if len(shape) == 2 else wide[..., None]
        return np.where(at, g.integers(*large, shape, endpoint=True), g.integers(*narrow, shape, endpoint=True))

    gamma = g.integers(0, 3, neurons)
    where = g.random(neurons)
    target = np.where(where < 0.1, HOST, np.where(where < 0.15, NOWHERE, g.integers(0, n, neurons)))
    return Configuration(
        board,
        crossbar=g.random((n, 256, 256)) < density,
        axon_type=g.integers(0, 4, (n, 256)),
        s=either((-20, 30), (-256, 255), (n, 4, 256)),
        b=chance[..., None] & (g.random((n, 4, 256)) < 0.4),
        leak=either((-15, 25), (-256, 255)),
        c=chance & (g.random(neurons) < 0.4),
        epsilon=g.random(neurons) < 0.3,
        # without a reset, or with one that is less than a tick brings, nothing bounds a potential
        alpha=either((3000, 6000), (0, 2000)),
        beta=either((3000, 6000), (0, 2000)),
        TM=np.where(chance, either((0, 10), (0, 18)), 0),
        kappa=g.random(neurons) < 0.5,
        gamma=np.where(wide, gamma, gamma % 2),
        R=either((-200, 200), (-3000, 3000)),
        v=either((-2000, 2900), (-524288, 524287)),
        target=target,
        target_axon=g.integers(0, 256, neurons),
        delay=g.integers(1, 16, neurons),
    )


def random_inputs(seed: int, board: TrueNorth, ticks: int, per_tick: int, first: int = 0) -> Events:
    """Spikes from outside, some of them twice."""
    g = np.random.default_rng(seed)
    many = ticks * per_tick
    return Events(g.integers(first, first + ticks, many), g.integers(0, board.n_cores, many), g.integers(0, 256, many))


def same(a: Run, b: Run) -> None:
    """Bit for bit, in all that a run returns."""
    for name in Events._fields:
        np.testing.assert_array_equal(getattr(a.spikes, name), getattr(b.spikes, name), name)
    for name in Counts._fields:
        np.testing.assert_array_equal(getattr(a.counts, name), getattr(b.counts, name), name)
    np.testing.assert_array_equal(a.state.v, b.state.v)
    np.testing.assert_array_equal(a.state.due, b.state.due)
    assert (a.state.tick, a.state.seed) == (b.state.tick, b.state.seed)


def both(net: Configuration, ticks: int, inputs: Events | None = None, *, seed: int = 0) -> Run:
    """The run of the compiled emulator, once it is seen to be that of the reference."""
    runs = []
    for backend in ("reference", "llvm"):
        emulator = Emulator(net, backend=backend)
        runs.append(emulator.run(ticks, inputs, state=emulator.rest(seed=seed), record="all"))
    same(*runs)
    return runs[1]
