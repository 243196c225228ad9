"""The cores of a Loihi chip, step by step, in integers: nothing here is shared with `Compartment`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rheobase.checks import is_whole
from rheobase.chip.events import Counts, Events
from rheobase.chip.loihi.configuration import Configuration, CoreRegisters
from rheobase.errors import InputError, ParameterError, ShapeError, StateError, nearest

SLOTS = 64  # steps ahead, this one included, for which sums of delayed synapses are kept
HALF, SUM = 1 << 23, 1 << 15
MOST_TICKS = 1 << 40
Whole = NDArray[np.int64]


@dataclass(frozen=True, eq=False, repr=False)
class State:
    """A chip between two steps, for each core: u, v and `left` (steps of refractoriness), int64 (compartments,);
    `sums`, what synapses have added for the steps to come, int64 (64, compartments), step t in row t mod 64; and `due`,
    the in-axons that spikes are on their way to. `tick`: the next step.

    >>> from rheobase.chip import loihi
    >>> from rheobase.nn import Linear, Sequential
    >>> layer = Linear(1, 1, bias=False)
    >>> layer.weight.data[:] = 100.0
    >>> net = loihi.programmed(Sequential(loihi.synapses(layer), loihi.Compartment(1)), (1,)).net
    >>> Emulator(net).run(7).state
    <State before step 7, 1 cores>
    """

    tick: int
    u: tuple[Whole, ...]
    v: tuple[Whole, ...]
    left: tuple[Whole, ...]
    sums: tuple[Whole, ...]
    due: tuple[Whole, ...]

    def __repr__(self) -> str:
        return f"<State before step {self.tick}, {len(self.u)} cores>"


class Run(NamedTuple):
    """The result of a run: spikes, the state after it, and counts for each step.

    >>> from rheobase.chip import loihi
    >>> from rheobase.nn import Linear, Sequential
    >>> layer = Linear(1, 1, bias=False)
    >>> layer.weight.data[:] = 100.0
    >>> net = loihi.programmed(Sequential(loihi.synapses(layer), loihi.Compartment(1, vth_mant=50)), (1,)).net
    >>> run = Emulator(net).run(3, ([1], [0], [0]))
    >>> run.spikes.tick.tolist(), run.counts.synaptic_events.tolist()
    ([1], [0, 1, 0])
    """

    spikes: Events
    state: State
    counts: Counts


class _Core(NamedTuple):
    """A core as it runs."""

    of: CoreRegisters
    delays: list[tuple[int, Whole]]  # for each delay, the weights with it, (in-axons, compartments)
    reached: Whole  # synapses of each in-axon
    bias: Whole
    first: Whole  # of `sends`, by compartment: where those of each begin, and the last ends
    sends: Whole


class Emulator:
    """Runs a configuration, event by event.

    A spike of a step reaches its in-axons in the next one. A step of a core adds the weights, floor(2^weight_exp m), of
    its active in-axons; then its compartments run:

        u <- wrap( sign(u) floor(|u| (4096 - decay_u) / 4096) + 64 sum )
        v <- clip( sign(v) floor(|v| (4096 - decay_v) / 4096) + u + bias_mant 2^bias_exp )
        spike when v > 64 vth_mant, then v <- 0, and v stays there for refractory - 1 steps

    The same interface as `truenorth.Emulator`.

    Differs from the chip: it has no time within a step, and no mesh in which spikes wait.

    Reference: Davies et al., IEEE Micro 38(1), 82 (2018), doi 10.1109/MM.2018.112130359; rounding as in `Compartment`.

    >>> from rheobase.chip import loihi
    >>> from rheobase.nn import Linear, Sequential
    >>> layer = Linear(1, 1, bias=False)
    >>> layer.weight.data[:] = 100.0
    >>> net = loihi.programmed(Sequential(loihi.synapses(layer), loihi.Compartment(1, vth_mant=150)), (1,)).net
    >>> run = Emulator(net).run(5, (np.array([0, 1, 3]), np.array([0, 0, 0]), np.array([0, 0, 0])))
    >>> run.spikes.tick.tolist(), run.state.v[0].tolist()  # two spikes in, of 100 each, pass 150
    ([1], [6400])
    """

    def __init__(self, net: Configuration):
        self.net = net
        self._cores = [_core(core) for core in net.cores]
        self._hops = net.distance()

    def rest(self, *, seed: int = 0) -> State:
        """The state before step 0. Nothing is random here: `seed` is for the interface."""
        zero = tuple(np.zeros(core.n, np.int64) for core in self.net.cores)
        sums = tuple(np.zeros((SLOTS, core.n), np.int64) for core in self.net.cores)
        return State(0, zero, zero, zero, sums, tuple(np.zeros(0, np.int64) for _ in self.net.cores))

    def run(
        self,
        ticks: int,
        inputs: tuple[ArrayLike, ArrayLike, ArrayLike] | Events | None = None,
        *,
        state: State | None = None,
        record: Literal["host", "all"] = "host",
        progress: Callable[[int], None] | None = None,
    ) -> Run:
        """Run so many steps. `inputs`: (tick, core, axon) of spikes from outside, in any order, absolute steps.

        `state`: None begins at step 0 from `rest()`; the state that a run returned goes on. `record`: spikes that are
        read from outside, or "all". `progress`: called with how many steps are done.

        Raises: `ParameterError`, `ShapeError` for inputs that do not fit the chip or the steps; `StateError`;
        `InputError` where the weights of a compartment add up to more than 16 bits in a step.
        """
        if not is_whole(ticks, 0, MOST_TICKS):
            raise ParameterError("Emulator.run", f"ticks={ticks!r}", "a whole number from 0 to 2^40", "100, say")
        if record not in ("host", "all"):
            remedy = nearest(str(record), ("host", "all"))
            raise ParameterError("Emulator.run", f"record={record!r}", "'host' or 'all'", remedy)
        begin = self.rest() if state is None else state
        _check_state(begin, self.net)
        fed = _inputs(self.net, inputs, begin.tick, ticks)
        u, v, left, due = list(begin.u), list(begin.v), list(begin.left), list(begin.due)
        sums = [each.copy() for each in begin.sums]
        counts, found = np.zeros((len(Counts._fields), ticks), np.int64), list[tuple[int, int, Whole]]()
        for step in range(ticks):
            tick = begin.tick + step
            coming = fed.get(tick, {})
            arrived = [np.concatenate([one, coming[k]]) if k in coming else one for k, one in enumerate(due)]
            messages: list[list[Whole]] = [[] for _ in self._cores]
            counted = dict.fromkeys(Counts._fields, 0)
            for k, core in enumerate(self._cores):
                axons, slot = arrived[k], tick % SLOTS
                for delay, weight in core.delays:
                    if len(axons):
                        sums[k][(tick + delay) % SLOTS] += weight[axons].sum(0)
                counted["active_axons"] += len(axons)
                counted["synaptic_events"] += int(core.reached[axons].sum())
                own = sums[k][slot].copy()
                sums[k][slot] = 0
                if tick < core.of.wait:
                    continue
                z = _step(k, tick, core, own, u, v, left)
                counted["spikes"] += len(z)
                counted["host"] += int(core.of.host[z].sum())
                if len(z):
                    found.append((tick, k, z if record == "all" else z[core.of.host[z] == 1]))
                    for row in core.sends[_rows(core.first, z)]:
                        counted["hops"] += int(self._hops[k, row[1]])
                        messages[row[1]].append(row[2:])
            due = [np.concatenate(one) if one else np.zeros(0, np.int64) for one in messages]
            counts[:, step] = [counted[name] for name in Counts._fields]
            if progress is not None:
                progress(step + 1)
        columns = [(np.full(len(z), t), np.full(len(z), k), z) for t, k, z in found] or [np.zeros((3, 0), np.int64)]
        spikes = Events(*(np.concatenate(x).astype(np.int64) for x in zip(*columns, strict=True)))
        after = State(begin.tick + ticks, tuple(u), tuple(v), tuple(left), tuple(sums), tuple(due))
        return Run(spikes, after, Counts(*counts))

    def __repr__(self) -> str:
        return f"<Emulator of {self.net!r}>"


def _core(core: CoreRegisters) -> _Core:
    weight = np.floor(core.mantissa.astype(np.float64) * 2.0**core.weight_exp).astype(np.int64)
    delay = np.zeros(weight.shape, np.uint8) if core.delay is None else core.delay
    used = np.unique(delay[core.mantissa != 0]).tolist()
    order = np.argsort(core.sends[:, 0], kind="stable")
    sends = core.sends[order].astype(np.int64)
    return _Core(
        core,
        [(d, np.where(delay == d, weight, 0)) for d in used],
        np.count_nonzero(core.mantissa, axis=1),
        core.bias_mant.astype(np.int64) << core.bias_exp,
        np.searchsorted(sends[:, 0], np.arange(core.n + 1)),
        sends,
    )


def _step(k: int, tick: int, core: _Core, own: Whole, u: list[Whole], v: list[Whole], left: list[Whole]) -> Whole:
    """One step of the compartments of core k, in place; which of them spike."""
    if bool(((own < -SUM) | (own >= SUM)).any()):
        given = f"weights that add up to {own[np.argmax(np.abs(own))]} in step {tick} of core {k}"
        remedy = "a smaller weight_exp, or fewer synapses"
        raise InputError("Emulator.run", given, "a sum of 16 bits, as a core makes", remedy)
    of = core.of
    now = np.sign(u[k]) * ((np.abs(u[k]) * (4096 - of.decay_u)) >> 12) + (own << 6)
    now = np.where(now > HALF, now - 2 * HALF, np.where(now <= -HALF, now + 2 * HALF, now))
    high = np.sign(v[k]) * ((np.abs(v[k]) * (4096 - of.decay_v)) >> 12) + now + core.bias
    high = np.where(left[k] > 0, v[k], np.clip(high, 1 - HALF, HALF - 1))
    fires = (high > of.vth_mant.astype(np.int64) << 6) & (left[k] == 0)
    u[k], v[k] = now, np.where(fires, 0, high)
    left[k] = np.where(fires, of.refractory - 1, np.maximum(left[k] - 1, 0))
    return np.flatnonzero(fires)


def _rows(first: Whole, which: Whole) -> Whole:
    """The rows of a table, by where those of each compartment begin."""
    many = first[which + 1] - first[which]
    return np.repeat(first[which], many) + np.arange(many.sum()) - np.repeat(np.cumsum(many) - many, many)


def _check_state(state: Any, net: Configuration) -> None:
    remedy = "give the state that a run of this configuration returned, or None"
    if not isinstance(state, State):
        raise StateError("Emulator.run", f"state of type {type(state).__name__}", "a State", remedy)
    sizes = [(len(core.mantissa), core.n) for core in net.cores]
    fits = len(state.u) == len(sizes) and all(
        u.shape == v.shape == left.shape == (n,) and sums.shape == (SLOTS, n) and int(due.max(initial=-1)) < axons
        for (axons, n), u, v, left, sums, due in zip(
            sizes, state.u, state.v, state.left, state.sums, state.due, strict=True
        )
    )
    if not fits:
        given = f"a state of cores with {[len(u) for u in state.u]} compartments"
        raise StateError("Emulator.run", given, f"one of {net!r}", remedy)


def _inputs(net: Configuration, given: Any, tick: int, ticks: int) -> dict[int, dict[int, Whole]]:
    """The in-axons that spikes from outside reach, by step and core."""
    if given is None:
        return {}
    if not isinstance(given, tuple | list) or len(given) != 3:
        raise ShapeError("Emulator.run", "inputs of another form", "(tick, core, axon)", "three arrays of one length")
    columns = [np.asarray(values) for values in given]
    if any(one.ndim != 1 or one.dtype.kind not in "iu" or len(one) != len(columns[0]) for one in columns):
        shapes = ", ".join(f"{one.dtype} {one.shape}" for one in columns)
        raise ShapeError("Emulator.run", f"inputs of {shapes}", "three arrays of integers of one length", "one a spike")
    when, core, axon = (one.astype(np.int64) for one in columns)
    axons = np.array([len(one.mantissa) for one in net.cores])
    for name, values, low, high in (
        ("tick", when, tick, tick + ticks - 1),
        ("core", core, 0, len(axons) - 1),
        ("axon", axon, 0, axons[np.clip(core, 0, len(axons) - 1)] - 1),
    ):
        wrong = (values < low) | (values > high)
        if bool(wrong.any()):
            at = int(np.argmax(wrong))
            most = int(np.broadcast_to(high, values.shape)[at])
            expected = f"{low} to {most}" if ticks else "none in a run of 0 ticks"
            remedy = "ticks are absolute, and those of this run" if name == "tick" else "count from 0 on"
            raise ParameterError("Emulator.run", f"{name}[{at}] = {values[at]} of inputs", expected, remedy)
    found: dict[int, dict[int, Whole]] = {}
    key, order = when * len(axons) + core, np.argsort(when * len(axons) + core, kind="stable")
    for part in np.split(order, np.flatnonzero(np.diff(key[order])) + 1):
        if len(part):
            found.setdefault(int(when[part[0]]), {})[int(core[part[0]])] = axon[part]
    return found
