"""What the A-current does (Connor, Walter & McKown, 1977; Dayan & Abbott, chapter 6)."""

from __future__ import annotations

import pytest
import torch

from rheobase import integrators, neurons
from tests.papers.firing import const, fires, rate

DT = 0.02


def axon(**given: float) -> neurons.ConnorStevens:
    return neurons.ConnorStevens(1, dt=DT, integrator=integrators.RK4(), **given).double()


def without_a_current() -> neurons.ConnorStevens:
    """The same without it; the leak is moved so that it rests at -72.8 mV (the A-current is nearly shut off there)."""
    return axon(g_A=0.0, e_leak=-72.8)


def test_rest() -> None:
    """Near -68 mV, with the gates that Dayan & Abbott start from."""
    rest = axon().rest(1)
    expected = dict(v=-68.0, m=0.0101, h=0.9659, n=0.1559, a=0.5404, b=0.2885)
    for name, value in expected.items():
        assert float(getattr(rest, name)) == pytest.approx(value, rel=2e-3), name


def test_the_a_current_makes_firing_begin_at_low_frequency() -> None:
    """Type I with it, from 8.1 uA/cm2; type II without it, never below 100 Hz."""
    levels = (8.0, 8.2, 8.6, 10.0)
    times, _ = fires(axon(), torch.stack([const(i, 1500.0, DT) for i in levels], 1))
    assert len(times[0]) == 0
    assert 0.0 < rate(times[1], last=2) < 5.0
    assert rate(times[1], last=2) < rate(times[2]) < 15.0 < rate(times[3]) < 40.0
    levels = tuple(8.0 + 0.25 * k for k in range(9))
    times, _ = fires(without_a_current(), torch.stack([const(i, 400.0, DT) for i in levels], 1))
    rates = [rate(t) if int((t > 300.0).sum()) else 0.0 for t in times]
    assert rates[0] == 0.0
    assert rates[-1] > 0.0
    assert min(r for r in rates if r > 0.0) > 75.0


def latency(neuron: neurons.ConnorStevens, before: float) -> float:
    """From the onset of 15 uA/cm2, after 200 ms of another current, to the first spike."""
    (times,), _ = fires(neuron, torch.cat([const(before, 200.0, DT), const(15.0, 60.0, DT)]))
    return float(times[0]) - 200.0


def test_the_a_current_delays_the_first_spike() -> None:
    """And the more so from a more negative potential, which takes its inactivation away."""
    rested, low = latency(axon(), 0.0), latency(axon(), -10.0)
    assert rested > 10.0 > 4.0 > latency(without_a_current(), 0.0)
    assert low > rested + 2.0


def test_gates_of_the_a_current() -> None:
    """As Dayan & Abbott print them, with slopes of three digits."""
    v = torch.tensor([-100.0, -70.0, -40.0, 0.0, 30.0], dtype=torch.float64).view(-1, 1)
    zero = torch.zeros_like(v)
    neuron = axon()
    slopes = neuron.dynamics(neuron.State(v=v, m=zero, h=zero, n=zero, a=zero, b=zero, above=zero), zero)
    exp = torch.exp
    a_inf = (0.0761 * exp(0.0314 * (v + 94.22)) / (1 + exp(0.0346 * (v + 1.17)))) ** (1 / 3)
    b_inf = (1 / (1 + exp(0.0688 * (v + 53.3)))) ** 4
    assert torch.allclose(slopes["a"].to, a_inf, rtol=2e-3)
    assert torch.allclose(slopes["b"].to, b_inf, rtol=1e-2)
    assert torch.allclose(slopes["a"].tau, 0.3632 + 1.158 / (1 + exp(0.0497 * (v + 55.96))), rtol=1e-3)
    assert torch.allclose(slopes["b"].tau, 1.24 + 2.678 / (1 + exp(0.0624 * (v + 50))), rtol=1e-3)
