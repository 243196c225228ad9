"""Facts of Hodgkin & Huxley (1952), and of the bifurcations that later work found in their equations."""

from __future__ import annotations

import pytest
import torch

from rheobase import integrators, neurons
from tests.papers.firing import const, fires, rate

DT = 0.02


def axon() -> neurons.HodgkinHuxley:
    return neurons.HodgkinHuxley(1, dt=DT, integrator=integrators.RK4()).double()


def test_rest() -> None:
    """The ionic current vanishes at the potential from which the paper counts, to the digits that table 3 gives."""
    rest = axon().rest(1)
    assert float(rest.v) == pytest.approx(-65.0, abs=0.005)
    # m, h, n at rest
    assert float(rest.m) == pytest.approx(0.0529, abs=5e-4)
    assert float(rest.h) == pytest.approx(0.596, abs=5e-4)
    assert float(rest.n) == pytest.approx(0.318, abs=5e-4)


def test_rates_of_the_paper() -> None:
    """Its equations 12, 13, 20, 21, 23 and 24, in its own sign and origin: V = -65 - v."""
    V = torch.tensor([-110.0, -60.0, -25.000001, -10.0, 0.0, 12.0], dtype=torch.float64).view(-1, 1)
    rates = {
        "n": (0.01 * (V + 10) / (torch.exp((V + 10) / 10) - 1), 0.125 * torch.exp(V / 80)),
        "m": (0.1 * (V + 25) / (torch.exp((V + 25) / 10) - 1), 4 * torch.exp(V / 18)),
        "h": (0.07 * torch.exp(V / 20), 1 / (torch.exp((V + 30) / 10) + 1)),
    }
    rates["n"][0][3] = 0.1  # where the paper's formula is 0/0
    neuron = axon()
    zero = torch.zeros_like(V)
    slopes = neuron.dynamics(neuron.State(v=-65.0 - V, m=zero, h=zero, n=zero, above=zero), zero)
    for gate, (alpha, beta) in rates.items():
        assert torch.allclose(slopes[gate].to, alpha / (alpha + beta), rtol=1e-6), gate
        assert torch.allclose(slopes[gate].rate, alpha + beta, rtol=1e-6), gate


@pytest.mark.parametrize(("shock", "spikes"), [(6.0, 0), (7.0, 1), (15.0, 1)])
def test_threshold_for_a_shock_lies_between_6_and_7_mV(shock: float, spikes: int) -> None:
    """Their figure 12: after a brief shock that displaces v by so much."""
    neuron = axon()
    rest = neuron.rest(1)
    (times,), v = fires(neuron, const(0.0, 25.0, DT), rest._replace(v=rest.v + shock))
    assert len(times) == spikes
    if spikes:
        # about 100 mV high, then below rest
        assert 98.0 < float(v.max()) + 65.0 < 108.0
        assert -77.0 < float(v.min()) < -74.0


def test_anode_break() -> None:
    """A spike follows the end of a hyperpolarisation that is strong enough (their figure 22)."""
    for level, spikes in ((-1.0, 0), (-5.0, 1)):
        (times,), _ = fires(axon(), torch.cat([const(level, 100.0, DT), const(0.0, 50.0, DT)]))
        assert len(times) == spikes
        assert all(100.0 < float(t) < 120.0 for t in times)


def test_rheobase() -> None:
    """One spike from 2.3 uA/cm2 on, repetitive firing from 6.3 on, and no frequency below 45 Hz: type II."""
    levels = (2.1, 2.4, 5.5, 6.1, 6.4, 10.0)
    times, _ = fires(axon(), torch.stack([const(i, 600.0, DT) for i in levels], 1))
    assert [len(t) > 0 for t in times] == [False, True, True, True, True, True]
    late = [int((t > 300.0).sum()) for t in times]
    assert late[:4] == [0, 0, 0, 0]
    assert late[4] > 12
    assert 45.0 < rate(times[4]) < 60.0
    assert rate(times[4]) < rate(times[5]) < 75.0


def test_rest_and_firing_coexist() -> None:
    """Between 6.3 and 9.8 uA/cm2 (Rinzel & Miller, 1980): a slow ramp leaves it at rest, a step makes it fire."""
    ramp = torch.linspace(0.0, 8.0, round(1500.0 / DT), dtype=torch.float64)
    (times,), _ = fires(axon(), torch.cat([ramp, const(8.0, 300.0, DT)]))
    assert len(times) == 0
    (times,), _ = fires(axon(), const(8.0, 300.0, DT))
    assert len(times) > 15


def test_stable_at_any_step() -> None:
    """ExpEuler keeps v within its bounds and each gate between 0 and 1, at a step a hundred times too long."""
    neuron = neurons.HodgkinHuxley(1, dt=5.0)
    _, _, rec = neuron(100.0 * torch.rand(2000, 4, 1), record=("v", "m", "h", "n"))
    for gate in rec[1:]:
        assert float(gate.min()) >= 0.0
        assert float(gate.max()) <= 1.0
    assert float(rec.v.min()) > -77.0
    assert float(rec.v.max()) < 280.0  # 100 uA/cm2 through the leak alone, from e_leak
