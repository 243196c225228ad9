"""Counted operations against counts by hand: one loop over spikes, synapses and taps."""

from __future__ import annotations

import copy
import itertools
from typing import Any

import pytest
import torch
from torch import Tensor

from rheobase import neurons, nn
from rheobase.energy import Operations, Work, account, operations
from rheobase.energy.step_operations import update
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
    found, entering = operations(nn.Linear(6, 4), x), float(x.sum()) / B
    assert found == Operations(
        spikes_in=entering, accumulates=4 * entering, spikes_read=entering, dense=T * 6 * 4, sums=T * 4
    )
    assert operations(nn.Linear(6, 4, bias=False), x).sums == 0
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
        p.data.fill_(1e-9 if name != "weight_i" else 1.0)  # a weight of zero would be no synapse
    out = layer(x)[0].detach()
    n_rec = float(out[0].sum())
    assert n_rec > 0
    found = operations(layer, x)
    assert found.accumulates == 9 * 128 * (2 * 25 + 3 * n_rec)
    # 147,456 at each of 12 x 12 places, less those that fall on the padding
    assert found.multiply_accumulates == 2 * 128 * 128 * (3 * 12 - 2) ** 2 < 2 * 147_456 * 144
    # in units of the published table: 0.9 pJ a sum, 3.7 pJ a product; a function is 8 products with their sums
    sums = found.accumulates + found.multiply_accumulates + found.sums + 8 * found.functions
    products = found.multiply_accumulates + found.updates + 8 * found.functions
    assert found.energy() == pytest.approx(0.9e-12 * sums + 3.7e-12 * products)


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
    assert one + one == 2 * one == Operations(2, 4, 6, 8, 10, 12)


def test_refusals() -> None:
    with pytest.raises(ParameterError, match="Softmax"):
        operations(torch.nn.Softmax(2), spikes(3))
    with pytest.raises(ParameterError, match="lengths from 7 to 9; expected 0 to 5"):
        operations(nn.Linear(3, 2), torch.zeros(5, 2, 3), lengths=torch.tensor([7, 9]))
    with pytest.raises(ShapeError, match=r"integers of shape \(2,\)"):
        operations(nn.Linear(3, 2), torch.zeros(5, 2, 3), lengths=torch.tensor([5]))
    with pytest.raises(ShapeError, match="time, batch"):
        operations(nn.Linear(3, 2), torch.zeros(5, 3))
    with pytest.raises(ShapeError, match="with 5 axes"):
        operations(torch.nn.Conv2d(B, 2, 3), spikes(8, 8))  # the batch would be its channels


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
    # its input is a sum that the layer before it made, to which one more is added; four products in the equations of
    # the cell, whose two states are read and written
    reach, cells, one = 4 if own else 3, 4 * sum(ends) / B, update(layer.neuron)
    assert found == Operations(
        spikes=float(out.sum()) / B,
        accumulates=reach * read / B,
        updates=4 * cells,
        sums=(one.sums + 1) * cells,
        dense=4 * reach * sum(n - 1 for n in ends) / B,
        spikes_read=read / B,
        cell_steps=cells,
        state_words=4 * cells,
    )


def test_neurons() -> None:
    x = 40 * torch.ones(T, B, 2, 3)
    cells = 6.0 * T
    found = operations(neurons.LIF((2, 3), dt=1.0), x)
    # one state, read and written
    lif = {"updates": cells, "sums": 4 * cells, "cell_steps": cells, "state_words": 2 * cells}
    assert found == Operations(spikes=cells, **lif)
    # a leaky integrator has no spikes, and no reset to subtract
    found = operations(neurons.LI((2, 3), dt=1.0), x)
    assert found == Operations(**{**lif, "sums": 3 * cells})
    # two states
    found = operations(neurons.AdLIF((2, 3)), x)
    assert (found.cell_steps, found.state_words) == (cells, 2 * len(neurons.AdLIF(1).lane_states) * cells)


@pytest.mark.parametrize("lengths", [None, torch.tensor([5, 2])])
@pytest.mark.parametrize("width", [None, 0.0])
def test_recurrent_delay(width: float | None, lengths: Tensor | None) -> None:
    """Each output, tap and synapse by itself."""
    torch.manual_seed(0)
    layer, x = nn.RecurrentDelay(neurons.CubaLIF(4, dt=1.0, tau_mem=2.0), taps=3, width=width), 40 * spikes(4)
    out, taps = layer(x, lengths=lengths)[0].detach(), layer.positions().detach()
    ends = [T, T] if lengths is None else lengths.tolist()
    kernels = matrix = 0
    for b in range(B):
        for t, n in itertools.product(range(1, ends[b]), range(4)):
            parts = [float(out[t - 1 - k, b, n] * taps[k, n]) for k in range(3) if t - 1 - k >= 0]
            kernels += sum(1 for part in parts if part != 0)
            matrix += int((layer.lateral[:, n] != 0).sum()) * (sum(parts) != 0)
    found = operations(layer, x, lengths=lengths)
    assert found.accumulates + found.multiply_accumulates == (kernels + matrix) / B > 0
    assert (found.multiply_accumulates > 0) == (width is None), "a delay of one tap gives spikes back"
    assert found.spikes == float(out.sum()) / B


def test_recurrence_of_graded_cells_multiplies() -> None:
    torch.manual_seed(0)
    layer, x = nn.Recurrent(neurons.SRC(4)), 5 * spikes(4)
    out = layer(x)[0].detach()
    found = operations(layer, x)
    graded = (out[:-1] != 0) & (out[:-1].abs() != 1)
    assert graded.any()
    assert found.multiply_accumulates == 3 * float(graded.sum()) / B
    assert found.dense == 12 * (T - 1)


@pytest.mark.parametrize("lengths", [None, torch.tensor([5, 2])])
@pytest.mark.parametrize("kind", ["delay", "axonal", "synaptic", "narrow"])
def test_delays(kind: str, lengths: Tensor | None) -> None:
    """Each spike, synapse and tap by itself: it counts where what it adds to is a step of the sequence."""
    torch.manual_seed(0)
    layer = {
        "delay": lambda: nn.Delay(6, taps=3),
        "axonal": lambda: nn.AxonalDelay(6, taps=3),
        "synaptic": lambda: nn.SynapticDelay(6, 4, taps=3),
        "narrow": lambda: nn.SynapticDelay(6, 4, taps=3, width=0.0),
    }[kind]()
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
    entering = float(x.sum()) / B
    found = operations(nn.GroupReadout(6, classes=3), x)
    # a product with the decay for each class and step, and one sum; the state is read and written
    assert found == Operations(
        spikes_in=entering,
        accumulates=3 * entering,
        updates=3.0 * T,
        sums=3.0 * T,
        dense=3 * 6 * T,
        spikes_read=entering,
        cell_steps=3.0 * T,
        state_words=6.0 * T,
    )
    for layer in (nn.Flatten(), nn.Dropout(0.5), torch.nn.ReLU()):
        assert operations(layer, x) == Operations(spikes_in=entering)
    assert operations(nn.Delay(6, taps=0), x) == Operations(spikes_in=entering), "without taps it hands its input on"
    assert operations(nn.DelayLine(6, taps=3), x) == Operations(spikes_in=entering, state_words=6.0 * T)


@pytest.mark.parametrize("kind", ["1d", "dilated", "same", "circular", "3d"])
def test_convolutions_of_all_kinds(kind: str) -> None:
    """Every product by itself: a network of ones, applied to one spike after the other."""
    torch.manual_seed(0)
    layer, size = {
        "1d": lambda: (nn.Conv1d(2, 3, 3, stride=2, padding=1), (2, 7)),
        "dilated": lambda: (nn.Conv2d(2, 3, 2, dilation=2), (2, 5, 6)),
        "same": lambda: (nn.Conv2d(2, 3, 3, padding="same"), (2, 5, 6)),
        "circular": lambda: (nn.Conv2d(2, 3, 3, padding=1, padding_mode="circular"), (2, 5, 6)),
        "3d": lambda: (Cube(), (2, 3, 4, 4)),
    }[kind]()
    with torch.no_grad():
        layer.weight[0].zero_()  # no synapses, but stored ones
    x = spikes(*size)
    twin = copy.deepcopy(layer)
    torch.nn.init.zeros_(twin.bias)
    reached = {}
    for one in (0.0, 1.0):
        with torch.no_grad():
            twin.weight.fill_(1.0)
            twin.weight[0] = one
            reached[one] = float(twin(x).double().sum()) / B
    found = operations(layer, x)
    assert found.accumulates == reached[0.0] > 0
    assert operations(layer, 0.5 * x).multiply_accumulates == reached[0.0]
    with torch.no_grad():
        assert found.dense == float(twin(torch.ones_like(x)).double().sum()) / B
    assert reached[1.0] > reached[0.0]
    assert found.sums == layer(x)[0, 0].numel() * T


class Cube(torch.nn.Conv3d):
    """A convolution of torch, over time."""

    def __init__(self) -> None:
        super().__init__(2, 3, (2, 3, 3), stride=(1, 2, 1))

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x.flatten(0, 1)).unflatten(0, x.shape[:2])


@pytest.mark.parametrize("options", [{}, {"stride": 1}, {"padding": 1}, {"ceil_mode": True}])
@pytest.mark.parametrize("axes", [1, 2])
def test_means_add_and_do_not_multiply(axes: int, options: dict[str, Any]) -> None:
    layer = (nn.AvgPool1d if axes == 1 else nn.AvgPool2d)(2, **options)
    x = 0.5 * spikes(3, *(7, 5)[:axes])
    expected = 0
    for at in (x != 0).nonzero():
        alone = torch.zeros_like(x)
        alone[tuple(at)] = 1.0
        expected += int((layer(alone) != 0).sum())
    found = operations(layer, x)
    assert found.accumulates == expected / B > 0
    assert found.multiply_accumulates == found.updates == 0


def test_parallel_neurons() -> None:
    """Each input, cell and later step that has a weight for it."""
    x = 0.7 * spikes(6)
    for layer in (nn.PSN(6, steps=T), nn.MaskedPSN(6, steps=T, order=2), nn.SlidingPSN(6, order=3)):
        if isinstance(layer, nn.SlidingPSN):
            weights = torch.zeros(T, T)
            for t, k in itertools.product(range(T), range(3)):
                if t - k >= 0:
                    weights[t, t - k] = 1.0
        else:
            weights = layer.weight_in_force().detach()
        expected = sum(int((weights[:, t] != 0).sum()) for t, b, i in (x != 0).nonzero().tolist())
        found = operations(layer, x)
        assert found.multiply_accumulates == expected / B > 0, layer
        assert found.spikes == float(layer(x)[0].detach().sum()) / B


def test_a_normalisation_by_itself() -> None:
    x = spikes(6)
    found = operations(nn.TdBatchNorm(6).eval(), x)
    assert (found.updates, found.sums, found.accumulates) == (6 * T, 6 * T, 0)
    assert (operations(nn.Scale(3.0), x).updates, operations(nn.Scale(3.0), x).sums) == (6 * T, 0)


def test_a_layer_of_ones_own_says_what_it_does() -> None:
    class Doubled(torch.nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return 2 * x

        def counted(self, x: Tensor, out: Tensor) -> Work:
            return Work(Operations(updates=float((x != 0).sum()) / x.shape[1]))

    x = spikes(6)
    assert operations(Doubled(), x) == Operations(updates=float(x.sum()) / B)
    # in a network it is counted once, with all that is in it
    outer = Doubled()
    outer.inner = nn.Sequential(Doubled(), nn.Linear(6, 6))
    (whole,) = account(nn.Sequential(outer), x).layers
    assert whole.operations == Operations(updates=float(x.sum()) / B)
    outer.counted = lambda x, out: Operations()  # type: ignore[method-assign]
    with pytest.raises(
        ParameterError, match=r"Doubled.counted: got Operations in return; expected a rheobase.energy.Work"
    ):
        operations(outer, x)
