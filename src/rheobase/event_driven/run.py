"""The run of an event-driven network."""

from __future__ import annotations

import math
from collections.abc import Sequence
from numbers import Real
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rheobase.errors import InputError, ParameterError, ShapeError, Unfinished
from rheobase.event_driven.checks import check_count, places, reals
from rheobase.event_driven.network import Network
from rheobase.event_driven.spikes import Spikes

MOST_EVENTS = 2**62  # what the compiled code can count to


def run(
    network: Network,
    inputs: tuple[ArrayLike, ArrayLike] | None = None,
    *,
    t_stop: float,
    record_at: ArrayLike = (),
    record: Sequence[int] | None = None,
    max_events: int = 20_000_000,
) -> Spikes:
    """Run the network from 0 to `t_stop` ms, spike by spike, without a time step.

    `inputs`: (numbers of sources from 0 on, their spike times in ms). `record_at`: times at which v is wanted, after
    all that happens then, of the neurons `record` (all). `max_events`: the limit to spikes and arrivals together; a
    spike takes some 70 bytes, so that a network that excites itself without bound ends below 1.5 GB.

    What happens in one instant: thresholds are reached and everything that is due arrives; then every neuron with
    v >= v_threshold emits as many spikes as v is good for, 1 + floor((v - v_threshold) / reset); what they send through
    synapses without delay arrives in the next round of the same instant, and so on until nothing is due.

    Raises: `InputError`, `ShapeError`, `DTypeError` or `ParameterError` for what does not fit; `Unfinished` beyond
    `max_events`, with the `Spikes` until then in `so_far`.

    Numerics: float64. Between events the solution is closed, also for tau_syn near tau_mem; spike times are closed
    forms, or roots in a bracket that is known, to the last digits. Two things are in one instant if their times are
    equal as numbers; sums follow the order of the synapses by delay, so that the same network gives the same bits.

    Reference: Morrison, Straube, Plesser & Diesmann, Neural Comput. 19, 47-79 (2007), doi 10.1162/neco.2007.19.1.47
    (exact subthreshold integration with spikes off the grid; here without one).

    Example, the first spike of a leaky neuron under a constant current of twice its threshold, at tau_mem * log(2):

        >>> run(Network(1, tau_mem=10.0, current=2.0), t_stop=10.0).time
        array([6.93147181])
    """
    from rheobase.event_driven.event_loop import simulate

    stop = _finite("t_stop", t_stop)
    if stop < 0.0:
        raise ParameterError("event_driven.run", f"t_stop={t_stop}", "a time from 0 ms on", "name the end of the run")
    source, source_time = _inputs(network, inputs)
    check_count("event_driven.run", "max_events", max_events, 1, "the default is enough for most runs")
    wanted = np.arange(network.n_neurons) if record is None else places("event_driven.run", "record", record)
    if bool(((wanted < 0) | (wanted >= network.n_neurons)).any()):
        raise ParameterError(
            "event_driven.run", f"record={record}", f"neurons from 0 to {network.n_neurons - 1}", "None records all"
        )
    at = reals("event_driven.run", "record_at", record_at).ravel()
    if not bool(((at >= 0.0) & (at <= stop)).all()):
        raise ParameterError("event_driven.run", f"record_at={record_at}", f"times from 0 to {stop} ms", "run longer")
    order = np.argsort(at, kind="stable")
    sent, who, many, v, margin, arrivals, reached, finished = simulate(
        _cells(network),
        _states(network),
        *network.fan_out,
        source,
        source_time,
        stop,
        wanted,
        at[order],
        min(int(max_events), MOST_EVENTS),
    )
    neurons = who < network.n_neurons
    count = many[neurons]
    neuron, time = np.repeat(who[neurons], count), np.repeat(sent[neurons], count)
    sorting = np.lexsort((neuron, time))
    v = v[np.argsort(order, kind="stable")]
    spikes = Spikes(network.n_neurons, neuron[sorting], time[sorting], v, margin, int(arrivals), float(reached))
    if not finished:
        error = Unfinished(
            f"{network!r}",
            f"{len(spikes)} spikes and {spikes.arrivals} arrivals by {spikes.t_stop:.6g} of {stop:.6g} ms",
            f"no more than max_events={max_events}",
            "weaken what excites itself, or raise max_events; `so_far` of this error has the spikes until then",
        )
        error.so_far = spikes
        raise error
    return spikes


def _finite(name: str, value: float) -> float:
    if isinstance(value, bool) or not isinstance(value, Real):
        raise ParameterError("event_driven.run", f"{name}={value!r}", "a number of ms", "100.0, say")
    if not math.isfinite(value):
        raise InputError("event_driven.run", f"{name}={value}", "a finite number", "look at where it was computed")
    return float(value)


def _inputs(network: Network, inputs: Any) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Sources as the compiled code counts them, by time."""
    if inputs is None:
        return np.empty(0, np.int64), np.empty(0)
    source = places("event_driven.run", "sources of inputs", inputs[0])
    time = reals("event_driven.run", "times of inputs", inputs[1]).ravel()
    if len(source) != len(time):
        given = f"{len(source)} sources and {len(time)} times"
        raise ShapeError("event_driven.run", given, "as many of each", "inputs are (sources, times)")
    if not bool(np.isfinite(time).all()) or bool((time < 0.0).any()):
        raise InputError("event_driven.run", "input times", "finite numbers from 0 ms on", "shift or drop them")
    if bool(((source < 0) | (source >= network.sources)).any()):
        given, expected = f"sources {source.min()} to {source.max()}", f"0 to {network.sources - 1}"
        raise ParameterError("event_driven.run", given, expected, "inputs count the sources from 0 on")
    order = np.lexsort((source, time))
    return source[order] + network.n_neurons, time[order]


def _cells(network: Network) -> NDArray[np.float64]:
    """The parameters, as the compiled code reads them."""
    from rheobase.event_driven import event_loop as k

    tau_m, tau_s = network.tau_mem, network.tau_syn
    leaky = np.isfinite(tau_m)
    cell = np.zeros((network.n_neurons, k.COLUMNS))
    cell[:, k.RATE_M], cell[:, k.RATE_S], cell[:, k.SLOW] = 1.0 / tau_m, 1.0 / tau_s, 1.0 / np.maximum(tau_m, tau_s)
    cell[:, k.GAP] = np.abs(1.0 / tau_s - 1.0 / tau_m)
    cell[:, k.GAIN], cell[:, k.LEAK] = np.where(leaky, 1.0 / tau_m, 1.0), leaky
    cell[:, k.SKEW] = 1.0 - tau_s / tau_m
    cell[:, k.THETA], cell[:, k.RESET], cell[:, k.TAU_S] = network.v_threshold, network.reset, tau_s
    # a synaptic current adds its area to v at most, and with leak no more than itself
    cell[:, k.PEAK] = np.where(leaky, np.minimum(1.0, tau_s / tau_m), tau_s)
    return cell


def _states(network: Network) -> NDArray[np.float64]:
    from rheobase.event_driven import event_loop as k

    state = np.zeros((network.n_neurons, k.RISING + 1))
    state[:, k.V], state[:, k.C], state[:, k.LEFT] = network.v_start, network.current, network.max_spikes
    return state
