"""Lateral recurrence: the fused operator against the loop."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from rheobase import explain, neurons, nn
from rheobase.core.wrappers import Noisy
from rheobase.errors import BackendUnavailable, InputError, ParameterError, ShapeError, StateError

N, B = 11, 3
MODELS: dict[str, Any] = {
    "AdLIF": lambda: neurons.AdLIF.draw(N, seed=1, learn=("alpha", "a")),
    "LIF": lambda: neurons.LIF(N, dt=1.0, tau_mem=5.0, learn=("tau_mem",)),
    "SRC": lambda: neurons.SRC(N, learn=("b_h",)),
    "SEAdLIF": lambda: neurons.SEAdLIF(N),
    "Noisy": lambda: Noisy(neurons.LIF(N, dt=1.0), sigma=0.5, seed=3),
}


def layer(name: str, **options: Any) -> nn.Recurrent:
    torch.manual_seed(0)
    return nn.Recurrent(MODELS[name](), **options).double()


def results(name: str, backend: str, steps: int, lengths: torch.Tensor | None) -> list[torch.Tensor]:
    model = layer(name)
    torch.manual_seed(2)
    x = (torch.rand(steps, B, N, dtype=torch.float64) * 6).requires_grad_()
    first = model.neuron.State._fields[0]
    out, state, rec = model(x, record=(first,), lengths=lengths, backend=backend)
    weights = torch.randn(out.shape, dtype=out.dtype, generator=torch.Generator().manual_seed(1))
    floats = [s for s in state.neuron if s.is_floating_point()]
    loss = (out * weights).sum() + sum((s**2).sum() for s in floats) + (rec[0] ** 2).sum() + (state.out * 3).sum()
    loss.backward()
    return [out, *floats, state.out, rec[0], x.grad, *(p.grad for p in model.parameters())]


@pytest.mark.parametrize("lengths", [None, torch.tensor([70, 33, 0])], ids=["whole", "lengths"])
@pytest.mark.parametrize("name", MODELS)
def test_fused_equals_the_loop(name: str, lengths: torch.Tensor | None) -> None:
    a, b = (results(name, backend, 70, lengths) for backend in ("reference", "llvm"))
    assert a[0].abs().sum() > 0
    for one, other in zip(a, b, strict=True):
        scale = max(1e-12, one.abs().max().item())
        assert (one - other).abs().max().item() <= 1e-10 * scale


@pytest.mark.parametrize("name", MODELS)
def test_without_a_gradient_the_numbers_are_the_same(name: str) -> None:
    """Bit for bit, though no step keeps its sums for the way back."""
    model, x = layer(name), torch.rand(50, B, N, dtype=torch.float64) * 6
    whole, end = model(x, backend="llvm")
    with torch.no_grad():
        out, state = model(x, backend="llvm")
    assert torch.equal(out, whole)
    assert all(torch.equal(one, other) for one, other in zip(state.neuron, end.neuron, strict=True))
    assert torch.equal(state.out, end.out)


@pytest.mark.parametrize("backend", ["reference", "llvm"])
def test_chunks(backend: str) -> None:
    model, x = layer("AdLIF"), torch.rand(50, B, N, dtype=torch.float64) * 6
    whole, end = model(x, backend=backend)
    first, middle = model(x[:23], backend=backend)
    second, last = model(x[23:], middle, backend=backend)
    assert torch.equal(torch.cat([first, second]), whole)
    assert torch.equal(last.neuron.v, end.neuron.v)
    assert torch.equal(last.out, end.out)


def test_the_diagonal_is_left_out_unless_asked_for() -> None:
    assert not layer("LIF").lateral.diagonal().any()
    assert layer("LIF", self_connections=True).lateral.diagonal().all()
    given = torch.randn(N, N)
    torch.testing.assert_close(nn.Recurrent(neurons.LIF(N, dt=1.0), given, self_connections=True).lateral, given)


def test_bfloat16() -> None:
    torch.manual_seed(0)
    model = nn.Recurrent(neurons.LIF(N, dt=1.0))
    x = (torch.rand(20, B, N) * 6).bfloat16().requires_grad_()
    out, state = model(x)
    assert out.dtype == torch.bfloat16
    assert state.neuron.v.dtype == torch.float32
    out.sum().backward()
    assert x.grad is not None
    assert x.grad.dtype == torch.bfloat16


def test_which_backend_runs_it() -> None:
    model = layer("LIF")
    x = torch.zeros(4, B, N, dtype=torch.float64)
    (part,) = explain(model, x).parts
    assert (part.kind, part.backend) == ("Recurrent", "llvm")
    (part,) = explain(model, x.to("meta")).parts
    assert part.backend == "reference"
    with pytest.raises(BackendUnavailable, match="the input is on cpu"):
        model(x, backend="triton")


def test_bad_input() -> None:
    model = layer("LIF")
    x = torch.zeros(4, B, N, dtype=torch.float64)
    with pytest.raises(ShapeError):
        nn.Recurrent(neurons.LIF(N, dt=1.0), torch.zeros(3, 3))
    with pytest.raises(ParameterError, match="one axis"):
        nn.Recurrent(neurons.LIF(2, 3, dt=1.0))
    with pytest.raises(StateError, match="RecurrentState"):
        model(x, model.neuron.rest(B))
    with pytest.raises(ShapeError):
        model(x[..., :5])
    x[2, 1, 3] = float("nan")
    for backend in ("reference", "llvm"):
        with pytest.raises(InputError, match=r"current\[2, 1, 3\] = nan"):
            model(x, backend=backend)


@pytest.mark.parametrize("backend", ["reference", "llvm"])
def test_the_last_outputs_of_a_state_are_those_of_the_layer(backend: str) -> None:
    """Others would be broadcast, summed or resized."""
    x, cell = torch.rand(6, B, N) * 6, neurons.LIF(N, dt=1.0, tau_mem=2.0)
    layers = [nn.Recurrent(cell), *(nn.RecurrentDelay(cell, taps=taps) for taps in (1, 5))]
    ends = [layer(x, backend=backend)[1] for layer in layers]
    for layer in layers:
        for one, end in zip(layers, ends, strict=True):
            if one is layer:
                layer(x, end, backend=backend)
                continue
            with pytest.raises(StateError, match=r"with out .*: pass on the state that this layer returned"):
                layer(x, end, backend=backend)
    own = ends[0]
    for out in (own.out.double(), own.out[:1], own.out[0], None):
        with pytest.raises(StateError, match="a state with out"):
            layers[0](x, own._replace(out=out), backend=backend)
