"""`rheobase.explain`: what it says of each layer is what the layer does, and nothing of the network is changed."""

from __future__ import annotations

import json
import re
from html import unescape

import pytest
import torch
from torch import Tensor
from torch import nn as torch_nn

import rheobase
from rheobase import errors, neurons, nn
from rheobase.current_clamp import make
from rheobase.energy import operations
from rheobase.learning import spikes_per_neuron
from rheobase.profiling import Explanation

STEPS, BATCH = 12, 3


def explain(net: torch_nn.Module, x: object, **options: object) -> Explanation:
    return rheobase.explain(net, x, seconds=0.0, **options)  # pyright: ignore[reportArgumentType]


def network() -> nn.Sequential:
    torch.manual_seed(0)
    net = nn.Sequential(
        nn.Linear(6, 8),
        neurons.LIF(8, dt=1.0, tau_mem=5.0),
        nn.Sequential(nn.Linear(8, 8), nn.Recurrent(neurons.AdLIF(8))),
        nn.Delay(8, taps=3),
        nn.Linear(8, 4),
        neurons.LI(4, dt=1.0),
    )
    for layer in (net[0], net[2].layers[0]):  # pyright: ignore[reportAttributeAccessIssue]
        layer.weight.data.abs_().mul_(6)
    return net


def spikes(*shape: int) -> Tensor:
    return (torch.rand(STEPS, BATCH, *shape, generator=torch.Generator().manual_seed(1)) < 0.5).float()


def test_a_layer_of_rounded_weights_is_that_layer() -> None:
    net, x = nn.Sequential(nn.Linear(6, 8), neurons.LIF(8, dt=1.0)), spikes(6)
    made = nn.quantised(net, 4)
    with torch.no_grad():  # the same weights in a plain layer: what rounds to 0 is no synapse in both
        net[0].weight.copy_(made[0].weight)
    plain, rounded = explain(net, x), explain(made, x)
    assert [p.label for p in rounded.parts] == ["0: ParametrizedLinear", "1: LIF"]
    # weights that round to 0 are no synapses
    assert rounded.parts[0].operations == plain.parts[0].operations
    assert [p.parameters for p in rounded.parts] == [p.parameters for p in plain.parts]


def test_every_layer_of_a_nested_network() -> None:
    net, x = network(), spikes(6)
    found = explain(net, x)
    assert [p.label for p in found.parts] == [
        "0: Linear",
        "1: LIF",
        "2.0: Linear",
        "2.1: Recurrent",
        "3: Delay",
        "4: Linear",
        "5: LI",
    ]
    assert [p.backend for p in found.parts] == ["torch", "llvm", "torch", "llvm", "llvm", "torch", "llvm"]
    assert [p.shape for p in found.parts] == [(STEPS, BATCH, n) for n in (8, 8, 8, 8, 8, 4, 4)]
    assert [p.parameters for p in found.parts] == [56, 0, 72, 64, 24, 36, 0]
    assert found.whole is not None
    assert found.whole.parameters == 56 + 72 + 64 + 24 + 36
    assert [p.calls for p in found.parts] == [1] * 7
    # all in the same rounds
    timings = [t for p in found.parts for t in (p.forward, p.backward)]
    assert {len(t.rounds) for t in timings if t is not None} == {len(found.whole.forward.rounds)}
    assert all(t is not None and 0 < t.fastest <= t.median for t in timings)


def test_spikes_and_operations_are_those_of_the_layers() -> None:
    net, x = network(), spikes(6)
    found = {p.label: p for p in explain(net, x).parts}
    given = [x, *(out.detach() for out in net.outputs(x))]
    out = given[2]
    assert found["1: LIF"].spikes == pytest.approx(float(out.mean()))
    assert 0 < float(out.mean()) < 1
    inner = net[2]
    linear, recurrent = (one.detach() for one in inner.outputs(out))  # pyright: ignore[reportCallIssue]
    assert found["2.1: Recurrent"].spikes == pytest.approx(float(spikes_per_neuron(recurrent, False).mean()) / STEPS)
    assert found["5: LI"].spikes is None, "a readout that never spikes"
    assert found["0: Linear"].spikes is None
    for label, layer, before in (
        ("0: Linear", net[0], x),
        ("1: LIF", net[1], given[1]),
        ("2.1: Recurrent", inner.layers[1], linear),  # pyright: ignore[reportAttributeAccessIssue]
        ("3: Delay", net[3], recurrent),
        ("4: Linear", net[4], given[4]),
    ):
        assert found[label].operations == operations(layer, before.detach()), label
    assert found["4: Linear"].operations.multiply_accumulates > 0, "a delay gives out no spikes"
    whole = explain(net, x).whole
    assert whole is not None
    assert whole.operations is not None
    assert whole.operations.accumulates == sum(p.operations.accumulates for p in found.values())


def test_memory_of_a_product_is_that_of_its_result() -> None:
    (linear,) = explain(torch_nn.Linear(6, 8, bias=False), spikes(6)).parts
    assert linear.kept == STEPS * BATCH * 8 * 4, "its input is somebody else's, its weight a parameter"
    # the result, the gradient of the weight, and nothing else at once
    assert linear.peak == STEPS * BATCH * 8 * 4 + 6 * 8 * 4


def test_a_frozen_network_has_no_backward() -> None:
    net = torch_nn.Linear(6, 8).requires_grad_(False)
    found = explain(net, spikes(6))
    assert (found.parts[0].backward, found.whole.backward) == (None, None)
    assert explain(net, spikes(6).requires_grad_()).parts[0].backward is not None


def test_nothing_is_changed() -> None:
    net = nn.Sequential(nn.Linear(6, 8), nn.TdBatchNorm(8), nn.Dropout(0.5), neurons.LIF(8, dt=1.0, learn=("tau_mem",)))
    net(spikes(6))[0].sum().backward()
    before = {name: value.clone() for name, value in net.state_dict().items()}
    grads = [p.grad.clone() for p in net.parameters() if p.grad is not None]
    generator, hooks = torch.get_rng_state(), [len(m._forward_hooks) for m in net.modules()]
    explain(net, spikes(6))
    assert net.training
    assert all(torch.equal(value, before[name]) for name, value in net.state_dict().items())
    assert all(torch.equal(p.grad, g) for p, g in zip(net.parameters(), grads, strict=True))
    assert torch.equal(generator, torch.get_rng_state())
    assert hooks == [len(m._forward_hooks) for m in net.modules()]


class Stepped(torch_nn.Module):
    """A loop over time of somebody's own, one layer called in it for each step, another never, one in place."""

    def __init__(self) -> None:
        super().__init__()
        self.linear, self.unused, self.relu = torch_nn.Linear(6, 8), torch_nn.Linear(2, 2), torch_nn.ReLU(inplace=True)
        self.cell = neurons.LIF(8, dt=1.0)

    def forward(self, x: Tensor) -> Tensor:
        state, outs = None, []
        for now in x:
            out, state = self.cell(self.relu(self.linear(now[None])), state)
            outs.append(out)
        return torch.cat(outs)


def test_a_network_of_somebodys_own_that_steps_through_time() -> None:
    net, x = Stepped(), spikes(6)
    net.linear.weight.data.abs_().mul_(4)
    found = {p.name: p for p in explain(net, x).parts}
    assert [found[name].calls for name in ("linear", "relu", "cell")] == [STEPS] * 3
    assert found["cell"].spikes == pytest.approx(float(net(x).detach().mean()))
    assert found["cell"].spikes > 0
    assert found["linear"].operations.accumulates == pytest.approx(operations(net.linear, x).accumulates)
    assert found["cell"].operations.updates == STEPS * 8
    assert found["cell"].operations.spikes == pytest.approx(float(net(x).detach().sum()) / BATCH)
    assert found["unused"].uncounted == "the network did not call it"
    assert f"linear: Linear ({STEPS} calls)" in str(explain(net, x))


def test_what_is_counted_from_rest_is_not_counted_from_a_state() -> None:
    class Twice(torch_nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.cell = nn.Recurrent(neurons.AdLIF(6))

        def forward(self, x: Tensor) -> Tensor:
            out, state = self.cell(x)
            return out + self.cell(x, state)[0]

    (cell,) = explain(Twice(), spikes(6)).parts
    assert (cell.operations, cell.calls) == (None, 2)
    assert "goes on from a state" in cell.uncounted


def image_network() -> torch_nn.Module:
    return nn.Sequential(
        nn.Conv2d(2, 4, 3, padding=1),
        neurons.LIF(4, 8, 8, dt=1.0),
        nn.MaxPool2d(2),
        nn.CSGRU(4, 4, kernel_size=3),
        nn.AvgPool2d(2),
        nn.Flatten(),
        nn.PSN(16, steps=STEPS),
        nn.SpikGRU(16, 6),
        nn.Linear(6, 10),
        nn.GroupReadout(10, classes=2),
    )


@pytest.mark.parametrize(
    ("network", "shape", "uncounted"),
    [
        (image_network, (2, 8, 8), set()),
        (lambda: nn.Sequential(nn.AxonalDelay(6, taps=4), nn.SynapticDelay(6, 5, taps=3), neurons.SRC(5)), (6,), set()),
        (lambda: nn.Chunked(nn.Sequential(nn.Linear(6, 4), neurons.LIF(4, dt=1.0)), steps=5), (6,), set()),
        (lambda: nn.RecurrentDelay(neurons.AdLIF(6), taps=3), (6,), set()),
        (lambda: nn.Sequential(nn.Linear(6, 4), torch_nn.GELU()), (6,), {"1"}),
    ],
)
def test_layers_of_all_kinds(network, shape, uncounted) -> None:
    torch.manual_seed(0)
    found = explain(network(), spikes(*shape))
    assert {p.name for p in found.parts if p.uncounted} == uncounted
    assert all(p.forward is not None and p.shape is not None and p.peak is not None for p in found.parts)
    assert (">" in str(found).split("whole network")[1].splitlines()[0]) == bool(uncounted)
    assert not [p.label for p in found.parts if p.kind in ("Positions", "LeakySum", "BatchNorm1d")], "part of a layer"


@pytest.mark.parametrize("kind", neurons.__all__)
def test_every_neuron(kind: str) -> None:
    neuron = make(getattr(neurons, kind), 3, 1.0)
    x = torch.zeros(5, 2, 3)
    given = x if len(neuron.entries) == 1 else dict.fromkeys(neuron.entries, x)
    (layer,) = explain(neuron, given).parts
    assert (layer.backend, layer.shape) == ("llvm", (5, 2, 3))
    assert layer.forward is not None


def test_the_table_the_notebook_and_the_file_say_the_same() -> None:
    found = explain(network(), spikes(6))
    head, *rows = found.rows()
    assert [row[0] for row in rows] == [*(p.label for p in found.parts), "whole network"]
    assert {len(row) for row in rows} == {len(head)}
    lines = str(found).splitlines()
    assert all(row[0] in line for row, line in zip(rows, lines[1:], strict=False))
    assert max(map(len, lines[: len(rows) + 1])) < 110
    shown = re.findall(r"<t[dh] [^>]*>(.*?)</t[dh]>", found._repr_html_())
    assert [unescape(cell) for cell in shown] == [cell for row in found.rows() for cell in row]
    content = json.loads(found.json())
    assert content["layers"][1]["spikes"] == found.parts[1].spikes
    assert content["whole"]["machine"]["threads"] == torch.get_num_threads()
    for text in ("Measured on x (12, 3, 6)", "training mode", "12 steps of 3 samples", "cores of", "one fused kernel"):
        assert text in str(found)


def test_what_it_needs_is_said() -> None:
    with pytest.raises(
        errors.ParameterError, match=r"got no input; expected a tensor \(time, batch, 6\)\. Remedy: expl"
    ):
        rheobase.explain(network())
    with pytest.raises(errors.ParameterError, match=r"a tensor \(time, batch, 2, height, width\)"):
        rheobase.explain(nn.Conv2d(2, 3, 3))
    with pytest.raises(errors.ParameterError, match=r"input of type list"):
        rheobase.explain(network(), [1.0])
    with pytest.raises(errors.ParameterError, match=r"Tensor as network"):
        rheobase.explain(spikes(6), network())  # pyright: ignore[reportArgumentType]
    with pytest.raises(errors.ParameterError, match=r"explain, 0: Linear: got \(12, 3, 5\), which it does not take"):
        explain(network(), spikes(5))
    with pytest.raises(errors.ParameterError, match=r"seconds=-1"):
        rheobase.explain(network(), spikes(6), seconds=-1)
    with pytest.raises(errors.DeviceError, match=r"x on cpu and 0\.weight on meta"):
        explain(network().to("meta"), spikes(6))
    found = explain(network(), spikes(6).to("meta"))
    assert found.whole is None
    assert "not measured: x is on the device meta" in str(found)
