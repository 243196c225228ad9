"""What is said of the reference is so: it can be mapped, differentiated twice and forward, compiled and exported.

Kernels send people there for what they do not have (docs/engine.md, and the text of `NotDifferentiable`).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.func import hessian, jacfwd, jacrev, vmap

from rheobase import Neuron, errors, surrogates
from tests.contract.models import MODELS, Model, every_model, fed

# torch's own rules for forward mode are made with it
pytestmark = pytest.mark.filterwarnings("ignore:`torch.jit.script` is deprecated:DeprecationWarning")
STEPS, LANES = 3, 2
UNROLLED = 2  # steps that torch.compile and torch.export unroll: one from the rest, and one from what a step left
SOME = ("LIF", "AdEx", "SRC", "Crossing", "RefractoryNoisy", "Escape", "FiveStates")
some_models = pytest.mark.parametrize("model", [m for m in MODELS if m.name in SOME], ids=lambda m: m.name)


def made(model: Model, *, smooth: bool = False, steps: int = STEPS) -> tuple[Neuron, Tensor]:
    neuron = model.make(LANES, kinds=("scalar",), learn=False, surrogate=surrogates.Sigmoid())
    return neuron.smoothed() if smooth else neuron, model.current(steps, 1, LANES)


def total(neuron: Neuron, x: Tensor) -> Tensor:
    out, end = neuron(fed(neuron, x), backend="reference")
    return out.sum() + sum((s * s).sum() for s in end if s.is_floating_point())


@every_model
def test_vmap(model: Model) -> None:
    neuron, x = made(model)
    many = torch.stack([x, 0.5 * x, 2.0 * x])
    mapped = vmap(lambda y: neuron(fed(neuron, y), backend="reference")[0])(many)
    assert torch.equal(mapped, torch.stack([neuron(fed(neuron, y), backend="reference")[0] for y in many]))


@every_model
def test_forward_mode_is_reverse_mode(model: Model) -> None:
    neuron, x = made(model)
    forward, backward = (d(lambda y: total(neuron, y))(x) for d in (jacfwd, jacrev))
    torch.testing.assert_close(forward, backward, rtol=1e-9, atol=1e-12)


@some_models
def test_second_derivative(model: Model) -> None:
    """Of the smooth mode, against differences of the first."""
    neuron, x = made(model, smooth=True)
    found = hessian(lambda y: total(neuron, y))(x).reshape(x.numel(), x.numel())
    first = jacrev(lambda y: total(neuron, y))
    step = 1e-5 * float(x.abs().max())
    for k in range(x.numel()):
        nudge = torch.zeros(x.numel(), dtype=x.dtype)
        nudge[k] = step
        nudge = nudge.view_as(x)
        slope = (first(x + nudge) - first(x - nudge)).flatten() / (2 * step)
        torch.testing.assert_close(found[k], slope, rtol=1e-4, atol=1e-5 * float(found.abs().max()) + 1e-9)


@some_models
def test_a_gradient_of_torch_func_is_that_of_autograd(model: Model) -> None:
    neuron, x = made(model)
    y = x.clone().requires_grad_()
    (expected,) = torch.autograd.grad(total(neuron, y), y)
    torch.testing.assert_close(torch.func.grad(lambda z: total(neuron, z))(x), expected)


@some_models
def test_compile(model: Model) -> None:
    neuron, x = made(model, steps=UNROLLED)
    compiled = torch.compile(lambda y: neuron(fed(neuron, y), backend="reference"), backend="aot_eager", fullgraph=True)
    expected, found = neuron(fed(neuron, x), backend="reference"), compiled(x)
    assert torch.equal(expected[0], found[0])
    for a, b in zip(expected[1], found[1], strict=True):
        torch.testing.assert_close(a, b)


class Plain(torch.nn.Module):
    """A neuron on the reference, as a module that torch.export takes."""

    def __init__(self, neuron: Neuron):
        super().__init__()
        self.neuron = neuron

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        out, end = self.neuron(fed(self.neuron, x), backend="reference")
        return out, *end


@pytest.mark.parametrize("strict", [True, False])
@some_models
def test_export(model: Model, strict: bool) -> None:
    neuron, x = made(model, steps=UNROLLED)
    program = torch.export.export(Plain(neuron), (x,), strict=strict)
    expected, found = Plain(neuron)(x), program.module()(x)
    assert torch.equal(expected[0], found[0])
    for a, b in zip(expected[1:], found[1:], strict=True):
        torch.testing.assert_close(a, b)
    assert "rheobase" not in program.graph_module.code


TRANSFORMS: dict[str, Callable[[Callable[[Tensor], Tensor], Tensor], Any]] = {
    "vmap": lambda f, x: vmap(f)(x[None]),
    "jvp": lambda f, x: torch.func.jvp(f, (x,), (x,)),
    "hessian": lambda f, x: hessian(f)(x),
    "grad": lambda f, x: torch.func.grad(f)(x),
}


@pytest.mark.parametrize("transform", TRANSFORMS)
def test_a_kernel_says_what_it_cannot_do_and_who_can(transform: str) -> None:
    model = next(m for m in MODELS if m.name == "LIF")
    neuron, x = made(model)

    def loss(y: Tensor) -> Tensor:
        return neuron(fed(neuron, y), backend="llvm")[0].sum()

    with pytest.raises(errors.NotDifferentiable) as caught:
        TRANSFORMS[transform](loss, x)
    assert 'backend="reference"' in caught.value.remedy or transform == "vmap"
