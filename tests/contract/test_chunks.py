"""State is an argument and a result: a run in pieces is the whole run, bit for bit."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from rheobase import Neuron
from tests.contract.models import Model, every_model, fed
from tests.contract.runs import weight
from tests.contract.test_parity import everything
from tests.contract.tolerances import FREE_63, assert_close

pytestmark = pytest.mark.usefixtures("plain_code")
BACKENDS = pytest.mark.parametrize("backend", ["reference", "llvm"])


def in_pieces(neuron: Neuron, current: Tensor, cuts: list[int], backend: str) -> tuple[Tensor, tuple[Tensor, ...]]:
    outs, state = [], None
    for piece in current.tensor_split(cuts):
        out, state = neuron(fed(neuron, piece), state, backend=backend)
        outs.append(out)
    return torch.cat(outs), state


@BACKENDS
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
@every_model
def test_values(model: Model, dtype: torch.dtype, backend: str) -> None:
    neuron = model.make(37, dtype=dtype)
    current = model.current(30, 3, 37, dtype=dtype)
    with torch.no_grad():
        whole, end = neuron(fed(neuron, current), backend=backend)
        out, state = in_pieces(neuron, current, [1, 18], backend)
    assert torch.equal(whole, out)
    for name, a, b in zip(end._fields, end, state, strict=True):
        assert torch.equal(a, b), name


@every_model
def test_traces(model: Model) -> None:
    neuron = model.make(7)
    current = model.current(12, 2, 7)
    names = everything(neuron)
    with torch.no_grad():
        _, _, whole = neuron(fed(neuron, current), record=names)
        _, state, first = neuron(fed(neuron, current[:5]), record=names)
        _, _, second = neuron(fed(neuron, current[5:]), state, record=names)
    for name, trace, a, b in zip(whole._fields, whole, first, second, strict=True):
        assert torch.equal(trace, torch.cat([a, b])), name


@every_model
def test_a_recorded_state_is_the_state(model: Model) -> None:
    neuron = model.make(7)
    names = neuron.lane_states
    for backend in ("reference", "llvm"):
        _, end, rec = neuron(fed(neuron, model.current(12, 2, 7)), record=names, backend=backend)
        for name in names:
            assert torch.equal(getattr(rec, name)[-1], getattr(end, name)), name


@BACKENDS
@every_model
def test_gradient(model: Model, backend: str) -> None:
    neuron = model.make(11)
    current = model.current(24, 2, 11).requires_grad_()
    leaves = [current, *neuron.parameters()]

    def gradients(cuts: list[int]) -> tuple[Tensor, ...]:
        out, end = in_pieces(neuron, current, cuts, backend)
        loss = (weight("out", out) * out).sum()
        for k, v in enumerate(end):
            loss = loss + (weight(str(k), v) * v).sum() if v.requires_grad else loss
        found = torch.autograd.grad(loss, leaves, allow_unused=True)
        return tuple(torch.zeros_like(x) if g is None else g for g, x in zip(found, leaves, strict=True))

    for whole, pieces in zip(gradients([]), gradients([9]), strict=True):
        assert_close(whole, pieces, FREE_63, "gradient")
