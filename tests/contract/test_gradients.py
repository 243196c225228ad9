"""The gradient is the derivative: gradcheck of every neuron in smooth mode (spikes are the surrogate's primitive)."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from rheobase import surrogates
from tests.contract.models import Model, every_model, fed

pytestmark = pytest.mark.usefixtures("plain_code")
MANY = 8  # parameters
CASES = pytest.mark.parametrize(
    ("backend", "surrogate"),
    [("reference", surrogates.ATan()), ("llvm", surrogates.Sigmoid())],
    ids=["reference", "llvm"],
)


@CASES
@every_model
def test_gradcheck(model: Model, backend: str, surrogate: surrogates.Surrogate) -> None:
    neuron = model.make(2, kinds=("neuron", "scalar"), surrogate=surrogate).smoothed()
    current = model.current(5, 2, 2).requires_grad_()
    rest = neuron.rest(2, dtype=torch.float64)
    state = [s.detach().clone() for s in rest]
    moving = [s.requires_grad_() for s in state if s.is_floating_point()]
    parameters = list(neuron.parameters())
    assert len(parameters) == len(model.params)

    def f(*_: Tensor) -> tuple[Tensor, ...]:
        out, end = neuron(fed(neuron, current), type(rest)(*state), backend=backend)
        return (out, *(s for s in end if s.is_floating_point() and s.requires_grad))

    # the many entries of vectors, and of equations with many parameters, are moved together, along random directions
    together = len(model.params) > MANY or any(spec.size for spec in model.params.values())
    given = (current, *moving, *parameters)
    assert torch.autograd.gradcheck(f, given, eps=1e-6, atol=1e-6, rtol=1e-5, fast_mode=together)


@every_model
def test_smooth_mode_changes_nothing_but_the_copy(model: Model) -> None:
    neuron = model.make(5)
    current = model.current(8, 2, 5)
    before, _ = neuron(fed(neuron, current))
    smooth, _ = neuron.smoothed()(fed(neuron, current))
    after, _ = neuron(fed(neuron, current))
    assert torch.equal(before, after)
    if not neuron.graded:
        assert not torch.equal(before, smooth)
