"""The event loop, compiled.

All compiled code stands in this one file: Numba's cache looks at the date of the file of the function that is called,
not at those of the functions that it calls in turn.

Between events a neuron follows, with c = current + step currents, j = synaptic current, and u the time since its last
event,

    V(u) = c + (V - c) exp(-u/tau_mem) + j k(u)      k(u) = (u/tau_mem) exp(-u/max(tau)) phi(u |1/tau_syn - 1/tau_mem|)
    V(u) = V + c u + j u phi(u/tau_syn)              without leak
    phi(x) = (1 - exp(-x)) / x,  phi(0) = 1

which holds for tau_syn = tau_mem as it stands, and loses no digits near it. V has at most one extremum on its way;
under j > 0 it is a maximum and V is concave up to it, under j < 0 a minimum. So a crossing has a bracket that is known,
and the first step of Newton's method is a lower bound of it. The heap of neurons is kept on such bounds: a root is
looked for when its bound comes up, which for most arrivals is never.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from rheobase.event_driven.compiling import compiled, entry

# columns of `cell`: rates 1/tau, the slower of them, the distance between them, dV/du per unit of current, 1 with leak
# and 0 without, 1 - tau_syn/tau_mem, threshold, what a spike subtracts, tau_syn, the maximum of k
RATE_M, RATE_S, SLOW, GAP, GAIN, LEAK, SKEW, THETA, RESET, TAU_S, PEAK = range(11)
COLUMNS = 11
# columns of `state`: time of the last event, potential, synaptic current, constant current, how many spikes are left;
# potential and direction just before the instant that is being worked on
T, V, J, C, LEFT, BEFORE, RISING = range(7)
# kinds of synapse, and what each adds to: the columns from V on, in this order
DELTA, EXPONENTIAL, STEP = range(3)
# a neuron within an instant: not in it, reached by what arrives, on its threshold, has fired
ASIDE, REACHED, CROSSING, FIRED = range(4)


# --- one neuron between two events ------------------------------------------------------------------------------------


@compiled
def _flow(c: Any, v: float, j: float, s: float, u: float) -> tuple[float, float]:
    """Potential and synaptic current after u."""
    if j == 0.0:
        return (s + (v - s) * math.exp(-u * c[RATE_M]) if c[LEAK] > 0.0 else v + s * u), 0.0
    slow = math.exp(-u * c[SLOW])
    less = math.expm1(-u * c[GAP])
    area = -less / c[GAP] if c[GAP] > 0.0 else u
    fast = slow * (1.0 + less)
    response = j * c[GAIN] * slow * area
    if c[LEAK] == 0.0:
        return v + s * u + response, j * fast
    if c[RATE_M] <= c[RATE_S]:
        return s + (v - s) * slow + response, j * fast
    return s + (v - s) * fast + response, j * slow


@compiled
def _rise(c: Any, v: float, j: float, s: float) -> float:
    """dV/du, divided by the gain."""
    return s + j - c[LEAK] * v


@compiled
def _summit(c: Any, v: float, j: float, s: float) -> float:
    """When V, which rises now under j > 0, is at its maximum; infinity where it rises for good."""
    share = _rise(c, v, j, s) / j
    x = c[SKEW] * share
    if x >= 1.0:
        return math.inf
    return c[TAU_S] * share * (-math.log1p(-x) / x if x != 0.0 else 1.0)


@compiled
def _soonest(c: Any, v: float, j: float, s: float) -> float:
    """A lower bound of the time to threshold, cheap; infinity where V stays below."""
    up = max(j, 0.0)
    rise = _rise(c, v, up, s)
    if rise <= 0.0:
        return math.inf
    if c[LEAK] > 0.0:
        highest = max(v, s) + up * c[PEAK]
    else:
        highest = v + up * c[PEAK] if s <= 0.0 else math.inf
    if highest < c[THETA]:
        return math.inf
    return max(c[THETA] - v, 0.0) / (c[GAIN] * rise)


@compiled
def _crossing(c: Any, v: float, j: float, s: float, now: float, longest: float) -> tuple[float, float]:
    """The time to threshold, infinity if there is none within `longest`; and how far above it V would go by then."""
    lacks, u = c[THETA] - v, _soonest(c, v, j, s)
    if u == math.inf:
        return u, u
    low, high = 0.0, longest
    if j > 0.0:
        high = min(high, _summit(c, v, j, s))
    above = _flow(c, v, j, s, high)[0] - c[THETA]
    if lacks <= 0.0:
        return 0.0, above
    if above < 0.0:
        return math.inf, math.inf
    if j == 0.0:
        return (math.log1p(lacks / (s - c[THETA])) / c[RATE_M] if c[LEAK] > 0.0 else lacks / s), above
    # Newton, within the bracket; a step that leaves it is replaced by bisection
    for _ in range(200):
        if not low < u < high:
            u = 0.5 * (low + high)
            if u <= low or u >= high:
                return high, above
        at, current = _flow(c, v, j, s, u)
        if at < c[THETA]:
            low = u
        else:
            high = u
        step = (c[THETA] - at) / (c[GAIN] * _rise(c, at, current, s))
        u += step
        if abs(step) <= 1e-16 * (now + u):
            break
    return min(max(u, low), high), above


# --- heaps ------------------------------------------------------------------------------------------------------------


@compiled
def _place(key: Any, order: Any, place: Any, i: int) -> None:
    """Move neuron i to where its key belongs."""
    at, n = place[i], len(order)
    while at > 0 and key[i] < key[order[(at - 1) // 2]]:
        order[at] = order[(at - 1) // 2]
        place[order[at]] = at
        at = (at - 1) // 2
    while 2 * at + 1 < n:
        child = 2 * at + 1
        if child + 1 < n and key[order[child + 1]] < key[order[child]]:
            child += 1
        if key[i] <= key[order[child]]:
            break
        order[at] = order[child]
        place[order[at]] = at
        at = child
    order[at] = i
    place[i] = at


@compiled
def _push(times: Any, ids: Any, size: int, t: float, e: int) -> int:
    """Put the next arrival of emission e among those under way."""
    at = size
    while at > 0 and t < times[(at - 1) // 2]:
        times[at], ids[at] = times[(at - 1) // 2], ids[(at - 1) // 2]
        at = (at - 1) // 2
    times[at], ids[at] = t, e
    return size + 1


@compiled
def _sink(times: Any, ids: Any, size: int, t: float, e: int) -> None:
    """Replace the first of those under way."""
    at = 0
    while 2 * at + 1 < size:
        child = 2 * at + 1
        if child + 1 < size and times[child + 1] < times[child]:
            child += 1
        if t <= times[child]:
            break
        times[at], ids[at] = times[child], ids[child]
        at = child
    times[at], ids[at] = t, e


@compiled
def _grown(a: Any) -> Any:
    """The same in twice the capacity."""
    wider = np.empty(2 * len(a), a.dtype)
    wider[: len(a)] = a
    return wider


# --- one neuron within an instant -------------------------------------------------------------------------------------


@compiled
def _reach(c: Any, x: Any, now: float, near: float) -> float:
    """Bring a neuron to `now`; the smallest distance from the threshold at a maximum, that of the way included."""
    u = now - x[T]
    if u > 0.0:
        v, j, s = x[V], x[J], x[C]
        rise = _rise(c, v, j, s)
        # a maximum lower than one that was seen is no news
        if j > 0.0 and rise > 0.0 and x[LEFT] > 0.0 and c[THETA] - v - c[GAIN] * rise * u < near:
            top = _summit(c, v, j, s)
            if top < u:
                near = min(near, abs(c[THETA] - _flow(c, v, j, s, top)[0]))
        x[V], x[J] = _flow(c, v, j, s, u)
        x[T] = now
    x[BEFORE] = x[V]
    x[RISING] = _rise(c, x[V], x[J], x[C])
    return near


@compiled
def _turn(c: Any, x: Any) -> float:
    """The distance from the threshold where what arrived made V turn down; infinity where it did not."""
    jump = x[V] - x[BEFORE]
    if jump < 0.0:
        return c[THETA] - x[BEFORE] if x[RISING] > 0.0 else math.inf
    turns = (jump > 0.0 or x[RISING] > 0.0) and _rise(c, x[V], x[J], x[C]) <= 0.0
    return c[THETA] - x[V] if turns else math.inf


@compiled
def _fire(c: Any, x: Any, crossing: bool, above: float) -> tuple[float, float]:
    """How many spikes V is good for, and the distance from one less or one more."""
    excess = x[V] - c[THETA]
    spikes = min(math.floor(excess / c[RESET]) + 1.0, x[LEFT])
    x[V] -= spikes * c[RESET]
    x[LEFT] -= spikes
    if crossing and excess == 0.0:
        return spikes, above
    excess -= (spikes - 1.0) * c[RESET]
    return spikes, min(excess, c[RESET] - excess) if x[LEFT] > 0.0 else excess


@compiled
def _refine(c: Any, x: Any, key: float, t_stop: float) -> tuple[float, bool, float]:
    """A better bound of the next spike; or its time, and how far above the threshold V would go."""
    bound = x[T] + _soonest(c, x[V], x[J], x[C])
    if bound > key:
        return bound, False, math.inf
    u, above = _crossing(c, x[V], x[J], x[C], x[T], t_stop - x[T])
    return max(key, x[T] + u), True, above


# --- the loop ---------------------------------------------------------------------------------------------------------


@entry
def simulate(
    cell: Any,
    state: Any,
    start: Any,
    post: Any,
    weight: Any,
    delay: Any,
    kind: Any,
    source: Any,
    source_time: Any,
    t_stop: float,
    wanted: Any,
    wanted_time: Any,
    max_events: int,
) -> tuple[Any, ...]:
    """Run the network. Returns the emissions (times, neurons or sources, spikes of each), V (wanted_time, wanted),
    margins (neurons,), the number of arrivals, the time reached, and whether `max_events` was enough."""
    n = len(cell)
    # a heap of neurons by `key`, the time of the next spike where it is `exact` and a lower bound of it elsewhere
    key: Any = np.full(n, np.inf)
    exact: Any = np.zeros(n, np.bool_)
    order, place = np.arange(n), np.arange(n)
    above: Any = np.full(n, np.inf)
    margin: Any = np.full(n, np.inf)
    # an emission is a spike, or several in one instant, of a neuron or a source; `cursor`: the synapse it reaches next
    capacity = len(source) + n + 1024
    sent, who, many = np.empty(capacity), np.empty(capacity, np.int64), np.empty(capacity, np.int64)
    cursor, emissions = np.empty(capacity, np.int64), 0
    # those under way, a heap by the time of their next arrival
    times, ids, size = np.empty(capacity), np.empty(capacity, np.int64), 0
    v = np.full((len(wanted_time), len(wanted)), np.nan)
    # instant 0: every neuron is looked at; where V falls from the start, the start is a maximum
    reached, role, count = np.arange(n), np.full(n, REACHED, np.int8), n
    state[:, BEFORE], state[:, RISING] = state[:, V], 1.0
    now, taken, shown, arrivals, spikes, within = 0.0, 0, 0, 0, 0, True
    while within:
        # thresholds reached at this time; all that arrives with them still counts
        while n > 0 and key[order[0]] == now:
            i = order[0]
            if exact[i]:
                margin[i] = _reach(cell[i], state[i], now, margin[i])
                state[i, V] = state[i, BEFORE] = cell[i, THETA]
                role[i], reached[count], key[i] = CROSSING, i, np.inf
                count += 1
            else:
                key[i], exact[i], above[i] = _refine(cell[i], state[i], key[i], t_stop)
            _place(key, order, place, i)
        while taken < len(source) and source_time[taken] == now:
            e, taken = emissions, taken + 1
            sent[e], who[e], many[e], cursor[e] = now, source[taken - 1], 1, start[source[taken - 1]]
            if cursor[e] < start[who[e] + 1]:
                size = _push(times, ids, size, now + delay[cursor[e]], e)
            emissions += 1
        # rounds: all that is due arrives, then whoever is at threshold fires; what has no delay is due a round later
        due = True
        while due and within:
            while size > 0 and times[0] == now:
                e = ids[0]
                at, end = cursor[e], start[who[e] + 1]
                first = delay[at]
                while at < end and delay[at] == first:
                    i = post[at]
                    if role[i] == ASIDE:
                        margin[i] = _reach(cell[i], state[i], now, margin[i])
                        role[i], reached[count] = REACHED, i
                        count += 1
                    state[i, V + kind[at]] += weight[at] * many[e]
                    at += 1
                arrivals += (at - cursor[e]) * many[e]
                cursor[e] = at
                if at < end and sent[e] + delay[at] <= t_stop:
                    _sink(times, ids, size, sent[e] + delay[at], e)
                else:
                    size -= 1
                    _sink(times, ids, size, times[size], ids[size])
            due = False
            for a in range(count):
                i = reached[a]
                if state[i, V] < cell[i, THETA] or state[i, LEFT] <= 0.0:
                    continue
                fired, near = _fire(cell[i], state[i], role[i] == CROSSING, above[i])
                margin[i], role[i] = min(margin[i], near), FIRED
                within = arrivals + spikes + fired <= max_events
                if not within:
                    break
                if emissions + len(source) - taken == len(sent):
                    sent, who, many, cursor = _grown(sent), _grown(who), _grown(many), _grown(cursor)
                    times, ids = _grown(times), _grown(ids)
                e, emissions = emissions, emissions + 1
                sent[e], who[e], many[e], cursor[e] = now, i, int(fired), start[i]
                spikes += many[e]
                if start[i] < start[i + 1] and now + delay[start[i]] <= t_stop:
                    size = _push(times, ids, size, now + delay[start[i]], e)
                    due = due or times[0] == now
        for a in range(count):
            i = reached[a]
            soonest = now + _soonest(cell[i], state[i, V], state[i, J], state[i, C])
            if state[i, LEFT] <= 0.0:
                soonest = np.inf
            elif role[i] != FIRED:
                margin[i] = min(margin[i], _turn(cell[i], state[i]))
            # a key that is too early is a bound as well: it is looked at when it comes up
            if soonest < key[i] or state[i, LEFT] <= 0.0:
                key[i] = soonest
                _place(key, order, place, i)
            role[i], exact[i] = ASIDE, False
        count = 0
        if not within:
            break
        # on to the next event
        following = times[0] if size > 0 else np.inf
        if taken < len(source):
            following = min(following, source_time[taken])
        while n > 0 and key[order[0]] <= min(following, t_stop) and not exact[order[0]]:
            i = order[0]
            key[i], exact[i], above[i] = _refine(cell[i], state[i], key[i], t_stop)
            _place(key, order, place, i)
        if n > 0:
            following = min(following, key[order[0]])
        while shown < len(wanted_time) and wanted_time[shown] < following:
            for a in range(len(wanted)):
                x = state[wanted[a]]
                v[shown, a] = _flow(cell[wanted[a]], x[V], x[J], x[C], wanted_time[shown] - x[T])[0]
            shown += 1
        if following > t_stop:
            # where V still rises at the end, the end is a maximum
            for i in range(n):
                margin[i] = _reach(cell[i], state[i], t_stop, margin[i])
                if state[i, LEFT] > 0.0 and state[i, RISING] > 0.0:
                    margin[i] = min(margin[i], cell[i, THETA] - state[i, V])
            now = t_stop
            break
        now = following
    return sent[:emissions], who[:emissions], many[:emissions], v, margin, arrivals, now, within
