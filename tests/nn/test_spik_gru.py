"""SpikGRU: the published equations, one number after the other, and the kernels against the loop."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from rheobase import explain, neurons, nn, surrogates
from rheobase.core.surrogates import Lorentzian
from rheobase.errors import BackendUnavailable, DTypeError, InputError, ParameterError, ShapeError, StateError
from rheobase.learning.layers import spiking_layers

T, B, N, H = 12, 3, 5, 7
LENGTHS = torch.tensor([12, 5, 0])
BACKENDS = pytest.mark.parametrize("backend", ["reference", "llvm"])


def drawn(**options: object) -> nn.SpikGRU:
    """A layer that fires now and then, with all parameters different."""
    torch.manual_seed(0)
    layer = nn.SpikGRU(N, H, **options).double()
    for p in layer.parameters():
        p.data *= 3.0
    layer.alpha.data = torch.linspace(0.5, 0.95, H, dtype=torch.float64)
    return layer


@pytest.fixture
def x() -> Tensor:
    return (torch.rand(T, B, N, generator=torch.Generator().manual_seed(1)) < 0.5).double()


def test_the_published_equations(x: Tensor) -> None:
    layer = drawn(v_threshold=0.8)
    w = {name: p.tolist() for name, p in layer.named_parameters()}
    out, end = layer(x)
    fired = 0
    for b in range(B):
        i, v, s = ([0.0] * H for _ in range(3))
        for t in range(T):
            last, new = list(s), list(s)
            for n in range(H):
                at = {g: w[f"bias_{g}"][n] for g in "iz"}
                for g in "iz":
                    at[g] += sum(w[f"weight_{g}"][n][k] * float(x[t, b, k]) for k in range(N))
                    at[g] += sum(w[f"weight_rec_{g}"][n][k] * last[k] for k in range(H))
                z = 1 / (1 + math.exp(-at["z"]))
                i[n] = w["alpha"][n] * i[n] + at["i"]
                v[n] = z * v[n] + (1 - z) * i[n] - 0.8 * last[n]
                new[n] = float(v[n] - 0.8 >= 0)
            s = new
            fired += sum(s)
            assert out[t, b].tolist() == s
        torch.testing.assert_close(end.i[b], torch.tensor(i, dtype=torch.float64), rtol=1e-12, atol=1e-14)
        torch.testing.assert_close(end.v[b], torch.tensor(v, dtype=torch.float64), rtol=1e-12, atol=1e-14)
        assert end.spike[b].tolist() == s
    assert 0.1 < fired / out.numel() < 0.6


def results(layer: nn.SpikGRU, x: Tensor, backend: str, lengths: Tensor | None) -> list[Tensor]:
    x = x.clone().requires_grad_()
    first, state = layer(x[:4], backend=backend)
    state = type(state)(*(s.detach().requires_grad_() for s in state))
    left = None if lengths is None else (lengths - 4).clamp(min=0)
    out, end = layer(x[4:], state, lengths=left, backend=backend)
    weights = torch.randn(out.shape, dtype=out.dtype, generator=torch.Generator().manual_seed(2))
    loss = (out * weights).sum() + first.sum() + sum((k * s**2).sum() for k, s in enumerate(end, start=1))
    grads = torch.autograd.grad(loss, [x, *state, *layer.parameters()])
    return [out, *end, *grads]


@pytest.mark.parametrize("lengths", [None, LENGTHS], ids=["whole", "lengths"])
@pytest.mark.parametrize("detach_reset", [False, True])
@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float64, 1e-10), (torch.float32, 1e-4)])
def test_the_kernels_equal_the_loop(
    x: Tensor, lengths: Tensor | None, detach_reset: bool, dtype: torch.dtype, tolerance: float
) -> None:
    layer = drawn(detach_reset=detach_reset).to(dtype)
    a, b = (results(layer, x.to(dtype), backend, lengths) for backend in ("reference", "llvm"))
    for one, other in zip(a, b, strict=True):
        assert bool(one.ne(0).any())
        assert (one - other).abs().max() <= tolerance * one.abs().max()


def test_the_reset_is_in_the_gradient_unless_detached(x: Tensor) -> None:
    kept, cut = (results(drawn(detach_reset=d), x, "llvm", None) for d in (False, True))
    assert torch.equal(kept[0], cut[0])
    assert not torch.allclose(kept[4], cut[4])


@BACKENDS
def test_true_gradients_where_spikes_are_smooth(backend: str) -> None:
    layer = drawn(surrogate=surrogates.Sigmoid(2.0)).smoothed()
    x = torch.rand(5, B, N, dtype=torch.float64, requires_grad=True)
    state = [torch.rand(B, H, dtype=torch.float64, requires_grad=True) for _ in range(3)]
    names = [name for name, _ in layer.named_parameters()]
    kind = type(layer(x)[1])

    def run(x: Tensor, i: Tensor, v: Tensor, spike: Tensor, *values: Tensor) -> tuple[Tensor, ...]:
        given = dict(zip(names, values, strict=True))
        options = {"lengths": torch.tensor([5, 3, 0]), "backend": backend}
        out, end = torch.func.functional_call(layer, given, (x, kind(i, v, spike)), options)
        return (out, *end)

    assert torch.autograd.gradcheck(run, (x, *state, *layer.parameters()))


def test_the_surrogate_of_the_paper() -> None:
    x = torch.linspace(-2, 2, 9, dtype=torch.float64, requires_grad=True)
    (slope,) = torch.autograd.grad(Lorentzian().primitive(x).sum(), x)
    torch.testing.assert_close(slope, 1 / (1 + 10 * x.detach() ** 2))
    torch.testing.assert_close(slope, Lorentzian().derivative(x.detach()))
    for gamma in (0, -1.0, math.nan, "10"):
        with pytest.raises(ParameterError, match="gamma"):
            Lorentzian(gamma)


@BACKENDS
@pytest.mark.parametrize("lengths", [None, LENGTHS])
def test_chunks_are_the_whole(x: Tensor, backend: str, lengths: Tensor | None) -> None:
    layer = drawn()
    with torch.no_grad():
        whole, end = layer(x, lengths=lengths, backend=backend)
        state, pieces, start = None, [], 0
        for n in (1, 4, 7):
            left = None if lengths is None else (lengths - start).clamp(0, n)
            out, state = layer(x[start : start + n], state, lengths=left, backend=backend)
            pieces.append(out)
            start += n
    assert torch.equal(torch.cat(pieces), whole)
    for a, b in zip(state, end, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-12, atol=1e-14)


@BACKENDS
def test_what_stands_after_the_end_is_not_seen(x: Tensor, backend: str) -> None:
    layer = drawn()
    out, end = layer(x, lengths=LENGTHS, backend=backend)
    for b, n in enumerate(LENGTHS.tolist()):
        assert not out[n:, b].any()
        if n:
            alone, at_end = layer(x[:n, b : b + 1], backend=backend)
            assert torch.equal(out[:n, b : b + 1], alone)
            for a, c in zip(end, at_end, strict=True):
                torch.testing.assert_close(a[b : b + 1], c, rtol=1e-12, atol=1e-14)
        else:
            assert not any(s[b].any() for s in end)


@pytest.mark.parametrize(("inputs", "parameters"), [(700, 212_352), (64, 49_536), (784, 233_856)])
def test_parameters_and_their_start(inputs: int, parameters: int) -> None:
    layer = nn.SpikGRU(inputs, 128)
    assert sum(p.numel() for p in layer.parameters()) == parameters
    assert layer.alpha.tolist() == pytest.approx([0.9] * 128)
    for name, p in layer.named_parameters():
        if name != "alpha":
            assert 0.9 / 128**0.5 < p.detach().abs().max() <= 1 / 128**0.5


def test_alpha_comes_back_into_its_range(x: Tensor) -> None:
    layer = drawn()
    layer.alpha.data[:2] = torch.tensor([1.5, -0.5])
    layer(x)[1].i.sum().backward()
    assert layer.alpha.tolist()[:2] == [1.0, 0.0]
    assert layer.alpha.grad is not None
    assert layer.alpha.grad[0] != 0


def test_other_types(x: Tensor) -> None:
    layer, x = drawn().float(), x.float()
    out, state = layer(x.bfloat16())
    assert (out.dtype, state.v.dtype) == (torch.bfloat16, torch.float32)
    assert torch.equal(out.float(), layer(x)[0])
    with torch.autocast("cpu", dtype=torch.bfloat16):
        for backend in ("reference", "llvm"):
            low = x.clone().requires_grad_()
            out, state = layer(low, backend=backend)
            assert (out.dtype, state.v.dtype) == (torch.float32, torch.float32)
            out.sum().backward()
            assert low.grad is not None
            assert low.grad.isfinite().all()
    with pytest.raises(DTypeError, match="float64"):
        layer(x.double())


def test_saved_and_shown(x: Tensor) -> None:
    layer = drawn(v_threshold=0.8, detach_reset=True, surrogate=surrogates.ATan())
    again = eval(repr(layer), {**vars(nn), **vars(surrogates)}).double()
    assert repr(again) == repr(layer)
    again.load_state_dict(layer.state_dict())
    assert torch.equal(again(x)[0], layer(x)[0])
    assert set(layer.state_dict()) == {name for name, _ in layer.named_parameters()}


def test_in_a_network(x: Tensor) -> None:
    net = nn.Sequential(drawn(), nn.Linear(H, 2), neurons.LI(2, dt=1.0)).double()
    out, states = net(x, lengths=LENGTHS)
    assert (out.shape, len(states)) == ((T, B, 2), 2)
    assert list(spiking_layers(net)) == ["0"]
    part = explain(net, x).parts[0]
    assert (part.kind, part.backend) == ("SpikGRU", "llvm")


def test_compiled(x: Tensor) -> None:
    layer = drawn()
    twin = torch.compile(layer, fullgraph=True, backend="aot_eager")
    outs = [run(x)[0] for run in (layer, twin)]
    assert torch.equal(*outs)
    a, b = (torch.autograd.grad((out * x.sum(2, keepdim=True)).sum(), list(layer.parameters())) for out in outs)
    for one, other in zip(a, b, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-10, atol=1e-12)


def test_refusals(x: Tensor) -> None:
    layer = drawn()
    state = layer(x)[1]
    with pytest.raises(ShapeError, match="time is the first axis"):
        layer(x[0])
    with pytest.raises(ShapeError, match="5 features"):
        layer(x[..., :4])
    with pytest.raises(ShapeError, match="empty"):
        layer(x[:0])
    with pytest.raises(ShapeError, match="lengths"):
        layer(x, lengths=torch.tensor([1]))
    with pytest.raises(DTypeError, match="list"):
        layer(x.tolist())
    with pytest.raises(StateError, match="batch size"):
        layer(x[:, :2], state)
    with pytest.raises(StateError, match="float32"):
        layer(x, type(state)(*(s.float() for s in state)))
    with pytest.raises(StateError, match="fields"):
        layer(x, state.v)
    with pytest.raises(BackendUnavailable, match="the input is on cpu"):
        layer(x, backend="triton")
    with pytest.raises(ParameterError, match="backend 'lvm'"):
        layer(x, backend="lvm")
    x[2, 1, 3] = torch.nan
    for backend in ("reference", "llvm"):
        with pytest.raises(InputError, match=r"current\[2, 1, 3\] = nan"):
            layer(x, backend=backend)


@pytest.mark.parametrize(
    ("build", "said"),
    [
        (lambda: nn.SpikGRU(0, 3), "shape"),
        (lambda: nn.SpikGRU(3, 2.0), "shape"),
        (lambda: nn.SpikGRU(3, 2, v_threshold=0.0), "v_threshold = 0.0"),
        (lambda: nn.SpikGRU(3, 2, surrogate=surrogates.ATan), "surrogate"),
        (lambda: nn.SpikGRU(3, 2, detach_reset=1), "detach_reset = 1"),
    ],
)
def test_bad_arguments(build: Callable[[], object], said: str) -> None:
    with pytest.raises(ParameterError, match=said):
        build()
