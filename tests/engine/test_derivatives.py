"""First derivatives in reverse mode; any other is refused, never silently zero."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator

import pytest
import torch
import torch.autograd.forward_ad as forward_ad
from torch import Tensor

from rheobase import neurons, nn
from rheobase.errors import NotDifferentiable

CURRENT = 4.0 * torch.rand(5, 2, 3, generator=torch.Generator().manual_seed(0))


def layers() -> list[torch.nn.Module]:
    torch.manual_seed(0)
    return [neurons.LIF(3, dt=1.0, learn="tau_mem"), neurons.LI(3, dt=1.0), nn.Recurrent(neurons.AdLIF(3))]


@pytest.fixture(params=range(3), ids=["LIF", "LI", "Recurrent"])
def run(request: pytest.FixtureRequest) -> Callable[[Tensor], Tensor]:
    layer = layers()[request.param]
    return lambda x: layer(x, backend="llvm")[0]


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    """The rules of torch itself import what it deprecates."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        yield


def test_second(run: Callable[[Tensor], Tensor]) -> None:
    x = CURRENT.clone().requires_grad_()
    (g,) = torch.autograd.grad(run(x).square().sum(), x, create_graph=True)
    with pytest.raises(NotDifferentiable, match="second derivative"):
        torch.autograd.grad(g.sum(), x)


def test_second_with_a_constant_upstream_gradient(run: Callable[[Tensor], Tensor]) -> None:
    """It depends on the input through the states."""
    x = CURRENT.clone().requires_grad_()
    (g,) = torch.autograd.grad(run(x).sum(), x, create_graph=True)
    with pytest.raises(NotDifferentiable, match="second derivative"):
        torch.autograd.grad(g.sum(), x)


def test_the_first_after_create_graph(run: Callable[[Tensor], Tensor]) -> None:
    x = CURRENT.clone().requires_grad_()
    (g,) = torch.autograd.grad(run(x).sum(), x, create_graph=True)
    (plain,) = torch.autograd.grad(run(x).sum(), x)
    assert torch.equal(g, plain)


def test_jvp(run: Callable[[Tensor], Tensor]) -> None:
    with pytest.raises(NotDifferentiable, match="transform"):
        torch.func.jvp(run, (CURRENT,), (torch.ones_like(CURRENT),))


@pytest.mark.parametrize("requires_grad", [True, False])
def test_forward_mode(run: Callable[[Tensor], Tensor], requires_grad: bool) -> None:
    with forward_ad.dual_level(), pytest.raises(NotDifferentiable, match="jvp"):
        run(forward_ad.make_dual(CURRENT.clone().requires_grad_(requires_grad), torch.ones_like(CURRENT)))


def test_vmap(run: Callable[[Tensor], Tensor]) -> None:
    with pytest.raises(NotDifferentiable, match="batch axis"):
        torch.func.vmap(run)(torch.stack([CURRENT, CURRENT]))


def test_batched_gradients(run: Callable[[Tensor], Tensor]) -> None:
    x = CURRENT.clone().requires_grad_()
    out = run(x)
    with pytest.raises(NotDifferentiable, match="vmap"):
        torch.autograd.grad(out, x, torch.ones(4, *out.shape), is_grads_batched=True)


@pytest.mark.parametrize("transform", [torch.func.grad, torch.func.jacrev])
def test_functional(run: Callable[[Tensor], Tensor], transform: Callable[..., Callable[[Tensor], Tensor]]) -> None:
    with pytest.raises(NotDifferentiable, match="transform"):
        transform(lambda x: run(x).sum())(CURRENT)


def test_the_remedy_holds() -> None:
    """What the error advises works."""
    neuron = neurons.LIF(3, dt=1.0, learn="tau_mem").double()
    current = CURRENT.double()

    def reference(x: Tensor) -> Tensor:
        return neuron(x, backend="reference")[1].v.square().sum()

    x = current.clone().requires_grad_()
    (expected,) = torch.autograd.grad(reference(x), x)
    assert torch.allclose(torch.func.grad(reference)(current), expected)
    tangent = torch.randn(current.shape, dtype=torch.float64)
    _, along = torch.func.jvp(reference, (current,), (tangent,))
    assert torch.allclose(along, (expected * tangent).sum())
    (g,) = torch.autograd.grad(reference(x), x, create_graph=True)
    assert torch.autograd.grad(g.sum(), x)[0].shape == x.shape


def test_a_neuron_that_needs_no_gradient_makes_none() -> None:
    out, state = neurons.LIF(3, dt=1.0)(CURRENT)
    assert not out.requires_grad
    assert not state.v.requires_grad
    with torch.no_grad():
        out, _ = neurons.LIF(3, dt=1.0, learn="tau_mem")(CURRENT.clone().requires_grad_())
    assert not out.requires_grad
    with torch.inference_mode():
        again, _ = neurons.LIF(3, dt=1.0)(CURRENT)
    assert torch.equal(again, out)


def test_backward_twice() -> None:
    """With the graph kept, a second backward pass gives the same; without, torch refuses."""
    x = CURRENT.clone().requires_grad_()
    out, _ = neurons.LIF(3, dt=1.0)(x)
    first, second = (torch.autograd.grad(out.sum(), x, retain_graph=keep)[0] for keep in (True, False))
    assert torch.equal(first, second)
    with pytest.raises(RuntimeError, match="second time"):
        torch.autograd.grad(out.sum(), x)


def test_input_changed_before_the_backward() -> None:
    """The backward pass computes the states again from the input: a change is an error, not another gradient."""
    x = CURRENT.clone().requires_grad_()
    hidden = 2.0 * x
    out, _ = neurons.LIF(3, dt=1.0)(hidden)
    with torch.no_grad():
        hidden.mul_(0.5)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        out.sum().backward()
