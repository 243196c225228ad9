"""Parallel spiking neurons: the sums of the paper, what a step may see, and what the layers refuse."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from rheobase import neurons, nn, surrogates
from rheobase.errors import DTypeError, InputError, ParameterError, ShapeError, StateError
from rheobase.learning.layers import spiking_layers

T, B, SHAPE = 9, 3, (2, 4)
LENGTHS = torch.tensor([9, 4, 0])


def drawn(layer: nn.Stateful) -> nn.Stateful:
    """The layer in float64 with parameters that are all different, of either sign."""
    generator = torch.Generator().manual_seed(3)
    for p in layer.parameters():
        p.data = torch.randn(p.shape, generator=generator, dtype=torch.float64)
    return layer.double()


def make(kind: str) -> nn.Stateful:
    if kind == "psn":
        return drawn(nn.PSN(*SHAPE, steps=T))
    if kind == "sliding":
        return drawn(nn.SlidingPSN(*SHAPE, order=4))
    return drawn(nn.MaskedPSN(*SHAPE, steps=T, order=3, lambda_=1.0 if kind == "masked" else 0.25))


def by_hand(kind: str, layer: nn.Stateful, t: int, s: int) -> float | Tensor:
    """The weight of the input at step s in the sum at step t."""
    if kind == "sliding":
        return layer.weight[s - t + 3] if t - 4 < s <= t else 0.0
    inside = t - 3 < s <= t
    mask = {"psn": 1.0, "masked": float(inside), "half": 1.0 if inside else 0.75}[kind]
    return layer.weight[t, s] * mask


KINDS = pytest.mark.parametrize("kind", ["psn", "masked", "half", "sliding"])


@pytest.fixture
def x() -> Tensor:
    return torch.randn(T, B, *SHAPE, dtype=torch.float64, generator=torch.Generator().manual_seed(1))


@KINDS
@pytest.mark.parametrize("lengths", [None, LENGTHS])
def test_the_sums_of_the_paper(kind: str, x: Tensor, lengths: Tensor | None) -> None:
    """Smooth, the output is a known function of the sum; not smooth, it is 1 where the sum reaches the threshold."""
    layer = make(kind)
    soft, _ = layer.smoothed()(x, lengths=lengths)
    spikes, _ = layer(x, lengths=lengths)
    for b in range(B):
        end = T if lengths is None else int(lengths[b])
        for t in range(T):
            h = torch.zeros(SHAPE, dtype=torch.float64)
            for s in range(end):
                h = h + by_hand(kind, layer, t, s) * x[s, b]
            distance = h - layer.v_threshold.expand(T)[t]
            alive = float(t < end)
            torch.testing.assert_close(soft[t, b], alive * surrogates.ATan().primitive(distance), rtol=1e-12, atol=0)
            assert torch.equal(spikes[t, b], alive * (distance >= 0))
    assert 0 < spikes.sum() < spikes.numel()


@pytest.mark.parametrize(("steps", "order"), [(1, 1), (5, 1), (64, 3), (65, 64), (200, 7), (150, 100), (3, 50)])
def test_sliding_over_several_blocks(steps: int, order: int) -> None:
    layer = drawn(nn.SlidingPSN(2, order=order))
    x = torch.randn(steps, 2, 2, dtype=torch.float64)
    padded = torch.cat([torch.zeros(order - 1, 2, 2, dtype=torch.float64), x])
    h = torch.stack([(layer.weight[:, None, None] * padded[t : t + order]).sum(0) for t in range(steps)])
    soft, end = layer.smoothed()(x)
    expected = surrogates.ATan().primitive(h - layer.v_threshold)
    torch.testing.assert_close(soft, expected, rtol=1e-10, atol=1e-13)
    assert torch.equal(end, padded[steps:].transpose(0, 1))


def test_initial_weights() -> None:
    sliding = nn.SlidingPSN(3, order=4)
    assert sliding.weight.tolist() == [0.125, 0.25, 0.5, 1.0]
    assert sliding.v_threshold.item() == 1.0
    for layer in (nn.PSN(3, steps=400), nn.MaskedPSN(3, steps=400, order=2)):
        assert layer.v_threshold.tolist() == [1.0] * 400
        assert 0.0499 < float(layer.weight.detach().abs().max()) <= 1 / 20
        assert float(layer.weight.detach().std()) == pytest.approx(1 / 20 / 3**0.5, rel=0.01)


@KINDS
def test_what_a_step_sees(kind: str, x: Tensor) -> None:
    """The gradient of one step with respect to the inputs: a PSN sees all, the others their window."""
    layer, x = make(kind), x.requires_grad_()
    for t in range(T):
        out, _ = layer(x)
        (gradient,) = torch.autograd.grad(out[t].sum(), x)
        seen = [s for s in range(T) if bool(gradient[s].ne(0).any())]
        window = {"masked": 3, "sliding": 4}.get(kind)
        assert seen == (list(range(T)) if window is None else list(range(max(0, t + 1 - window), t + 1)))


@KINDS
def test_gradients(kind: str) -> None:
    layer = make(kind).smoothed()
    x = torch.randn(T, B, *SHAPE, dtype=torch.float64, requires_grad=True)
    state = torch.randn(B, 3, *SHAPE, dtype=torch.float64, requires_grad=True) if kind == "sliding" else None
    names = [name for name, _ in layer.named_parameters()]

    def run(x: Tensor, state: Tensor | None, *values: Tensor) -> tuple[Tensor, ...]:
        given = dict(zip(names, values, strict=True))
        out, end = torch.func.functional_call(layer, given, (x, state), {"lengths": LENGTHS})
        return (out, end) if kind == "sliding" else (out,)

    assert torch.autograd.gradcheck(run, (x, state, *layer.parameters()))


def test_the_surrogate_stands_for_the_derivative_of_a_spike(x: Tensor) -> None:
    surrogate = surrogates.Triangle(width=2.0, scale=0.3)
    layer = drawn(nn.PSN(*SHAPE, steps=T, surrogate=surrogate))
    out, _ = layer(x)
    out.sum().backward()
    h = (layer.weight @ x.flatten(1)).detach() - layer.v_threshold.detach()[:, None]
    torch.testing.assert_close(layer.v_threshold.grad, -surrogate.derivative(h).sum(1), rtol=1e-12, atol=0)


@pytest.mark.parametrize("lengths", [None, torch.tensor([150, 70, 0])])
def test_chunks_are_the_whole(lengths: Tensor | None) -> None:
    layer = drawn(nn.SlidingPSN(5, order=6)).smoothed()
    x = torch.randn(150, B, 5, dtype=torch.float64)
    whole, end = layer(x, lengths=lengths)
    state, pieces, start = None, [], 0
    for n in (1, 3, 80, 66):
        left = None if lengths is None else (lengths - start).clamp(0, n)
        out, state = layer(x[start : start + n], state, lengths=left)
        pieces.append(out)
        start += n
    torch.testing.assert_close(torch.cat(pieces), whole, rtol=1e-12, atol=1e-14)
    assert torch.equal(state, end)


def test_in_a_network_in_chunks() -> None:
    torch.manual_seed(0)
    net = nn.Sequential(nn.Linear(4, 6), nn.SlidingPSN(6, order=5), nn.Linear(6, 3), neurons.LI(3, dt=1.0)).double()
    x = 5 * torch.rand(40, B, 4, dtype=torch.float64)
    lengths = torch.tensor([40, 31, 7])
    whole, _ = net(x, lengths=lengths)
    found = [p.clone() for p in torch.autograd.grad(whole.square().sum(), list(net.parameters()))]
    lean, _ = nn.Chunked(net, steps=11)(x, lengths=lengths)
    torch.testing.assert_close(lean, whole, rtol=1e-12, atol=1e-14)
    again = torch.autograd.grad(lean.square().sum(), list(net.parameters()))
    for a, b in zip(found, again, strict=True):
        assert bool(a.ne(0).any())
        torch.testing.assert_close(a, b, rtol=1e-10, atol=1e-12)
    assert list(spiking_layers(net)) == ["1"]


@KINDS
def test_save_and_load(kind: str, x: Tensor) -> None:
    layer = make(kind)
    fresh: dict[str, Callable[[], nn.Stateful]] = {
        "psn": lambda: nn.PSN(*SHAPE, steps=T),
        "sliding": lambda: nn.SlidingPSN(*SHAPE, order=4),
    }
    other = fresh.get(kind, lambda: nn.MaskedPSN(*SHAPE, steps=T, order=3, lambda_=0.5))().double()
    assert not torch.equal(other(x)[0], layer(x)[0])
    other.load_state_dict(layer.state_dict())
    assert torch.equal(other(x)[0], layer(x)[0])
    assert repr(other) == repr(layer)


@pytest.mark.parametrize(
    "layer",
    [
        nn.PSN(3, 2, steps=4),
        nn.MaskedPSN(3, steps=4, order=2),
        nn.MaskedPSN(3, steps=4, order=2, lambda_=0.3, surrogate=surrogates.Triangle(2.0)),
        nn.SlidingPSN(3, order=2, surrogate=surrogates.Sigmoid()),
    ],
    ids=repr,
)
def test_repr_evaluates_back(layer: nn.Stateful) -> None:
    again = eval(repr(layer), {**vars(nn), **vars(surrogates)})
    assert type(again) is type(layer)
    assert repr(again) == repr(layer)
    assert again.surrogate == layer.surrogate


def test_the_mask_moves() -> None:
    layer, x = nn.MaskedPSN(3, steps=4, order=1, lambda_=0.0), torch.randn(4, 2, 3)
    assert torch.equal(layer.weight_in_force(), layer.weight)
    layer.lambda_ = 0.25
    off = ~torch.eye(4, dtype=torch.bool)
    torch.testing.assert_close(layer.weight_in_force()[off], 0.75 * layer.weight[off])
    layer.lambda_ = 1.0
    assert torch.equal(layer.weight_in_force(), layer.weight * torch.eye(4))
    assert layer(x)[0].shape == x.shape


@KINDS
def test_other_types(kind: str, x: Tensor) -> None:
    """bfloat16 input and autocast: the sum is made in float32, and what comes out has the input's type."""
    layer, x = make(kind).float(), x.float()
    exact, _ = layer(x)
    low = x.bfloat16()
    out, _ = layer(low)
    assert out.dtype == torch.bfloat16
    assert torch.equal(out.float(), layer(low.float())[0])
    soft = layer.smoothed()
    expected, _ = soft(x)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert torch.equal(layer(x)[0], exact)
        assert torch.equal(soft(x)[0], expected)
    with pytest.raises(DTypeError, match="float64"):
        layer(x.double())


@KINDS
def test_compiled(kind: str, x: Tensor) -> None:
    layer = make(kind)
    compiled = torch.compile(layer, fullgraph=True, backend="aot_eager")
    out, _ = layer(x)
    same, _ = compiled(x)
    assert torch.equal(out, same)
    expected = torch.autograd.grad((out * x).sum(), list(layer.parameters()))
    for a, b in zip(expected, torch.autograd.grad((same * x).sum(), list(layer.parameters())), strict=True):
        torch.testing.assert_close(a, b, rtol=1e-12, atol=1e-14)


def test_refusals(x: Tensor) -> None:
    psn, sliding = make("psn"), make("sliding")
    with pytest.raises(ShapeError, match="9 steps"):
        psn(x[:-1])
    _, end = psn(x)
    with pytest.raises(StateError, match="it runs whole"):
        psn(x, end)
    with pytest.raises(ShapeError, match="time is the first axis"):
        psn(x[0])
    with pytest.raises(ShapeError, match=r"\(2, 4\)"):
        sliding(x.transpose(2, 3))
    with pytest.raises(ShapeError, match="lengths"):
        sliding(x, lengths=torch.tensor([1, 2]))
    _, state = sliding(x)
    with pytest.raises(StateError, match="shape"):
        sliding(x[:, :2], state)
    with pytest.raises(StateError, match="float32"):
        sliding(x, state.float())
    with pytest.raises(StateError, match="tuple"):
        sliding(x, (state,))
    with pytest.raises(StateError, match="a state that is NaN or infinite"):
        sliding(x, torch.full_like(state, torch.nan))
    x[2, 1, 0, 3] = torch.nan
    for layer in (psn, sliding):
        with pytest.raises(InputError, match=r"current\[2, 1, 0, 3\] = nan"):
            layer(x)


@pytest.mark.parametrize(
    ("build", "said"),
    [
        (lambda: nn.PSN(3, steps=0), "steps = 0"),
        (lambda: nn.PSN(steps=3), "shape"),
        (lambda: nn.PSN(0, steps=3), "shape"),
        (lambda: nn.SlidingPSN(3, order=True), "order = True"),
        (lambda: nn.MaskedPSN(3, steps=3, order=2.0), "order = 2.0"),
        (lambda: nn.MaskedPSN(3, steps=3, order=2, lambda_=1.1), "lambda_ = 1.1"),
        (lambda: nn.SlidingPSN(3, order=2, surrogate=surrogates.ATan), "surrogate"),
    ],
)
def test_bad_arguments(build: Callable[[], object], said: str) -> None:
    with pytest.raises(ParameterError, match=said):
        build()
