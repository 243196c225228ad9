"""Delays as states: the shift register of the paper, the convolution that it is, pieces, gradients, refusals."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import Tensor

from rheobase import neurons, nn
from rheobase.core.neuron import Neuron
from rheobase.errors import BackendUnavailable, DTypeError, ParameterError, ShapeError, StateError
from rheobase.nn.delays.membrane_gain import membrane_gain

TAPS = (1, 2, 8, 9, 25)
SHAPES = ((1,), (16,), (37,), (5, 7), (130,))


def drive(*shape: int, seed: int = 0, dtype: torch.dtype = torch.float64) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64).to(dtype)


def shift_register(x: Tensor, m: Tensor) -> Tensor:
    """The paper's form: v_d[t] = A_d v_d[t-1] + B_d x[t], D[t] = sum of taps times v_d[t]."""
    taps = m.shape[0]
    move = torch.diag(torch.ones(taps - 1, dtype=x.dtype), -1)
    enter = torch.zeros(taps, dtype=x.dtype)
    enter[0] = 1.0
    register, sums = torch.zeros(x.shape[1], x.shape[2], taps, dtype=x.dtype), []
    for now in x:
        register = torch.einsum("ij,bnj->bni", move, register) + now[..., None] * enter
        sums.append(torch.einsum("bni,in->bn", register, m))
    return torch.stack(sums)


def depthwise(x: Tensor, m: Tensor) -> Tensor:
    """A causal convolution of each lane for itself."""
    taps, lanes = m.shape
    padded = torch.nn.functional.pad(x.permute(1, 2, 0), (taps - 1, 0))
    return torch.nn.functional.conv1d(padded, m.t().flip(1)[:, None], groups=lanes).permute(2, 0, 1)


@pytest.mark.parametrize("backend", ["llvm", "reference"])
@pytest.mark.parametrize("taps", TAPS)
def test_it_is_the_shift_register_and_the_convolution(taps: int, backend: str) -> None:
    delay = nn.Delay(37, taps=taps).double()
    x = drive(150, 3, 37)
    found = (delay(x, backend=backend)[0] - x).detach()
    for form in (shift_register, depthwise):
        assert float((found - form(x, delay.m.detach())).abs().max()) < 1e-12


@pytest.mark.parametrize("backend", ["llvm", "reference"])
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.bfloat16], ids=str)
@pytest.mark.parametrize("shape", SHAPES)
def test_pieces_are_the_whole_bit_for_bit(shape: tuple[int, ...], dtype: torch.dtype, backend: str) -> None:
    delay = nn.Delay(*shape, taps=9).to(torch.promote_types(dtype, torch.float32))
    x = drive(300, 2, *shape, dtype=dtype)
    whole, end = delay(x, backend=backend)
    out, state, pieces = None, None, []
    for piece in x.split([1, 5, 100, 194]):
        out, state = delay(piece, state, backend=backend)
        pieces.append(out)
    assert whole.dtype == dtype
    assert torch.equal(torch.cat(pieces), whole)
    assert torch.equal(state, end)
    # streaming, a step at a time, with other company in the batch
    state = None
    for t in range(12):
        out, state = delay(x[t : t + 1, 1:], state, backend=backend)
        assert torch.equal(out[0], whole[t, 1:])


@pytest.mark.parametrize("taps", TAPS)
@pytest.mark.parametrize("shape", SHAPES)
def test_gradients_are_those_of_torch(shape: tuple[int, ...], taps: int) -> None:
    delay = nn.Delay(*shape, taps=taps).double()
    x, g = drive(270, 2, *shape), drive(270, 2, *shape, seed=1)
    before = drive(taps - 1, 2, *shape, seed=2)
    found = []
    for backend in ("llvm", "reference"):
        leaves = [x.clone().requires_grad_(), before.clone().requires_grad_(), delay.m]
        out, end = delay(leaves[0], leaves[1], backend=backend)
        loss = (out * g).sum() + end.sin().sum()
        found.append(torch.autograd.grad(loss, leaves, materialize_grads=True, allow_unused=True))
    for a, b in zip(*found, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-11, atol=1e-11)


def test_gradient_of_one_input_alone() -> None:
    delay = nn.Delay(5, taps=4).double()
    x = drive(40, 2, 5)
    (alone,) = torch.autograd.grad(delay(x)[0].square().sum(), delay.m)
    y = x.clone().requires_grad_()
    both = torch.autograd.grad(delay(y)[0].square().sum(), [delay.m, y])
    assert torch.equal(alone, both[0])
    delay.requires_grad_(False)
    assert torch.equal(torch.autograd.grad(delay(y)[0].square().sum(), y)[0], both[1])


def test_sequences_of_different_length() -> None:
    delay = nn.Delay(3, taps=6).double()
    x, lengths = drive(20, 4, 3), torch.tensor([0, 3, 20, 11])
    out, end = delay(x, lengths=lengths)
    for k, length in enumerate(lengths.tolist()):
        assert not out[length:, k].any()
        if length:
            alone, last = delay(x[:length, k : k + 1])
            assert torch.equal(out[:length, k : k + 1], alone)
            assert torch.equal(end[:, k : k + 1], last)
    assert not end[:, 0].any()


LINEAR: tuple[Neuron, ...] = (
    neurons.LIF(6, dt=1.0, tau_mem=torch.linspace(5.0, 25.0, 6)),
    neurons.AdLIF(6, alpha=torch.linspace(0.4, 0.95, 6)),
    neurons.PLIF(6),
    neurons.SEAdLIF(6),
)


@pytest.mark.parametrize("neuron", LINEAR, ids=lambda n: type(n).__name__)
def test_a_delayed_sum_outside_the_membranes_factor(neuron: Neuron) -> None:
    """With the neuron as gain, the sum enters as in the paper: u = alpha (u - s) + (1 - alpha) x + D."""
    neuron = copy.deepcopy(neuron).double()
    delay = nn.Delay(6, taps=4, gain=neuron, scaled=False).double()
    x = 0.1 * drive(1, 2, 6)
    _, _, with_delay = neuron(delay(x)[0], record=("v.pre",))
    _, _, without = neuron(x, record=("v.pre",))
    added = (with_delay[0] - without[0]).detach()
    torch.testing.assert_close(added[0], delay.m[0].detach() * x[0], rtol=1e-9, atol=1e-12)


def test_the_gain_follows_a_neuron_that_learns() -> None:
    neuron = neurons.LIF(3, dt=1.0, learn=("tau_mem",))
    delay = nn.Delay(3, taps=2, gain=neuron)
    expected = 1.0 - torch.exp(-1.0 / neuron.tau_mem)
    torch.testing.assert_close(membrane_gain(neuron), expected.expand(3))
    delay(torch.ones(4, 1, 3))[0].sum().backward()
    (parameter,) = neuron.parameters()
    assert parameter.grad is not None
    assert float(parameter.grad.abs().min()) > 0
    assert [name for name, _ in delay.named_parameters()] == ["m"]
    twin = copy.deepcopy(nn.Sequential(delay, neuron))
    twin.layers[1].tau_mem = 50.0
    torch.testing.assert_close(
        twin.layers[0].weights()[1], twin.layers[0].m[1] / membrane_gain(twin.layers[1]), rtol=1e-6, atol=0.0
    )


def test_a_neuron_without_a_factor_needs_a_number() -> None:
    with pytest.raises(ParameterError, match="factor"):
        membrane_gain(neurons.HodgkinHuxley(2, dt=0.01))
    assert float(membrane_gain(neurons.SRC(1))) == 1.0


@pytest.mark.parametrize(
    ("start", "expected"),
    [
        ("ones", [1.0, 1.0, 1.0, 1.0]),
        ("exponential", [1.0, 0.6065307, 0.3678794, 0.2231302]),
        ("linear", [1.0, 0.75, 0.5, 0.25]),
    ],
)
def test_starts(start: str, expected: list[float]) -> None:
    m = torch.tensor(expected)
    torch.testing.assert_close(nn.Delay(2, taps=4, start=start, scaled=False).m[:, 1], m)
    torch.testing.assert_close(nn.Delay(2, taps=4, start=start).m[:, 1], m / m.sum())


def test_a_long_history_has_the_gain_of_a_short_one() -> None:
    torch.manual_seed(0)
    for taps in (3, 100):
        m = nn.Delay(50, taps=taps).m.detach()
        torch.testing.assert_close(m.abs().sum(0), torch.ones(50))
        assert float(m.min()) < 0 < float(m.max())
    paper = nn.Delay(50, taps=100, scaled=False).m.detach()
    assert 0 <= float(paper.min()) < 0.01
    assert 0.99 < float(paper.max()) < 1


def test_fixed_taps_do_not_learn_and_are_saved() -> None:
    delay = nn.Delay(4, taps=3, learn=False)
    assert not list(delay.parameters())
    twin = nn.Delay(4, taps=3, learn=False)
    twin.load_state_dict(delay.state_dict())
    assert torch.equal(twin.m, delay.m)


def test_no_taps_leave_the_input_alone() -> None:
    x = drive(5, 2, 3)
    out, state = nn.Delay(3, taps=0).double()(x)
    assert torch.equal(out, x)
    assert state.shape == (0, 2, 3)
    ended, _ = nn.Delay(3, taps=0).double()(x, lengths=torch.tensor([0] + [2] * (x.shape[1] - 1)))
    assert torch.equal(ended[:2, 1:], x[:2, 1:])
    assert not ended[2:].any()
    assert not ended[:, 0].any(), "after the end of a sequence out is zero"


@pytest.mark.parametrize(
    "cell", [neurons.LIF(8, dt=1.0), neurons.SRC(8), neurons.AdLIF(8)], ids=lambda c: type(c).__name__
)
def test_before_any_neuron_in_a_network(cell: Neuron) -> None:
    net = nn.Sequential(nn.Linear(4, 8), nn.Delay(8, taps=5), nn.Recurrent(cell), nn.Linear(8, 2))
    x = drive(30, 2, 4, dtype=torch.float32)
    whole, _ = net(x)
    first, states = net(x[:11])
    second, _ = net(x[11:], states)
    torch.testing.assert_close(torch.cat([first, second]), whole, rtol=1e-5, atol=1e-5)
    whole.sum().backward()
    assert all(p.grad is not None and torch.isfinite(p.grad).all() for p in net.parameters())


def test_autocast() -> None:
    delay = nn.Delay(8, taps=4)
    with torch.autocast("cpu", torch.bfloat16):
        hidden = torch.nn.Linear(3, 8)(torch.randn(6, 2, 3))
        out, state = delay(hidden)
    assert (out.dtype, state.dtype) == (torch.bfloat16, torch.float32)
    out.float().sum().backward()
    assert delay.m.grad is not None


def test_compiles_whole() -> None:
    delay = nn.Delay(6, taps=4)
    x = torch.randn(10, 2, 6)
    compiled = torch.compile(lambda x: delay(x)[0], fullgraph=True, backend="aot_eager")
    assert torch.equal(compiled(x), delay(x)[0])


@pytest.mark.parametrize(
    ("given", "error", "text"),
    [
        ({"taps": -1}, ParameterError, "taps"),
        ({"taps": 2.0}, ParameterError, "taps"),
        ({"taps": 2, "start": "on"}, ParameterError, "start"),
        ({"taps": 2, "gain": 0.0}, ParameterError, "gain"),
    ],
)
def test_refusals_when_made(given: dict[str, float], error: type[Exception], text: str) -> None:
    with pytest.raises(error, match=text):
        nn.Delay(3, **given)  # type: ignore[arg-type]


def test_refusals_when_called() -> None:
    delay = nn.Delay(3, taps=2)
    with pytest.raises(ShapeError, match=r"\(time, batch, 3\)"):
        delay(torch.zeros(4, 1, 5))
    with pytest.raises(DTypeError):
        delay(torch.zeros(4, 1, 3, dtype=torch.int64))
    with pytest.raises(StateError, match=r"\(1, 1, 3\)"):
        delay(torch.zeros(4, 1, 3), torch.zeros(2, 1, 3))
    with pytest.raises(ParameterError, match="llvm"):
        delay(torch.zeros(4, 1, 3), backend="lvm")
    with pytest.raises(BackendUnavailable):
        delay(torch.zeros(4, 1, 3), backend="triton")
