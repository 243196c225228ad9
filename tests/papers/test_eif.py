"""The exponential integrate-and-fire neuron against its quadrature and its limits."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from rheobase import integrators, neurons
from tests.papers.spike_trains import constant, trial

RHEOBASE = 0.1 * (-59.9 + 65.0 - 3.48)  # g_leak (v_T - v_leak - delta_T), in uA/cm2


def period(current: float, delta_T: float = 3.48) -> float:
    """The time from reset to peak: the integral of dv / (dv/dt), by Simpson's rule."""
    v = np.linspace(-68.0, -30.0, 20_001)
    slope = 0.1 * (-65.0 - v + delta_T * np.exp((v + 59.9) / delta_T)) + current
    weights = np.ones_like(v)
    weights[1:-1:2], weights[2:-1:2] = 4.0, 2.0
    return float((weights / slope).sum() * (v[1] - v[0]) / 3.0)


@pytest.mark.parametrize("current", [0.2, 0.5, 1.0, 3.0])
def test_rate_is_the_quadrature(current: float) -> None:
    dt = 0.002
    neuron = neurons.EIF(1, dt=dt, integrator=integrators.RK4())
    expected = period(current)
    found = trial(neuron, constant(current, 4.5 * expected, dt)).intervals
    assert len(found) >= 2
    assert np.all(np.abs(found - expected) < 0.008)


def test_rheobase() -> None:
    """At v = v_T the current-voltage curve has its minimum: nothing is stable above g_leak (v_T - v_leak - delta_T)."""
    counts = [
        len(trial(neurons.EIF(1, dt=0.1), constant(share * RHEOBASE, 3000.0, 0.1)).times) for share in (0.99, 1.01)
    ]
    assert counts[0] == 0
    assert counts[1] > 0


@pytest.mark.parametrize("delta_T", [0.02, 0.002])
def test_a_sharp_spike_is_leaky_integrate_and_fire(delta_T: float) -> None:
    """For delta_T -> 0: T = tau ln((v_inf - v_reset)/(v_inf - v_T)), up to a few delta_T beyond v_T."""
    current, v_inf, dt = 1.0, -55.0, 0.002
    neuron = neurons.EIF(1, dt=dt, delta_T=delta_T)
    low, high = (10.0 * math.log((v_inf + 68.0) / (v_inf - v)) for v in (-59.9, -59.9 + 10.0 * delta_T))
    found = trial(neuron, constant(current, 5.0 * low, dt)).intervals
    assert np.all((found > low) & (found < high + dt))


def test_nothing_overflows() -> None:
    """In float32, where v starts so high that the exponential would be infinite."""
    # the gradient through many resets of so sharp a spike grows without bound, which is another matter
    neuron = neurons.EIF(1, dt=0.1, delta_T=0.1, learn=tuple(neurons.EIF.params), detach_reset=True)
    current = torch.full((400, 1, 1), 2.0, requires_grad=True)
    spikes, end = neuron(current, neuron.State(torch.full((1, 1), -40.0)))
    (spikes.sum() + end.v.sum()).backward()
    assert float(spikes.detach()[0]) == 1.0
    assert float(spikes.detach().sum()) > 3
    for x in (current, *neuron.parameters()):
        assert x.grad is not None
        assert bool(torch.isfinite(x.grad).all())
