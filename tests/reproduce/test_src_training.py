"""The parts of the SRC paper that train networks: small runs on the digits, from start to table."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from rheobase import nn
from rheobase.core import Neuron
from rheobase.energy import account
from rheobase.errors import ParameterError
from rheobase.learning import Recipe, Trainer
from rheobase.reproduce.job import Job
from rheobase.reproduce.paper import Part
from rheobase.reproduce.src import accuracy, beyond, costs, depth, robustness, training
from rheobase.reproduce.src.networks import KINDS, network
from rheobase.reproduce.training import examined
from tests.reproduce.held import hold

ON_DIGITS: dict[str, Any] = {"limit": 100, "epochs": 1, "steps": 20, "gain": 1.0, "batch": 25, "seeds": [0]}
SMALL: dict[str, tuple[Part, dict[str, Any]]] = {
    "depth": (depth.PART, {**ON_DIGITS, "data": "digits", "width": 16, "depths": [1, 2]}),
    "robustness": (robustness.PART, {**ON_DIGITS, "data": "digits", "hidden": [], "amounts": [0.0, 0.5]}),
    "costs": (costs.PART, {**ON_DIGITS, "data": "digits"}),
    "beyond": (beyond.PART, {**ON_DIGITS, "data": "digits", "hardware_steps": [20], "bits": [4]}),
    "accuracy": (
        accuracy.PART,
        {
            "seeds": [0, 1],
            "limit": 100,
            "networks": {
                "digits": {**ON_DIGITS, "data": "digits", "hidden": [], "lr": 0.01, "kinds": ["SRC", "LIF", "GRU"]},
            },
        },
    ),
}


def job(name: str, folder: Path) -> Job:
    part, settings = SMALL[name]
    assert set(settings) <= set(part.settings), "settings that the part does not have"
    return Job({**part.settings, **settings}, folder, identity={"part": name})


@pytest.mark.parametrize("name", SMALL)
def test_a_part_from_start_to_table(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    part, _ = SMALL[name]
    first = part.run(job(name, tmp_path))
    assert first.tables
    for table in first.tables:
        for column, values in zip(table.columns, zip(*table.rows, strict=True), strict=True):
            if column == "test accuracy (%)":
                assert all(0 <= value <= 100 for value in values)
    hold(first)

    def no_more(*args: Any, **kwargs: Any) -> Any:
        raise AssertionError("trained again what was stored")

    monkeypatch.setattr(Trainer, "fit", no_more)
    again = part.run(job(name, tmp_path))
    assert [t.rows for t in again.tables] == [t.rows for t in first.tables]


@pytest.mark.parametrize("kind", KINDS)
def test_networks(kind: str) -> None:
    torch.manual_seed(0)
    net = network(kind, 12, [20], 3)
    out, _ = net(3 * torch.rand(15, 4, 2, 6))
    assert out.shape == (15, 4, 3)
    out[-1].sum().backward()
    first = next(p for p in net.parameters() if p.dim() == 2)
    assert first.grad is not None
    assert first.grad.abs().sum() > 0


def test_an_unknown_kind() -> None:
    with pytest.raises(ParameterError, match="did you mean 'LSTM'"):
        network("LSTN", 4, [], 2)


def test_networks_differ_in_the_cell_alone() -> None:
    nets = {kind: network(kind, 12, [20, 20], 3) for kind in ("SRC", "SRC, no detach", "LIF")}
    shapes = {kind: [tuple(p.shape) for p in net.parameters()] for kind, net in nets.items()}
    assert shapes["SRC"] == shapes["SRC, no detach"]
    assert [s for s in shapes["SRC"] if len(s) == 2] == [s for s in shapes["LIF"] if len(s) == 2]
    assert [len(s) for s in shapes["SRC"]].count(1) == [len(s) for s in shapes["LIF"]].count(1)


def test_the_driven_lif_adds_its_input() -> None:
    net = network("LIF", 4, [], 1)
    (cell,) = [layer for layer in net.layers if isinstance(layer, nn.Stateful) and hasattr(layer, "factor")]
    assert isinstance(cell.neuron, Neuron)
    _, state = cell(torch.full((1, 1, 10), 0.25))
    assert torch.allclose(state.v, torch.full((1, 10), 0.25))


def test_a_network_is_restored_from_its_result(tmp_path: Path) -> None:
    one = job("depth", tmp_path)
    on = training.task(one, "digits", steps=20, gain=1.0, limit=100)
    choice = {"hidden": [16], "epochs": 1, "batch": 25, "lr": 0.01}
    result = training.trained(one, "it", "SRC", on, choice, seed=3, weights=True)
    net = training.restored("SRC", on, [16], result)
    trainer = Trainer(Recipe(loss="last", batch_size=25, seed=3), accelerator="cpu")
    assert 100 * examined(trainer, net, on).accuracy == result["accuracy"]
    # checkpoints of other settings, in the same folder, are not gone on with
    other = training.trained(job("depth", tmp_path), "it", "SRC", on, {**choice, "lr": 0.02}, seed=3)
    assert other["loss"] != result["loss"]


def test_noise_on_images() -> None:
    x = torch.full((50, 28, 28), 0.5)
    gaussian = robustness.noisy(x, "gaussian", 0.1, seed=1)
    assert float(gaussian.std()) == pytest.approx(0.1, rel=0.02)
    assert torch.equal(gaussian, robustness.noisy(x, "gaussian", 0.1, seed=1))
    salted = robustness.noisy(x, "salt and pepper", 0.3, seed=1)
    assert float((salted == 1).float().mean()) == pytest.approx(0.15, abs=0.01)
    assert float((salted == 0).float().mean()) == pytest.approx(0.15, abs=0.01)
    assert torch.equal(robustness.noisy(x, "gaussian", 0.0, seed=1), x)


@pytest.mark.parametrize(("kind", "gates", "functions", "products"), [("GRU", 3, 3, 2), ("LSTM", 4, 5, 3)])
def test_operations_of_a_gru_are_those_of_its_matrices(kind: str, gates: int, functions: int, products: int) -> None:
    x = torch.zeros(5, 1, 30)
    net = network(kind, 30, [10], 2)
    (layer,) = account(net, x).layers
    silent = layer.operations
    assert silent is not None
    assert silent.multiply_accumulates == 5 * (gates * 10 * 10 + 10 * 2)
    assert (silent.functions, silent.updates) == (5 * 10 * functions, 5 * 10 * products)
    assert layer.weights == sum(p.numel() for p in net.parameters() if p.dim() > 1)
    x[2, 0, :7] = 1.0
    found = account(net, x).total
    assert found.accumulates == 7 * gates * 10
    assert costs.additions(found) - costs.additions(silent) == 7 * gates * 10


def test_a_spike_at_the_input_of_a_lif_reaches_every_cell_once() -> None:
    more, fewer = torch.zeros(5, 1, 30), torch.zeros(5, 1, 30)
    more[2, 0, :7] = 1.0
    first = [account(network("LIF", 30, [], 1), x).layers[1].operations for x in (more, fewer)]
    assert first[0] is not None
    assert first[1] is not None
    assert first[0].accumulates - first[1].accumulates == 70
