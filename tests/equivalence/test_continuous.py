"""Conversions in continuous time: equal counts, and spike times to 1e-9 of the horizon, on random networks."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings

from rheobase import equivalence
from rheobase.equivalence.continuous import Groups, differences, to_multi_spike, to_single_spike
from rheobase.errors import NotRepresentable, ParameterError, Unfinished
from rheobase.event_driven import Network, Spikes, run
from tests.event_driven.networks import MEMBRANES, Inputs, drawn, networks

INF = float("inf")
T_STOP = 30.0
CLOSE = 1e-9 * T_STOP
EACH = 250  # networks of each of four kinds
MOST = 25  # spikes of a neuron
SETTINGS = settings(max_examples=60, deadline=None, derandomize=True)


def few(net: Network, inputs: Inputs) -> Spikes | None:
    """The spikes, unless they are so many that the copies would be thousands."""
    try:
        spikes = run(net, inputs, t_stop=T_STOP, max_events=5000)
    except Unfinished:
        return None
    return spikes if spikes.counts.max() <= MOST else None


def check(before: Spikes, wide: Groups, inputs: Inputs) -> None:
    missing, apart = differences(before, wide.trains(run(wide, inputs, t_stop=T_STOP)))
    assert missing == 0
    assert apart < CLOSE


@pytest.mark.parametrize("kind", ["delta", "exponential"])
@pytest.mark.parametrize("membrane", MEMBRANES)
def test_a_thousand_networks(membrane: str, kind: str) -> None:
    rng, done, spikes = np.random.default_rng(7), 0, 0
    while done < EACH:
        net, inputs = drawn(rng, neurons=4, kind=kind, leaky=MEMBRANES[membrane], t_stop=T_STOP)
        before = few(net, inputs)
        if before is None:
            continue
        wide, _ = to_single_spike(net, np.maximum(before.counts, 1))
        after = run(wide, inputs, t_stop=T_STOP)
        # each copy once, and in order
        assert after.counts.max(initial=0) <= 1
        for i in range(net.n_neurons):
            assert bool((np.diff(after.first[wide.origin == i]) >= 0.0).all())
        missing, apart = differences(before, wide.trains(after))
        assert missing == 0, (net, inputs)
        assert apart < CLOSE, (net, inputs)
        done, spikes = done + 1, spikes + len(before)
    assert spikes > 5 * EACH


@SETTINGS
@given(networks())
def test_small_networks_of_all_kinds(case: tuple[Network, Inputs]) -> None:
    net, inputs = case
    before = few(net, inputs)
    assume(before is not None)
    if before is not None and before.margin.min() > 1e-9:
        check(before, to_single_spike(net, MOST)[0], inputs)


def test_sums_that_are_exact_give_the_same_bits() -> None:
    """Delta synapses without leak, weights in eighths, delays in halves, many things at once: cascades and all."""
    rng = np.random.default_rng(2)
    for _ in range(50):
        net = Network(5, sources=3, tau_mem=INF, v_threshold=rng.integers(2, 12, 5) / 8.0)
        net = net.connect(net.inputs, range(5), rng.integers(-4, 16, (5, 3)) / 8.0, kind="delta")
        weight, delay = rng.integers(-12, 9, (5, 5)) / 8.0, rng.integers(1, 5, (5, 5)) / 2.0
        # without delay along the order of the neurons
        delay[np.tril_indices(5, -1)] *= rng.random(10) < 0.5
        net = net.connect(range(5), range(5), weight, delay=delay, kind="delta")
        inputs = (rng.integers(0, 3, 20), rng.integers(0, 40, 20) / 2.0)
        before = few(net, inputs)
        if before is None:
            continue
        wide, _ = to_single_spike(net, MOST)
        after = wide.trains(run(wide, inputs, t_stop=T_STOP))
        assert after.neuron.tolist() == before.neuron.tolist()
        assert after.time.tobytes() == before.time.tobytes()


@pytest.mark.parametrize("tau_mem", [10.0, INF])
def test_one_copy_too_few_misses_exactly_the_last_spike(tau_mem: float) -> None:
    net = Network(1, tau_mem=tau_mem, current=2.5)
    before = run(net, t_stop=T_STOP)
    n = len(before)
    assert n > 2
    one, _ = to_single_spike(net, n - 1)
    after = run(one, t_stop=T_STOP)
    np.testing.assert_allclose(after.time, before.time[:-1], rtol=1e-13)
    assert differences(before, one.trains(after))[0] == 1


def test_without_lateral_synapses_a_leaky_neuron_is_another_one() -> None:
    """The staircase alone is exact only where a reset persists."""
    net = Network(1, tau_mem=10.0, current=1.5)
    one, _ = to_single_spike(net, 4)
    assert one.n_synapses == 6
    bare = replace(one, pre=(), post=(), weight=(), delay=(), kind=())
    assert len(run(bare, t_stop=T_STOP)) == 1 < len(run(one, t_stop=T_STOP))


def test_certificate() -> None:
    net, inputs = drawn(np.random.default_rng(0), neurons=4, kind="exponential", leaky=True, t_stop=T_STOP)
    before = run(net, inputs, t_stop=T_STOP)
    wide, certificate = equivalence.to_single_spike(net, 32, inputs=inputs, t_stop=T_STOP)
    assert before.counts.max() <= 32
    assert (certificate.neurons_before, certificate.neurons_after, certificate.neurons_bound) == (4, 128, 128)
    # 12 synapses of sources onto each copy, 16 from each copy to each, and lateral ones for each neuron
    assert certificate.synapses_after == wide.n_synapses == 12 * 32 + 16 * 32**2 + 4 * 32 * 31 // 2
    assert certificate.margin == before.margin.min()
    assert (certificate.compared, certificate.mismatches) == (len(before), 0)
    assert to_single_spike(net, 3)[1].mismatches is None
    counted = to_single_spike(net, inputs=inputs, t_stop=T_STOP)[0]
    assert np.bincount(counted.origin).tolist() == np.maximum(before.counts, 1).tolist()


@pytest.mark.parametrize("how", ["moebius", "autapse"])
@pytest.mark.parametrize("kind", ["delta", "exponential"])
@pytest.mark.parametrize("membrane", MEMBRANES)
def test_single_to_multi(membrane: str, kind: str, how: str) -> None:
    rng, spikes, members = np.random.default_rng(11), 0, 0
    for _ in range(60):
        net, inputs = drawn(rng, neurons=5, kind=kind, leaky=MEMBRANES[membrane], t_stop=T_STOP, once=True)
        before = run(net, inputs, t_stop=T_STOP)
        many, certificate = to_multi_spike(net, how=how, inputs=inputs, t_stop=T_STOP)
        assert bool(np.isinf(many.max_spikes).all())
        check(before, many, inputs)
        assert certificate.mismatches == 0
        assert certificate.neurons_after <= certificate.neurons_bound
        spikes, members = spikes + len(before), members + certificate.neurons_after
    assert spikes > 100
    assert (members == 300) == (how == "autapse")


def test_cancellation_needs_the_reset_to_persist() -> None:
    """The Moebius weights without the compensation of the leak leave spikes standing."""
    net = Network(1, tau_mem=10.0, current=4.5, max_spikes=1)
    many, _ = to_multi_spike(net, how="moebius", t_stop=T_STOP)
    assert len(many.trains(run(many, t_stop=T_STOP))) == 1
    bare = replace(many, pre=(), post=(), weight=(), delay=(), kind=())
    with pytest.raises(ParameterError, match="provide for more spikes"):
        bare.trains(run(bare, t_stop=T_STOP))


def test_there_and_back() -> None:
    net, inputs = drawn(np.random.default_rng(3), neurons=4, kind="exponential", leaky=False, t_stop=T_STOP)
    before = run(net, inputs, t_stop=T_STOP)
    one, _ = to_single_spike(net, inputs=inputs, t_stop=T_STOP)
    many, _ = to_multi_spike(one, inputs=inputs, t_stop=T_STOP)
    missing, apart = differences(before, one.trains(many.trains(run(many, inputs, t_stop=T_STOP))))
    assert missing == 0
    assert apart < CLOSE
    assert len(before) > 20


@pytest.mark.parametrize("largest", [INF, float("nan"), 1e30, [1.0, 2.0, 3.0]])
def test_how_far_u_goes_is_a_number_of_thresholds(largest: Any) -> None:
    """An infinity, cut to an integer, was one threshold."""
    with pytest.raises(ParameterError, match="largest = "):
        to_multi_spike(Network(2, tau_mem=INF, current=0.5, max_spikes=1), largest=largest, t_stop=5.0)


@pytest.mark.parametrize(
    ("call", "error", "text"),
    [
        (lambda n: to_single_spike(n), ParameterError, "neither max_spikes nor t_stop"),
        (lambda n: to_single_spike(n, 0), ParameterError, "from 1 on"),
        (lambda n: to_single_spike(n, [1, 2, 3]), ParameterError, "or 2 of them"),
        (lambda n: to_multi_spike(n, t_stop=1.0), NotRepresentable, "every neuron spikes once"),
        (lambda n: to_multi_spike(replace(n, max_spikes=1)), ParameterError, "t_stop"),
        (lambda n: to_multi_spike(replace(n, max_spikes=1), how="mobius", t_stop=1.0), ParameterError, "'moebius'"),
        (lambda n: to_multi_spike(replace(n, max_spikes=1), t_stop=9e3), NotRepresentable, "outlasts the horizon"),
        (
            lambda n: to_multi_spike(
                replace(n, max_spikes=1, current=2.0).connect([0], [1], [[1.0]], kind="delta"),
                how="moebius",
                t_stop=1.0,
            ),
            NotRepresentable,
            "behind neuron 0, which a current drives",
        ),
    ],
)
def test_refusals(call: Any, error: type[Exception], text: str) -> None:
    with pytest.raises(error, match=text):
        call(Network(2, tau_mem=10.0))
