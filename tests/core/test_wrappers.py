"""Refractory, Noisy and Escape: what they do, and that they go around any neuron and each other."""

from __future__ import annotations

import copy
import math

import pytest
import torch

from rheobase import Escape, Noisy, Refractory, neurons
from rheobase.core.neuron import Neuron
from rheobase.errors import ParameterError

BACKENDS = pytest.mark.parametrize("backend", ["reference", "llvm"])


def times(out: torch.Tensor) -> list[int]:
    return out.flatten().nonzero().flatten().tolist()


@BACKENDS
@pytest.mark.parametrize(
    ("tau", "dt", "silent"), [(3.0, 1.0, 3), (2.0, 0.5, 4), (0.3, 0.1, 3), (0.4, 1.0, 0), (0.6, 1.0, 1)]
)
def test_refractory_steps(tau: float, dt: float, silent: int, backend: str) -> None:
    """As many silent steps as tau_refrac holds, rounded; counting down leaves no remainder behind."""
    neuron = Refractory(neurons.IF(1, dt=dt), tau_refrac=tau).double()
    out, _ = neuron(torch.full((24, 1, 1), 1.0 / dt, dtype=torch.float64), backend=backend)
    assert times(out) == list(range(0, 24, silent + 1))


@BACKENDS
def test_the_membrane_stands_still(backend: str) -> None:
    neuron = Refractory(neurons.CubaLIF(1, dt=1.0), tau_refrac=4.0)
    out, _, rec = neuron(torch.full((40, 1, 1), 6.0), record=("v", "i_syn", "refrac"), backend=backend)
    first = times(out)[0]
    held = rec.v[first : first + 5]
    assert torch.equal(held, held[:1].expand_as(held))
    assert float(rec.v[first + 5]) > float(held[0])
    assert bool((rec.i_syn[first + 1 : first + 5] > rec.i_syn[first : first + 4]).all())
    assert rec.refrac[first : first + 5].flatten().tolist() == [4.0, 3.0, 2.0, 1.0, 0.0]


@BACKENDS
def test_hold_names_the_states(backend: str) -> None:
    neuron = Refractory(neurons.CubaLIF(1, dt=1.0), tau_refrac=4.0, hold=("v", "i_syn"))
    out, _, rec = neuron(torch.full((40, 1, 1), 6.0), record=("i_syn",), backend=backend)
    first = times(out)[0]
    held = rec.i_syn[first : first + 5]
    assert torch.equal(held, held[:1].expand_as(held))


def test_refractory_of_a_neuron_that_counts_in_steps() -> None:
    out, _ = Refractory(neurons.AdLIF(1), tau_refrac=5.0)(torch.full((60, 1, 1), 20.0))
    assert min(b - a for a, b in zip(times(out), times(out)[1:], strict=False)) == 6


@BACKENDS
@pytest.mark.parametrize("order", [0, 1])
def test_wrappers_wrap_each_other(order: int, backend: str) -> None:
    def wrap(n: Neuron) -> Neuron:
        inner = (lambda x: Noisy(x, sigma=0.5, seed=9), lambda x: Refractory(x, tau_refrac=2.0))
        return inner[order](inner[1 - order](n))

    neuron = wrap(neurons.LIF(50, dt=1.0)).double()
    current = torch.full((100, 1, 50), 1.5, dtype=torch.float64)
    out, end = neuron(current, backend=backend)
    assert {"refrac", "rng", "v"} == set(end._fields)
    other, _ = neuron(current, backend="reference")
    assert torch.equal(out, other)
    assert bool((out[1:] + out[:-1] <= 1).all())
    assert len(set(out.sum(0).flatten().tolist())) > 1


def test_no_noise_is_no_wrapper() -> None:
    current = torch.rand(30, 2, 8) * 4
    expected, _ = neurons.LIF(8, dt=1.0)(current)
    assert torch.equal(Noisy(neurons.LIF(8, dt=1.0), sigma=0.0)(current)[0], expected)


def test_a_wrapper_shows_what_is_inside() -> None:
    neuron = Noisy(neurons.ResonateAndFire(4, dt=0.5, learn="omega"), sigma=0.1)
    assert (neuron.shape, neuron.dt, neuron.input_unit, neuron.graded) == ((4,), 0.5, "1/ms", False)
    assert list(neuron.params) == ["damping", "omega", "v_threshold", "sigma"]
    assert list(neuron.states) == ["x", "v", "rng"]
    assert neuron.params["sigma"].unit == "1/ms"
    assert [name for name, _ in neuron.named_parameters()] == ["neuron.omega"]
    neuron.neuron.dt = 0.25
    assert neuron.dt == 0.25


def test_their_own_parameter_can_be_assigned() -> None:
    current = torch.rand(30, 2, 8) * 4

    def noisy(neuron: Neuron, **given: float) -> Neuron:
        return Noisy(neuron, seed=3, **given)

    for wrap, name, value in ((noisy, "sigma", 0.25), (Refractory, "tau_refrac", torch.full((8,), 5.0))):
        neuron = wrap(neurons.LIF(8, dt=1.0)).double()
        setattr(neuron, name, value)
        assert getattr(neuron, name).dtype == torch.float64
        expected = wrap(neurons.LIF(8, dt=1.0), **{name: value}).double()
        assert torch.equal(neuron(current.double())[0], expected(current.double())[0])
        with pytest.raises(ParameterError, match=name):
            setattr(neuron, name, float("nan"))


def test_their_own_parameter_is_exact_in_float64() -> None:
    """As those of any neuron: 0.1 stays 0.1, and not what float32 holds of it."""
    neuron = Noisy(neurons.LIF(3, dt=1.0), sigma=0.1)
    assert float(copy.deepcopy(neuron).double().sigma) == 0.1
    neuron.sigma = 0.3
    assert float(neuron.double().sigma) == 0.3


def test_escape_fires_as_often_as_its_hazard_says() -> None:
    """A membrane that stands still: spikes are binomial with p = 1 - exp(-rho dt). Bounds: 4.5 standard deviations."""
    lanes, steps, dt = 2000, 200, 0.5
    for distance, delta_u, rho_0 in ((0.0, 0.1, 0.3), (-0.2, 0.1, 1.0), (0.05, 0.05, 0.2)):
        held = neurons.IF(lanes, dt=dt, v_threshold=1e6)
        cell = Escape(held, delta_u=delta_u, rho_0=rho_0, seed=3).double()
        start = cell.rest(1)
        # so high a threshold that no reset is felt: the distance is what stays
        start = start._replace(v=torch.full_like(start.v, 1e6 + distance))
        spikes = torch.cat(
            [cell(torch.zeros(1, 1, lanes).double(), start._replace(rng=torch.tensor([3, k])))[0] for k in range(steps)]
        )
        p = 1 - math.exp(-rho_0 * math.exp(distance / delta_u) * dt)
        z = (float(spikes.mean()) - p) / math.sqrt(p * (1 - p) / spikes.numel())
        assert abs(z) < 4.5, (distance, z)


def test_escape_becomes_sharp() -> None:
    current = 0.4 * torch.ones(60, 2, 7)
    plain, _ = neurons.LIF(7, dt=1.0, v_leak=0.7)(current)
    sharp, _ = Escape(neurons.LIF(7, dt=1.0, v_leak=0.7), delta_u=1e-6)(current)
    assert plain.sum() > 0
    assert torch.equal(plain, sharp)


def test_escape_refuses_what_it_cannot_wrap() -> None:
    for wrong in (neurons.SRC(3), Refractory(neurons.LIF(3, dt=1.0)), Noisy(neurons.LIF(3, dt=1.0))):
        with pytest.raises(ParameterError, match="Escape"):
            Escape(wrong)
    with pytest.raises(ParameterError, match="one source of noise"):
        Noisy(Escape(neurons.LIF(3, dt=1.0)))
    with pytest.raises(ParameterError, match="delta_u > 0"):
        Escape(neurons.LIF(3, dt=1.0), delta_u=0.0)


def test_a_wrapper_s_parameter_can_be_changed() -> None:
    cell = Escape(neurons.LIF(3, dt=1.0))
    cell.rho_0 = 2.0
    assert cell.values()["rho_0"].item() == 2.0
    with pytest.raises(ParameterError, match="rho_0 > 0"):
        cell.rho_0 = -1.0
