"""Integrators converge with the order they claim, and neurons reach the closed forms of their equations."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from torch import Tensor

from rheobase import OdeNeuron, integrators, neurons, param, relax, state
from rheobase.core.integrators import RK4, Euler, ExpEuler, ExpMidpoint, Heun, Integrator
from tests.contract.models import Resonator

ALL = [getattr(integrators, name)() for name in integrators.__all__ if name != "Integrator"]
every_integrator = pytest.mark.parametrize("integrator", ALL, ids=repr)


class Curved(OdeNeuron):
    """A nonlinear pair with a relaxation whose target and time constant move."""

    rate = param(0.3, "1/ms", "rate of the growth")
    x = state(0.2, "1", "a variable that grows and saturates")
    y = state(0.5, "1", "a variable that follows it")

    def dynamics(self, s: Any, i: Any) -> dict[str, Any]:
        return dict(
            x=self.rate * s.x * (1.0 - s.x) - 0.1 * self.rate * s.y * s.x + 0.1 * self.rate * i,
            y=relax(torch.sin(2.0 * s.x) + i, (3.0 + s.x * s.x) / (10.0 * self.rate)),
        )

    def output(self, s: Any) -> Any:
        return s.x + s.y


def slope(errors: list[float], steps: list[float]) -> float:
    """Of log error over log dt, by least squares."""
    x, y = (torch.tensor(v, dtype=torch.float64).log() for v in (steps, errors))
    return float(((x - x.mean()) * (y - y.mean())).sum() / ((x - x.mean()) ** 2).sum())


def at_end(cls: type[Any], integrator: Integrator, dt: float, current: float, t_stop: float, **values: Any) -> Tensor:
    """The state after t_stop ms of constant current."""
    neuron = cls(1, dt=dt, integrator=integrator, **values).double()
    steps = round(t_stop / dt)
    with torch.no_grad():
        _, end = neuron(torch.full((steps, 1, 1), current, dtype=torch.float64))
    return torch.stack(tuple(end)).flatten()


# where the error of the method stands clear of rounding and of terms of higher order
STEPS = {1: [2.0**-k for k in range(4, 9)], 2: [2.0**-k for k in range(3, 8)], 4: [2.0**-k for k in range(1, 5)]}


def test_every_integrator_is_here() -> None:
    assert {type(i) for i in ALL} == {Euler, ExpEuler, ExpMidpoint, Heun, RK4}


@every_integrator
def test_order_on_a_nonlinear_system(integrator: Integrator) -> None:
    steps = STEPS[integrator.order]
    exact = at_end(Curved, RK4(), 2.0**-9, 0.7, 8.0)
    errors = [float((at_end(Curved, integrator, dt, 0.7, 8.0) - exact).norm()) for dt in steps]
    assert abs(slope(errors, steps) - integrator.order) < 0.15


@pytest.mark.parametrize("integrator", [Euler(), Heun(), RK4()], ids=repr)
def test_order_below_threshold(integrator: Integrator) -> None:
    steps = STEPS[integrator.order]
    exact = 0.9 * (1.0 - math.exp(-16.0 / 20.0))
    errors = [abs(float(at_end(neurons.LIF, integrator, dt, 0.9, 16.0)) - exact) for dt in steps]
    assert abs(slope(errors, steps) - integrator.order) < 0.15


@pytest.mark.parametrize("integrator", [ExpEuler(), ExpMidpoint()], ids=repr)
@pytest.mark.parametrize("dt", [0.01, 1.0, 7.3, 400.0])
def test_exponential_integrators_are_exact_for_a_linear_neuron(dt: float, integrator: Integrator) -> None:
    """At any step, and without cancellation at small ones."""
    steps = 12
    v = at_end(neurons.LI, integrator, dt, 0.9, steps * dt)
    assert float(v) == pytest.approx(-0.9 * math.expm1(-steps * dt / 20.0), rel=1e-13)


@every_integrator
def test_integrate_and_fire_is_exact(integrator: Integrator) -> None:
    assert float(at_end(neurons.IF, integrator, 0.5, 0.0625, 4.0)) == 0.25


@every_integrator
def test_integrators_are_values(integrator: Integrator) -> None:
    assert integrator == type(integrator)()
    assert eval(repr(integrator), vars(integrators)) == integrator
    with pytest.raises(AttributeError):
        integrator.order = 3  # type: ignore[misc]


# --- closed forms ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("current", [1.05, 1.5, 4.0])
def test_interspike_interval_of_lif(current: float) -> None:
    """From v = v - 1 after a spike to 1: tau log((i - v_reset)/(i - 1))."""
    dt = 0.001
    neuron = neurons.LIF(1, dt=dt).double()
    spikes, _ = neuron(torch.full((140_000, 1, 1), current, dtype=torch.float64))
    times = spikes.flatten().nonzero().flatten().double() * dt
    intervals = times.diff()
    # the subtractive reset keeps the overshoot, so the mean interval has no bias of dt/2
    expected = 20.0 * math.log(current / (current - 1.0))
    assert len(intervals) >= 1
    assert float(intervals.mean()) == pytest.approx(expected, abs=2 * dt / len(intervals) + 1e-3 * expected)
    assert float((intervals - expected).abs().max()) <= 1.5 * dt


def test_rheobase_of_lif() -> None:
    """The smallest current that makes it fire is the threshold (minus the leak), to rounding."""
    neuron = neurons.LIF(2, dt=1.0, v_leak=0.25).double()
    current = torch.tensor([0.75 - 1e-9, 0.75 + 1e-6], dtype=torch.float64).expand(2000, 1, 2)
    spikes, _ = neuron(current)
    assert (spikes.sum(0) > 0).tolist() == [[False, True]]


def test_step_response_of_li() -> None:
    dt, n = 0.25, 400
    out, _ = neurons.LI(1, dt=dt, tau_mem=13.0, v_leak=-0.5).double()(torch.full((n, 1, 1), 2.0, dtype=torch.float64))
    t = dt * torch.arange(1, n + 1, dtype=torch.float64)
    expected = -0.5 + 2.0 * (1.0 - torch.exp(-t / 13.0))
    assert torch.allclose(out.flatten(), expected, rtol=1e-12, atol=1e-14)


def test_double_exponential_of_cuba_lif() -> None:
    """The potential after a kick of the synaptic current, as dt goes to 0; the error is of first order."""
    tau_syn, tau_mem, t_stop = 5.0, 20.0, 30.0
    expected = tau_syn / (tau_syn - tau_mem) * (math.exp(-t_stop / tau_syn) - math.exp(-t_stop / tau_mem)) * 0.9
    steps = [0.1, 0.05, 0.025]
    errors = []
    for dt in steps:
        neuron = neurons.CubaLIF(1, dt=dt).double()
        start = neuron.rest(1)._replace(i_syn=torch.full((1, 1), 0.9, dtype=torch.float64))
        spikes, end = neuron(torch.zeros(round(t_stop / dt), 1, 1, dtype=torch.float64), start)
        assert float(spikes.sum()) == 0
        errors.append(abs(float(end.v.detach()) - expected))
    assert errors[-1] < 3e-3 * expected
    assert abs(slope(errors, steps) - 1.0) < 0.15


@pytest.mark.parametrize("cls", [neurons.ResonateAndFire, Resonator])
def test_damped_oscillation_of_resonate_and_fire(cls: type[Any]) -> None:
    """z = x + iv turns with exp((b + i omega) t)."""
    dt, n = 0.1, 300
    neuron = cls(1, dt=dt, integrator=RK4()).double()
    start = neuron.State(*(torch.tensor([[a]], dtype=torch.float64) for a in (0.5, 0.0)))
    _, _, rec = neuron(torch.zeros(n, 1, 1, dtype=torch.float64), start, record=("x", "v"))
    t = dt * torch.arange(1, n + 1, dtype=torch.float64)
    decay = 0.5 * torch.exp(-0.05 * t)
    assert torch.allclose(rec.x.flatten(), decay * torch.cos(0.25 * t), atol=1e-8)
    assert torch.allclose(rec.v.flatten(), decay * torch.sin(0.25 * t), atol=1e-8)


@pytest.mark.parametrize("integrator", [ExpEuler(), ExpMidpoint()], ids=repr)
def test_exponential_integrators_are_stable_at_any_step(integrator: Integrator) -> None:
    """Gates stay in [0, 1] and the potential between the reversal potentials, where RK4 blows up."""
    out, _, rec = neurons.HodgkinHuxley(1, dt=1.0, integrator=integrator)(
        torch.full((2000, 1, 1), 10.0), record=("v", "m", "h", "n")
    )
    assert out.sum() > 0
    for gate in (rec.m, rec.h, rec.n):
        assert 0 <= float(gate.min()) <= float(gate.max()) <= 1
    assert -78 < float(rec.v.min()) <= float(rec.v.max()) < 80
