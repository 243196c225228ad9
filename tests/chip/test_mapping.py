"""Networks on cores: the spikes of the network, tick by tick, within every limit, and by short ways.

A few random networks here; RHEOBASE_FUZZ=1000 with this file runs as many.
"""

from __future__ import annotations

import os
from itertools import pairwise, permutations

import numpy as np
import pytest
import torch
from benchmarks import placement_bounds, placement_relaxation
from hypothesis import given, settings
from hypothesis import strategies as st

from rheobase import chip, neurons, nn
from rheobase.chip.mapping import hop_count, layers_of, mapped, placed
from rheobase.chip.truenorth import HOST, Emulator, TrueNorth
from rheobase.errors import NotRepresentable, ParameterError, RheobaseError, ShapeError

BOARD = TrueNorth()
CASES = int(os.environ.get("RHEOBASE_FUZZ", "15"))


def network(
    seed: int, sizes: list[int], *, whole: int = 1, density: float = 0.5, bias: bool = False, hard: bool = False
) -> nn.Sequential:
    """Random whole weights between layers of so many neurons, thresholds and (where asked for) leaks and resets."""
    g = torch.Generator().manual_seed(seed)
    layers: list[torch.nn.Module] = []
    for n_in, n_out in pairwise(sizes):
        linear = nn.Linear(n_in, n_out, bias=bias)
        size = torch.randint(1, whole + 1, (n_out, n_in), generator=g)
        sign = torch.where(torch.rand((n_out, n_in), generator=g) < 0.6, 1, -1)
        there = torch.rand((n_out, n_in), generator=g) < density
        with torch.no_grad():
            linear.weight.copy_(size * sign * there)
            if bias:
                linear.bias.copy_(torch.randint(-1, 2, (n_out,), generator=g))
        v_threshold = torch.randint(12, 18, (n_out,), generator=g).float() if bias else 2.0
        given = dict(dt=1.0, v_threshold=v_threshold)
        layers += [linear, neurons.HardResetIF(n_out, **given, v_reset=-1.0) if hard else neurons.IF(n_out, **given)]
    return nn.Sequential(*layers)


def spikes(seed: int, *shape: int, rate: float = 0.4) -> torch.Tensor:
    return (torch.rand(shape, generator=torch.Generator().manual_seed(seed)) < rate).float()


def check_budgets(found: chip.truenorth.Configuration) -> None:
    """One source for an axon; a target for whoever has synapses on its way; delays that the chip has."""
    to = found.target >= 0
    ends = found.target[to].astype(int) * 256 + found.target_axon[to]
    assert len(np.unique(ends)) == len(ends)
    assert found.delay.min() >= 1
    assert found.delay.max() <= 15


@given(data=st.data())
@settings(max_examples=CASES, deadline=None, derandomize=True)
def test_the_chip_has_the_spikes_of_the_network(data: st.DataObject) -> None:
    """Of random depth, width, values, density, leaks and resets; layers on several cores, splitters, both or none."""
    sizes = data.draw(st.lists(st.integers(1, 150), min_size=2, max_size=4))
    seed, whole = data.draw(st.integers(0, 1000)), data.draw(st.sampled_from([1, 2]))
    net = network(
        seed,
        sizes,
        whole=whole,
        density=data.draw(st.sampled_from([0.02, 0.3, 1.0])),
        bias=data.draw(st.booleans()),
        hard=data.draw(st.booleans()),
    )
    x = spikes(seed, 12, 2, sizes[0])
    deployed, report = chip.deploy(net, BOARD, x)
    check_budgets(deployed.net)
    expected, _ = net(x, backend="reference")
    assert torch.equal(deployed(x), expected)
    assert (report.same_spikes, report.same_predictions, report.samples) == (2, 2, 2)
    assert report.exact_ticks >= 12


def test_the_reference_emulator_says_the_same() -> None:
    net = network(3, [30, 300, 20])
    x = spikes(3, 6, 1, 30)
    deployed, _ = chip.deploy(net, BOARD, x)
    found = Emulator(deployed.net, backend="reference").run(6 + deployed.latency, deployed.inputs(x[:, 0]))
    assert len(found.spikes.tick) == int(net(x)[0].sum()) > 20


def test_four_values_of_each_neuron_its_own() -> None:
    """More than four values in a layer, four in each neuron; at the ends of what a weight can be."""
    net = network(0, [4, 3])
    with torch.no_grad():
        net[0].weight.copy_(torch.tensor([[255.0, -256.0, 7.0, 1.0], [2.0, 3.0, 4.0, -5.0], [9.0, 9.0, 8.0, 0.0]]))
    x = spikes(1, 50, 3, 4)
    deployed, report = chip.deploy(net, BOARD, x)
    assert report.same_spikes == 3
    assert report.exact_ticks < (1 << 18) / 256
    assert deployed.net.n_synapses == 11


def test_cores_and_latency_of_a_network_that_can_be_counted_by_hand() -> None:
    """100 inputs of two signs are 200 axons, for which a splitter has neurons; of one sign they need none."""
    net = network(0, [10, 100, 10], density=1.0)
    with torch.no_grad():
        net[2].weight[0] = 1.0
        net[2].weight[1] = -1.0
    _, report = chip.deploy(net)
    assert report.cores == {"layer 0 (Linear)": 1, "splitters before layer 2 (Linear)": 1, "layer 2 (Linear)": 1}
    assert report.latency == 2
    with torch.no_grad():
        net[2].weight.fill_(1.0)
    assert chip.deploy(net)[1].cores == {"layer 0 (Linear)": 1, "layer 2 (Linear)": 1}
    assert chip.deploy(net)[1].latency == 1
    wide = network(0, [10, 600], density=1.0)
    assert chip.deploy(wide)[1].cores == {"layer 0 (Linear)": 3}


def test_a_potential_that_leaves_its_range_is_told() -> None:
    """The chip has a floor that the network has not: samples that differ are counted, and the bound says from when."""
    net = network(0, [256, 1], density=0.0)
    with torch.no_grad():
        net[0].weight[0, :128], net[0].weight[0, 128:] = -256.0, 255.0
    x = torch.zeros(24, 1, 256)
    x[:12, :, :128] = 1
    x[12:, :, 128:] = 1
    _, report = chip.deploy(net, BOARD, x)
    assert (report.same_spikes, report.exact_ticks < 12) == (0, True)
    assert "0 of 1 samples" in str(report)
    _, report = chip.deploy(net, BOARD, x[[*range(int(report.exact_ticks)), *range(12, 20)]])
    assert report.same_spikes == 1


@pytest.mark.parametrize(("sizes", "density"), [([64, 128, 96, 10], 1.0), ([100, 400, 400, 400, 100], 0.05)])
def test_places_save_a_third_of_the_traffic(sizes: list[int], density: float) -> None:
    """Against random places in the same region, by hops that the emulator counts; resets leave nothing for later."""
    net = network(0, sizes, density=density, hard=True)
    x = spikes(0, 8, 1, sizes[0], rate=0.5)
    deployed, report = chip.deploy(net, BOARD, x)
    found, board, g = deployed.mapped, deployed.net.board, np.random.default_rng(0)
    n = len(found.flow)
    assert hop_count(found.flow, found.place, board.width) == round(report.hops)
    at_random = [hop_count(found.flow, g.permutation(board.n_cores)[:n], board.width) for _ in range(50)]
    assert report.hops <= 0.7 * np.mean(at_random)


def test_few_cores_are_placed_as_well_as_can_be() -> None:
    """Every order of six cores tried."""
    g = np.random.default_rng(0)
    best, found = 0, 0
    for _ in range(5):
        flow = g.integers(0, 20, (6, 6))
        best += min(hop_count(flow, np.array(order), 3) for order in permutations(range(6)))
        found += hop_count(flow, placed(flow, 3, 2), 3)
    assert best <= found <= 1.05 * best


def test_the_least_of_the_benchmark_is_the_least() -> None:
    """On two rows of two tiles of two cores, of every order; cuts counted out are no less than eigenvalues say."""
    y, x = np.divmod(np.arange(8) // 2, 2)
    apart, g = np.abs(y[:, None] - y) + np.abs(x[:, None] - x), np.random.default_rng(0)
    for n in (5, 6):
        flow = g.integers(0, 20, (n, n))
        orders = np.array(list(permutations(range(8), n)))
        least = (flow * apart[orders[:, :, None], orders[:, None, :]]).sum((1, 2)).min()
        assert placement_bounds.least_on_four(flow, 2) == least >= placement_bounds.bound(flow, 2, 2, 2)
        cut = placement_bounds.least_cut(flow, 4, 4)
        assert 0.8 * cut < min(placement_bounds.spectral(flow, size) for size in range(n - 4, 5)) <= cut


def test_a_relaxation_bounds_the_least_and_branching_reaches_it() -> None:
    """On two rows of two tiles, and on a row of three, of two cores each, of every order."""
    g = np.random.default_rng(1)
    for width, height in ((2, 2), (3, 1)):
        y, x = np.divmod(np.arange(2 * width * height) // 2, width)
        apart = np.abs(y[:, None] - y) + np.abs(x[:, None] - x)
        for _ in range(3):
            flow = g.integers(0, 20, (5, 5)) * (g.random((5, 5)) < 0.6)
            orders = np.array(list(permutations(range(len(apart)), 5)))
            hops = (flow * apart[orders[:, :, None], orders[:, None, :]]).sum((1, 2))
            least = int(hops.min())
            found = placement_relaxation.relaxed(flow, width, height, 2, enough=np.inf, rounds=200)
            assert 0.8 * least < found <= least
            # with a core on a tile, of the orders that have it there
            there = int(hops[orders[:, 1] // 2 == 1].min())
            at = placement_relaxation.relaxed(flow, width, height, 2, enough=np.inf, fixed=((1, 1),), rounds=200)
            assert 0.8 * there < at <= there
            assert placement_relaxation.proven(flow, width, height, 2, above=least - 0.5, nodes=400, rounds=200)
            assert not placement_relaxation.proven(flow, width, height, 2, above=least, nodes=30, rounds=200)


def refused(net: object, told: str, board: TrueNorth = BOARD) -> None:
    with pytest.raises(NotRepresentable, match=told) as error:
        mapped(layers_of(net), board)
    assert "Remedy" in str(error.value)


def test_what_the_chip_cannot_express_is_named() -> None:
    refused(torch.nn.Linear(2, 2), "a Linear")
    refused(nn.Sequential(nn.Linear(2, 2), neurons.LIF(2, dt=1.0)), r"layer 1 \(LIF\) cannot be put on it")
    both = nn.Sequential(nn.Linear(2, 2), torch.nn.ReLU(), neurons.SRC(2))
    refused(both, r"layer 1 \(ReLU\) cannot.*; layer 2 \(SRC\)")
    refused(nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 2)), "in the order Linear, Linear")
    refused(nn.Sequential(nn.Linear(3, 2)), "in the order Linear")
    refused(nn.Sequential(nn.Linear(2, 2), neurons.IF(2, dt=1.0)), r"weight of layer 0 \(Linear\) has .*; bias of")
    for changed, told in [
        (dict(v_threshold=0.5), r"v_threshold of layer 1 \(IF\) has 0.5"),
        (dict(v_threshold=300_000.0), "has 300000"),
        (dict(r=2.0), "r . dt other than 1"),
        (dict(dt=0.5), "r . dt other than 1"),
    ]:
        net = network(0, [3, 2])
        refused(nn.Sequential(net[0], neurons.IF(2, **(dict(dt=1.0) | changed))), told)
    refused(nn.Sequential(network(0, [3, 2])[0], neurons.IF(3, dt=1.0)), r"has shape \(3,\), after 2 outputs")
    for value, told in [(256.0, "has 256"), (-257.0, "has -257"), (float("nan"), "has nan")]:
        net = network(0, [3, 2])
        with torch.no_grad():
            net[0].weight[1, 1] = value
        refused(net, told)


def test_every_broken_limit_is_in_one_error() -> None:
    refused(network(0, [257, 2], density=1.0), "neuron 0 .* has 257 inputs, more than the 256 axons")
    net = network(0, [8, 2], density=1.0)
    with torch.no_grad():
        net[0].weight[1] = torch.tensor([1.0, 2, 3, 4, 5, 0, 0, 0])
    refused(net, "neuron 1 of .* has 5 values of weights, more than 4")
    refused(network(0, [200, 200, 20], density=1.0), "more than the 2 of the board", TrueNorth(cores=(2, 1)))
    early = nn.Sequential(*network(0, [3, 2]).layers, nn.Linear(2, 2), neurons.IF(2, dt=1.0))
    with torch.no_grad():
        early[2].weight.fill_(1.0)
        early[2].bias.fill_(0.0)
    mapped(layers_of(early), BOARD)
    early = nn.Sequential(*early.layers[:3], neurons.HardResetIF(2, dt=1.0, v_threshold=1.0, v_reset=2.0))
    told = r"neuron 0 of layer 2 \(Linear\) \(leak 0, threshold 1\) would fire in the 1 ticks.*; 2 cores .* the 1 of"
    refused(early, told, TrueNorth(cores=(1, 1)))


@pytest.mark.parametrize(
    ("x", "error", "told"),
    [
        (torch.zeros(5, 3), ShapeError, r"x of shape \(5, 3\); expected \(time, batch, 3\)"),
        (torch.zeros(5, 1, 4), ShapeError, "x of shape"),
        (torch.zeros(0, 1, 3), ShapeError, "x of shape"),
        (torch.zeros(5, 0, 3), ShapeError, "x of shape"),
        (np.zeros((5, 1, 3)), ShapeError, "x of type ndarray"),
        (torch.full((5, 1, 3), 0.5), NotRepresentable, "x with 0.5, and 15 values that are no spikes"),
        (torch.full((5, 1, 3), float("nan")), NotRepresentable, "x with nan"),
    ],
)
def test_what_is_no_spikes_is_refused(x: object, error: type[RheobaseError], told: str) -> None:
    net = network(0, [3, 2])
    with pytest.raises(error, match=told):
        chip.deploy(net, BOARD, x)  # type: ignore[arg-type]
    deployed, _ = chip.deploy(net, BOARD)
    with pytest.raises(error, match=told):
        deployed(x)  # type: ignore[arg-type]


def test_another_chip_is_refused() -> None:
    with pytest.raises(ParameterError, match="chip='truenorth'"):
        chip.deploy(network(0, [3, 2]), "truenorth")  # type: ignore[arg-type]


def test_the_bill_is_made_of_what_the_emulator_counted() -> None:
    net, seen = network(1, [20, 60, 10]), list[int]()
    x = spikes(1, 10, 3, 20)
    deployed, report = chip.deploy(net, BOARD, x, progress=seen.append)
    assert seen == [1, 2, 3]
    _, counts = deployed.run(x)
    assert report.hops == counts.hops.mean() > 0
    assert report.host == float(net(x)[0].detach().sum()) / 3
    bill = report.bill
    assert bill is not None
    assert bill.parts["hops between cores"].nominal == pytest.approx(2.3e-12 * report.hops)
    assert bill.parts["spikes to the edge"].nominal == pytest.approx(64e-12 * (report.host + report.given))
    assert bill.parts["whole chip, at rest"].nominal == pytest.approx(64.4e-3 * 12e-3, rel=0.01)
    assert report.as_json()["bill"]["total"][1] == bill.total.nominal
    assert (deployed.net.target == HOST).sum() == 10
