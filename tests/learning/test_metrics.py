from __future__ import annotations

import pytest
import torch
from torch import nn

from rheobase import neurons
from rheobase import nn as layers
from rheobase.errors import InputError, ShapeError
from rheobase.learning import (
    accuracy,
    confusion_matrix,
    count_parameters,
    count_spikes,
    spikes_per_neuron,
    spiking_layers,
)
from rheobase.learning.layers import watched


def brute_force(out: torch.Tensor, graded: bool) -> list[int]:
    counts = []
    for b in range(out.shape[1]):
        n = 0
        for column in out[:, b].flatten(1).t().tolist():
            before = 0.0
            for value in column:
                n += int(before < 0.5 <= value) if graded else int(value)
                before = value
        counts.append(n)
    return counts


@pytest.mark.parametrize("shape", [(1, 2, 3), (13, 4, 5), (20, 3, 2, 2)])
def test_counts_against_a_loop(shape: tuple[int, ...]) -> None:
    values = torch.rand(shape, generator=torch.Generator().manual_seed(1))
    assert count_spikes(values, graded=True).tolist() == brute_force(values, True)
    spikes = (values > 0.7).float()
    assert count_spikes(spikes, graded=False).tolist() == brute_force(spikes, False)
    neurons_per_sample = spikes[0, 0].numel()
    assert torch.equal(spikes_per_neuron(spikes, False), count_spikes(spikes, False).double() / neurons_per_sample)


def test_edges_of_a_crossing() -> None:
    def crossings(*values: float) -> int:
        return int(count_spikes(torch.tensor(values)[:, None, None], graded=True))

    assert crossings(0.5) == 1  # at 0.5 the cell is above
    assert crossings(0.9, 0.9, 0.9) == 1
    assert crossings(0.9, 0.4, 0.6) == 2
    assert crossings(0.49, 0.49) == 0


def test_counts_are_exact_beyond_float32() -> None:
    # 2^24 + 1 spikes: a sum in float32 would lose the last one
    spikes = torch.ones(2**12 + 1, 1, 2**12 + 1, dtype=torch.uint8)
    assert int(count_spikes(spikes, graded=False)) == (2**12 + 1) ** 2


def test_no_steps_no_spikes() -> None:
    assert count_spikes(torch.zeros(0, 2, 3), graded=True).tolist() == [0, 0]
    assert spikes_per_neuron(torch.zeros(0, 2, 3), graded=False).tolist() == [0, 0]


@pytest.mark.parametrize("value", [0.5, -1.0, float("nan")])
def test_values_are_no_spikes(value: float) -> None:
    with pytest.raises(InputError, match="graded=True"):
        count_spikes(torch.full((2, 1, 1), value), graded=False)


def test_accuracy_and_confusion() -> None:
    predicted, target = torch.tensor([0, 2, 2, 1, 1]), torch.tensor([0, 2, 1, 1, 0])
    assert accuracy(predicted, target) == 0.6
    matrix = confusion_matrix(predicted, target, 4)
    assert matrix.tolist() == [[1, 1, 0, 0], [0, 1, 1, 0], [0, 0, 1, 0], [0, 0, 0, 0]]
    with pytest.raises(ShapeError, match="classes=3"):
        confusion_matrix(predicted, target, 2)
    with pytest.raises(ShapeError, match="not empty"):
        accuracy(predicted[:0], target[:0])
    with pytest.raises(ShapeError):
        accuracy(predicted, target[:4])


def test_parameters() -> None:
    shared = nn.Linear(3, 3)
    net = nn.Sequential(shared, shared, nn.Linear(3, 1).requires_grad_(False))
    assert count_parameters(net) == 12
    assert count_parameters(neurons.LIF(5, dt=1.0)) == 0
    assert count_parameters(nn.ParameterList([torch.zeros(3, dtype=torch.complex64)])) == 6
    assert count_parameters(neurons.LIF(5, dt=1.0, learn=("tau_mem",))) == 1


def test_which_layers_spike() -> None:
    net = layers.Sequential(
        nn.Linear(4, 8),
        neurons.LIF(8, dt=1.0),
        layers.Recurrent(neurons.LIF(8, dt=1.0)),
        layers.Sequential(nn.Linear(8, 6), neurons.SRC(6)),
        nn.Linear(6, 2),
        neurons.LI(2, dt=1.0),
    )
    found = spiking_layers(net)
    assert {name: layer.graded for name, layer in found.items()} == {"1": False, "2": False, "3.1": True}
    with watched(net, found) as watch:
        net(torch.rand(9, 2, 4))
    assert {name: tuple(out.shape) for name, out in watch.spiking().items()} == {
        "1": (9, 2, 8),
        "2": (9, 2, 8),
        "3.1": (9, 2, 6),
    }
    watch.calls.clear()
    net(torch.rand(9, 2, 4))
    assert not watch.outs  # no hook is left behind


def test_all_calls_of_a_layer_are_counted() -> None:
    """In chunks, in a cycle and in two places, the last call alone was."""
    torch.manual_seed(0)
    x, lif = 3.0 * torch.rand(20, 2, 4), neurons.LIF(4, dt=1.0)
    plain = layers.Sequential(lif)
    cycle = layers.Graph({"lif": lif}, [("input", "lif"), ("lif", "lif"), ("lif", "output")])
    twice = layers.Sequential(lif, layers.Scale(5.0), lif)
    for net, runs in ((plain, 1), (layers.Chunked(plain, steps=7), 1), (cycle, 1), (twice, 2)):
        with torch.no_grad(), watched(net, spiking_layers(net)) as watch:
            for _ in range(2):  # of two runs, the last
                out, _ = net(x)
        (seen,) = watch.spiking().values()
        assert len(seen) == 20 * runs
        assert torch.equal(seen[-20:], out)
    (seen,) = watch.spiking().values()
    assert torch.equal(seen[:20], plain(x)[0])


def test_a_graded_readout_is_not_counted() -> None:
    net = layers.Sequential(nn.Linear(4, 6), neurons.SRC(6), layers.GroupReadout(6, classes=3))
    with watched(net, spiking_layers(net)) as watch:
        net(torch.rand(9, 2, 4))
    assert list(watch.spiking()) == ["1"]
