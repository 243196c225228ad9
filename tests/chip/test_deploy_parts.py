"""Layers as narrow as cores, networks made ready for whole numbers, and chips with software around them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from rheobase import chip, neurons, nn
from rheobase.chip import truenorth, wiring_notes
from rheobase.chip.core_groups import windows
from rheobase.chip.parts import parts_of
from rheobase.chip.truenorth import Emulator
from rheobase.errors import DataError, NotRepresentable, ParameterError, ShapeError


def floats(sizes: tuple[int, ...] = (20, 16, 3), *, bias: bool = True) -> nn.Sequential:
    """A network as `rheobase train` makes one: IF neurons, and a readout of leaky integrators."""
    torch.manual_seed(0)
    a, b, c = sizes
    return nn.Sequential(
        nn.Flatten(), nn.Linear(a, b, bias=bias), neurons.IF(b, dt=1.0), nn.Linear(b, c), neurons.LI(c, dt=1.0)
    )


def spikes(*shape: int) -> torch.Tensor:
    return (torch.rand(shape, generator=torch.Generator().manual_seed(1)) < 0.4).float()


def test_windows_cover_an_image_and_are_no_wider_than_asked() -> None:
    for sides, inputs in (((28, 28), 128), ((5, 40), 32), ((3, 3), 128), ((70,), 16), ((1, 9), 4)):
        found = windows(sides, inputs)
        assert np.any(found, axis=0).all()
        assert max(int(one.sum()) for one in found) <= inputs
    assert len(windows((28, 28), 128, least=14)) >= 14


def test_a_confined_network_keeps_to_its_inputs_while_it_learns() -> None:
    torch.manual_seed(0)
    plain = nn.Sequential(nn.Linear(784, 300, bias=False), neurons.IF(300, dt=1.0), nn.Linear(300, 40, bias=False))
    net = nn.quantised(chip.confined(plain, (28, 28), inputs=64), whole=1, per_row=True)
    there = net[0].parametrizations.weight[0].there.bool()
    assert int(there.sum(1).max()) <= 64
    assert there.any(0).all(), "a pixel that nobody reads"
    # every group of the second layer reads neurons of all windows of the first
    second = net[2].parametrizations.weight[0].there.bool()
    groups = (torch.arange(300) * 16 // 300)[None].expand(40, 300)
    assert all(len(set(groups[k][second[k]].tolist())) >= 15 for k in range(40))
    before = net[0].weight.detach().clone()
    optimiser = torch.optim.Adam(net.parameters(), lr=0.1)
    for _ in range(3):
        optimiser.zero_grad()
        (net[0].weight * torch.randn(300, 784)).sum().backward()
        optimiser.step()
    assert not torch.equal(net[0].weight, before)
    assert torch.count_nonzero(net[0].weight[~there]) == 0
    assert torch.count_nonzero(nn.levels(net)["0.weight"][~there]) == 0
    # and it fits: 128 inputs of two signs, or 64 of four values, are the axons of a core
    _, report = chip.deploy(nn.Sequential(net[0], neurons.IF(300, dt=1.0, v_threshold=8.0)))
    assert report.n_cores <= 17


@pytest.mark.parametrize(
    ("given", "error", "said"),
    [
        (dict(shape=(5, 5)), ShapeError, r"shape \(5, 5\) for 20 inputs"),
        (dict(inputs=0), ParameterError, "inputs = 0"),
        (dict(inputs=257), ParameterError, "from 1 to 256"),
    ],
)
def test_what_cannot_be_confined(given: dict[str, object], error: type[Exception], said: str) -> None:
    with pytest.raises(error, match=said):
        chip.confined(floats(), **given)  # type: ignore[arg-type]


def test_a_run_of_if_neurons_is_prepared() -> None:
    net = floats()
    twin = chip.prepared(net, v_threshold=5, votes=4)
    assert [type(part).__name__.removeprefix("Parametrized") for part in twin.layers] == [
        "Flatten",
        "Linear",
        "IF",
        "Linear",
        "IF",
        "GroupReadout",
    ]
    assert twin[3].out_features == 12
    assert twin[1].bias is None
    assert float(twin[2].v_threshold) == 5.0
    # it starts as the rounded weights of the run
    row = net[1].weight[0].detach()
    assert torch.equal(twin[1].weight[0], torch.round(row / row.abs().max()))
    _, report = chip.deploy(twin, x=spikes(4, 6, 20))
    assert (report.same_spikes, report.same_predictions) == (6, 6)
    assert report.software == ("layer 0 (Flatten)", "layer 5 (GroupReadout)")


@pytest.mark.parametrize(
    ("cell", "said"),
    [
        (neurons.LIF(16, dt=1.0), r"layer 2 \(LIF\) cannot be put on it \(its leak is a share"),
        (neurons.SRC(16), r"layer 2 \(SRC\) cannot be put on it \(it puts out values"),
        (nn.Recurrent(neurons.IF(16, dt=1.0)), r"layer 2 \(Recurrent\) cannot be put on it \(lateral"),
        (neurons.AdEx(16, dt=1.0), r"layer 2 \(AdEx\) cannot be put on it"),
    ],
)
def test_a_cell_that_the_chip_cannot_express_is_refused_by_name(cell: torch.nn.Module, said: str) -> None:
    net = nn.Sequential(nn.Flatten(), nn.Linear(20, 16), cell, nn.Linear(16, 3), neurons.LI(3, dt=1.0))
    with pytest.raises(NotRepresentable, match=said):
        chip.prepared(net, votes=2)
    with pytest.raises(NotRepresentable, match=said):
        chip.deploy(nn.Sequential(*net.layers[:3]))


def test_layers_in_software_before_and_after_the_chip() -> None:
    """The same output as the network, and the same spikes where each tick crosses the border by itself."""
    torch.manual_seed(0)
    whole = nn.quantised(
        nn.Sequential(nn.Linear(16, 12, bias=False), neurons.IF(12, dt=1.0, v_threshold=2.0)), whole=1, per_row=True
    )
    front, back = (nn.Linear(20, 16), neurons.LIF(16, dt=1.0)), (nn.Linear(12, 3), neurons.LI(3, dt=1.0))
    net = nn.Sequential(nn.Flatten(), *front, *whole.layers, *back)
    x = 8.0 * spikes(10, 5, 20)
    deployed, report = chip.deploy(net, x=x, software=(1, "LIF", "5", "LI"))
    assert report.software[1:3] == ("layer 1 (Linear)", "layer 2 (LIF)")
    assert (report.same_spikes, report.same_predictions, report.samples) == (5, 5, 5)
    assert report.host > 0
    expected = net(x)[0]
    assert torch.equal(deployed(x), expected)
    # tick by tick: one step of software, one tick of the chip, one step of software
    emulator, first, last = Emulator(deployed.net), nn.Sequential(*front), nn.Sequential(*back)
    states, board, after = None, emulator.rest(), None
    place = {tuple(at): k for k, at in enumerate(deployed.mapped.outputs.tolist())}
    found = list[torch.Tensor]()
    with torch.no_grad():
        for tick in range(len(x) + deployed.latency):
            fed = None
            if tick < len(x):
                out, states = first(x[tick : tick + 1, :1], states)
                _, core, axon = deployed.inputs(out[:, 0])
                fed = np.full(len(core), tick), core, axon
            run = emulator.run(1, fed, state=board)
            board = run.state
            if tick >= deployed.latency:
                step = torch.zeros(1, 1, 12)
                for at in zip(run.spikes.core.tolist(), run.spikes.neuron.tolist(), strict=True):
                    step[0, 0, place[at]] = 1
                out, after = last(step, after)
                found.append(out)
    assert torch.allclose(torch.cat(found)[:, 0], expected[:, 0], atol=1e-6)


@pytest.mark.parametrize(
    ("software", "error", "said"),
    [
        (("Conv2d",), ParameterError, "expected the number or the kind of a layer: layer 0"),
        ((9,), ParameterError, "software: got '?9"),
        ((3,), NotRepresentable, r"layer 3 \(Linear\) in software, between layers of the chip"),
        ((1, 2, 3, 4), NotRepresentable, "all layers in software"),
    ],
)
def test_layers_that_cannot_stay_off_the_chip(
    software: tuple[int | str, ...], error: type[Exception], said: str
) -> None:
    with pytest.raises(error, match=said):
        parts_of(floats(), software)


def test_values_at_the_border_are_refused() -> None:
    net = nn.Sequential(nn.Linear(20, 16), *chip.prepared(floats((16, 8, 3)), votes=2).layers)
    with pytest.raises(NotRepresentable, match="0 and 1 alone, where the chip begins"):
        chip.deploy(net, x=spikes(4, 2, 20), software=(0, 1))


def test_a_deployment_is_kept_with_its_wiring(tmp_path: Path) -> None:
    x = spikes(6, 3, 20)
    deployed, _ = chip.deploy(chip.prepared(floats(), votes=2), x=x)
    path = tmp_path / "chip.safetensors"
    wiring_notes.save(deployed, path, {"classes": ["a", "b", "c"]})
    held = wiring_notes.load(path)
    assert held is not None
    assert held.facts == {"classes": ["a", "b", "c"]}
    assert held.latency == deployed.latency
    ticks = len(x) + held.latency
    there, here = (
        Emulator(net).run(ticks, fed)
        for net, fed in ((held.net, held.fed(x[:, 1])), (deployed.net, deployed.inputs(x[:, 1])))
    )
    assert np.array_equal(there.spikes.tick, here.spikes.tick)
    assert np.array_equal(there.spikes.neuron, here.spikes.neuron)
    # a reader of configurations alone reads it, too; a configuration alone has no wiring
    assert truenorth.load(path).n_synapses == deployed.net.n_synapses
    truenorth.save(deployed.net, tmp_path / "plain.safetensors")
    assert wiring_notes.load(tmp_path / "plain.safetensors") is None


def test_changed_notes_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.safetensors"
    truenorth.save(truenorth.Configuration(truenorth.TrueNorth(cores=(1, 1))), path, notes={"deployed": {"n": 15}})
    raw = path.read_bytes()
    path.write_bytes(raw.replace(b'n\\": 15', b'n\\": 16'))
    assert path.read_bytes() != raw
    with pytest.raises(DataError, match="notes that differ from their checksum"):
        truenorth.notes(path)
    truenorth.save(truenorth.load(path), path, notes={"deployed": {"n_inputs": 1}})
    with pytest.raises(DataError, match="wiring that cannot be read"):
        wiring_notes.load(path)
