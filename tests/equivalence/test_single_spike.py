"""Copies that spike once, in the place of neurons that spike often: bit for bit where arithmetic is exact."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

import rheobase as rb
from rheobase import MapNeuron, neurons, nn, param, state
from rheobase.equivalence import Fan, OneShot, StepLIF, exact_steps, margins, most_spikes, to_single_spike
from rheobase.equivalence.discrete import trains
from rheobase.reproduce.equivalence.networks import KINDS, Choice, exact_sequence, made

CHOICES = [
    Choice(kind, leaks, decay, delays)
    for kind in KINDS
    for leaks, decay in ((True, 0.5), (False, 0.5), (True, 0.75), (False, 0.75), (True, 1.0))
    for delays in (False, True)
]


def shown(choice: Choice) -> str:
    reset = "leaks" if choice.leaks else "stays"
    return f"{choice.kind}-{choice.decay}-{reset}{'-delays' if choice.delays else ''}"


@pytest.mark.parametrize("choice", CHOICES, ids=shown)
@torch.no_grad()
def test_equal_bit_for_bit_and_one_too_few(choice: Choice) -> None:
    """30 networks of this size are more than 1,000,000 (neuron, step, sample) triples."""
    net = made(choice, seed=1)
    x = exact_sequence(net, choice, 20, samples=40, seed=1)
    assert exact_steps(net, x) >= len(x) >= 18
    needed = most_spikes(net, x)
    assert min(needed) >= 1
    assert max(needed) > 9
    one, certificate = to_single_spike(net, max_spikes=needed)
    before, after = trains(net, x), trains(one, x)
    assert all(torch.equal(a, b) for a, b in zip(before, after, strict=True))
    # and as the two networks run by themselves, on whatever backend
    assert torch.equal(net(x)[0], one(x)[0])
    assert certificate.neurons_after == sum(k * n for k, n in zip(needed, sizes(net), strict=True))
    assert certificate.neurons_after <= certificate.neurons_bound

    # the last spike of the neurons that need every copy is lost, and nothing before it
    wanted = CHOICES.index(choice) % 3
    layer = wanted if needed[wanted] > 1 else 0
    fewer = [k - (j == layer) for j, k in enumerate(needed)]
    lost, _ = to_single_spike(net, max_spikes=fewer)
    first_mismatch_is(layer, needed[layer], before, trains(lost, x))


def sizes(net: nn.Sequential) -> list[int]:
    found = [layer.neuron if isinstance(layer, nn.Recurrent) else layer for layer in net]
    return [torch.Size(cell.shape).numel() for cell in found if isinstance(cell, rb.Neuron)]


def first_mismatch_is(layer: int, k: int, before: list[Tensor], after: list[Tensor]) -> None:
    """In every sample, the first spike that differs is the k-th of a neuron of this layer, and it is missing."""
    differ = torch.stack([(a != b).flatten(2).any(2) for a, b in zip(before, after, strict=True)])  # layer, time, batch
    wrong = differ.any(0).any(0).nonzero()[:, 0].tolist()
    reach = (before[layer].sum(0).flatten(1).amax(1) >= k).nonzero()[:, 0].tolist()
    assert wrong == reach != []
    for sample in wrong:
        t = int(differ[:, :, sample].any(0).float().argmax())
        assert differ[:, t, sample].nonzero()[0].item() == layer
        a, b = before[layer][:, sample].flatten(1), after[layer][:, sample].flatten(1)
        there = (a[t] != b[t]).nonzero()[:, 0]
        assert bool((a[t, there] == 1).all())
        assert bool((b[t, there] == 0).all())
        assert bool((a[: t + 1, there].sum(0) == k).all())


@torch.no_grad()
def test_copies_fire_once_and_in_order() -> None:
    choice = Choice("recurrent", True, 0.5, False)
    net = made(choice, 3)
    x = exact_sequence(net, choice, 40, 8, 3)
    one, certificate = to_single_spike(net, inputs=x)
    assert certificate.mismatches == 0
    for layer, out in zip(one, one.outputs(x), strict=True):
        if isinstance(layer, nn.Recurrent):
            copies = out.unflatten(2, (-1, layer.neuron.copies))
            counts = copies.sum(0)
            assert float(counts.max()) == 1.0
            when = torch.where(counts > 0, copies.argmax(0), len(x))
            gaps = when[..., 1:] - when[..., :-1]
            assert bool(((gaps > 0) | (when[..., 1:] == len(x))).all())


@pytest.mark.parametrize(
    "neuron",
    [
        neurons.LIF(6, dt=1.0, tau_mem=7.3, v_leak=0.1, v_threshold=0.9),
        neurons.LIF(6, dt=0.5, tau_mem=torch.linspace(2.0, 9.0, 6), learn=("tau_mem",)),
        neurons.LIF(6, dt=1.0, integrator=rb.integrators.RK4(), detach_reset=True),
        neurons.IF(6, dt=1.0, r=0.3),
        neurons.CubaLIF(6, dt=1.0, w_in=2.0),
        neurons.AdLIF.draw(6, seed=1, a=-0.5),
        StepLIF(6, decay=0.9, leaks=False, gain=0.1),
        neurons.Theta(6, dt=1.0),
    ],
    ids=lambda n: type(n).__name__,
)
def test_any_neuron_whose_reset_is_a_jump(neuron: rb.Neuron) -> None:
    """Whatever its dynamics: a copy goes through the very states of the neuron, in the same floating-point numbers."""
    neuron = neuron.double()
    x = 4.0 * torch.rand(120, 3, 6, generator=torch.Generator().manual_seed(0)).double() - 0.3
    one, certificate = to_single_spike(neuron, inputs=x)
    assert min(certificate.max_spikes) > 2
    assert certificate.mismatches == 0
    out, _ = one(x)
    assert torch.equal(out, neuron(x, backend="reference")[0])


def test_long_runs_in_floating_point() -> None:
    """Real weights and decays, 300 steps: equal wherever no potential comes near its threshold."""
    aside = compared = 0
    for seed in range(4):
        torch.manual_seed(seed)
        net = nn.Sequential(
            nn.Linear(8, 10), neurons.LIF(10, dt=1.0), nn.Linear(10, 8), nn.Recurrent(neurons.LIF(8, dt=1.0))
        ).double()
        torch.nn.init.uniform_(net[0].weight, -0.3, 0.5)
        torch.nn.init.uniform_(net[2].weight, -0.5, 3.0)
        x = torch.rand(300, 6, 8).double() * 2
        if margins(net, x) <= 1e-9:
            aside += 1
            continue
        one, certificate = to_single_spike(net, inputs=x)
        assert certificate.mismatches == 0
        assert certificate.max_spikes[0] > 5
        assert torch.equal(net(x)[0], one(x)[0])
        compared += certificate.compared
    assert aside <= 1
    assert compared > 100_000


@torch.no_grad()
def test_a_run_in_two_pieces_is_the_whole_run() -> None:
    choice = Choice("recurrent", False, 0.5, True)
    net = made(choice, 0)
    x = exact_sequence(net, choice, 30, 4, 0)
    one, _ = to_single_spike(net, inputs=x)
    whole, end = one(x)
    first, half = one(x[:11])
    second, last = one(x[11:], half)
    assert torch.equal(torch.cat([first, second]), whole)
    flat = [torch.utils._pytree.tree_leaves(s) for s in (end, last)]
    assert all(torch.equal(a, b) for a, b in zip(*flat, strict=True))
    with_lengths, _ = one(x, lengths=torch.tensor([30, 7, 1, 12]).clamp(max=len(x)))
    assert torch.equal(with_lengths[:7, 1], whole[:7, 1])
    assert float(with_lengths[7:, 1].abs().sum()) == 0.0


@torch.no_grad()
def test_layers_of_every_kind_stand_between() -> None:
    """Delays before neurons, means over pixels, flattened maps, normalisation and dropout at rest, readouts."""
    torch.manual_seed(0)
    net = (
        nn.Sequential(
            nn.Conv2d(2, 4, 3, padding=1, bias=False),
            nn.TdBatchNorm(4),
            nn.Delay(4, 6, 6, taps=3),
            neurons.LIF((4, 6, 6), dt=1.0, tau_mem=4.0),
            nn.AvgPool2d(2),
            nn.Conv2d(4, 6, 2, groups=2, stride=1),
            nn.Flatten(),
            neurons.IF(24, dt=1.0),
            nn.Dropout(0.3),
            nn.Sequential(nn.Linear(24, 9), neurons.LIF(9, dt=1.0)),
            neurons.IF(9, dt=1.0, v_threshold=2.0),
            nn.Linear(9, 6),
            nn.GroupReadout(6, classes=3),
        )
        .double()
        .eval()
    )
    for module in net.modules():
        if isinstance(module, torch.nn.BatchNorm1d):
            module.running_mean.uniform_(-0.2, 0.2)
        if isinstance(module, torch.nn.Linear):
            module.weight.abs_().mul_(20.0)
    x = 6.0 * torch.rand(30, 3, 2, 6, 6).double()
    one, certificate = to_single_spike(net, inputs=x)
    assert certificate.mismatches == 0
    assert len(certificate.max_spikes) == 4
    assert certificate.max_spikes[0] > 2
    assert torch.allclose(one(x)[0], net(x, backend="reference")[0], atol=1e-12)
    # after the flattened current; between two neurons; none at the end, where a readout adds up the copies
    assert sum(isinstance(layer, Fan) for layer in one) == 2


def test_spikes_that_leave_flattened_are_read_together() -> None:
    net = nn.Sequential(nn.Conv1d(1, 2, 3), neurons.IF((2, 4), dt=1.0), nn.Flatten()).double()
    x = 3.0 * torch.rand(12, 2, 1, 6).double()
    one, _ = to_single_spike(net, inputs=x)
    assert torch.equal(one(x)[0], net(x)[0])


def test_states_of_a_network_without_a_layer_around() -> None:
    lateral = nn.Recurrent(neurons.IF(3, dt=1.0), self_connections=True).double()
    x = torch.rand(20, 2, 3).double()
    one, certificate = to_single_spike(lateral, inputs=x)
    assert torch.equal(one(x)[0], lateral(x)[0])
    assert certificate.synapses_before == 9


def test_cost_is_counted() -> None:
    net = nn.Sequential(nn.Linear(4, 3), neurons.IF(3, dt=1.0), nn.Linear(3, 2), nn.Recurrent(neurons.IF(2, dt=1.0)))
    _, certificate = to_single_spike(net, max_spikes=(5, 2))
    assert (certificate.neurons_before, certificate.neurons_after, certificate.neurons_bound) == (5, 19, 25)
    assert certificate.synapses_before == 12 + 6 + 2
    feedforward, lateral = 4 * 3 * 5 + 6 * 5 * 2, 2 * 2 * 2
    within = 3 * (10 + 4) + 2 * (1 + 1)
    assert certificate.synapses_after == feedforward + lateral + within
    assert certificate.margin is None
    assert certificate.mismatches is None
    assert "not checked" in certificate.conditions[0]


def test_the_certificate_measures() -> None:
    cell = neurons.IF(1, dt=1.0)
    x = torch.full((7, 1, 1), 0.375)
    _, certificate = rb.equivalence.to_single_spike(cell, max_spikes=16, inputs=x)
    # 0.375, 0.75, 1.125 -> 0.125; 0.5, 0.875, 1.25 -> 0.25; 0.625: two come as near as 1/8
    assert certificate.margin == margins(cell, x) == 0.125
    assert (certificate.compared, certificate.mismatches) == (7, 0)
    assert "0.125" in str(certificate)
    assert certificate.as_json()["max_spikes"] == [16]


class Slow(MapNeuron):
    """A neuron of somebody's own, whose step asks for its spike in the middle."""

    v_threshold = param(1.0, "1", "threshold")
    v = state(0.0, "1", "potential")
    trace = state(0.0, "1", "spikes, low-passed: adapts the potential")

    def step(self, s, i):
        v = 0.9 * s.v + torch.tanh(i) - 0.1 * s.trace
        z = self.fire(v - self.v_threshold)
        return z, s._replace(v=v - self.v_threshold * z, trace=0.8 * s.trace + z), s._replace(v=v)


def test_a_neuron_of_ones_own() -> None:
    x = torch.rand(60, 2, 4).double() * 2
    _, certificate = to_single_spike(Slow(4).double(), inputs=x)
    assert certificate.mismatches == 0
    assert certificate.max_spikes[0] > 5


def test_one_shot_runs_where_it_can_and_says_so() -> None:
    cell = OneShot(neurons.LIF(6, dt=1.0), copies=3)
    assert "reference" in str(rb.explain(cell, torch.zeros(4, 1, 6), measure=False))
    with pytest.raises(rb.errors.BackendUnavailable):
        cell(torch.zeros(4, 1, 6), backend="llvm")
    assert repr(cell) == "OneShot(LIF(6, dt=1.0, integrator=ExpEuler()), copies=3)"


@torch.no_grad()
def test_a_layer_that_stands_in_a_network_twice() -> None:
    """Its second place was left out, and the certificate compared two networks without it."""
    torch.manual_seed(0)
    cell, weights = neurons.IF(6, dt=1.0, v_threshold=0.5), torch.nn.Linear(6, 6)
    net = nn.Sequential(weights, cell, torch.nn.Linear(6, 6), cell, weights, neurons.LI(6, dt=1.0)).double()
    x = (torch.rand(40, 3, 6, generator=torch.Generator().manual_seed(0)) < 0.5).double()
    one, certificate = to_single_spike(net, inputs=x)
    assert (certificate.compared, certificate.mismatches) == (2 * x.numel(), 0)
    assert torch.allclose(one(x)[0], net(x)[0], rtol=1e-12)
    assert float(net(x)[0].abs().max()) > 0.1
