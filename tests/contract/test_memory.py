"""What kernels read and write: everything they hand out is written, nothing else is touched, any strides are read."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import torch
from torch import Tensor

from tests.contract.models import Model, also, every_model, fed
from tests.contract.runs import assert_runs_equal, run, weight
from tests.contract.test_parity import everything

GUARD = 64  # elements around each tensor


class Guarded:
    """Makes tensors full of NaN between two guards, and says whether a guard was written over."""

    def __init__(self) -> None:
        self.whole: list[Tensor] = []

    def make(self, shape: Any, dtype: torch.dtype) -> Tensor:
        size = torch.Size(shape).numel()
        # all bits set is NaN in every float, and a wild pointer or count elsewhere
        whole = torch.frombuffer(bytearray(b"\xff" * (size + 2 * GUARD) * dtype.itemsize), dtype=dtype)
        self.whole.append(whole)
        return whole[GUARD : GUARD + size].view(shape)

    def intact(self) -> bool:
        ends = (part for whole in self.whole for part in (whole[:GUARD], whole[-GUARD:]))
        return all(bytes(part.view(torch.uint8).numpy()) == b"\xff" * part.nbytes for part in ends)


@pytest.fixture
def guarded(monkeypatch: pytest.MonkeyPatch) -> Guarded:
    guard = Guarded()

    def empty(*size: Any, dtype: torch.dtype | None = None, **_: Any) -> Tensor:
        shape = size[0] if size and not isinstance(size[0], int) else size
        return guard.make(shape, dtype or torch.get_default_dtype())

    def like(x: Tensor, *, dtype: torch.dtype | None = None, **_: Any) -> Tensor:
        return guard.make(x.shape, dtype or x.dtype)

    def of(x: Tensor, *size: Any, dtype: torch.dtype | None = None, **_: Any) -> Tensor:
        return empty(*size, dtype=dtype or x.dtype)

    monkeypatch.setattr(torch, "empty", empty)
    monkeypatch.setattr(torch, "empty_like", like)
    monkeypatch.setattr(torch.Tensor, "new_empty", of)
    return guard


@also(torch.float64, torch.float32)
def test_every_result_is_written_and_nothing_else(model: Model, dtype: torch.dtype, request: Any) -> None:
    neuron = model.make(37, kinds=("neuron",), dtype=dtype)  # the kernels of free runs
    current = model.current(40, 3, 37, dtype=dtype)
    lengths = torch.tensor([40, 17, 0])
    record = everything(neuron)
    plain = run(neuron, current, "llvm", record=record), run(neuron, current, "llvm", lengths=lengths)
    guard: Guarded = request.getfixturevalue("guarded")
    found = run(neuron, current, "llvm", record=record), run(neuron, current, "llvm", lengths=lengths)
    assert len(guard.whole) > 10
    assert guard.intact()
    for one, other in zip(plain, found, strict=True):
        assert all(bool(torch.isfinite(x).all()) for x in (*other.values.values(), *other.gradients.values()))
        assert_runs_equal(one, other)


def strided(x: Tensor) -> Iterator[Tensor]:
    """The same values, lying elsewise in memory."""
    yield x.transpose(0, 1).contiguous().transpose(0, 1)
    yield x.movedim(0, -1).contiguous().movedim(-1, 0)
    yield torch.stack([x, x], -1)[..., 0]
    yield torch.cat([x[:1], x])[1:]


@pytest.mark.usefixtures("plain_code")
@every_model
def test_input_of_any_strides(model: Model) -> None:
    neuron = model.make(3, 7, dtype=torch.float32)
    current = model.current(12, 4, 3, 7, dtype=torch.float32)
    plain = run(neuron, current, "llvm")
    for other in strided(current):
        assert torch.equal(current, other)
        x = other.requires_grad_()
        out, end = neuron(fed(neuron, x), backend="llvm")
        loss = (weight("out", out) * out).sum()
        for k, v in end._asdict().items():
            loss = loss + (weight(f"end.{k}", v) * v).sum() if v.is_floating_point() else loss
        (found,) = torch.autograd.grad(loss, x)
        assert torch.equal(out, plain.values["out"])
        assert torch.equal(found, plain.gradients["current"])


@pytest.mark.usefixtures("plain_code")
@every_model
def test_expanded_input(model: Model) -> None:
    """One current for all, as a view whose strides are 0."""
    neuron = model.make(9, dtype=torch.float32)
    one = model.current(12, 1, 1, dtype=torch.float32)
    out, _ = neuron(fed(neuron, one.expand(12, 4, 9)), backend="llvm")
    expected, _ = neuron(fed(neuron, one.expand(12, 4, 9).contiguous()), backend="llvm")
    assert torch.equal(out, expected)


@pytest.mark.usefixtures("plain_code")
@every_model
def test_upstream_gradients_of_any_strides(model: Model) -> None:
    neuron = model.make(21)
    x = model.current(10, 4, 21).requires_grad_()
    record = everything(neuron)
    out, _, rec = neuron(fed(neuron, x), record=record, backend="llvm")

    def back(g: Tensor, g_rec: Tensor) -> Tensor:
        pairs = [(t, g) for t, g in ((out, g), (rec[0], g_rec)) if t.requires_grad]
        return torch.autograd.grad([t for t, _ in pairs], x, [g for _, g in pairs], retain_graph=True)[0]

    g, g_rec = weight("out", out), weight("rec", out)
    expected = back(g, g_rec)
    for other, other_rec in zip(strided(g), strided(g_rec), strict=True):
        assert torch.equal(back(other, other_rec), expected)


@pytest.mark.usefixtures("plain_code")
@every_model
def test_expanded_gradient(model: Model) -> None:
    """`out.sum().backward()` sends back one number with strides of 0."""
    neuron = model.make(21)
    x = model.current(10, 4, 21).requires_grad_()
    out, _ = neuron(fed(neuron, x), backend="llvm")
    (found,) = torch.autograd.grad(out.sum(), x, retain_graph=True)
    (expected,) = torch.autograd.grad(out, x, torch.ones_like(out))
    assert torch.equal(found, expected)


@pytest.mark.usefixtures("plain_code")
@every_model
def test_nothing_given_is_changed(model: Model) -> None:
    neuron = model.make(9)
    current = model.current(8, 2, 9)
    state = neuron(fed(neuron, current))[1]
    before = [current.clone(), *(s.clone() for s in state), *(p.clone() for p in neuron.state_dict().values())]
    run(neuron, current, "llvm", state=state)
    for was, now in zip(before, [current, *state, *neuron.state_dict().values()], strict=True):
        assert torch.equal(was, now)
