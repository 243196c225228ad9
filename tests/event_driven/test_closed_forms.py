"""Spike times for which there is a formula: to 1e-13 of their value, where the issue asks for 1e-9."""

from __future__ import annotations

from typing import Any

import mpmath as mp
import numpy as np
import pytest
from scipy.special import lambertw

from rheobase.event_driven import Network, run

INF = float("inf")


def first(kind: str, weight: float, t_stop: float = 100.0, **parameters: Any) -> float:
    """The first spike of a neuron that gets one input spike at 0."""
    net = Network(1, sources=1, max_spikes=1, **parameters).connect([1], [0], [[weight]], kind=kind)
    return float(run(net, ([0], [0.0]), t_stop=t_stop).first[0])


def test_constant_current_through_a_leak() -> None:
    spikes = run(Network(1, tau_mem=12.0, current=1.7, v_start=0.3), t_stop=200.0)
    start, interval = 12.0 * np.log(1.4 / 0.7), 12.0 * np.log(1.7 / 0.7)
    assert len(spikes) == 1 + int((200.0 - start) / interval)
    np.testing.assert_allclose(spikes.time, start + interval * np.arange(len(spikes)), rtol=1e-13)


def test_constant_current_without_leak() -> None:
    spikes = run(Network(1, tau_mem=INF, current=0.3, v_threshold=0.7), t_stop=50.0)
    np.testing.assert_allclose(spikes.time, 0.7 / 0.3 * np.arange(1, 22), rtol=1e-14)


def test_reset_by_another_amount_than_the_threshold() -> None:
    spikes = run(Network(1, tau_mem=INF, current=0.25, reset=0.5), t_stop=10.0)
    np.testing.assert_allclose(spikes.time, [4.0, 6.0, 8.0, 10.0], rtol=1e-15)


@pytest.mark.parametrize("weight", [0.21, 1.0, 30.0])
def test_exponential_synapse_without_leak(weight: float) -> None:
    expected = -5.0 * np.log1p(-1.0 / (weight * 5.0))
    assert first("exponential", weight, tau_mem=INF) == pytest.approx(expected, rel=1e-13)


@pytest.mark.parametrize("weight", [4.01, 5.0, 80.0])
def test_exponential_synapse_twice_as_fast_as_the_leak(weight: float) -> None:
    """There k = exp(-t/tau_mem) - exp(-2t/tau_mem): a quadratic equation."""
    x = (1.0 + np.sqrt(1.0 - 4.0 / weight)) / 2.0
    expected = -10.0 * np.log(x)
    assert first("exponential", weight, tau_mem=10.0, tau_syn=5.0) == pytest.approx(expected, rel=1e-13)


@pytest.mark.parametrize("weight", [2.01, 5.0, 80.0])
def test_exponential_synapse_half_as_fast_as_the_leak(weight: float) -> None:
    y = (1.0 + np.sqrt(1.0 - 2.0 / weight)) / 2.0
    expected = -20.0 * np.log(y)
    assert first("exponential", weight, tau_mem=10.0, tau_syn=20.0) == pytest.approx(expected, rel=1e-13)


@pytest.mark.parametrize("weight", [2.72, 5.0, 80.0])
def test_alpha_function(weight: float) -> None:
    """tau_syn = tau_mem: weight (t/tau) exp(-t/tau) = 1 by Lambert's W."""
    expected = -10.0 * float(lambertw(-1.0 / weight).real)
    assert first("exponential", weight, tau_mem=10.0, tau_syn=10.0) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("apart", [1e-15, 1e-12, 1e-9, 1e-6, 1e-3, -1e-12, -1e-6])
def test_time_constants_that_are_nearly_equal(apart: float) -> None:
    """The formula with 1/(tau_mem - tau_syn), in 60 digits."""
    with mp.workdps(60):
        m, s = mp.mpf(10.0), mp.mpf(10.0 * (1.0 + apart))
        root = mp.findroot(lambda t: 5 * s / (m - s) * (mp.e ** (-t / m) - mp.e ** (-t / s)) - 1, 2.5)
    found = first("exponential", 5.0, tau_mem=10.0, tau_syn=10.0 * (1.0 + apart))
    assert found == pytest.approx(float(root), rel=1e-14)


def test_step_synapse() -> None:
    assert first("step", 3.0, tau_mem=10.0) == pytest.approx(-10.0 * np.log1p(-1.0 / 3.0), rel=1e-14)
    assert first("step", 0.4, tau_mem=INF) == pytest.approx(2.5, rel=1e-15)
    assert first("step", 1.0, tau_mem=10.0) == INF


def test_delta_synapse_fires_on_arrival() -> None:
    net = Network(1, sources=1, tau_mem=10.0).connect([1], [0], [[0.6]], kind="delta", delay=0.25)
    spikes = run(net, ([0, 0, 0], [1.0, 2.0, 20.0]), t_stop=30.0)
    assert spikes.time.tolist() == [2.25]
    assert spikes.margin[0] == pytest.approx(0.6 * np.exp(-0.1) - 0.4)


@pytest.mark.parametrize("tau_syn", [2.0, 30.0])
@pytest.mark.parametrize("tau_mem", [10.0, INF])
def test_current_against_inhibition(tau_mem: float, tau_syn: float) -> None:
    """v falls first; the crossing lies behind its minimum."""
    net = Network(1, sources=1, tau_mem=tau_mem, tau_syn=tau_syn, current=1.5, max_spikes=1)
    found = run(net.connect([1], [0], [[-4.0]]), ([0], [0.0]), t_stop=300.0).time[0]
    with mp.workdps(40):
        t, m, s = mp.mpf(float(found)), mp.mpf(tau_mem), mp.mpf(tau_syn)
        leaky = mp.isfinite(m)
        v = (
            1.5 * (1 - mp.e ** (-t / m)) - 4 * s / (m - s) * (mp.e ** (-t / m) - mp.e ** (-t / s))
            if leaky
            else 1.5 * t - 4 * s * (1 - mp.e ** (-t / s))
        )
    assert float(v) == pytest.approx(1.0, abs=1e-13)
    assert found > 1.0


@pytest.mark.parametrize("share", [1e-6, 1e-10, 1e-13])
def test_a_maximum_that_grazes_the_threshold(share: float) -> None:
    """An alpha function of height 1 +- share: a spike or none, and the margin says by how much."""
    for sign, count in ((1.0, 1), (-1.0, 0)):
        net = Network(1, sources=1, tau_mem=10.0, tau_syn=10.0, max_spikes=1)
        net = net.connect([1], [0], [[np.e * (1.0 + sign * share)]])
        spikes = run(net, ([0], [0.0]), t_stop=50.0)
        assert len(spikes) == count
        assert spikes.margin[0] == pytest.approx(share, abs=1e-15)
        # the crossing lies before the maximum by a square root of what it is short of
        assert np.abs(spikes.time - (10.0 - 10.0 * np.sqrt(2.0 * share))).max(initial=0.0) < 20.0 * share + 1e-6


def test_potential_between_spikes() -> None:
    net = Network(1, tau_mem=10.0, current=2.0)
    at = np.array([12.0, 3.0, 10.0 * np.log(2.0)])
    spikes = run(net, t_stop=13.0, record_at=at)
    expected = [2.0 - 2.0 * np.exp(-(1.2 - np.log(2.0))), 2.0 - 2.0 * np.exp(-0.3), 0.0]
    np.testing.assert_allclose(spikes.v[:, 0], expected, atol=1e-14)
