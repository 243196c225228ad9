"""Random networks for the tests, and what they are held to: potentials summed over all spikes, in many digits."""

from __future__ import annotations

from typing import Any

import mpmath as mp
import numpy as np
from hypothesis import note
from hypothesis import strategies as st

from rheobase.event_driven import Network, Spikes

Inputs = tuple[Any, Any]
MEMBRANES = {"LIF": True, "IF": False}


def drawn(
    rng: np.random.Generator,
    *,
    neurons: int,
    kind: str,
    leaky: bool,
    sources: int = 3,
    t_stop: float = 40.0,
    once: bool = False,
) -> tuple[Network, Inputs]:
    """A random recurrent network with delays, and Poisson inputs; no two times in it have a reason to be equal."""
    scale = 1.0 if leaky or kind == "delta" else 0.1
    drive = 0.0 if once and kind == "delta" else scale * (1.0 if leaky else 0.2)
    net = Network(
        neurons,
        sources=sources,
        tau_mem=rng.uniform(3.0, 20.0, neurons) if leaky else np.inf,
        tau_syn=rng.uniform(1.0, 25.0, neurons),
        v_threshold=rng.uniform(0.5, 1.5, neurons),
        current=drive * rng.normal(0.4, 0.5, neurons),
        max_spikes=1 if once else np.inf,
    )
    net = net.connect(
        net.inputs,
        range(neurons),
        scale * rng.normal(0.7, 0.8, (neurons, sources)),
        delay=rng.uniform(0.0, 3.0, (neurons, sources)),
        kind=kind,
    ).connect(
        range(neurons),
        range(neurons),
        scale * rng.normal(-0.1, 0.5, (neurons, neurons)),
        delay=rng.uniform(0.1, 3.0, (neurons, neurons)),
        kind=kind,
    )
    events = rng.poisson(0.15 * t_stop, sources)
    return net, (np.repeat(np.arange(sources), events), rng.uniform(0.0, 0.8 * t_stop, int(events.sum())))


@st.composite
def networks(draw: st.DrawFn, kinds: tuple[str, ...] = ("delta", "exponential", "step")) -> tuple[Network, Inputs]:
    """Small networks and their inputs. Whole numbers are drawn, which shrink; an odd factor keeps times apart."""
    n, sources = draw(st.integers(1, 4)), draw(st.integers(1, 2))
    leaky = draw(st.booleans())
    odd = np.random.default_rng(n + 10 * sources)

    def some(low: int, high: int, count: int, unit: float) -> Any:
        values = draw(st.lists(st.integers(low, high), min_size=count, max_size=count))
        return unit * np.array(values, np.float64) * odd.uniform(0.99, 1.01, count)

    scale = 1.0 if leaky else 0.1
    synapses = draw(st.integers(0, 8))
    ends = st.lists(st.integers(0, n - 1), min_size=synapses, max_size=synapses)
    starts = st.lists(st.integers(0, n + sources - 1), min_size=synapses, max_size=synapses)
    kind = np.array(draw(st.lists(st.sampled_from(kinds), min_size=synapses, max_size=synapses)), np.str_)
    # a step current stays, so it is small and comes from outside
    pre, post = np.array(draw(starts), np.int64), np.array(draw(ends), np.int64)
    pre = np.where((kind == "step") & (pre < n), n, pre)
    weight = some(-8, 8, synapses, 0.25) * np.where(kind == "delta", 0.5, scale) * np.where(kind == "step", 0.1, 1.0)
    net = Network(
        n,
        sources=sources,
        tau_mem=some(2, 20, n, 1.0) if leaky else np.inf,
        tau_syn=some(1, 20, n, 1.0),
        v_threshold=some(2, 6, n, 0.25),
        current=some(-2, 6, n, 0.25 * scale),
        v_start=some(-2, 1, n, 0.25),
        pre=pre,
        post=post,
        weight=weight,
        delay=some(1, 8, synapses, 0.5),
        kind=kind,
    )
    events = draw(st.integers(0, 6))
    source = draw(st.lists(st.integers(0, sources - 1), min_size=events, max_size=events))
    times = some(0, 20, events, 1.0)
    # where a test fails, this is how to write the network down
    note(f"net, inputs = {net!r}, ({source}, {times.tolist()})")
    return net, (np.array(source, np.int64), times)


def _response(kind: str, s: Any, tau_m: Any, tau_s: Any) -> Any:
    """What a unit weight adds to v after s."""
    leaky = mp.isfinite(tau_m)
    if kind == "delta":
        return mp.e ** (-s / tau_m) if leaky else mp.mpf(1)
    if kind == "step":
        return 1 - mp.e ** (-s / tau_m) if leaky else s
    if not leaky:
        return tau_s * (1 - mp.e ** (-s / tau_s))
    if tau_m == tau_s:
        return s / tau_m * mp.e ** (-s / tau_m)
    return tau_s / (tau_m - tau_s) * (mp.e ** (-s / tau_m) - mp.e ** (-s / tau_s))


def potential(net: Network, i: int, t: float, spikes: Spikes, inputs: Inputs) -> float:
    """v of neuron i just before t in 40 digits: the sum over all that arrived, given all spikes."""
    with mp.workdps(40):
        now, tau_m, tau_s = mp.mpf(t), mp.mpf(float(net.tau_mem[i])), mp.mpf(float(net.tau_syn[i]))
        v = net.v_start[i] * _response("delta", now, tau_m, tau_s) + net.current[i] * _response(
            "step", now, tau_m, tau_s
        )
        for a in np.flatnonzero(net.post == i):
            p = int(net.pre[a])
            for f in spikes.of(p) if p < net.n_neurons else inputs[1][inputs[0] == p - net.n_neurons]:
                # when it arrives is a number of the network's; what it does then is not
                if float(f) + float(net.delay[a]) < t:
                    s = now - (mp.mpf(float(f)) + mp.mpf(float(net.delay[a])))
                    v += net.weight[a] * _response(str(net.kind[a]), s, tau_m, tau_s)
        for f in spikes.of(i):
            if f < t:
                v -= net.reset[i] * _response("delta", now - mp.mpf(float(f)), tau_m, tau_s)
        return float(v)


def arrivals(net: Network, i: int, spikes: Spikes, inputs: Inputs) -> Any:
    """When delta synapses reach neuron i."""
    found = []
    for a in np.flatnonzero((net.post == i) & (net.kind == "delta")):
        p = int(net.pre[a])
        times = spikes.of(p) if p < net.n_neurons else inputs[1][inputs[0] == p - net.n_neurons]
        found.append(times + net.delay[a])
    return np.concatenate(found) if found else np.empty(0)
