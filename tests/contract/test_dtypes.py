"""Reduced precision at the edges: states stay float32, the output takes the input's type."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import Tensor

from rheobase import Neuron
from tests.contract.choices import chosen, key_of
from tests.contract.models import Margins, Model, also, every_model, fed
from tests.contract.runs import Run, run
from tests.contract.test_parity import everything
from tests.contract.tolerances import FREE_32, GRADIENT_32, HALF_ULP, MARGIN_32, assert_close, difference

HALVES = pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16], ids=str)
STEPS = 12


def comparable(model: Model, neuron: Neuron, dtype: torch.dtype, record: tuple[str, ...]) -> tuple[Tensor, Run]:
    """Input clear of the threshold, on which float32 is well conditioned if there is such, and the reference's run."""
    key = key_of(model.name, neuron, STEPS, 3, {"dtype": dtype, "record": record})
    seed = chosen("seeds", key, lambda: searched_seed(model, neuron, dtype, record))
    current = model.current(STEPS, 3, 21, seed=seed).to(dtype)
    return current, run(neuron, current, "reference", record=record)


def searched_seed(model: Model, neuron: Neuron, dtype: torch.dtype, record: tuple[str, ...]) -> int:
    """The first seed on whose input float32 is well conditioned, or of those on which it is not the nearest."""
    clear: list[tuple[float, int]] = []
    for seed in range(20):
        current = model.current(STEPS, 3, 21, seed=seed).to(dtype)
        with Margins() as near:
            run(neuron, current, "reference", record=record)
        if min(near.seen, default=1.0) > MARGIN_32:
            share = rounding(neuron, current, record)
            if share <= 0.5:
                return seed
            clear.append((share, seed))
    assert clear, f"no input keeps {model.name} clear of its threshold"
    return min(clear)[1]


def rounding(neuron: Neuron, current: Tensor, record: tuple[str, ...]) -> float:
    """By how much float32 differs from float64, as a share of what two ways to compute in it may differ by."""
    single = run(neuron, current.float(), "reference", record=record)
    exact = run(copy.deepcopy(neuron).double(), current.double(), "reference", record=record)
    pairs = [(v, exact.values[k], FREE_32) for k, v in single.values.items() if v.is_floating_point()]
    pairs += [(g, exact.gradients[k], GRADIENT_32) for k, g in single.gradients.items()]
    return max(difference(a.double(), b.double()) / bound for a, b, bound in pairs)


@also(torch.bfloat16, torch.float16)
def test_parity(model: Model, dtype: torch.dtype) -> None:
    neuron = model.make(21, dtype=torch.float32)
    record = everything(neuron)
    current, expected = comparable(model, neuron, dtype, record)
    found = run(neuron, current, "llvm", record=record)
    for name, value in found.values.items():
        assert value.dtype == expected.values[name].dtype, name
        if value.is_floating_point():
            assert value.dtype == (dtype if name == "out" else torch.float32), name
        if name != "out":
            assert_close(expected.values[name], value, FREE_32, name)
    # the output is rounded last: what is compared of two backends is what they rounded
    with torch.no_grad():
        wide = [neuron(fed(neuron, current.float()), record=record, backend=each)[0] for each in ("reference", "llvm")]
    assert_close(wide[0], wide[1], FREE_32, "out in float32")
    for one, before in zip((expected, found), wide, strict=True):
        assert torch.equal(one.values["out"], before.to(dtype))
    if not neuron.graded:
        assert torch.equal(expected.values["out"], found.values["out"])
    for name, gradient in found.gradients.items():
        assert gradient.dtype == (dtype if name == "current" else torch.float32), name
        tolerance = 2 * HALF_ULP[dtype] if name == "current" else GRADIENT_32
        wanted = expected.gradients.get(name, torch.zeros_like(gradient))
        assert_close(wanted, gradient, tolerance, f"gradient of {name}")


@HALVES
@every_model
def test_states_are_those_of_float32(model: Model, dtype: torch.dtype) -> None:
    """The type of the input changes the input, and nothing else."""
    neuron = model.make(21, dtype=torch.float32)
    current, record = model.current(STEPS, 3, 21).to(dtype), everything(neuron)
    with torch.no_grad():
        out, end, rec = neuron(fed(neuron, current), record=record, backend="llvm")
        wide, expected, traces = neuron(fed(neuron, current.float()), record=record, backend="llvm")
    assert torch.equal(out, wide.to(dtype))
    for name, a, b in zip((*end._fields, *rec._fields), (*end, *rec), (*expected, *traces), strict=True):
        assert torch.equal(a, b), name


@pytest.mark.usefixtures("plain_code")
@every_model
def test_autocast(model: Model) -> None:
    """A layer in bfloat16 before the neuron: its gradient comes back, the neuron computes in float32."""
    torch.manual_seed(0)
    linear = torch.nn.Linear(6, 21)
    neuron = model.make(21, dtype=torch.float32)
    scale = model.drive()[1]
    with torch.autocast("cpu", torch.bfloat16):
        hidden = scale * linear(torch.rand(STEPS, 2, 6))
        assert hidden.dtype == torch.bfloat16
        out, end = neuron(fed(neuron, hidden))
    assert out.dtype == torch.bfloat16
    assert all(s.dtype == torch.float32 for s in end if s.is_floating_point())
    assert torch.equal(out, neuron(fed(neuron, hidden))[0])
    out.float().sum().backward()
    assert linear.weight.grad is not None
    assert linear.weight.grad.dtype == torch.float32
    assert bool(torch.isfinite(linear.weight.grad).all())


@pytest.mark.usefixtures("plain_code")
@every_model
def test_parameters_in_bfloat16(model: Model) -> None:
    """They are read in float32 by every backend."""
    neuron = model.make(5, dtype=torch.bfloat16)
    current = model.current(6, 2, 5).to(torch.bfloat16)
    with torch.no_grad():
        expected, found = (neuron(fed(neuron, current), backend=backend) for backend in ("reference", "llvm"))
    for a, b in zip(expected[1], found[1], strict=True):
        assert_close(a, b, FREE_32, "state")
