"""torch.compile and torch.export see a neuron as one operator, and give what plain calls give, bit for bit."""

from __future__ import annotations

import importlib
import io
from collections.abc import Iterator
from typing import Any

import pytest
import torch
from torch import Tensor
from torch._subclasses import FakeTensorMode

from rheobase.core.execution.backends import Request
from rheobase.engine.backends import program_of
from rheobase.errors import InputError
from tests.contract.models import MODELS, Model, every_model, fed, named
from tests.contract.test_parity import everything

pytestmark = pytest.mark.usefixtures("plain_code")
BY_NAME = {model.name: model for model in MODELS}
some_models = pytest.mark.parametrize("model", [BY_NAME[n] for n in ("LIF", "RefractoryNoisy")], ids=lambda m: m.name)


@pytest.fixture(autouse=True)
def fresh(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    # torch.compile unrolls the search for the rest, of seven turns alike: most of the time it takes for such a neuron
    monkeypatch.setattr(importlib.import_module("rheobase.core.equations.equilibrium"), "ZOOMS", 2)
    torch.compiler.reset()
    yield
    torch.compiler.reset()


def compiled(neuron: torch.nn.Module, **options: Any) -> Any:
    return torch.compile(neuron, fullgraph=True, backend="aot_eager", **options)


def results(neuron: Any, leaves: list[Tensor], x: Tensor, **call: Any) -> list[Tensor]:
    """Everything that comes out, and all gradients."""
    # torch.compile takes leaves alone without a warning
    inputs = {name: v.requires_grad_() for name, v in named(getattr(neuron, "_orig_mod", neuron), x).items()}
    out, state, *rec = neuron(inputs, **call)
    values = [out, *state, *(rec[0] if rec else ())]
    loss = sum((v * torch.linspace(0.5, 1.5, v.numel()).view_as(v)).sum() for v in values if v.requires_grad)
    found = torch.autograd.grad(loss, [*inputs.values(), *leaves], allow_unused=True)
    return [v.detach() for v in values] + [g for g in found if g is not None]


def same(a: list[Tensor], b: list[Tensor]) -> bool:
    return len(a) == len(b) and all(torch.equal(x, y) for x, y in zip(a, b, strict=True))


# Their rest is searched for, and torch.compile takes seconds to unroll such a search. It is unrolled for a neuron of
# each kind: FitzHughNagumo (the equilibrium of two states), HodgkinHuxley (of channels), SRC (a fixed point).
FROM_A_STATE = (
    "ConnorStevens",
    "HindmarshRose",
    "MorrisLecar",
    "Pospischil",
    "SRC-tanh-piecewise",
    "WangBuzsaki",
)


@every_model
def test_compile(model: Model) -> None:
    neuron = model.make(5, dtype=torch.float32)
    x = model.current(9, 2, 5, dtype=torch.float32)
    leaves = list(neuron.parameters())
    call: dict[str, Any] = {}
    if model.name in FROM_A_STATE:
        rest = neuron.rest(2, dtype=torch.float32)
        call["state"] = type(rest)(*(s.detach() for s in rest))
    assert same(results(neuron, leaves, x, **call), results(compiled(neuron), leaves, x, **call))


@some_models
def test_compile_of_every_kind_of_call(model: Model) -> None:
    neuron = model.make(5, dtype=torch.float32)
    x = model.current(9, 2, 5, dtype=torch.float32)
    leaves, twin = list(neuron.parameters()), compiled(neuron)
    with torch.no_grad():
        _, state = neuron(fed(neuron, x))
    calls: list[dict[str, Any]] = [
        dict(record=everything(neuron)),
        dict(state=state),
        dict(lengths=torch.tensor([4, 9])),
        dict(lengths=torch.tensor([4, 9]), record=everything(neuron), state=state),
    ]
    for call in calls:
        assert same(results(neuron, leaves, x, **call), results(twin, leaves, x, **call))
    strided = x.transpose(0, 1).contiguous().transpose(0, 1)
    assert same(results(neuron, leaves, x), results(twin, leaves, strided))
    half = x.to(torch.bfloat16)
    assert same(results(neuron, leaves, half), results(twin, leaves, half))
    with torch.no_grad():
        assert torch.equal(neuron(fed(neuron, x))[0], twin(fed(twin, x))[0])


@some_models
def test_compile_for_any_number_of_steps(model: Model) -> None:
    neuron = model.make(5, dtype=torch.float32)
    leaves, twin = list(neuron.parameters()), compiled(neuron, dynamic=True)
    for steps, batch in ((7, 2), (9, 3), (300, 4)):
        x = model.current(steps, batch, 5, dtype=torch.float32)
        assert same(results(neuron, leaves, x), results(twin, leaves, x))


@some_models
def test_a_compiled_neuron_follows_its_parameters(model: Model) -> None:
    neuron = model.make(5, dtype=torch.float32)
    x, twin = model.current(9, 2, 5, dtype=torch.float32), compiled(neuron)
    twin(fed(twin, x))
    with torch.no_grad():
        for p in neuron.parameters():
            p.mul_(1.1)
    assert torch.equal(neuron(fed(neuron, x))[0], twin(fed(twin, x))[0])


def test_bad_input_of_a_compiled_neuron() -> None:
    model = BY_NAME["LIF"]
    neuron = model.make(5, dtype=torch.float32)
    x = model.current(9, 2, 5, dtype=torch.float32)
    x[3, 1, 2] = float("nan")
    with pytest.raises(InputError, match=r"current\[3, 1, 2\]"):
        compiled(neuron)(x)


@some_models
def test_export(model: Model) -> None:
    """The program travels in the graph: saved and loaded, it needs the operator and nothing of the class."""
    neuron = model.make(5, dtype=torch.float32)
    x = model.current(9, 2, 5, dtype=torch.float32)
    time, batch = torch.export.Dim("time", min=2, max=4096), torch.export.Dim("batch", min=2, max=4096)
    program = torch.export.export(neuron, (x,), dynamic_shapes={"current": {0: time, 1: batch}})
    file = io.BytesIO()
    torch.export.save(program, file)
    file.seek(0)
    loaded = torch.export.load(file).module()
    for given in (x, model.current(40, 3, 5, dtype=torch.float32)):
        out, state = neuron(fed(neuron, given))
        for module in (program.module(), loaded):
            again, end = module(given)
            assert torch.equal(out, again)
            assert type(end) is type(state)
            assert all(torch.equal(a, b) for a, b in zip(state, end, strict=True))


def operands(model: Model, x: Tensor) -> tuple[Any, ...]:
    """The arguments of `rheobase::scan` for a run over x, without the last."""
    neuron = model.make(x.shape[2], dtype=torch.float32)
    request = Request(neuron, (x,), neuron.rest(x.shape[1]), everything(neuron), None)
    init = [s.detach() for s in request.lanes]
    params = [p.detach() for p in neuron.values().values()]
    text, _ = program_of(request)
    return [x], init, params, None, request.rng, text, neuron.dt or 0.0, True


@some_models
def test_operators_pass_torchs_own_checks(model: Model) -> None:
    """Schema, fake tensors and autograd registration, by torch's checker."""
    inputs, init, params, *rest = operands(model, model.current(9, 2, 5, dtype=torch.float32))
    for tensor in (*inputs, *init, *params):
        tensor.requires_grad_()
    checks = ("test_schema", "test_autograd_registration", "test_faketensor")
    torch.library.opcheck(torch.ops.rheobase.scan.default, (inputs, init, params, *rest, False), test_utils=checks)


def form(tensors: list[Tensor]) -> list[tuple[Any, ...]]:
    return [(tuple(t.shape), t.stride(), t.dtype) for t in tensors]


@pytest.mark.parametrize("steps", [9, 1500])
@some_models
def test_fake_results_have_the_form_of_the_real_ones(model: Model, steps: int) -> None:
    """Of both operators, for input of any strides, with and without kept states."""
    plain = model.current(steps, 2, 5, dtype=torch.float32)
    for x in (plain, plain.transpose(0, 1).contiguous().transpose(0, 1), plain.to(torch.bfloat16)):
        arguments = operands(model, x)
        mode = FakeTensorMode(allow_non_fake_inputs=True)
        fake = torch.utils._pytree.tree_map_only(Tensor, mode.from_tensor, arguments)
        with torch.no_grad():
            real = torch.ops.rheobase.scan(*arguments, True)
            with mode:
                shown = torch.ops.rheobase.scan(*fake, True)
        assert form(real) == form(shown)
        *results, kept = real
        assert (kept.numel() > 0) == (steps > 1000)
        wanted = [True] * sum(map(len, arguments[:3]))
        grads = [torch.ones_like(r) for r in results]
        with torch.no_grad():
            real = torch.ops.rheobase.scan_backward(*arguments, [kept], grads, wanted)
            with mode:
                given = [mode.from_tensor(g) for g in (*grads, kept)]
                shown = torch.ops.rheobase.scan_backward(*fake, given[-1:], given[:-1], wanted)
        assert form(real) == form(shown)
