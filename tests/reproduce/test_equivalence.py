"""The parts of the equivalence paper, on the smallest settings: what they count must be right, and be counted."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from rheobase import nn
from rheobase.equivalence import exact_steps, grid_bits, most_spikes, to_single_spike
from rheobase.equivalence.discrete import trains
from rheobase.errors import ParameterError
from rheobase.plot import LIGHT
from rheobase.reproduce.catalogue import find
from rheobase.reproduce.equivalence import approximation, classifier
from rheobase.reproduce.equivalence.discrete import first_differences
from rheobase.reproduce.equivalence.networks import KINDS, Choice, exact_sequence, made
from rheobase.reproduce.job import Job
from tests.reproduce.held import hold, legible

SMALL = {
    "discrete": {"samples": 2, "seeds": [0], "longest": 12, "kinds": ["recurrent"], "resets": [[True, 0.5]]},
    "floating": {"networks": 1, "samples": 1, "steps": 60, "kinds": ["feedforward"]},
    "continuous": {"networks": 3, "kinds": ["LIF, exponential", "IF, delta"]},
    "cost": {"steps": [2, 8], "samples": 2},
    "trains": {},
    "approximation": {"seeds": [0], "neurons": {"multi": [2, 4], "single": [4]}},
    "classifier": {
        "networks": {
            name: {
                "data": "digits",
                "cells": cells,
                "hidden": 8,
                "epochs": 2,
                "batch": 64,
                "lr": 0.02,
                "steps": 6,
                "limit": 100,
            }
            for name, cells in (("a", "IF"), ("b", "LIF"))
        }
    },
}


@pytest.fixture
def found(tmp_path: Path):
    def run(name: str):
        part = next(part for part in find("equivalence").parts if part.name == name)
        assert set(SMALL[name]) <= set(part.settings)
        made = part.run(Job({**part.settings, **SMALL[name]}, tmp_path, identity={"part": name}))
        hold(made)
        return made

    return run


def column(table, name: str) -> list:
    at = table.columns.index(name)
    return [row[at] for row in table.rows]


def test_every_part_has_its_test() -> None:
    assert set(SMALL) == {part.name for part in find("equivalence").parts}


def test_discrete(found) -> None:
    equal, fewer = found("discrete").tables
    assert column(equal, "mismatches") == [0, 0]
    assert column(equal, "compared") == [2 * 24 * 12] * 2
    reach = column(fewer, "with a neuron that needs every copy")
    assert reach == column(fewer, "that differ") == column(fewer, "first by the spike that is missing")
    assert min(reach) >= 1


def test_floating(found) -> None:
    (table,) = found("floating").tables
    assert (column(table, "mismatches"), column(table, "set aside")) == ([0], [0])
    assert column(table, "compared") == [60 * 18]


def test_floating_sets_aside_what_comes_near(found, monkeypatch) -> None:
    monkeypatch.setitem(SMALL["floating"], "nearest", 0.5)
    (table,) = found("floating").tables
    assert (column(table, "set aside"), column(table, "compared")) == ([1], [0])


def test_continuous(found) -> None:
    (table,) = found("continuous").tables
    assert column(table, "construction") == [
        "threshold staircase",
        "autapse",
        "threshold staircase",
        "Moebius inversion",
    ]
    assert sum(column(table, "spikes without a partner")) == 0
    assert max(column(table, "largest |dt| (ms)")) < 1e-10
    assert sum(column(table, "spikes")) > 50


def test_cost(found) -> None:
    result = found("cost")
    forward, back = result.tables
    for name, most in (("one-shot neurons", "bound N n"), ("of them after", "bound N^2")):
        assert all(n <= bound for n, bound in zip(column(forward, name), column(forward, most), strict=True))
    assert column(back, "neurons for each") == [1, 2, 3, 6, 11, 20, 39]
    assert all(q <= alpha for q, alpha in zip(column(back, "Q(N) / N"), column(back, "bound alpha"), strict=True))
    assert len(result.pictures) == 2


def test_trains_and_their_pictures(found) -> None:
    result = found("trains")
    assert column(result.tables[0], "mismatches") == [0, 0]
    assert min(column(result.tables[0], "spikes")) > 5
    assert all(picture.rendered().light[:4] == b"\x89PNG" for picture in result.pictures)


def test_approximation(found) -> None:
    result = found("approximation")
    (table,) = result.tables
    assert column(table, "error") == column(table, "error then")
    assert column(table, "largest difference of outputs") == [0.0, 0.0, 0.0]
    assert column(table, "neurons x") == [8.0, 8.0, 6.0]
    assert result.pictures[0].rendered().dark[:4] == b"\x89PNG"


def test_errors_between_powers_of_ten_can_be_read() -> None:
    line = [{"neurons": n, "after": 8 * n, "error": e, "error_after": e} for n, e in ((1, 0.6), (8, 0.16), (64, 0.024))]
    legible(approximation._drawn({"multi": line, "single": line}, LIGHT))  # pyright: ignore[reportPrivateUsage]


@pytest.mark.parametrize("kind", approximation.KINDS)
def test_neurons_of_the_approximation_keep_to_the_spikes_they_may(kind: str) -> None:
    """No potential passes more thresholds than are provided for, and none of two in one step."""
    with torch.no_grad():
        torch.manual_seed(0)
        net = approximation.made(kind, 200, steps=32, spikes=8)
        x = (torch.arange(64.0).double() / 64).expand(32, 64).unsqueeze(2)
        current = net[0](x)
        assert float(current.cumsum(0).max()) < 9.0
        assert float(current.max()) < 1.0
        counts = net.outputs(x)[1].sum(0)
        assert float(counts.max()) == (8.0 if kind == "multi" else 1.0)
        assert float(counts.std(0).mean()) > 0.2


@pytest.mark.usefixtures("one_thread")
def test_classifier(found) -> None:
    (table,) = found("classifier").tables
    for name in ("predictions that change", "outputs that differ", "spikes that differ"):
        assert column(table, name) == [0, 0, 0, 0]
    assert column(table, "converted (%)") == column(table, "on the grid (%)")
    assert column(table, "construction")[1::2] == ["Moebius inversion", "autapse"]
    assert all(n <= bound for n, bound in zip(column(table, "hidden neurons"), column(table, "bound"), strict=True))


@pytest.fixture
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def test_the_classifier_refuses_arithmetic_that_rounds(found, monkeypatch) -> None:
    longer = {**SMALL["classifier"]["networks"]["b"], "steps": 12, "epochs": 1}
    monkeypatch.setitem(SMALL["classifier"], "networks", {"b": longer})
    monkeypatch.setitem(classifier.DTYPES, "LIF", torch.float32)
    with pytest.raises(ParameterError, match="exact"):
        found("classifier")


@pytest.mark.parametrize("kind", KINDS)
def test_random_networks_are_on_the_grid_and_exact(kind: str) -> None:
    choice = Choice(kind, False, 0.75, True)
    net = made(choice, 5)
    for name, value in net.named_parameters():
        if "weight" in name or "bias" in name:
            bits = grid_bits(value)
            assert bits is not None
            assert bits <= 10
    x = exact_sequence(net, choice, 40, 3, 5)
    assert 15 < len(x) < 40
    assert exact_steps(net, x) >= len(x)
    assert torch.equal(made(choice, 5)(x)[0], net(x)[0])
    with pytest.raises(ParameterError, match="kind"):
        made(Choice("circular", True, 0.5, False), 0)


def test_first_differences_are_told_from_later_ones() -> None:
    """A copy too few in one layer is its last spike; another fault is not counted as predicted."""
    choice = Choice("feedforward", True, 0.5, False)
    net = made(choice, 0)
    x = exact_sequence(net, choice, 20, 6, 0)
    needed = list(most_spikes(net, x))
    before = trains(net, x)
    lost = trains(to_single_spike(net, max_spikes=[needed[0] - 1, *needed[1:]])[0], x)
    counted = first_differences(before, lost, 0, needed[0])
    assert counted["differ"] == counted["predicted"] == counted["reach"] > 0
    other = [train.clone() for train in before]
    other[1][3, 0, 2] = 1.0 - other[1][3, 0, 2]
    assert first_differences(before, other, 0, needed[0]) == {"reach": counted["reach"], "differ": 1, "predicted": 0}


def test_layers_are_those_of_the_library() -> None:
    kinds = {type(layer) for layer in made(Choice("recurrent", True, 0.5, True), 0).layers}
    assert {nn.RecurrentDelay, nn.SynapticDelay, nn.AxonalDelay} <= kinds
