"""Weights of few bits: levels, gradients, copies, refusals."""

from __future__ import annotations

import copy

import pytest
import torch

from rheobase import neurons, nn
from rheobase.errors import ParameterError


def network() -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Linear(6, 5, bias=False), nn.Recurrent(neurons.AdLIF(5)), nn.Linear(5, 3), neurons.LI(3, dt=1.0)
    )


@pytest.mark.parametrize("per_row", [False, True])
@pytest.mark.parametrize("bits", [2, 4, 5, 8])
def test_weights_lie_on_levels(bits: int, per_row: bool) -> None:
    net = network()
    twin = nn.quantised(net, bits, per_row=per_row)
    most = 2 ** (bits - 1) - 1
    whole = nn.levels(twin)
    assert set(whole) == {"0.weight", "1.weight_rec", "2.weight"}
    for name, number in whole.items():
        plain, rounded = (dict(m.named_modules())[name.split(".")[0]] for m in (net, twin))
        attribute = name.split(".")[1]
        plain, rounded = (getattr(m, attribute).detach() for m in (plain, rounded))
        top = plain.abs().amax(1, keepdim=True) if per_row else plain.abs().max()
        assert number.abs().max() == most
        assert torch.allclose(rounded, number * top / most, rtol=1e-6, atol=0)
        # nearest: no weight moved by more than half a level
        assert float(((rounded - plain).abs() / (top / most)).max()) <= 0.5 + 1e-5


def test_many_bits_change_little_and_few_change_much() -> None:
    torch.manual_seed(1)
    net = nn.Sequential(nn.Linear(6, 50), neurons.LI(50, dt=1.0))
    x = torch.rand(30, 4, 6)
    with torch.no_grad():
        want, _ = net(x)
        far = [float((nn.quantised(net, bits)(x)[0] - want).abs().mean() / want.abs().mean()) for bits in (16, 8, 3)]
    assert far[0] < 1e-4 < far[1] < 1e-2 < 5e-2 < far[2]


def test_the_original_is_left_alone_and_the_twin_learns() -> None:
    net = network()
    before = copy.deepcopy(net.state_dict())
    twin = nn.quantised(net, 4)
    optimiser = torch.optim.Adam(twin.parameters(), lr=0.05)
    x = torch.rand(30, 4, 6) * 4
    losses = []
    for _ in range(30):
        optimiser.zero_grad()
        loss = (twin(x)[0][-1] - 0.3).square().mean()
        loss.backward()
        optimiser.step()
        losses.append(float(loss.detach()))
    assert losses[-1] < 0.2 * losses[0]
    assert all(torch.equal(before[k], v) for k, v in net.state_dict().items())


def test_the_gradient_passes_the_rounding() -> None:
    linear = torch.nn.Linear(4, 3, bias=False)
    twin = nn.quantised(linear, 3)
    x = torch.rand(2, 4)
    twin(x).sum().backward()
    assert torch.allclose(twin.parametrizations.weight.original.grad, x.sum(0).expand(3, 4))


def test_a_row_of_zeros_stays_zero() -> None:
    linear = torch.nn.Linear(3, 2, bias=False)
    with torch.no_grad():
        linear.weight[0] = 0
    twin = nn.quantised(linear, 4, per_row=True)
    assert torch.equal(twin.weight[0], torch.zeros(3))
    assert torch.isfinite(twin.weight).all()


def test_saved_and_loaded() -> None:
    twin, other = nn.quantised(network(), 5), nn.quantised(network(), 5)
    with torch.no_grad():
        for parameter in twin.parameters():
            parameter.mul_(0.7)
    other.load_state_dict(twin.state_dict())
    x = torch.rand(10, 2, 6)
    assert torch.equal(twin(x)[0], other(x)[0])


@pytest.mark.parametrize("bits", [1, 17, 4.0, True])
def test_bits_must_make_sense(bits: object) -> None:
    with pytest.raises(ParameterError, match="bits"):
        nn.quantised(network(), bits)  # type: ignore[arg-type]


def test_a_network_must_have_plain_weights() -> None:
    with pytest.raises(ParameterError, match="weights"):
        nn.quantised(neurons.LIF(3, dt=1.0), 4)
    with pytest.raises(ParameterError, match="not quantised"):
        nn.quantised(nn.quantised(network(), 4), 4)


@pytest.mark.parametrize(
    ("layer", "said"),
    [
        (nn.SpikGRU(6, 4), r"SpikGRU as layer 1, whose weight_\w+ would keep its full precision"),
        (nn.SynapticDelay(6, 4, taps=3), "SynapticDelay as layer 1, whose weight would keep"),
        (nn.PSN(6, steps=5), "PSN as layer 1"),
    ],
)
def test_weights_that_would_stay_as_they_are_are_told(layer: torch.nn.Module, said: str) -> None:
    with pytest.raises(ParameterError, match=said):
        nn.quantised(nn.Sequential(nn.Linear(6, 6), layer), bits=4)
    # what has no weights of its own is no matter
    nn.quantised(
        nn.Sequential(nn.Linear(6, 6), nn.TdBatchNorm(6), nn.Delay(6, taps=3), nn.GroupReadout(6, classes=2)), 4
    )


@pytest.mark.parametrize("per_row", [False, True])
@pytest.mark.parametrize("whole", [1, 2, 7])
def test_whole_weights_are_their_levels_to_the_last_bit(whole: int, per_row: bool) -> None:
    net = network()
    with torch.no_grad():
        net[2].bias.copy_(torch.tensor([0.4, -1.6, 2.5]))
    twin = nn.quantised(net, whole=whole, per_row=per_row)
    numbers = nn.levels(twin)
    assert set(numbers) == {"0.weight", "1.weight_rec", "2.weight"}
    assert torch.equal(twin[0].weight, numbers["0.weight"].float())
    assert int(numbers["0.weight"].abs().max()) == whole
    plain = net[0].weight.detach()
    top = plain.abs().amax(1, keepdim=True) if per_row else plain.abs().max()
    moved = (twin[0].weight.detach() * top / whole - plain).abs()
    assert float((moved / top).max()) <= 0.5 / whole + 1e-6
    assert torch.equal(twin[2].bias, torch.tensor([0.0, -2.0, 2.0]))


def test_whole_weights_and_biases_learn() -> None:
    linear = torch.nn.Linear(4, 3)
    twin = nn.quantised(linear, whole=2)
    x = torch.rand(2, 4)
    twin(x).sum().backward()
    step = linear.weight.detach().abs().max() / 2
    assert torch.allclose(twin.parametrizations.weight.original.grad, x.sum(0).expand(3, 4) / step)
    assert torch.equal(twin.parametrizations.bias.original.grad, torch.full((3,), 2.0))


@pytest.mark.parametrize("given", [{}, {"bits": 2, "whole": 1}, {"whole": 0}, {"whole": 256}, {"whole": 1.0}])
def test_whole_must_make_sense(given: dict[str, object]) -> None:
    with pytest.raises(ParameterError, match="whole"):
        nn.quantised(network(), **given)  # type: ignore[arg-type]


@pytest.mark.parametrize("per_row", [False, True])
def test_ternary_weights_by_their_mean(per_row: bool) -> None:
    """0 below 0.7 of the mean size, else the sign, to the last bit however large a weight is; zeros have no part."""
    net = nn.Linear(4, 2, bias=False)
    with torch.no_grad():
        net.weight.copy_(torch.tensor([[0.69, -0.71, 1.6, 0.0], [700.3, -0.5, 0.1, 0.0]]))
        if per_row:
            net.weight[1].copy_(torch.tensor([6.9, -7.1, 16.0, 0.0]))
    twin = nn.quantised(net, whole=1, per_row=per_row, step_of="mean")
    expected = [[0, -1, 1, 0], [0, -1, 1, 0]] if per_row else [[0, 0, 0, 0], [1, 0, 0, 0]]
    assert twin.weight.tolist() == expected
    assert nn.levels(twin)["weight"].tolist() == expected
    twin.weight.sum().backward()
    assert (twin.parametrizations.weight.original.grad > 0).all()


@pytest.mark.parametrize("given", [{"whole": 1, "step_of": "max"}, {"bits": 4, "step_of": "mean"}])
def test_a_step_must_be_known(given: dict[str, object]) -> None:
    with pytest.raises(ParameterError, match="step_of = "):
        nn.quantised(network(), **given)  # type: ignore[arg-type]
