"""The event-driven simulator: synaptic events per second, and beside a time-stepped run of the same network.

1,000 neurons in random recurrence, 100 synapses each, 80 % of them excitatory, delays from 0.5 to 5 ms. The stepped run
is a compiled loop that solves membranes and synaptic currents exactly within a step and puts spikes and arrivals on the
grid. It is compared over the first milliseconds, in which a difference of a step does not yet change who fires; what
it would take to be as exact follows from its order, which is 1.

    python -m benchmarks.event_driven [--quick]
"""

from __future__ import annotations

import time
from typing import Any

import numpy as np
from numba import njit

from benchmarks.measure import Contestant, interleave
from benchmarks.options import finish, keep_memory, parsed, parser, say
from rheobase.equivalence.continuous import differences
from rheobase.event_driven import Network, Spikes, run

FULL, QUICK = (1000, 500.0), (50, 50.0)  # neurons, ms
COMPARED = 30.0  # ms
STEPS, QUICK_STEPS = (0.1, 0.01, 0.001, 0.0001), (0.1, 0.01)  # ms
SYNAPSES = 100
DELAYS = (0.5, 5.0)  # ms
AIM = 1e-9  # of the time compared

CASES: dict[str, dict[str, Any]] = {
    "LIF, exponential": dict(tau_mem=20.0, current=1.15, kind="exponential", weight=0.03),
    "LIF, delta": dict(tau_mem=20.0, current=1.15, kind="delta", weight=0.01),
    "IF, exponential": dict(tau_mem=np.inf, current=0.03, kind="exponential", weight=0.001),
}


def network(neurons: int, *, tau_mem: float, current: float, kind: str, weight: float) -> Network:
    """Excitation of `weight` from the first 80 % of the neurons, inhibition of 4.5 times that from the others."""
    rng = np.random.default_rng(0)
    w = np.where(rng.random((neurons, neurons)) < min(1.0, SYNAPSES / neurons), weight, 0.0)
    w[:, int(0.8 * neurons) :] *= -4.5
    empty = Network(neurons, tau_mem=tau_mem, current=current, v_start=rng.random(neurons))
    delay = rng.uniform(*DELAYS, (neurons, neurons))
    return empty.connect(range(neurons), range(neurons), w, delay=delay, kind=kind)


@njit(cache=True)
def loop(
    v: Any,
    current: float,
    keep_v: float,
    keep_i: float,
    share: float,
    start: Any,
    post: Any,
    weight: Any,
    lag: Any,
    steps: int,
    room: int,
) -> tuple[Any, Any]:
    """Spikes (neuron, step) of leaky neurons with threshold 1 and exponential synapses; `lag` in steps."""
    n = len(v)
    i_syn = np.zeros(n)
    slots = lag.max() + 1
    # arrivals of each slot, a chain from the last one on; places are used again when the ring is full
    head, before = np.full(slots, -1), np.empty(room, np.int64)
    target, size = np.empty(room, np.int64), np.empty(room)
    used = 0
    neurons, when = [0 for _ in range(0)], [0 for _ in range(0)]
    for step in range(1, steps + 1):
        for i in range(n):
            v[i] = current + (v[i] - current) * keep_v + i_syn[i] * share
            i_syn[i] *= keep_i
            if v[i] >= 1.0:
                v[i] -= 1.0
                neurons.append(i)
                when.append(step)
                for s in range(start[i], start[i + 1]):
                    at, slot = used % room, (step + lag[s]) % slots
                    target[at], size[at], before[at], head[slot] = post[s], weight[s], head[slot], at
                    used += 1
        at, head[step % slots] = head[step % slots], -1
        while at >= 0:
            i_syn[target[at]] += size[at]
            at = before[at]
    return np.array(neurons), np.array(when)


def stepped(net: Network, dt: float, t_stop: float) -> Spikes:
    """The network on a grid of dt."""
    start, post, weight, delay, _ = net.fan_out
    tau_m, tau_s = float(net.tau_mem[0]), float(net.tau_syn[0])
    keep_v, keep_i = np.exp(-dt / tau_m), np.exp(-dt / tau_s)
    lag = np.rint(delay / dt).astype(np.int64)
    neuron, step = loop(
        net.v_start.copy(),
        float(net.current[0]),
        keep_v,
        keep_i,
        tau_s / (tau_m - tau_s) * (keep_v - keep_i),
        start,
        post,
        weight,
        lag,
        round(t_stop / dt),
        1 << 22,
    )
    return Spikes(net.n_neurons, neuron, step * dt, t_stop=t_stop)


def comparison(net: Network, steps: tuple[float, ...], t_stop: float) -> dict[str, Any]:
    """Seconds and errors of both, over the first `t_stop` ms."""
    seconds = []
    for _ in range(5):
        began = time.perf_counter()
        exact = run(net, t_stop=t_stop)
        seconds.append(time.perf_counter() - began)
    rows: dict[str, Any] = {"event-driven": {"seconds": min(seconds), "spikes": len(exact)}}
    say(f"  event-driven     {1e3 * min(seconds):10.1f} ms   {len(exact)} spikes in {t_stop} ms")
    stepped(net, steps[0], t_stop)
    for dt in steps:
        began = time.perf_counter()
        found = stepped(net, dt, t_stop)
        taken = time.perf_counter() - began
        missing, worst = differences(exact, found)
        alike = np.nonzero(exact.counts == found.counts)[0]
        typical = float(np.median(np.concatenate([np.abs(exact.of(i) - found.of(i)) for i in alike])))
        as_exact = taken * typical / (AIM * t_stop)
        rows[f"dt {dt} ms"] = {
            "seconds": taken,
            "missing": missing,
            "median_error": typical,
            "largest_error": worst,
            "seconds_at_aim": as_exact,
            "at_aim_to_event_driven": as_exact / min(seconds),
        }
        say(
            f"  dt {dt:<7g} ms    {1e3 * taken:10.1f} ms   off by {typical:.1e} ms (median), {worst:.1e} (largest); "
            f"{missing} spikes missing; to {AIM:g}: {as_exact:.2e} s"
        )
    return rows


def main() -> None:
    keep_memory()
    options = parsed(parser(__doc__))
    neurons, t_stop = QUICK if options.quick else FULL
    networks = {name: network(neurons, **case) for name, case in CASES.items()}
    runs = {name: run(net, t_stop=t_stop) for name, net in networks.items()}
    field = [Contestant(name, lambda net=net: run(net, t_stop=t_stop)) for name, net in networks.items()]
    speed: dict[str, Any] = {}
    for name, seconds in interleave(field, budget=options.budget, rounds=(3, 60)).items():
        spikes = runs[name]
        rate = 1e3 * len(spikes) / neurons / t_stop
        per_second = spikes.arrivals / seconds.median
        speed[name] = {"seconds": seconds, "arrivals": spikes.arrivals, "rate": rate, "per_second": per_second}
        say(f"  {name:20s} {per_second / 1e6:6.2f} million synaptic events per second, {rate:.1f} Hz")
    table = comparison(networks["LIF, exponential"], QUICK_STEPS if options.quick else STEPS, COMPARED)
    finish(
        "event_driven",
        options,
        {
            "neurons": neurons,
            "t_stop": t_stop,
            "compared": COMPARED,
            "aim": AIM,
            "speed": speed,
            "stepped": table,
        },
    )


if __name__ == "__main__":
    main()
