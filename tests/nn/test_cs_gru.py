"""CSGRU and ConvGRU: the published equations, the kernels against the loop, and what a kernel may skip or cut."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from rheobase import explain, neurons, nn, surrogates
from rheobase.engine.llvm import event_conv as events
from rheobase.engine.llvm import winograd as tiles
from rheobase.engine.llvm import work_items as items
from rheobase.engine.operators.products import Convolution
from rheobase.engine.operators.sequence import STRETCH
from rheobase.errors import BackendUnavailable, DTypeError, InputError, ParameterError, ShapeError, StateError
from rheobase.learning.layers import spiking_layers
from rheobase.nn.recurrence.gated import owned

T, B, IN = 6, 3, 2
SIZE = (7, 11)
LENGTHS = torch.tensor([6, 4, 0])
# enough channels for whole vectors of any processor, so that events and tiles take part
WIDE = 16
BACKENDS = pytest.mark.parametrize("backend", ["reference", "llvm"])


def drawn(channels: int = 4, gain: float = 3.0, **options: object) -> nn.CSGRU:
    """A layer that fires now and then."""
    torch.manual_seed(0)
    layer = nn.CSGRU(IN, channels, **options).double()
    for p in layer.parameters():
        p.data *= gain
    return layer


@pytest.fixture
def x() -> Tensor:
    return (torch.rand(T, B, IN, *SIZE, generator=torch.Generator().manual_seed(1)) < 0.5).double()


def convolved(image: list[list[list[float]]], weight: list, bias: float) -> list[list[float]]:
    """One output channel of a 3x3 convolution with stride 1 and padding 1, one product after the other."""
    height, width = len(image[0]), len(image[0][0])
    out = [[bias] * width for _ in range(height)]
    for y in range(height):
        for x in range(width):
            for c, plane in enumerate(image):
                for dy in range(3):
                    for dx in range(3):
                        if 0 <= y + dy - 1 < height and 0 <= x + dx - 1 < width:
                            out[y][x] += weight[c][dy][dx] * plane[y + dy - 1][x + dx - 1]
    return out


def sigmoid(a: float) -> float:
    return 1 / (1 + math.exp(-a))


@BACKENDS
@pytest.mark.parametrize("reads", ["current", "spikes"])
def test_the_published_equations(backend: str, reads: str) -> None:
    layer = drawn(2, update_reads=reads, v_threshold=0.7)
    high, wide, steps = 3, 4, 5
    x = (torch.rand(steps, 1, IN, high, wide, generator=torch.Generator().manual_seed(3)) < 0.5).double()
    w = {name: p.tolist() for name, p in layer.named_parameters()}
    out, end = layer(x, backend=backend)
    i, v, s = ([[[0.0] * wide for _ in range(high)] for _ in range(2)] for _ in range(3))
    every = [(c, y, k) for c in range(2) for y in range(high) for k in range(wide)]
    for t in range(steps):
        image = x[t, 0].tolist()
        rec = {g: [convolved(s, w[f"weight_rec_{g}"][c], 0.0) for c in range(2)] for g in "riz"}
        outer = {g: [convolved(image, w[f"weight_{g}"][c], w[f"bias_{g}"][c]) for c in range(2)] for g in "ri"}
        for c, y, k in every:
            r = sigmoid(outer["r"][c][y][k] + rec["r"][c][y][k])
            i[c][y][k] = r * i[c][y][k] + outer["i"][c][y][k] + rec["i"][c][y][k]
        read = i if reads == "current" else image
        inner = [convolved(read, w["weight_z"][c], w["bias_z"][c]) for c in range(2)]
        for c, y, k in every:
            z = sigmoid(inner[c][y][k] + rec["z"][c][y][k])
            v[c][y][k] = z * v[c][y][k] + (1 - z) * i[c][y][k] - 0.7 * s[c][y][k]
            s[c][y][k] = float(v[c][y][k] - 0.7 >= 0)
        assert out[t, 0].tolist() == s
    torch.testing.assert_close(end.i[0], torch.tensor(i, dtype=torch.float64), rtol=1e-12, atol=1e-14)
    torch.testing.assert_close(end.v[0], torch.tensor(v, dtype=torch.float64), rtol=1e-12, atol=1e-14)
    assert end.spike[0].tolist() == s
    assert 0.1 < out.mean() < 0.7


def results(layer: nn.CSGRU, x: Tensor, backend: str, lengths: Tensor | None) -> list[Tensor]:
    x = x.clone().requires_grad_()
    first, state = layer(x[:2], backend=backend)
    state = type(state)(*(s.detach().requires_grad_() for s in state))
    left = None if lengths is None else (lengths - 2).clamp(min=0)
    out, end = layer(x[2:], state, lengths=left, backend=backend)
    weights = torch.randn(out.shape, dtype=out.dtype, generator=torch.Generator().manual_seed(2))
    loss = (out * weights).sum() + first.sum() + sum((k * s**2).sum() for k, s in enumerate(end, start=1))
    return [out, *end, *torch.autograd.grad(loss, [x, *state, *layer.parameters()])]


FORMS = {
    "paper": dict(channels=4),
    "spikes": dict(channels=4, update_reads="spikes"),
    "detached": dict(channels=4, detach_reset=True),
    "even kernel": dict(channels=4, kernel_size=(2, 4)),
    "stride and groups": dict(channels=4, stride=2, groups=2, kernel_size=(1, 3)),
    "no padding": dict(channels=4, kernel_size=5, padding=(0, 1), stride=(1, 2)),
    "wide": dict(channels=WIDE, gain=2.0),
    "wide, spikes": dict(channels=WIDE, gain=2.0, update_reads="spikes"),
    "wide, silent": dict(channels=WIDE, gain=1.0),
    "wide, 5x3": dict(channels=WIDE, gain=1.5, kernel_size=(5, 3)),
    "wide, 3x5": dict(channels=WIDE, gain=1.5, kernel_size=(3, 5)),
    "wide, even": dict(channels=WIDE, kernel_size=2),
}


@pytest.mark.parametrize("lengths", [None, LENGTHS], ids=["whole", "lengths"])
@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float64, 1e-10), (torch.float32, 1e-4)])
@pytest.mark.parametrize("form", FORMS)
def test_the_kernels_equal_the_loop(
    x: Tensor, lengths: Tensor | None, form: str, dtype: torch.dtype, tolerance: float
) -> None:
    layer = drawn(**FORMS[form]).to(dtype)
    a, b = (results(layer, x.to(dtype), backend, lengths) for backend in ("reference", "llvm"))
    for one, other in zip(a, b, strict=True):
        assert form == "wide, silent" or bool(one.ne(0).any())
        assert (one - other).abs().max() <= tolerance * max(1e-12, one.abs().max())


@BACKENDS
@pytest.mark.parametrize("form", ["paper", "spikes", "even kernel"])
def test_true_gradients_where_spikes_are_smooth(backend: str, form: str) -> None:
    layer = drawn(**FORMS[form] | {"channels": 2}, surrogate=surrogates.Sigmoid(2.0)).smoothed()
    x = torch.rand(3, 2, IN, 2, 3, dtype=torch.float64, requires_grad=True)
    kind, like = type(layer(x)[1]), layer(x)[1].i
    state = [torch.rand(like.shape, dtype=torch.float64, requires_grad=True) for _ in range(3)]
    names = [name for name, _ in layer.named_parameters()]

    def run(x: Tensor, i: Tensor, v: Tensor, spike: Tensor, *values: Tensor) -> tuple[Tensor, ...]:
        given = dict(zip(names, values, strict=True))
        options = {"lengths": torch.tensor([3, 2]), "backend": backend}
        out, end = torch.func.functional_call(layer, given, (x, kind(i, v, spike)), options)
        return (out, *end)

    assert torch.autograd.gradcheck(run, (x, *state, *layer.parameters()))


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("kernel", [(3, 3), (2, 4), (5, 1)])
def test_events_are_the_dense_products(kernel: tuple[int, int], threads: int) -> None:
    generator = torch.Generator().manual_seed(4)
    n, m = 2 * items.lanes(torch.float64), 5 * items.lanes(torch.float64)
    dense, (s, g) = (
        Convolution(kernel),
        (torch.randn(3, k, 5, 6, dtype=torch.float64, generator=generator) for k in (n, m)),
    )
    s = dense.in_memory_format(s * (torch.rand(s.shape, generator=generator) < 0.3))
    g, weight = dense.in_memory_format(g), torch.randn(m, n, *kernel, dtype=torch.float64, generator=generator)
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        total = g.clone()
        events.add_product(total, s, events.as_rows(weight), kernel)
        gradient = events.weight_gradient(s, g, kernel)
    finally:
        torch.set_num_threads(before)
    torch.testing.assert_close(total, g + dense.forward(s, weight), rtol=1e-12, atol=1e-12)
    torch.testing.assert_close(gradient, dense.weight_gradient(s, g, weight), rtol=1e-12, atol=1e-12)
    assert gradient.abs().min() > 0


@pytest.mark.parametrize("width", [1, 8, 11])
@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float64, 1e-13), (torch.float32, 1e-5)])
def test_tiles_are_the_plain_sum(width: int, dtype: torch.dtype, tolerance: float) -> None:
    generator, plain = torch.Generator().manual_seed(5), Convolution((5, 3))
    weights = [torch.randn(WIDE, WIDE, 5, 3, dtype=dtype, generator=generator) for _ in range(3)]
    g = [plain.in_memory_format(torch.randn(2, WIDE, 4, width, dtype=dtype, generator=generator)) for _ in weights]
    total = plain.in_memory_format(torch.ones(2, WIDE, 4, width, dtype=dtype))
    tiles.input_gradient(g, tiles.weights_back(weights), total)
    expected = torch.ones_like(total)
    for a, b in zip(g, weights, strict=True):
        plain.add_back(a, b, expected)
    assert (total - expected).abs().max() <= tolerance * expected.abs().max()


@BACKENDS
@pytest.mark.parametrize("lengths", [None, LENGTHS])
def test_chunks_are_the_whole(x: Tensor, backend: str, lengths: Tensor | None) -> None:
    layer = drawn(WIDE, 1.8)
    with torch.no_grad():
        whole, end = layer(x, lengths=lengths, backend=backend)
        state, pieces, start = None, [], 0
        for n in (1, 3, 2):
            left = None if lengths is None else (lengths - start).clamp(0, n)
            out, state = layer(x[start : start + n], state, lengths=left, backend=backend)
            pieces.append(out)
            start += n
    assert whole.any()
    assert torch.equal(torch.cat(pieces), whole)
    for a, b in zip(state, end, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("channels", [1, 2, 7])
@pytest.mark.parametrize("reads", ["current", "spikes"])
def test_parameters_and_their_start(channels: int, reads: str) -> None:
    layer = nn.CSGRU(channels, 128, update_reads=reads)
    expected = 590_208 + 2304 * channels if reads == "current" else 442_752 + 3456 * channels
    assert sum(p.numel() for p in layer.parameters()) == expected
    within = {"weight_r": 1 / (9 * channels) ** 0.5, "weight_rec_r": 1 / 1152**0.5}
    for name, p in layer.named_parameters():
        bound = within.get(name, 1 / 128**0.5)
        assert 0.9 * bound < p.detach().abs().max() <= bound


def test_other_types(x: Tensor) -> None:
    layer, x = drawn(WIDE, 2.0).float(), x.float()
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
            assert low.grad.any()
    with pytest.raises(DTypeError, match="float64"):
        layer(x.double())


def test_saved_and_shown(x: Tensor) -> None:
    layer = drawn(kernel_size=(5, 3), stride=2, padding=1, groups=2, update_reads="spikes", v_threshold=0.8)
    again = eval(repr(layer), vars(nn)).double()
    assert repr(again) == repr(layer)
    assert repr(nn.CSGRU(1, 8)) == "CSGRU(1, 8)"
    again.load_state_dict(layer.state_dict())
    assert torch.equal(again(x)[0], layer(x)[0])
    assert set(layer.state_dict()) == {name for name, _ in layer.named_parameters()}


def test_in_a_network(x: Tensor) -> None:
    net = nn.Sequential(drawn(), nn.AvgPool2d(2), nn.Flatten(), nn.Linear(60, 2), neurons.LI(2, dt=1.0)).double()
    out, states = net(x, lengths=LENGTHS)
    assert (out.shape, len(states)) == ((T, B, 2), 2)
    assert list(spiking_layers(net)) == ["0"]
    part = explain(net, x).parts[0]
    assert (part.kind, part.backend) == ("CSGRU", "llvm")
    assert explain(net, x.to("meta")).parts[0].backend == "reference"


def test_refusals(x: Tensor) -> None:
    layer = drawn()
    state = layer(x)[1]
    with pytest.raises(ShapeError, match="time is the first axis"):
        layer(x[0])
    with pytest.raises(ShapeError, match="2 features"):
        layer(x[:, :, :1])
    with pytest.raises(ShapeError, match=r"images of \(3, 11\)"):
        drawn(kernel_size=5, padding=0)(x[..., :3, :])
    with pytest.raises(ShapeError, match="lengths"):
        layer(x, lengths=torch.tensor([1]))
    with pytest.raises(DTypeError, match="list"):
        layer(x.tolist())
    with pytest.raises(StateError, match="shape"):
        layer(x[..., :-1], state)
    with pytest.raises(StateError, match="fields"):
        layer(x, state.v)
    with pytest.raises(BackendUnavailable, match="the input is on cpu"):
        layer(x, backend="triton")
    x[2, 1, 0, 3, 4] = torch.inf
    for backend in ("reference", "llvm"):
        with pytest.raises(InputError, match=r"current\[2, 1, 0, 3, 4\] = inf"):
            layer(x, backend=backend)


@pytest.mark.parametrize(
    ("build", "said"),
    [
        (lambda: nn.CSGRU(0, 3), "in_channels = 0"),
        (lambda: nn.CSGRU(1, 3, kernel_size=(3, 0)), "kernel_size = 0"),
        (lambda: nn.CSGRU(1, 3, stride=1.5), "stride = 1.5"),
        (lambda: nn.CSGRU(1, 3, padding=-1), "padding = -1"),
        (lambda: nn.CSGRU(2, 3, groups=2), "groups = 2"),
        (lambda: nn.CSGRU(2, 3, update_reads="spike"), "update_reads='spike'"),
        (lambda: nn.CSGRU(2, 3, v_threshold=math.nan), "v_threshold = nan"),
        (lambda: nn.ConvGRU(2, 3, groups=True), "groups = True"),
    ],
)
def test_bad_arguments(build: Callable[[], object], said: str) -> None:
    with pytest.raises(ParameterError, match=said):
        build()


def test_conv_gru(x: Tensor) -> None:
    torch.manual_seed(0)
    layer = nn.ConvGRU(IN, 4, kernel_size=(3, 5), groups=2).double()
    h, outs = torch.zeros(B, 4, *SIZE, dtype=torch.float64), []

    def both(gate: str, t: int, inside: Tensor) -> Tensor:
        outer = F.conv2d(
            x[t], getattr(layer, f"weight_{gate}"), getattr(layer, f"bias_{gate}"), padding=(1, 2), groups=2
        )
        return outer + F.conv2d(inside, getattr(layer, f"weight_rec_{gate}"), padding=(1, 2), groups=2)

    for t in range(T):
        z, r = torch.sigmoid(both("z", t, h)), torch.sigmoid(both("r", t, h))
        new = (1 - z) * h + z * torch.tanh(both("n", t, r * h))
        alive = (t < LENGTHS).view(-1, 1, 1, 1)
        outs.append(new * alive)
        h = torch.where(alive, new, h)
    out, end = layer(x, lengths=LENGTHS)
    torch.testing.assert_close(out, torch.stack(outs), rtol=1e-12, atol=1e-14)
    torch.testing.assert_close(end.h, h, rtol=1e-12, atol=1e-14)
    first, state = layer(x[:2], lengths=LENGTHS.clamp(max=2))
    second, last = layer(x[2:], state, lengths=(LENGTHS - 2).clamp(min=0))
    torch.testing.assert_close(torch.cat([first, second]), out, rtol=1e-12, atol=1e-14)
    torch.testing.assert_close(last.h, end.h, rtol=1e-12, atol=1e-14)
    assert repr(eval(repr(layer), vars(nn))) == repr(layer)


def test_conv_gru_with_one_pixel_is_a_gru() -> None:
    """Cho et al.'s cell; torch's own multiplies r after the product, which is the same for one hidden value."""
    torch.manual_seed(0)
    layer, plain = nn.ConvGRU(3, 1, kernel_size=1).double(), torch.nn.GRU(3, 1).double()
    with torch.no_grad():
        for name, inner in (("ih", "weight"), ("hh", "weight_rec")):
            # torch keeps the old value where z is 1
            rows = [getattr(layer, f"{inner}_{g}").view(1, -1) * sign for g, sign in (("r", 1), ("z", -1), ("n", 1))]
            getattr(plain, f"weight_{name}_l0").copy_(torch.cat(rows))
        plain.bias_ih_l0.copy_(torch.cat([layer.bias_r, -layer.bias_z, layer.bias_n]))
        plain.bias_hh_l0.zero_()
    x = torch.randn(T, B, 3, dtype=torch.float64)
    torch.testing.assert_close(layer(x[..., None, None])[0].flatten(2), plain(x)[0], rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("lengths", [None, LENGTHS], ids=["whole", "lengths"])
@pytest.mark.parametrize("channels", [4, WIDE])
def test_conv_gru_in_kernels_equals_the_loop(x: Tensor, lengths: Tensor | None, channels: int) -> None:
    torch.manual_seed(0)
    layer = nn.ConvGRU(IN, channels).double()
    state = layer(x)[1].h.detach()
    found = []
    for backend in ("reference", "llvm"):
        given, h = x.clone().requires_grad_(), state.clone().requires_grad_()
        out, end = layer(given, type(layer(x)[1])(h), lengths=lengths, backend=backend)
        loss = (out * torch.linspace(-1, 1, out.numel()).view_as(out)).sum() + (end.h**2).sum()
        found.append([out, end.h, *torch.autograd.grad(loss, [given, h, *layer.parameters()])])
    for one, other in zip(*found, strict=True):
        assert float(one.detach().abs().max()) > 0
        torch.testing.assert_close(one, other, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("make", [lambda: nn.CSGRU(IN, 3), lambda: nn.ConvGRU(IN, 3)], ids=["CSGRU", "ConvGRU"])
def test_sequences_longer_than_a_stretch(make: Callable[[], torch.nn.Module]) -> None:
    """States are kept at the start of each stretch of steps, and computed again from there; batch may lie outermost."""
    torch.manual_seed(0)
    layer, found = make().double(), []
    x = (torch.rand(3, 2 * STRETCH + 5, IN, 4, 4) < 0.5).double().transpose(0, 1)
    lengths = torch.tensor([2 * STRETCH + 5, STRETCH + 1, 3])
    for backend in ("reference", "llvm"):
        given = x.clone(memory_format=torch.preserve_format).requires_grad_()
        out, end = layer(given, lengths=lengths, backend=backend)
        loss = (out * torch.linspace(-1, 1, out.numel()).view_as(out)).sum() + sum((s**2).sum() for s in end)
        found.append([out, *end, *torch.autograd.grad(loss, [given, *layer.parameters()])])
    for one, other in zip(*found, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-9, atol=1e-11)


def test_sums_that_may_be_overwritten() -> None:
    """Kernels walk through steps that lie right behind each other, each as the product has it."""
    product, like = Convolution((3, 3)), torch.zeros(2, 4, 3, 3)
    good = product.empty(6, like)
    assert owned({"a": good}, product)
    assert not owned({"a": good, "b": product.empty(12, like)[::2]}, product)
    assert not owned({"a": good, "b": torch.zeros(6, 2, 4, 3, 3)}, product)


def test_conv_gru_refusals(x: Tensor) -> None:
    layer = nn.ConvGRU(IN, 4).double()
    with pytest.raises(BackendUnavailable, match="the input is on cpu"):
        layer(x, backend="triton")
    with pytest.raises(StateError, match="fields"):
        layer(x, x[0])
    with torch.autocast("cpu", dtype=torch.bfloat16):
        out, state = layer.float()(x.float())
    assert (out.dtype, state.h.dtype) == (torch.float32, torch.float32)
