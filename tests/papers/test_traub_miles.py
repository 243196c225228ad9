"""Facts of the one-compartment Traub-Miles cell of Brette et al. (2007)."""

from __future__ import annotations

import pytest
import torch

from rheobase import integrators, neurons
from tests.papers.firing import const, fires, rate

DT = 0.02
POTENTIALS = ("e_Na", "e_K", "e_leak", "v_T", "v_threshold")


def cell(**given: float) -> neurons.TraubMiles:
    return neurons.TraubMiles(1, dt=DT, integrator=integrators.RK4(), **given).double()


def test_rates() -> None:
    """As the benchmark states them, in mV above v_T."""
    u = torch.tensor([-20.0, 0.0, 12.9, 15.1, 39.9, 80.0], dtype=torch.float64).view(-1, 1)
    exp = torch.exp
    rates = {
        "m": (0.32 * (13 - u) / (exp((13 - u) / 4) - 1), 0.28 * (u - 40) / (exp((u - 40) / 5) - 1)),
        "h": (0.128 * exp((17 - u) / 18), 4 / (1 + exp((40 - u) / 5))),
        "n": (0.032 * (15 - u) / (exp((15 - u) / 5) - 1), 0.5 * exp((10 - u) / 40)),
    }
    zero = torch.zeros_like(u)
    neuron = cell()
    slopes = neuron.dynamics(neuron.State(v=u - 63.0, m=zero, h=zero, n=zero, above=zero), zero)
    for gate, (alpha, beta) in rates.items():
        assert torch.allclose(slopes[gate].to, alpha / (alpha + beta), rtol=1e-6), gate
        assert torch.allclose(slopes[gate].rate, alpha + beta, rtol=1e-6), gate


def test_leak_alone_has_20_ms() -> None:
    neuron = cell()
    assert float(neuron.c_mem / neuron.g_leak) == pytest.approx(20.0)


def test_fires_by_itself_and_is_silent_with_a_leak_at_minus_65_mV() -> None:
    (times,), _ = fires(cell(), const(0.0, 500.0, DT))
    assert len(times) > 4
    (times,), v = fires(cell(e_leak=-65.0), const(0.0, 500.0, DT))
    assert len(times) == 0
    assert -65.0 < float(v[-1]) < -64.5


def test_starts_at_the_leak_with_its_gates_settled() -> None:
    neuron = cell()
    rest = neuron.rest(1, dtype=torch.float64)
    slopes = neuron.dynamics(rest, torch.zeros_like(rest.v))
    assert float(rest.v) == -60.0
    for gate in ("m", "h", "n"):
        assert torch.equal(slopes[gate].to, getattr(rest, gate)), gate
        assert float(getattr(rest, gate)) == pytest.approx(neuron.states[gate].initial, abs=5e-4)


def test_all_potentials_shift_together() -> None:
    shifted = cell(**{name: getattr(neurons.TraubMiles, name).default + 10.0 for name in POTENTIALS})
    (a,), v = fires(cell(), const(1.0, 200.0, DT))
    (b,), w = fires(shifted, const(1.0, 200.0, DT))
    assert len(a) > 5
    assert torch.equal(a, b)
    assert float((w - v - 10.0).abs().max()) < 1e-6


def test_spikes() -> None:
    """They overshoot to just under e_Na, undershoot towards e_K, and grow more frequent with the current."""
    times, v = fires(cell(), torch.stack([const(i, 400.0, DT) for i in (0.5, 2.0, 6.0)], 1))
    assert bool(((v.max(0).values > 40.0) & (v.max(0).values < 50.0)).all())
    assert bool(((v.min(0).values > -90.0) & (v.min(0).values < -80.0)).all())
    rates = [rate(t) for t in times]
    assert 15.0 < rates[0] < rates[1] < rates[2]
