"""The plain reference: tick after tick and axon after axon, as the paper writes it. Slow, and obviously right."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rheobase.chip.truenorth.board import AXONS, HOST, NEURONS
from rheobase.chip.truenorth.configuration import POTENTIAL, Configuration
from rheobase.chip.truenorth.results import SLOTS, Counts, Events, Run, State
from rheobase.core.random_numbers import words

OF_NEURONS, OF_SYNAPSES = 0, 1  # streams of random words
DRAWS = 4  # of 8 bits, in a word


def run(
    net: Configuration,
    inputs: Events,
    ticks: int,
    state: State,
    recorded: NDArray[np.bool_],
    progress: Callable[[int], None] = lambda done: None,
) -> Run:
    """Ticks from `state` on. `inputs`: (tick, core, axon); `recorded`: (cores, neurons), whose spikes are returned.

    `progress` is called with the ticks that are done.
    """
    cores, v, due = net.board.n_cores, state.v.astype(np.int64), state.due.copy()
    counts = Counts(*np.zeros((len(Counts._fields), ticks), np.int64))
    events: list[NDArray[np.int64]] = []
    for k in range(ticks):
        t = state.tick + k
        now = inputs.tick == t
        counts.merged[k] += arrive(due, np.full(int(now.sum()), t), inputs.core[now], inputs.neuron[now])
        active = np.unpackbits(due[t % SLOTS], axis=-1, bitorder="little").astype(bool)  # (cores, axons)
        due[t % SLOTS] = 0
        for core, axon in np.argwhere(active).tolist():
            connected = np.unpackbits(net.crossbar[core, axon], bitorder="little").astype(np.int64)
            v[core] += connected * weights(net, core, axon, t, state.seed)
            counts.active_axons[k] += 1
            counts.synaptic_events[k] += connected.sum()
        v, spikes = fired(net, leaked(net, saturated(v), t, state.seed), t, state.seed)
        core, neuron = np.nonzero(spikes)
        target = net.target[core, neuron].astype(np.int64)
        sent = target >= 0
        source, goal = core[sent], target[sent]
        arrival = t + net.delay[core, neuron][sent].astype(np.int64)
        counts.merged[k] += arrive(due, arrival, goal, net.target_axon[core, neuron][sent])
        counts.spikes[k], counts.host[k] = len(core), int((target == HOST).sum())
        counts.hops[k] = net.board.hops(source, goal).sum()
        counts.crossings[k] = net.board.crossings(source, goal).sum()
        keep = recorded[core, neuron]
        events.append(np.stack([np.full(int(keep.sum()), t), core[keep], neuron[keep]]))
        progress(k + 1)
    returned = Events(*(np.concatenate(events, axis=1) if events else np.zeros((3, 0), np.int64)))
    after = State(net.board, state.tick + ticks, state.seed, v.astype(np.int32).reshape(cores, NEURONS), due)
    return Run(returned, after, counts)


def weights(net: Configuration, core: int, axon: int, t: int, seed: int) -> NDArray[np.int64]:
    """What one axon adds to the neurons that it reaches, (neurons,)."""
    kind = net.axon_type[core, axon]
    s, b = net.s[core, kind].astype(np.int64), net.b[core, kind]
    rho = synapse_draws(core, axon, t, seed)
    return np.where(b, met(s, rho) * np.sign(s), s)


def leaked(net: Configuration, v: NDArray[np.int64], t: int, seed: int) -> NDArray[np.int64]:
    """After the leak, (cores, neurons)."""
    leak = net.leak.astype(np.int64)
    rho = neuron_words(net.board.n_cores, t, seed) >> 24
    amount = np.where(net.c, met(leak, rho) * np.sign(leak), leak)
    omega = np.where(net.epsilon, np.sign(v), 1)
    after = v + omega * amount
    # a leak towards 0 ends there
    after = np.where(net.epsilon & (np.sign(after) != np.sign(v)), 0, after)
    return saturated(after)


def fired(net: Configuration, v: NDArray[np.int64], t: int, seed: int) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """After thresholds and resets, and who fired, (cores, neurons)."""
    eta = neuron_words(net.board.n_cores, t, seed) & ((1 << net.TM.astype(np.int64)) - 1)
    alpha, beta, R = (x.astype(np.int64) for x in (net.alpha, net.beta, net.R))
    kappa, gamma = net.kappa, net.gamma
    spikes = v >= alpha + eta
    below = v < -(beta * kappa + (beta + eta) * ~kappa)
    up = np.choose(gamma, [R, v - (alpha + eta), v])
    down = np.where(kappa, -beta, np.choose(gamma, [-R, v + (beta + eta), v]))
    return np.where(spikes, up, np.where(below, down, v)), spikes


def met(s: NDArray[np.int64], rho: NDArray[np.int64]) -> NDArray[np.int64]:
    """F(s, rho)."""
    return (np.abs(s) >= rho).astype(np.int64)


def saturated(v: NDArray[np.int64]) -> NDArray[np.int64]:
    """Within 20 bits."""
    return np.clip(v, *POTENTIAL)


def arrive(due: NDArray[np.uint8], tick: Any, core: Any, axon: Any) -> int:
    """Mark axons as active at ticks to come; returns how many of these spikes found theirs marked already."""
    merged = 0
    for t, c, a in zip(tick.tolist(), core.tolist(), axon.tolist(), strict=True):
        byte, bit = due[t % SLOTS, c], 1 << (a % 8)
        merged += bool(byte[a // 8] & bit)
        byte[a // 8] |= bit
    return merged


# --- random numbers: a function of (seed, tick, place), in whatever order they are asked for -------------------------


def neuron_words(cores: int, t: int, seed: int) -> NDArray[np.int64]:
    """A word for each neuron, (cores, neurons): the upper 8 bits are its leak's rho, of the lower 18 eta is made."""
    lane = np.arange(cores * NEURONS).reshape(cores, NEURONS)
    return words(lane, seed, t, OF_NEURONS)[0]


def synapse_draws(core: int, axon: int, t: int, seed: int) -> NDArray[np.int64]:
    """rho of the synapses of an axon, (neurons,): a word has four, the lowest 8 bits first."""
    lane = (core * AXONS + axon) * (NEURONS // DRAWS) + np.arange(NEURONS // DRAWS)
    word = words(lane, seed, t, OF_SYNAPSES)[0]
    return (word[:, None] >> np.arange(0, 32, 8) & 0xFF).reshape(NEURONS)
