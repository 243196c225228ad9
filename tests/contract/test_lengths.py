"""Sequences of different length under a mask: each as if it had run alone."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from tests.contract.models import Model, every_model, fed
from tests.contract.runs import assert_runs_close, reference_run, run, weight
from tests.contract.test_parity import everything
from tests.contract.tolerances import FREE_63, assert_close, free

pytestmark = pytest.mark.usefixtures("plain_code")
LENGTHS = [20, 13, 1, 0]
BACKENDS = pytest.mark.parametrize("backend", ["reference", "llvm"])


def row(state: Any, k: int) -> Any:
    return type(state)(*(s if s.dim() == 0 else s[k : k + 1] for s in state))


@BACKENDS
@every_model
def test_each_as_if_alone(model: Model, backend: str) -> None:
    """A noisy lane is counted through the batch, so the others run beside; their input is cut with it."""
    neuron = model.make(9)
    current = model.current(20, 4, 9).requires_grad_()
    out, end = neuron(fed(neuron, current), lengths=torch.tensor(LENGTHS), backend=backend)
    masked = weight("out", out)
    loss = (masked * out).sum() + sum((weight(k, v) * v).sum() for k, v in end._asdict().items() if v.requires_grad)
    (gradient,) = torch.autograd.grad(loss, current)
    for k, length in enumerate(LENGTHS):
        assert bool((out[length:, k] == 0).all())
        assert bool((gradient[length:, k] == 0).all())
        if length == 0:
            for name, a, b in zip(end._fields, row(end, k), row(neuron.rest(4, dtype=torch.float64), k), strict=True):
                assert name == "rng" or torch.equal(a, b)
            continue
        x = current[:length].detach().requires_grad_()
        alone, stop = neuron(fed(neuron, x), backend=backend)
        assert torch.equal(out[:length, k], alone[:, k])
        for name, a, b in zip(end._fields, row(end, k), row(stop, k), strict=True):
            assert name == "rng" or torch.equal(a, b), name
        loss = (masked[:length, k] * alone[:, k]).sum()
        for name, v in stop._asdict().items():
            loss = loss + (weight(name, v)[k] * v[k]).sum() if v.requires_grad else loss
        (expected,) = torch.autograd.grad(loss, x)
        assert_close(gradient[:length, k], expected[:, k], FREE_63, "gradient")


@every_model
def test_parity(model: Model) -> None:
    neuron = model.make(13)
    lengths = torch.tensor([30, 29, 8, 0, 1])
    record = everything(neuron)
    current, expected = reference_run(model, neuron, 30, 5, record=record, lengths=lengths)
    assert_runs_close(expected, run(neuron, current, "llvm", record=record, lengths=lengths), free(30))


@BACKENDS
@every_model
def test_recorded_states_stand_still(model: Model, backend: str) -> None:
    neuron = model.make(5)
    record = everything(neuron)
    _, end, rec = neuron(
        fed(neuron, model.current(10, 2, 5)), lengths=torch.tensor([4, 0]), record=record, backend=backend
    )
    for name in record:
        trace = getattr(rec, name.replace(".", "_"))
        final = getattr(end, name.partition(".")[0])
        for t in (4, 7, 9):
            assert torch.equal(trace[t], final), name


@pytest.mark.parametrize("dtype", [torch.int32, torch.int64], ids=str)
def test_both_integers(dtype: torch.dtype) -> None:
    from tests.contract.models import MODELS

    neuron = MODELS[0].make(3)
    current = MODELS[0].current(6, 2, 3)
    expected, _ = neuron(fed(neuron, current), lengths=torch.tensor([2, 6]))
    found, _ = neuron(fed(neuron, current), lengths=torch.tensor([2, 6], dtype=dtype))
    assert torch.equal(expected, found)
