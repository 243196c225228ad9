"""Neurons that spike often in the place of neurons that spike once: cancelling groups, and autapses."""

from __future__ import annotations

import math

import pytest
import torch

from rheobase import neurons, nn
from rheobase.equivalence import (
    Autapse,
    Cancelling,
    CascadeIF,
    OneShot,
    StepLIF,
    highest_potentials,
    square_free,
    to_multi_spike,
    to_single_spike,
)
from rheobase.equivalence.discrete import compare, trains
from rheobase.equivalence.squarefree import bound, count
from rheobase.reproduce.equivalence.networks import KINDS, Choice, exact_sequence, made


def first_only(spikes: torch.Tensor) -> torch.Tensor:
    """What is left of trains (time, ...) with no spike but the first."""
    return spikes * (spikes.cumsum(0) == 1)


@pytest.mark.parametrize("steep", [False, True])
def test_a_group_cancels_all_spikes_but_the_first(steep: bool) -> None:
    """Also where the free potential jumps over several thresholds in one step."""
    source = torch.Generator().manual_seed(0)
    x = torch.randint(-512, 3000 if steep else 1000, (40, 1, 50), generator=source).double() / 1024
    cell = OneShot(neurons.IF(50, dt=1.0)).double()
    many, certificate = to_multi_spike(cell, inputs=x)
    assert certificate.mismatches == 0
    assert torch.equal(many(x)[0], first_only(neurons.IF(50, dt=1.0).double()(x)[0]))
    n = certificate.max_spikes[0]
    assert n == math.floor(float(x.cumsum(0).max()))
    assert certificate.neurons_after == 50 * count(n) <= certificate.neurons_bound == math.floor(50 * n * bound(n))
    groups = next(layer for layer in many if isinstance(layer, Cancelling))
    assert groups.members == square_free(n)
    # every neuron of the group spikes often, and as often as its threshold allows
    counts = many.outputs(x)[1].sum(0).view(50, -1)
    highest = x.cumsum(0).cummax(0).values[-1, 0].clamp(min=0)
    assert torch.equal(counts, torch.floor(highest[:, None] / torch.tensor(groups.members)))


def test_members_that_are_missing_let_a_spike_through() -> None:
    """N_s must reach the highest potential: with one multiple too few, a second spike appears there."""
    x = torch.full((12, 1, 1), 0.5).double()
    cell = OneShot(neurons.IF(1, dt=1.0)).double()
    assert highest_potentials(cell, x) == (6.0,)
    right, _ = to_multi_spike(cell, horizon=12, largest=6.0)
    wrong, _ = to_multi_spike(cell, horizon=12, largest=5.0)
    # spikes at the n-th multiple: the sum of mu(m) over the square-free divisors of n up to N
    assert right(x)[0].flatten().tolist() == [0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]
    assert wrong(x)[0].flatten().tolist() == [0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, -1]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("how", ["moebius", "autapse"])
def test_multi_to_single_to_multi(kind: str, how: str) -> None:
    """A network of integrators there and back, through one-shot copies: lateral synapses, gates and all."""
    choice = Choice(kind, True, 1.0, delays=kind != "convolutional", bits=6)
    net = made(choice, 2)
    x = exact_sequence(net, choice, 9, 4, 2)
    one, there = to_single_spike(net, inputs=x)
    many, back = to_multi_spike(one, how=how, inputs=x)
    assert (there.mismatches, back.mismatches) == (0, 0)
    assert compare(net, many, x)[1] == 0
    assert torch.equal(net(x)[0], many(x)[0])
    assert back.neurons_after <= back.neurons_bound
    if how == "autapse":
        assert back.neurons_after == back.neurons_before
        assert any(isinstance(layer, Autapse) or isinstance(getattr(layer, "neuron", 0), Autapse) for layer in many)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("leaks", [True, False])
def test_there_and_back_with_a_reset_that_decays(kind: str, leaks: bool) -> None:
    choice = Choice(kind, leaks, 0.75, delays=False)
    net = made(choice, 4)
    x = exact_sequence(net, choice, 16, 4, 4)
    one, _ = to_single_spike(net, inputs=x)
    many, back = to_multi_spike(one, inputs=x)
    assert back.construction.startswith("autapse")
    assert back.mismatches == 0
    assert torch.equal(net(x)[0], many(x)[0])


@pytest.mark.parametrize(
    "inner",
    [
        neurons.LIF(5, dt=1.0, tau_mem=4.0),
        neurons.LIF(5, dt=0.5, tau_mem=torch.linspace(2.0, 6.0, 5), v_threshold=0.5),
        neurons.CubaLIF(5, dt=1.0),
        StepLIF(5, decay=0.5, leaks=False),
        neurons.IF(5, dt=1.0, v_threshold=torch.linspace(0.5, 2.0, 5)),
    ],
    ids=lambda n: type(n).__name__,
)
def test_an_autapse_silences_for_the_horizon(inner) -> None:
    x = 4.0 * torch.rand(50, 3, 5, generator=torch.Generator().manual_seed(1)).double()
    cell = OneShot(inner).double()
    many, certificate = to_multi_spike(cell, how="autapse", inputs=x)
    assert certificate.mismatches == 0
    out = many(x)[0]
    assert float(out.sum()) > 10
    assert torch.equal(out, cell(x)[0])
    assert torch.equal(out, first_only(inner.double()(x, backend="reference")[0]))


def test_a_weak_autapse_lets_a_neuron_spike_again() -> None:
    x = torch.full((30, 1, 1), 0.5)
    assert float(Autapse(neurons.IF(1, dt=1.0), autapse=16.0)(x)[0].sum()) == 1.0
    assert float(Autapse(neurons.IF(1, dt=1.0), autapse=4.0)(x)[0].sum()) > 1.0


def test_thresholds_and_gains_for_each_neuron() -> None:
    x = torch.randint(0, 900, (20, 2, 4), generator=torch.Generator().manual_seed(2)).double() / 256
    inner = neurons.IF(4, dt=0.5, r=torch.tensor([1.0, 2.0, 0.5, 4.0]), v_threshold=torch.tensor([1.0, 3.0, 0.75, 2.5]))
    cell = OneShot(inner).double()
    _, certificate = to_multi_spike(cell, inputs=x)
    assert certificate.mismatches == 0
    assert certificate.max_spikes[0] > 3


def test_a_cascade_counts_what_one_spike_a_step_would_lose() -> None:
    jump = torch.zeros(6, 1, 1)
    jump[1] = 2.5
    assert CascadeIF(1)(jump)[0].flatten().tolist() == [0, 2, 0, 0, 0, 0]
    assert neurons.IF(1, dt=1.0)(jump)[0].flatten().tolist() == [0, 1, 1, 0, 0, 0]


def test_a_group_goes_on_where_it_stopped() -> None:
    net = nn.Sequential(
        nn.Linear(3, 4), OneShot(neurons.IF(4, dt=1.0)), nn.Linear(4, 2), neurons.LI(2, dt=1.0)
    ).double()
    x = torch.randint(0, 3, (18, 2, 3)).double()
    many, _ = to_multi_spike(net, inputs=x)
    whole, _ = many(x)
    first, half = many(x[:7])
    assert torch.equal(torch.cat([first, many(x[7:], half)[0]]), whole)
    assert [t.shape for t in trains(many, x)] == [(18, 2, 4)]
