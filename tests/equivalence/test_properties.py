"""Any small network: hypothesis draws neurons, weights, delays and inputs, and shows a failure as a small network."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from hypothesis import given, note, settings
from hypothesis import strategies as st

from rheobase import nn
from rheobase.equivalence import OneShot, StepLIF, exact_steps, most_spikes, to_multi_spike, to_single_spike
from rheobase.equivalence.discrete import trains

GRID = 16  # a weight is a whole number of sixteenths, which is short to print


@dataclass(frozen=True)
class Layer:
    """Weights (out, in), lateral ones (out, out) or none, delays of the inputs, and the neurons behind."""

    weights: tuple[tuple[int, ...], ...]
    lateral: tuple[tuple[int, ...], ...] | None
    delays: tuple[int, ...]
    decay: float
    leaks: bool

    def modules(self) -> list[torch.nn.Module]:
        before, size = len(self.weights[0]), len(self.weights)
        axons = nn.AxonalDelay(before, taps=4, width=0.0).double()
        axons.positions.d.data = torch.tensor(self.delays).double()
        linear = nn.Linear(before, size, bias=False).double()
        linear.weight.data = torch.tensor(self.weights).double() / GRID
        cells = StepLIF(size, decay=self.decay, leaks=self.leaks).double()
        if self.lateral is None:
            return [axons, linear, cells]
        matrix = torch.tensor(self.lateral).double() / GRID
        return [axons, linear, nn.Recurrent(cells, matrix, self_connections=True)]

    def __str__(self) -> str:
        reset = "leaks" if self.leaks else "does not leak"
        lateral = "" if self.lateral is None else f", lateral {self.lateral}"
        return f"delays {self.delays}, weights/{GRID} {self.weights}{lateral}, decay {self.decay}, reset {reset}"


def whole(rows: int, columns: int, low: int, high: int) -> st.SearchStrategy:
    row = st.tuples(*[st.integers(low, high)] * columns)
    return st.tuples(*[row] * rows)


@st.composite
def layers(draw: st.DrawFn, before: int, decays: tuple[float, ...]) -> Layer:
    size = draw(st.integers(1, 3))
    lateral = draw(st.none() | whole(size, size, -24, 24))
    delays = draw(st.tuples(*[st.integers(0, 3)] * before))
    weights = draw(whole(size, before, -16, 48))
    return Layer(weights, lateral, delays, draw(st.sampled_from(decays)), draw(st.booleans()))


@st.composite
def cases(draw: st.DrawFn, decays: tuple[float, ...] = (1.0, 0.5, 0.75)) -> tuple[tuple[Layer, ...], torch.Tensor]:
    """Layers, and spikes at the input (time, 1, inputs)."""
    inputs = draw(st.integers(1, 3))
    found = [draw(layers(inputs, decays))]
    if draw(st.booleans()):
        found.append(draw(layers(len(found[0].weights), decays)))
    rows = draw(st.lists(st.tuples(*[st.integers(0, 2)] * inputs), min_size=1, max_size=16))
    return tuple(found), torch.tensor(rows).double().unsqueeze(1)


def network(case: tuple[tuple[Layer, ...], torch.Tensor]) -> tuple[nn.Sequential, torch.Tensor]:
    found, x = case
    for k, layer in enumerate(found, start=1):
        note(f"layer {k}: {layer}")
    note(f"input: {x[:, 0].int().tolist()}")
    return nn.Sequential(*(module for layer in found for module in layer.modules())), x


COMMON = settings(max_examples=40, deadline=None, derandomize=True, database=None)


@COMMON
@given(cases())
@torch.no_grad()
def test_forward(case) -> None:
    net, x = network(case)
    assert exact_steps(net, x) >= len(x)
    needed = [max(1, k) for k in most_spikes(net, x)]
    note(f"copies: {needed}")
    one, _ = to_single_spike(net, max_spikes=needed)
    for before, after in zip(trains(net, x), trains(one, x), strict=True):
        assert torch.equal(before, after)
    assert torch.equal(net(x)[0], one(x)[0])


@COMMON
@given(cases())
@torch.no_grad()
def test_more_copies_than_spikes_change_nothing(case) -> None:
    net, x = network(case)
    one, _ = to_single_spike(net, max_spikes=len(x) + 1)
    assert torch.equal(net(x)[0], one(x)[0])


@COMMON
@given(cases(decays=(1.0,)))
@torch.no_grad()
def test_there_and_back_with_a_reset_that_persists(case) -> None:
    net, x = network(case)
    one, _ = to_single_spike(net, inputs=x)
    for how in ("moebius", "autapse"):
        many, certificate = to_multi_spike(one, how=how, inputs=x)
        note(f"{how}: provided for {certificate.max_spikes}")
        assert certificate.mismatches == 0
        assert torch.equal(net(x)[0], many(x)[0])


@COMMON
@given(cases(decays=(0.5, 0.75)))
@torch.no_grad()
def test_there_and_back_with_a_reset_that_decays(case) -> None:
    net, x = network(case)
    one, _ = to_single_spike(net, inputs=x)
    many, certificate = to_multi_spike(one, inputs=x)
    assert certificate.mismatches == 0
    assert torch.equal(net(x)[0], many(x)[0])


@COMMON
@given(cases(decays=(1.0,)))
@torch.no_grad()
def test_one_shot_networks_that_are_no_copies(case) -> None:
    """Networks of neurons that spike once to begin with."""
    net, x = network(case)
    single = nn.Sequential(*(_once(layer) for layer in net))
    for how in ("moebius", "autapse"):
        many, certificate = to_multi_spike(single, how=how, inputs=x)
        assert certificate.mismatches == 0
        assert torch.equal(single(x)[0], many(x)[0])


def _once(layer: torch.nn.Module) -> torch.nn.Module:
    if isinstance(layer, nn.Recurrent):
        return nn.Recurrent(OneShot(layer.neuron), layer.weight_rec, self_connections=True)
    return OneShot(layer) if isinstance(layer, StepLIF) else layer
