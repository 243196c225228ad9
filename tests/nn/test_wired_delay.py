"""Delays of axons, synapses and lateral connections: where an input arrives, how positions learn, what is cut."""

from __future__ import annotations

import copy
from typing import Any

import pytest
import torch
from torch import Tensor

from rheobase import neurons, nn
from rheobase.errors import BackendUnavailable, ParameterError, StateError
from rheobase.nn.delays.tap_kernels import around, exponential


def drive(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def shifted(x: Tensor, steps: int) -> Tensor:
    return torch.cat([torch.zeros_like(x[:steps]), x[: len(x) - steps]])


# a triangular kernel is never narrower than the grid
@pytest.mark.parametrize(
    ("shape", "width"), [("gaussian", 0.23), *((k, w) for k in ("gaussian", "triangular") for w in (1.0, 4.0))]
)
def test_a_kernel_is_a_distribution_around_its_position(shape: str, width: float) -> None:
    d = torch.linspace(0, 50, 501, dtype=torch.float64)
    k = around(d, 51, width, shape)
    torch.testing.assert_close(k.sum(0), torch.ones_like(d))
    assert torch.equal(k.argmax(0)[::10], torch.arange(51))
    inner = (d > 4 * width) & (d < 50 - 4 * width)
    mean = (k * torch.arange(51.0, dtype=torch.float64)[:, None]).sum(0)
    # a kernel narrower than the grid stands on the nearest tap
    assert float((mean - d)[inner].abs().max()) < (0.5 if width < 0.5 else 0.06)


def test_a_triangle_of_width_one_interpolates() -> None:
    d = torch.rand(50, dtype=torch.float64) * 7
    k = around(d, 9, 1.0, "triangular")
    low = d.floor().long()
    torch.testing.assert_close(k.gather(0, low[None])[0], 1 - (d - low))
    torch.testing.assert_close(k.gather(0, low[None] + 1)[0], d - low)


@pytest.mark.parametrize("shape", ["gaussian", "triangular"])
def test_positions_learn_towards_the_delay_of_the_data(shape: str) -> None:
    """The delay between two signals is found from 6 steps away, the kernel narrowing on its way."""
    x = drive(400, 1, 1)
    layer = nn.AxonalDelay(1, taps=20, kernel=shape, width=8.0).double()
    layer.positions.d.data.fill_(13.0)
    optimiser = torch.optim.Adam(layer.parameters(), lr=0.2)
    for k in range(150):
        layer.positions.anneal(exponential(8.0, 0.5, k / 120))
        loss = (layer(x)[0] - shifted(x, 7)).square().mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    layer.positions.anneal(0)
    assert torch.equal(layer(x)[0], shifted(x, 7))


def test_every_axon_has_its_own_delay() -> None:
    layer = nn.AxonalDelay(3, 2, taps=8, width=0.0).double()
    layer.positions.d.data = torch.tensor([[0.0, 7.0], [2.4, 2.6], [9.0, -1.0]], dtype=torch.float64)
    x = drive(30, 2, 3, 2)
    out, _ = layer(x)
    for (a, b), steps in {(0, 0): 0, (0, 1): 7, (1, 0): 2, (1, 1): 3, (2, 0): 7, (2, 1): 0}.items():
        assert torch.equal(out[:, :, a, b], shifted(x[:, :, a, b], steps))


@pytest.mark.parametrize("width", [0.0, 2.5])
def test_every_synapse_has_its_own_delay(width: float) -> None:
    torch.manual_seed(0)
    layer = nn.SynapticDelay(4, 3, taps=9, width=width, bias=True).double()
    x = drive(40, 2, 4)
    out, _ = layer(x)
    k = layer.positions().detach()
    expected = torch.zeros(40, 2, 3, dtype=torch.float64)
    for o in range(3):
        for i in range(4):
            for lag in range(9):
                expected[:, :, o] += layer.weight[o, i].detach() * k[lag, o, i] * shifted(x[:, :, i], lag)
    torch.testing.assert_close(out.detach(), expected + layer.bias.detach(), rtol=1e-12, atol=1e-12)


def third(state: Any) -> Any:
    """The state of the third of three sequences."""
    if isinstance(state, tuple):
        return type(state)(*map(third, state))
    return state[2:] if state.shape[0] == 3 else state[:, 2:]


@pytest.mark.parametrize(
    "make",
    [
        lambda: nn.AxonalDelay(4, taps=6, width=1.5),
        lambda: nn.SynapticDelay(4, 3, taps=6, width=1.5),
        lambda: nn.RecurrentDelay(neurons.AdLIF(4), taps=6, width=1.5),
    ],
    ids=["axonal", "synaptic", "recurrent"],
)
def test_pieces_gradients_and_lengths(make: Any) -> None:
    torch.manual_seed(1)
    layer = make().double()
    x = 3.0 * drive(40, 3, 4)
    whole, _ = layer(x)
    first, state = layer(x[:9])
    second, _ = layer(x[9:], state)
    torch.testing.assert_close(torch.cat([first, second]), whole, rtol=1e-12, atol=1e-12)
    whole.sum().backward()
    assert all(p.grad is not None and float(p.grad.abs().max()) > 0 for p in layer.parameters())
    lengths = torch.tensor([40, 0, 13])
    out, end = layer(x, lengths=lengths)
    alone, last = layer(x[:13, 2:])
    torch.testing.assert_close(out[:13, 2:], alone, rtol=1e-12, atol=1e-12)
    assert not out[13:, 2].any()
    further, _ = layer(x[:5, 2:], last)
    again, _ = layer(x[:5, 2:], third(end))
    torch.testing.assert_close(again, further, rtol=1e-12, atol=1e-12)
    twin = copy.deepcopy(layer)
    twin.load_state_dict(layer.state_dict())
    assert torch.equal(twin(x)[0], whole)


def test_without_delays_it_is_the_plain_recurrence() -> None:
    weight = 0.5 * drive(5, 5)
    neuron = neurons.AdLIF(5).double()
    plain = nn.Recurrent(neuron, weight).double()
    layer = nn.RecurrentDelay(neuron, weight, taps=4, width=0.0).double()
    layer.positions.d.data.zero_()
    x = 4.0 * drive(60, 2, 5)
    out, _ = layer(x)
    assert float(out.detach().sum()) > 10
    assert torch.equal(out, plain(x, backend="reference")[0])
    layer.positions.d.data.fill_(2.0)
    assert not torch.equal(layer(x)[0], out)


def test_a_lateral_spike_comes_back_when_its_delay_is_over() -> None:
    neuron = neurons.LIF(2, dt=1.0).double()
    layer = nn.RecurrentDelay(neuron, torch.tensor([[0.0, 0.0], [25.0, 0.0]]), taps=6, width=0.0).double()
    layer.positions.d.data = torch.tensor([4.0, 0.0], dtype=torch.float64)
    x = torch.zeros(15, 1, 2, dtype=torch.float64)
    x[3, 0, 0] = 25.0
    assert layer(x)[0][:, 0].nonzero().tolist() == [[3, 0], [8, 1]]


@pytest.mark.parametrize("lengths", [None, torch.tensor([40, 3, 17])], ids=["whole", "lengths"])
@pytest.mark.parametrize("taps", [2, 5])
def test_a_delayed_recurrence_in_kernels_equals_the_loop(taps: int, lengths: Tensor | None) -> None:
    """Longer than a stretch, begun at rest and gone on with; values, the history at the end, and all gradients."""
    torch.manual_seed(1)
    layer = nn.RecurrentDelay(neurons.AdLIF(6), taps=taps).double()
    x, found = 3 * torch.rand(45, 3, 6, dtype=torch.float64), []
    for backend in ("reference", "llvm"):
        given = x.clone().requires_grad_()
        _, state = layer(given[:5], backend=backend)
        out, end, rec = layer(given[5:], state, lengths=lengths, record=("v", "w.pre"), backend=backend)
        leaves = [out, end.out, *end.neuron, *rec]
        loss = sum((k * t.sin()).sum() for k, t in enumerate(leaves, 1))
        found.append([*leaves, *torch.autograd.grad(loss, [given, *layer.parameters()])])
    for one, other in zip(*found, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-10, atol=1e-12)
    assert all(float(g.abs().max()) > 0 for g in found[0][-2:])


def test_refusals() -> None:
    with pytest.raises(ParameterError, match="taps"):
        nn.AxonalDelay(3, taps=0)
    with pytest.raises(ParameterError, match="kernel"):
        nn.SynapticDelay(3, 2, taps=4, kernel="square")
    with pytest.raises(ParameterError, match="width"):
        nn.AxonalDelay(3, taps=4).positions.anneal(-1.0)
    layer = nn.RecurrentDelay(neurons.AdLIF(3), taps=4)
    with pytest.raises(BackendUnavailable, match="the input is on cpu"):
        layer(torch.zeros(4, 1, 3), backend="triton")
    with pytest.raises(StateError):
        layer(torch.zeros(4, 1, 3), neurons.AdLIF(3).rest(1))
