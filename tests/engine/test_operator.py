"""An operator is said once: its schema, gradient, shapes, and what transforms of it say."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import pytest
import torch
from torch import Tensor

from rheobase.engine.operators.operator import Operator
from rheobase.errors import NotDifferentiable


class Given(NamedTuple):
    """y = scale * sum over k of weights[k] x, and a mask that has no gradient."""

    x: Tensor
    weights: list[Tensor]
    mask: Tensor | None
    scale: float


class Kernels:
    def forward(self, given: Given, keep: bool) -> list[Tensor]:
        total = torch.stack(given.weights).sum(0)
        y = given.scale * given.x * total * (1 if given.mask is None else given.mask)
        return [y, total.clone() if keep else total.new_empty(0)]

    def backward(
        self, given: Given, saved: Sequence[Tensor], grads: Sequence[Tensor | None], wanted: Sequence[bool]
    ) -> list[Tensor]:
        (total,), (g,) = saved, grads
        g = given.scale * (torch.zeros_like(given.x) if g is None else g) * (1 if given.mask is None else given.mask)
        want = PRODUCT.wanted(given, wanted)
        of_x = [g * total] if want["x"][0] else []
        return of_x + [(g * given.x).clone() for asked in want["weights"] if asked]


def outputs(given: Given, keep: bool) -> list[Tensor]:
    return [torch.empty_like(given.x), given.x.new_empty(given.x.shape if keep else (0,))]


PRODUCT = Operator(
    "product_of_a_test",
    Given,
    differentiable=("x", "weights"),
    kernels={"CPU": Kernels()},
    outputs=outputs,
    hidden=1,
)


def example(**fields: bool) -> Given:
    x, a, b = (torch.rand(3, dtype=torch.float64, requires_grad=fields.get(n, True)) for n in ("x", "a", "b"))
    return Given(x, [a, b], torch.tensor([1.0, 0.0, 1.0]).double(), 2.0)


def test_gradients_of_a_tensor_of_a_list_and_of_some() -> None:
    given = example()

    def run(x: Tensor, a: Tensor, b: Tensor) -> Tensor:
        return PRODUCT(given._replace(x=x, weights=[a, b]))[0]

    assert torch.autograd.gradcheck(run, (given.x, *given.weights))
    part = example(a=False)
    gx, gb = torch.autograd.grad(PRODUCT(part)[0].sum(), [part.x, part.weights[1]])
    mask = part.mask if part.mask is not None else 1.0
    assert torch.allclose(gx, 2.0 * mask * (part.weights[0] + part.weights[1]).detach())
    assert torch.allclose(gb, 2.0 * mask * part.x.detach())


def test_without_an_optional_tensor() -> None:
    given = example()._replace(mask=None)
    (g,) = torch.autograd.grad(PRODUCT(given)[0].sum(), [given.x])
    assert torch.allclose(g, 2.0 * (given.weights[0] + given.weights[1]).detach())


def test_torchs_own_checks() -> None:
    given = example()
    checks = ("test_schema", "test_autograd_registration", "test_faketensor")
    torch.library.opcheck(PRODUCT.op, (*given, False), test_utils=checks)


def test_what_it_does_not_do_is_said() -> None:
    given = example()
    (g,) = torch.autograd.grad(PRODUCT(given)[0].sum(), [given.x], create_graph=True)
    with pytest.raises(NotDifferentiable, match="second derivative"):
        g.sum().backward()
    with pytest.raises(NotDifferentiable, match="vmap"):
        torch.vmap(lambda x: PRODUCT(given._replace(x=x))[0])(torch.rand(2, 3).double())
    with pytest.raises(NotDifferentiable, match=r"torch\.func"):
        torch.func.grad(lambda x: PRODUCT(given._replace(x=x))[0].sum())(given.x)


def test_what_is_saved_is_watched() -> None:
    given = example()
    y = PRODUCT(given)[0]
    with torch.no_grad():
        given.weights[1].mul_(3.0)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        y.sum().backward()


def test_an_order_that_would_mix_gradients_up() -> None:
    with pytest.raises(ValueError, match="in the order of"):
        Operator("never_made", Given, differentiable=("weights", "x"), kernels={}, outputs=outputs)
