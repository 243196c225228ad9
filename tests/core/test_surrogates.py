"""Every surrogate: its derivative is the derivative of its primitive, and the backward pass uses it."""

from __future__ import annotations

import math
from dataclasses import FrozenInstanceError, fields

import pytest
import torch
from torch import Tensor

from rheobase import neurons, surrogates
from rheobase.core.primitives import spike
from rheobase.core.surrogates import Surrogate
from rheobase.errors import ParameterError

NAMES = [name for name in surrogates.__all__ if name != "Surrogate"]
every_surrogate = pytest.mark.parametrize("surrogate", [getattr(surrogates, n)() for n in NAMES], ids=repr)


def points(surrogate: Surrogate) -> Tensor:
    """On both sides, near and far, clear of the corners that some have at 0 and at their edges."""
    x = torch.linspace(-4.0, 4.0, 4001, dtype=torch.float64) + 1e-4 / math.pi
    return x[(x.abs() - 0.5).abs() > 1e-3]


@every_surrogate
def test_derivative_is_that_of_the_primitive(surrogate: Surrogate) -> None:
    x = points(surrogate).requires_grad_()
    (expected,) = torch.autograd.grad(surrogate.primitive(x).sum(), x)
    assert torch.allclose(surrogate.derivative(x), expected, rtol=1e-12, atol=1e-14)


@every_surrogate
def test_with_other_numbers(surrogate: Surrogate) -> None:
    other = type(surrogate)(*(0.7 + 0.9 * k for k in range(len(fields(surrogate)))))  # type: ignore[arg-type]
    x = points(surrogate)
    x = x[((x.abs() - 0.35).abs() > 1e-3) & ((x.abs() - 0.7).abs() > 1e-3)].requires_grad_()
    (expected,) = torch.autograd.grad(other.primitive(x).sum(), x)
    assert torch.allclose(other.derivative(x), expected, rtol=1e-12, atol=1e-14)
    assert other != surrogate


@every_surrogate
def test_the_primitive_is_continuous_and_grows(surrogate: Surrogate) -> None:
    x = torch.linspace(-4.0, 4.0, 80_001, dtype=torch.float64)
    step = surrogate.primitive(x).diff()
    assert float(step.min()) >= 0.0
    assert float(step.max()) <= 1.001 * 1e-4 * float(surrogate.derivative(x).max())


@every_surrogate
def test_a_spike_has_its_gradient(surrogate: Surrogate) -> None:
    x = torch.linspace(-2.0, 2.0, 101, dtype=torch.float64, requires_grad=True)
    z = spike(x, surrogate)
    assert torch.equal(z, (x >= 0).double())
    (found,) = torch.autograd.grad(z.sum(), x)
    assert torch.equal(found, surrogate.derivative(x))


@every_surrogate
def test_kernels_use_it(surrogate: Surrogate) -> None:
    neuron = neurons.LIF(40, dt=1.0, surrogate=surrogate, learn=("tau_mem",)).double()
    noise = torch.randn(25, 2, 40, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    found = []
    for backend in ("reference", "llvm"):
        x = (8.0 * noise + 2.0).requires_grad_()
        out, _ = neuron(x, backend=backend)
        assert bool((out > 0).any())
        found.append(torch.autograd.grad(out.sum(), [x, *neuron.parameters()]))
    for a, b in zip(*found, strict=True):
        assert torch.allclose(a, b, rtol=1e-10, atol=1e-12 * float(a.abs().max()))


@every_surrogate
def test_it_is_a_value(surrogate: Surrogate) -> None:
    assert isinstance(surrogate, Surrogate)
    assert eval(repr(surrogate), vars(surrogates)) == surrogate
    assert hash(surrogate) == hash(type(surrogate)())
    name = fields(surrogate)[0].name  # type: ignore[arg-type]
    with pytest.raises(FrozenInstanceError):
        setattr(surrogate, name, 2.0)


@pytest.mark.parametrize("value", [0.0, -1.0, float("nan"), float("inf"), "1", None])
@pytest.mark.parametrize("name", NAMES)
def test_bad_numbers(name: str, value: object) -> None:
    with pytest.raises(ParameterError, match=name):
        getattr(surrogates, name)(value)


def test_the_literatures_numbers() -> None:
    zero = torch.zeros((), dtype=torch.float64)
    assert float(surrogates.ATan(2.0).derivative(zero)) == 1.0
    assert float(surrogates.Sigmoid(4.0).derivative(zero)) == 1.0
    assert float(surrogates.Slayer(5.0, 0.4).derivative(zero)) == 1.0
    assert float(surrogates.Boxcar(1.0).derivative(zero)) == 1.0
    assert float(surrogates.Gaussian(0.5).derivative(zero)) == pytest.approx(2 / math.sqrt(2 * math.pi))


def test_the_edges_of_a_boxcar() -> None:
    """The upper one belongs to it, the lower one does not, as in the paper's inequality."""
    x = torch.tensor([-1.0, -0.5, -0.49, 0.5, 0.51])
    assert surrogates.Boxcar(1.0, 3.0).derivative(x).tolist() == [0.0, 0.0, 3.0, 3.0, 0.0]


def test_a_neuron_takes_only_surrogates() -> None:
    with pytest.raises(ParameterError, match="surrogate"):
        neurons.LIF(3, dt=1.0, surrogate=torch.sigmoid)  # type: ignore[arg-type]
    with pytest.raises(ParameterError, match="surrogate"):
        neurons.LIF(3, dt=1.0, surrogate=surrogates.ATan)  # type: ignore[arg-type]
