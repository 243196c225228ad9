"""Random networks: a spike stands where the sum over all spikes, in 40 digits, reaches the threshold, and only there.

Nothing here runs a simulation of its own: given all spikes, potentials are sums of kernels. Hypothesis shrinks a
failure to a small network and prints it as it can be written down.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rheobase.errors import Unfinished
from rheobase.event_driven import Network, Spikes, run
from tests.event_driven.networks import Inputs, arrivals, drawn, networks, potential

T_STOP = 25.0
SETTINGS = settings(max_examples=40, deadline=None, derandomize=True)


def ran(net: Network, inputs: Inputs) -> Spikes | None:
    """The spikes, if they are few enough to be summed by hand."""
    try:
        spikes = run(net, inputs, t_stop=T_STOP, max_events=500, record_at=np.linspace(0.0, T_STOP, 101))
    except Unfinished:
        return None
    return spikes


def consistent(net: Network, inputs: Inputs, spikes: Spikes) -> None:
    """Each spike is a crossing, or an arrival that lifts v over the threshold; v never stays above it."""
    for i in range(net.n_neurons):
        jumps = arrivals(net, i, spikes, inputs)
        for t in np.unique(spikes.of(i)):
            v = potential(net, i, t, spikes, inputs)
            arrived = bool((jumps == t).any()) or t == 0.0
            assert (v <= net.v_threshold[i] + 1e-12) if arrived else v == pytest.approx(net.v_threshold[i], abs=1e-12)
    assert bool((spikes.v < net.v_threshold + 1e-12).all())
    at = np.linspace(0.0, T_STOP, 101)
    for k in (13, 50, 100):
        for i in range(net.n_neurons):
            assert spikes.v[k, i] == pytest.approx(potential(net, i, at[k], spikes, inputs), abs=1e-11)


@SETTINGS
@given(networks())
def test_spikes_are_where_the_sum_of_all_kernels_says(case: tuple[Network, Inputs]) -> None:
    net, inputs = case
    spikes = ran(net, inputs)
    if spikes is not None:
        consistent(net, inputs, spikes)


@pytest.mark.parametrize("leaky", [True, False])
@pytest.mark.parametrize("kind", ["delta", "exponential"])
def test_larger_networks(kind: str, leaky: bool) -> None:
    seen = 0
    for seed in range(5):
        net, inputs = drawn(np.random.default_rng(seed), neurons=4, kind=kind, leaky=leaky, t_stop=T_STOP)
        spikes = ran(net, inputs)
        if spikes is not None:
            consistent(net, inputs, spikes)
            seen += len(spikes)
    assert seen > 10


@SETTINGS
@given(networks(), st.permutations(range(4)))
def test_names_of_neurons_do_not_matter(case: tuple[Network, Inputs], order: list[int]) -> None:
    net, inputs = case
    spikes = ran(net, inputs)
    if spikes is None or spikes.margin.min() < 1e-9:
        return
    new = np.argsort([k for k in order if k < net.n_neurons], kind="stable")  # the new number of each
    old = np.argsort(new)
    named = np.concatenate([new, np.arange(net.n_neurons, net.n_neurons + net.sources)])
    parameters = ("tau_mem", "tau_syn", "v_threshold", "reset", "current", "v_start", "max_spikes")
    other = replace(
        net, pre=named[net.pre], post=new[net.post], **{name: getattr(net, name)[old] for name in parameters}
    )
    found = run(other, inputs, t_stop=T_STOP)
    for i in range(net.n_neurons):
        np.testing.assert_allclose(found.of(new[i]), spikes.of(i), rtol=1e-9)


@SETTINGS
@given(networks(), st.integers(-3, 3))
def test_the_unit_of_time_does_not_matter(case: tuple[Network, Inputs], power: int) -> None:
    """By powers of two, so that not one bit may differ; without leak a current is per time."""
    net, inputs = case
    spikes = ran(net, inputs)
    if spikes is None:
        return
    by = 2.0**power
    bare = ~np.isfinite(net.tau_mem)
    weight = np.where(bare[net.post] & (net.kind != "delta"), net.weight / by, net.weight)
    other = replace(
        net,
        tau_mem=net.tau_mem * by,
        tau_syn=net.tau_syn * by,
        delay=net.delay * by,
        weight=weight,
        current=np.where(bare, net.current / by, net.current),
    )
    found = run(other, (inputs[0], inputs[1] * by), t_stop=T_STOP * by)
    assert found.neuron.tolist() == spikes.neuron.tolist()
    assert (found.time / by).tobytes() == spikes.time.tobytes()


def test_margin_is_what_a_threshold_may_move() -> None:
    """2,000 neurons with one answer each: 1 % less than the margin changes no count, 1 % more changes every one.

    But for those whose margin is that of the start, from which v fell, and which fired later: their count stays one.
    """
    rng = np.random.default_rng(5)
    n = 2000
    leaky = rng.random(n) < 0.7
    scale = np.where(leaky, 1.0, 0.1)
    net = Network(
        n,
        sources=1,
        tau_mem=np.where(leaky, rng.uniform(2.0, 20.0, n), np.inf),
        tau_syn=rng.uniform(2.0, 20.0, n),
        current=scale * rng.normal(0.3, 0.6, n),
        v_start=rng.uniform(-1.0, 0.9, n),
        max_spikes=1,
    )
    net = net.connect(net.inputs, range(n), (scale * rng.normal(1.0, 2.0, n))[:, None])
    inputs = ([0], [0.0])
    spikes = run(net, inputs, t_stop=T_STOP)
    up = np.where(spikes.counts == 1, 1.0, -1.0)
    assert 200 < spikes.counts.sum() < n - 200
    for share in (0.99, 1.01):
        threshold = net.v_threshold + share * up * spikes.margin
        meant = (threshold > 0.0) & ~((up > 0.0) & (spikes.margin == 1.0 - net.v_start))
        moved = run(replace(net, v_threshold=np.where(meant, threshold, 1.0)), inputs, t_stop=T_STOP)
        assert meant.mean() > 0.8
        assert bool(((moved.counts == spikes.counts) == (share < 1.0))[meant].all())
