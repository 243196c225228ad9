"""The parts of the CS-GRU paper, from made-up data to tables, and what its networks and counts must be."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from rheobase import neurons, nn
from rheobase.energy import Operations
from rheobase.energy.step_operations import update
from rheobase.errors import ParameterError
from rheobase.learning import count_parameters
from rheobase.reproduce.catalogue import find
from rheobase.reproduce.cs_gru.cell import at_work
from rheobase.reproduce.cs_gru.costs import of_network
from rheobase.reproduce.cs_gru.gates import traces
from rheobase.reproduce.cs_gru.inputs import INPUTS, task
from rheobase.reproduce.cs_gru.networks import DENSE, KINDS, SpatialMean, network
from rheobase.reproduce.job import Job
from tests.reproduce.held import hold

IMAGE = (2, 6, 5)
SMALL: dict[str, dict[str, Any]] = {
    "cell": {"side": 3, "channels": 8, "steps": 9, "draws": 1, "back": [1, 5]},
    "mnist": {"data": "digits", "steps": 4, "limit": 30, "batch": 10, "counted": 5},
    "speech": {"steps": 6, "limit": 20, "batch": 10, "counted": 5},
}
LEAST = {"channels": 4, "epochs": 1, "seeds": [0]}


@pytest.mark.parametrize("name", SMALL)
def test_a_part_from_start_to_table(name: str, recordings: Path, tmp_path: Path) -> None:
    part = next(part for part in find("cs-gru").parts if part.name == name)
    settings = {**part.settings, **SMALL[name]}
    assert settings.keys() == part.settings.keys()
    if "networks" in settings:
        chosen = {k: {**v, **LEAST} for k, v in settings["networks"].items()}
        assert {one["kind"] for one in chosen.values()} == set(KINDS)
        first = next(iter(chosen))
        chosen[first]["seeds"] = [0, 1]
        settings["networks"] = chosen
    found = part.run(Job(settings, tmp_path, identity={"part": name}, data=recordings))
    hold(found)
    if name == "cell":
        assert all(0 <= value <= 1 for row in found.tables[0].rows for value in row[1:])
        return
    table = found.tables[0]
    rows = {row[0]: dict(zip(table.columns, row, strict=True)) for row in table.rows}
    assert all(0 <= row["test accuracy (%)"] <= 100 for row in rows.values())
    assert [row["seeds"] for row in rows.values()].count(2) == 1
    for key, row in rows.items():
        macs = row["MACs of synapses"] + 8 * row["functions"]
        joules = 0.9e-12 * (row["ACs"] + row["sums of cells"]) + 4.6e-12 * macs + 3.7e-12 * row["products of cells"]
        assert row["energy (uJ)"] == pytest.approx(1e6 * joules), key
        if ", z reads spikes" in key:
            current = rows[key.replace(", z reads spikes", "")]
            assert row["MACs of synapses"] < current["MACs of synapses"]


@pytest.mark.parametrize("kind", KINDS)
def test_networks_learn_all_they_have(kind: str) -> None:
    torch.manual_seed(0)
    net = network(kind, IMAGE, 3, channels=4, grid=2, gain=6.0)
    out, _ = net((torch.rand(20, 4, *IMAGE) < 0.5).float())
    assert out.shape == (20, 4, 3)
    out.square().sum().backward()
    for name, p in net.named_parameters():
        assert p.grad is not None, name
        assert bool(torch.isfinite(p.grad).all()), name
        assert bool((p.grad != 0).any()), name


@pytest.mark.parametrize(
    ("data", "classes", "expected"),
    [
        ("mnist", 10, 593_812),
        ("ntidigits", 11, 593_942),
        ("shd", 20, 610_266),
        ("dvs_gesture", 11, 596_246),
        ("cifar10_dvs", 10, 596_116),
    ],
)
def test_parameters_are_those_of_the_authors_code(data: str, classes: int, expected: int) -> None:
    read = INPUTS[data]
    assert count_parameters(network("CS-GRU", read.image, classes, channels=128, front=read.front)) == expected


def test_the_readout_is_the_papers() -> None:
    """y[t] = a y[t-1] + W m[t] + b, with a = 0.9 and half a unit matrix at first."""
    torch.manual_seed(0)
    net = network("CS-GRU", IMAGE, 3, channels=5, gain=6.0)
    x = (torch.rand(6, 2, *IMAGE) < 0.5).float()
    spikes = net.layers[1](net.layers[0](x))[0]
    assert spikes.sum() > 0
    y = torch.zeros(2, 3)
    for now, out in zip(spikes, net(x)[0], strict=True):
        y = 0.9 * y + 0.5 * now.mean((2, 3))[:, :3]
        assert torch.allclose(out, y, atol=1e-6)


def test_a_grid_of_one_is_the_mean() -> None:
    x = torch.rand(3, 2, 4, 6, 6)
    assert torch.allclose(SpatialMean()(x), torch.nn.functional.adaptive_avg_pool2d(x.flatten(0, 1), 1).view(3, 2, 4))
    assert torch.allclose(SpatialMean(2)(x)[:, :, :4].sum(-1) / 4, x[:, :, 0].mean((2, 3)))
    # the fields of a channel start as its mean would
    one, four = (network("ConvGRU", (1, 6, 6), 3, channels=4, grid=grid).layers[-2] for grid in (1, 2))
    assert torch.allclose(one(SpatialMean()(x)), four(SpatialMean(2)(x)), atol=1e-6)


@pytest.mark.parametrize("reads", ["current", "spikes"])
def test_gates_are_those_that_the_layer_used(reads: str) -> None:
    torch.manual_seed(0)
    layer = nn.CSGRU(2, 4, update_reads=reads, stride=2)
    for p in layer.parameters():
        p.data *= 3
    x = (torch.rand(8, 2, 2, 7, 7) < 0.5).float()
    found = traces(layer, x)
    assert torch.equal(found.spikes, layer(x)[0])
    assert found.spikes.sum() > 0
    before = [torch.cat([torch.zeros_like(one[:1]), one[:-1]]) for one in found]
    _, _, _, v, s = before
    assert torch.allclose(found.v, found.z * v + (1 - found.z) * found.i - s, atol=1e-5)
    rest = found.i - found.r * before[2]
    of_x = torch.nn.functional.conv2d(x.flatten(0, 1), layer.weight_i, layer.bias_i, stride=2, padding=1)
    of_s = torch.nn.functional.conv2d(s.flatten(0, 1), layer.weight_rec_i, padding=1)
    assert torch.allclose(rest.flatten(0, 1), of_x + of_s, atol=1e-5)


def test_gates_of_other_kernels_are_refused() -> None:
    with pytest.raises(ParameterError, match="odd kernels"):
        traces(nn.CSGRU(1, 2, kernel_size=2), torch.ones(2, 1, 1, 4, 4))


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("steps", [60, 30])
def test_the_cell_that_is_shown_fires_and_not_before_the_input_that_is_drawn(steps: int, seed: int) -> None:
    shown = at_work(side=9, channels=16, steps=steps, gain=3.0, seed=seed)
    fired = shown["spikes"].nonzero()[:, 0]
    drawn = (shown["pixels"].any(1) | (shown["lateral"] > 0)).nonzero()[:, 0]
    assert len(fired) > 1
    assert drawn[0] <= fired[0]
    # all that moves the current is drawn: where nothing is, it falls by the reset gate alone
    quiet = ~(shown["pixels"].any(1) | (shown["lateral"] > 0))
    before = torch.cat([torch.zeros(1), shown["i"][:-1]])
    rest = (shown["i"] - shown["r"] * before)[quiet]
    assert torch.allclose(rest, rest[:1].expand_as(rest), atol=1e-5)


def counts(kind: str, x: Tensor, **options: Any) -> tuple[Operations, Any]:
    torch.manual_seed(0)
    net = network(kind, (x.shape[2], *x.shape[3:]), 3, channels=4, gain=6.0, **options)
    with torch.no_grad():
        net.layers[-2].weight.add_(0.01)  # a weight of zero, of which the readout starts with many, is no synapse
    return of_network(net, x), net


@pytest.mark.parametrize("kind", KINDS)
def test_operations_of_a_network(kind: str) -> None:
    time, batch = 7, 3
    x = (torch.rand(time, batch, *IMAGE, generator=torch.Generator().manual_seed(0)) < 0.5).float()
    found, net = counts(kind, x)
    assert found.spikes_in == float(x.sum()) / batch
    with torch.no_grad():
        outs = net.outputs(x)
    spikes = outs[-4 if kind not in DENSE else -3]
    if kind == "ConvGRU":
        assert found.spikes == 0
        assert found.multiply_accumulates > 0
        return
    assert found.spikes == float(spikes.sum()) / batch > 0
    mean = outs[-3]
    # the readout multiplies means; spikes of dense cells it adds
    products = 0.0 if kind in DENSE else 3 * float(((mean != 0) & (mean != 1)).sum()) / batch
    if kind == "CS-GRU":
        inside = sum(1 + (0 < k < n - 1) + (n > 1) for n in IMAGE[1:2] for k in range(n))
        across = sum(1 + (0 < k < n - 1) + (n > 1) for n in IMAGE[2:] for k in range(n))
        products += time * 4 * 4 * inside * across
    assert found.multiply_accumulates == pytest.approx(products)
    assert found.accumulates > 0


def test_a_convolution_over_time_is_counted() -> None:
    x = torch.zeros(5, 1, 2, 6, 6)
    x[2, 0, 1, 3, 3] = 1
    found, net = counts("CS-GRU", x, front="conv3d")
    # what comes out is analog, so that the cell multiplies what it reads
    cell = 2 * 4 * float((net.layers[1](x).detach() != 0).sum())
    assert found.multiply_accumulates > cell
    front = net.layers[1]
    with torch.no_grad():
        front.convolution.weight.fill_(1.0)
        front.convolution.bias.zero_()
        reached = float(front(x).sum())
    assert reached > 1
    assert of_network(nn.Sequential(net.layers[0], front, nn.Flatten()), x).accumulates == reached


def test_updates_are_counted_in_the_equations() -> None:
    # products: (v - i) decay. Sums: v_leak + i, two to relax, the reset. CubaLIF scales its current before and behind
    assert update(neurons.LIF(1, dt=1.0)) == (1, 0, 4)
    assert update(neurons.CubaLIF(1, dt=1.0))[:2] == (4, 0)
    assert update(neurons.SRC(1)).functions == 3


def test_unknown_words(tmp_path: Path) -> None:
    for changed, said in (({"kind": "CSGRU"}, "kind"), ({"front": "max"}, "front")):
        given: dict[str, Any] = {"kind": "CS-GRU", "channels": 2, **changed}
        with pytest.raises(ParameterError, match=said):
            network(given.pop("kind"), IMAGE, 3, **given)
    with pytest.raises(ParameterError, match="data set 'nmnist'"):
        task(Job({}, tmp_path, identity={}), "nmnist")
    with pytest.raises(ParameterError, match="GELU"):
        of_network(torch.nn.GELU(), torch.ones(1, 1, 2))
