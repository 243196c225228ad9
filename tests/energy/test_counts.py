"""Counted operations against counts by hand: one loop over spikes, synapses and taps."""

from __future__ import annotations

import itertools

import pytest
import torch
from torch import Tensor

from rheobase import neurons, nn
from rheobase.energy import Operations, operations
from rheobase.errors import ParameterError, ShapeError

T, B = 5, 2


def spikes(*shape: int, rate: float = 0.4) -> Tensor:
    return (torch.rand(T, B, *shape, generator=torch.Generator().manual_seed(1)) < rate).float()


def pairs(size: tuple[int, int], kernel: tuple[int, int], stride: int, before: int, after: int) -> Tensor:
    """For each pixel, how often it is read by a convolution: every window and tap, one after the other."""
    found = torch.zeros(size)
    tops = range(-before, size[0] + after - kernel[0] + 1, stride)
    lefts = range(-before, size[1] + after - kernel[1] + 1, stride)
    for top, left, dy, dx in itertools.product(tops, lefts, range(kernel[0]), range(kernel[1])):
        if 0 <= top + dy < size[0] and 0 <= left + dx < size[1]:
            found[top + dy, left + dx] += 1
    return found


def test_linear_and_convolution() -> None:
    x = spikes(6)
    found = operations(nn.Linear(6, 4), x)
    assert found == Operations(float(x.sum()) / B, 0.0, 4 * float(x.sum()) / B, 0.0, 0.0, 0.0)
    found = operations(nn.Linear(6, 4), 0.5 * x - 1.5 * x.roll(1, 2) * (x == 0))
    assert found.accumulates == 0
    assert found.multiply_accumulates == 4 * float(((x + x.roll(1, 2)) > 0).sum()) / B
    x = spikes(4, 7, 6)
    layer = nn.Conv2d(4, 6, 3, stride=2, padding=1, groups=2)
    reach = pairs((7, 6), (3, 3), 2, 1, 1)
    assert operations(layer, x).accumulates == float((x * reach).sum()) * 3 / B
    assert layer(x).shape[3:] == (4, 3)


@pytest.mark.parametrize("lengths", [None, torch.tensor([5, 2])])
def test_spik_gru(lengths: Tensor | None) -> None:
    torch.manual_seed(0)
    layer, x = nn.SpikGRU(6, 4), spikes(6)
    for p in layer.parameters():
        p.data *= 2
    out = layer(x, lengths=lengths)[0].detach()
    ends = [T, T] if lengths is None else lengths.tolist()
    entering = sum(float(x[:n, b].sum()) for b, n in enumerate(ends))
    own = sum(float(out[: n - 1, b].sum()) for b, n in enumerate(ends))
    assert own > 0
    found = operations(layer, x, lengths=lengths)
    assert found.spikes_in == entering / B
    assert found.spikes == float(out.sum()) / B
    assert found.accumulates == 2 * 4 * (entering + own) / B
    assert found.multiply_accumulates == 0
    assert (found.updates, found.functions) == (2 * 4 * sum(ends) / B, 4 * sum(ends) / B)


@pytest.mark.parametrize("lengths", [None, torch.tensor([5, 2])])
@pytest.mark.parametrize("reads", ["current", "spikes"])
def test_cs_gru(reads: str, lengths: Tensor | None) -> None:
    torch.manual_seed(0)
    layer, x = nn.CSGRU(2, 4, update_reads=reads, stride=2, groups=2), spikes(2, 9, 8)
    for p in layer.parameters():
        p.data *= 3
    out = layer(x, lengths=lengths)[0].detach()
    ends = [T, T] if lengths is None else lengths.tolist()
    outer, inner = pairs((9, 8), (3, 3), 2, 1, 1), pairs((5, 4), (3, 3), 1, 1, 1)
    entering = sum(float((x[:n, b] * outer).sum()) for b, n in enumerate(ends)) * 4 / 2
    own = sum(float((out[: n - 1, b] * inner).sum()) for b, n in enumerate(ends)) * 4 / 2
    assert own > 0
    found = operations(layer, x, lengths=lengths)
    assert found.accumulates == ((2 if reads == "current" else 3) * entering + 3 * own) / B
    dense = sum(ends) * 4 * (4 / 2) * float(inner.sum())
    assert found.multiply_accumulates == (dense / B if reads == "current" else 0.0)
    assert found.updates == found.functions == 2 * sum(ends) * 4 * 5 * 4 / B
    assert found.spikes == float(out.sum()) / B


def test_the_size_of_the_paper() -> None:
    """A spike inside the image meets 9 x 128 synapses of each gate that reads it; the analog product is dense."""
    torch.manual_seed(0)
    layer, x = nn.CSGRU(1, 128), torch.zeros(2, 1, 1, 12, 12)
    x[0, 0, 0, 3:8, 3:8] = 1
    for name, p in layer.named_parameters():
        p.data.fill_(0.0 if name != "weight_i" else 1.0)
    out = layer(x)[0].detach()
    n_rec = float(out[0].sum())
    assert n_rec > 0
    found = operations(layer, x)
    assert found.accumulates == 9 * 128 * (2 * 25 + 3 * n_rec)
    # 147,456 at each of 12 x 12 places, less those that fall on the padding
    assert found.multiply_accumulates == 2 * 128 * 128 * (3 * 12 - 2) ** 2 < 2 * 147_456 * 144
    assert found.energy() == pytest.approx(
        0.9e-12 * found.accumulates + 4.6e-12 * (found.multiply_accumulates + found.updates)
    )
    assert found.energy(accumulate=1, multiply_accumulate=0, function=2) == found.accumulates + 2 * found.functions


def test_an_even_kernel_and_conv_gru() -> None:
    x = spikes(2, 5, 6)
    inner, outer = pairs((6, 7), (2, 2), 1, 0, 1), pairs((5, 6), (2, 2), 1, 1, 1)
    layer = nn.ConvGRU(2, 4, kernel_size=2)
    assert layer(x)[0].shape[3:] == (6, 7)
    found = operations(layer, x)
    assert found.accumulates == 3 * 4 * float((x * outer).sum()) / B
    assert found.multiply_accumulates == T * 3 * 4 * 4 * float(inner.sum())
    assert (found.spikes, found.functions) == (0.0, 3 * T * 4 * 6 * 7)


def test_layers_add_up() -> None:
    one = Operations(1, 2, 3, 4, 5, 6)
    assert one + one == Operations(2, 4, 6, 8, 10, 12)


def test_refusals() -> None:
    with pytest.raises(ParameterError, match="Softmax"):
        operations(torch.nn.Softmax(2), spikes(3))
    with pytest.raises(ShapeError, match="time, batch"):
        operations(nn.Linear(3, 2), torch.zeros(5, 3))
    with pytest.raises(ParameterError, match="plain convolution"):
        operations(nn.Conv2d(1, 2, 3, dilation=2), spikes(1, 8, 8))


@pytest.mark.parametrize("lengths", [None, torch.tensor([5, 2])])
@pytest.mark.parametrize("own", [True, False])
def test_recurrent_neuron(own: bool, lengths: Tensor | None) -> None:
    torch.manual_seed(0)
    layer, x = nn.Recurrent(neurons.CubaLIF(4, dt=1.0, tau_mem=2.0), self_connections=own), 40 * spikes(4)
    out = layer(x, lengths=lengths)[0].detach()
    ends = [T, T] if lengths is None else lengths.tolist()
    read = sum(float(out[: n - 1, b].sum()) for b, n in enumerate(ends))
    assert read > 0
    found = operations(layer, x, lengths=lengths)
    # its input is a sum that the layer before it made; four products in the equations of the cell
    updates = 4 * 4 * sum(ends) / B
    assert found == Operations(0.0, float(out.sum()) / B, (4 if own else 3) * read / B, 0.0, updates, 0.0)


def test_neurons() -> None:
    x = 40 * torch.ones(T, B, 2, 3)
    found = operations(neurons.LIF((2, 3), dt=1.0), x)
    assert found == Operations(0.0, 6.0 * T, 0.0, 0.0, 6.0 * T, 0.0)
    # a leaky integrator has no spikes
    assert operations(neurons.LI((2, 3), dt=1.0), x) == Operations(0.0, 0.0, 0.0, 0.0, 6.0 * T, 0.0)


@pytest.mark.parametrize(
    "layer", [nn.RecurrentDelay(neurons.AdLIF(4), taps=3), nn.Recurrent(neurons.SRC(4))], ids=["delays", "graded"]
)
def test_recurrence_that_is_not_counted(layer: torch.nn.Module) -> None:
    with pytest.raises(ParameterError, match="a Recurrent of a neuron that spikes"):
        operations(layer, spikes(4))


@pytest.mark.parametrize("lengths", [None, torch.tensor([5, 2])])
@pytest.mark.parametrize("kind", ["delay", "axonal", "synaptic", "narrow"])
def test_delays(kind: str, lengths: Tensor | None) -> None:
    """Each spike, synapse and tap by itself: it counts where what it adds to is a step of the sequence."""
    torch.manual_seed(0)
    layer = {
        "delay": lambda: nn.Delay(6, taps=3), "axonal": lambda: nn.AxonalDelay(6, taps=3),
        "synaptic": lambda: nn.SynapticDelay(6, 4, taps=3), "narrow": lambda: nn.SynapticDelay(6, 4, taps=3, width=0.0),
    }[kind]()  # fmt: skip
    x = spikes(6)
    weights = (
        (layer.weight * layer.positions()).detach() if isinstance(layer, nn.SynapticDelay) else layer.weights().detach()
    )
    weights = weights.view(3, -1, 6)  # (tap, out, in)
    assert (kind == "narrow") == bool((weights == 0).any())
    ends = [T, T] if lengths is None else lengths.tolist()
    expected = 0
    for b, t, i, k in itertools.product(range(B), range(T), range(6), range(3)):
        if t < ends[b] and t + k < ends[b]:
            expected += int(x[t, b, i]) * int((weights[k, :, i] != 0).sum())
    found = operations(layer, x, lengths=lengths)
    assert found.accumulates == expected / B
    assert (found.multiply_accumulates, found.updates, found.spikes) == (0, 0, 0)
    assert operations(layer, 0.5 * x, lengths=lengths).multiply_accumulates == expected / B


def test_readout_and_layers_that_move_values() -> None:
    x = spikes(6)
    found = operations(nn.GroupReadout(6, classes=3), x)
    # a product with the decay for each class and step
    assert found == Operations(float(x.sum()) / B, 0.0, 3 * float(x.sum()) / B, 0.0, 3.0 * T, 0.0)
    for layer in (nn.Flatten(), nn.DelayLine(6, taps=3), nn.Dropout(0.5), torch.nn.ReLU()):
        assert operations(layer, x) == Operations(float(x.sum()) / B, 0.0, 0.0, 0.0, 0.0, 0.0)
