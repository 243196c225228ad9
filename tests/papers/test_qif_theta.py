"""The quadratic and the theta neuron: closed forms of both, and that they are one."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch

from rheobase import integrators, neurons
from tests.papers.spike_trains import constant, trial

RK4 = integrators.RK4()


def normalised(dt: float, **given: Any) -> neurons.QIF:
    """tau dv/dt = v^2 + i - 1/4."""
    return neurons.QIF(1, dt=dt, v_leak=-0.5, v_T=0.5, integrator=RK4, **given)


@pytest.mark.parametrize("current", [3.8, 5.0, 10.0, 40.0])
def test_rate_of_the_quadratic_neuron(current: float) -> None:
    """T = tau / sqrt(j) (arctan(x_peak / sqrt(j)) - arctan(x_reset / sqrt(j))) from reset to peak."""
    dt = 0.01
    neuron = neurons.QIF(1, dt=dt, integrator=RK4)
    j = current / 15.0 - 0.25
    x_peak, x_reset = (20.0 + 57.5) / 15.0, (-80.0 + 57.5) / 15.0
    period = 10.0 / math.sqrt(j) * (math.atan(x_peak / math.sqrt(j)) - math.atan(x_reset / math.sqrt(j)))
    found = trial(neuron, constant(current, 5.0 * period, dt)).intervals
    # the peak is seen at the end of a step
    assert np.all((found > period - 0.005) & (found < period + 0.02)), (found, period)


@pytest.mark.parametrize("j", [0.01, 0.1, 1.0])
def test_quadratic_neuron_from_minus_to_plus_infinity(j: float) -> None:
    """T = pi tau / sqrt(j), less the way beyond peak and reset, 2 tau / 300 to leading order."""
    dt = 0.002
    neuron = normalised(dt, tau_mem=1.0, v_peak=300.0, v_reset=-300.0)
    period = math.pi / math.sqrt(j)
    found = trial(neuron, constant(j + 0.25, 3.5 * period, dt)).intervals
    assert len(found) >= 2
    assert np.all(np.abs(found - (period - 2.0 / 300.0)) < 0.005)


@pytest.mark.parametrize(("current", "fires"), [(3.7, False), (3.8, True)])
def test_rheobase_of_the_quadratic_neuron(current: float, fires: bool) -> None:
    """(v_T - v_leak)/4; below it, v rests at the lower root."""
    neuron = neurons.QIF(1, dt=0.1)
    found = trial(neuron, constant(current, 2000.0, 0.1))
    assert bool(len(found.times)) == fires
    if not fires:
        assert found.v[-1] == pytest.approx(-57.5 - 15.0 * math.sqrt(0.25 - current / 15.0), abs=1e-4)


@pytest.mark.parametrize("current", [0.02, 0.3, 4.0])
def test_rate_of_the_theta_neuron(current: float) -> None:
    """T = pi tau / sqrt(i): nothing is lost at a spike, so the mean over many is as good as the integrator."""
    dt = 0.01
    neuron = neurons.Theta(1, dt=dt, tau=2.0, integrator=RK4)
    period = 2.0 * math.pi / math.sqrt(current)
    spikes, _ = neuron.double()(constant(current, 41.5 * period, dt))
    times = (spikes.flatten().nonzero().flatten() + 1).double() * dt
    assert len(times) >= 40
    assert float(times[-1] - times[0]) / (len(times) - 1) == pytest.approx(period, abs=dt / (len(times) - 1))


def test_theta_neuron_rests_below_zero() -> None:
    spikes, end = neurons.Theta(1, dt=0.05).double()(constant(-0.3, 100.0, 0.05))
    assert not bool(spikes.any())
    assert float(end.theta) == pytest.approx(-2.0 * math.atan(math.sqrt(0.3)), abs=1e-9)


@pytest.mark.parametrize(("integrator", "order"), [(integrators.Euler(), 1), (integrators.Heun(), 2), (RK4, 4)])
def test_order_of_convergence_through_spikes(integrator: integrators.Integrator, order: int) -> None:
    """The phase, turns counted, is 2 arctan(sqrt(i) tan(sqrt(i) t)) continued."""
    current, stop = 0.7, 20.0
    angle = math.sqrt(current) * stop
    turns = round(angle / math.pi)
    exact = 2.0 * (math.atan(math.sqrt(current) * math.tan(angle)) + math.pi * turns)

    def error(dt: float) -> float:
        neuron = neurons.Theta(1, dt=dt, integrator=integrator).double()
        spikes, end = neuron(constant(current, stop, dt))
        return abs(float(end.theta) + 2.0 * math.pi * float(spikes.sum()) - exact)

    assert turns >= 5
    assert math.log2(error(0.02) / error(0.01)) == pytest.approx(order, abs=0.1)


def test_the_quadratic_and_the_theta_neuron_are_one() -> None:
    """v = tan(theta/2), under a current that makes spikes and pauses."""
    dt = 0.002
    t = torch.arange(20_000, dtype=torch.float64) * dt
    j = (0.5 * torch.sin(0.6 * t) + 0.2 * torch.sin(2.3 * t)).view(-1, 1, 1)
    phase = neurons.Theta(1, dt=dt, integrator=RK4).double()
    potential = normalised(dt, tau_mem=1.0, v_peak=300.0, v_reset=-300.0).double()
    a, _, theta = phase(j, record=("theta",))
    b, _, v = potential(j + 0.25, type(potential.rest(1))(torch.zeros(1, 1, dtype=torch.float64)), record=("v",))
    first, second = (z.flatten().nonzero().flatten().double() * dt for z in (a, b))
    assert len(first) == len(second) >= 4
    # each spike of the quadratic neuron leaves out 1/300 before the peak and as much after the reset
    late = 2.0 / 300.0 * torch.arange(1, len(first) + 1) + 2.0 * dt
    assert bool(((first - second).abs() <= late).all())
    before = int(first[0] / dt) - 200
    assert torch.allclose(torch.tan(0.5 * theta.theta[:before]), v.v[:before], rtol=1e-7, atol=1e-9)
