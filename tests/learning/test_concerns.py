"""A run that learns nothing says so: which layer, and what helps."""

from __future__ import annotations

import warnings
from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor

from rheobase import errors, neurons, nn
from rheobase.learning import (
    Callback,
    Concern,
    EpochRecord,
    History,
    Recipe,
    Trainer,
    TrainingWarning,
    find_learning_rate,
    scale_to_activity,
)
from rheobase.learning.training import run
from rheobase.learning.training.activity import LayerActivity
from rheobase.learning.training.concerns import Concerns, above

X = torch.rand(60, 6, generator=torch.Generator().manual_seed(0))
Y = (X[:, 0] > X[:, 1]).long()


class Told(Callback):
    """Keeps what it is told."""

    def __init__(self) -> None:
        self.concerns: list[Concern] = []

    def on_concern(self, concern: Concern) -> None:
        self.concerns.append(concern)


def steady(x: Tensor, *, seed: int, index: Any = None) -> Tensor:
    return x.expand(20, *x.shape)


def network(scale: float) -> nn.Sequential:
    torch.manual_seed(0)
    net = nn.Sequential(torch.nn.Linear(6, 12), neurons.LIF(12, dt=1.0), torch.nn.Linear(12, 2), neurons.LI(2, dt=1.0))
    with torch.no_grad():
        net[0].weight.copy_(scale * net[0].weight.abs())
        net[0].bias.zero_()
    return net


def told(net: nn.Sequential, y: Tensor = Y, **how: Any) -> list[Concern]:
    given = {"epochs": 2, "batch_size": 20, "learning_rate": 1e-3, **how}
    looking = Told()
    history = Trainer(Recipe(**given), callbacks=[looking]).fit(net, encoder=steady, train=(X, y))
    assert [replace(c, until=None) for c in history.concerns] == looking.concerns
    return looking.concerns


def test_a_silent_layer_is_named_after_the_first_batch_and_once() -> None:
    (found,) = told(network(1e-3))
    assert (found.kind, found.epoch, found.layer) == ("silent", 0, "layer 1 (LIF)")
    assert "no spike of any of its 12 neurons in 20 samples" in str(found)
    assert "scale_to_activity" in found.remedy


def test_a_saturated_layer_is_named() -> None:
    (found,) = told(network(1e4))
    assert (found.kind, found.layer) == ("saturated", "layer 1 (LIF)")
    assert "1.00 spikes of a neuron in a time step" in found.given


def test_a_network_at_work_says_nothing() -> None:
    assert told(network(10.0), epochs=12, learning_rate=0.02) == []


def activity(spikes: float) -> dict[str, LayerActivity]:
    return {"1": LayerActivity(neuron="LIF", neurons=12, samples=20, spikes=spikes)}


def test_a_layer_that_falls_silent_died() -> None:
    concerns = Concerns(Y, learning_rate=0.5)
    assert concerns.of_layers(0, activity(0.1)) == []
    (found,) = concerns.of_layers(3, activity(0.0))
    assert (found.kind, found.epoch) == ("died", 3)
    assert "lower the learning rate (0.5 now; " in found.remedy
    assert concerns.of_layers(4, activity(0.0)) == []


def test_what_no_longer_holds_is_told_as_such() -> None:
    """A layer that is silent at first and spikes after the first epoch is no fault of the run that it ends in."""
    concerns = Concerns(Y, learning_rate=0.5)
    (first,) = concerns.of_layers(0, activity(0.0))
    assert "scale_to_activity" in str(first)
    concerns.of_layers(0, activity(0.1))
    (found,) = concerns.found
    assert found.until == 0
    assert str(found).endswith("in 20 samples before the first step, but no longer after epoch 1")
    concerns.of_layers(1, activity(0.95))
    concerns.of_layers(2, activity(0.2))
    assert [(c.kind, c.until) for c in concerns.found] == [("silent", 0), ("saturated", 2)]
    concerns.of_layers(3, activity(0.95))
    concerns.of_layers(4, activity(0.0))
    assert [(c.kind, c.until) for c in concerns.found] == [("silent", 0), ("saturated", 4), ("died", None)]


def test_a_loss_that_explodes() -> None:
    def history(*losses: float) -> History:
        return History(
            tuple(
                EpochRecord(
                    epoch=k,
                    loss=loss,
                    accuracy=0.9,
                    validation_loss=None,
                    validation_accuracy=None,
                    learning_rate=1.0,
                    seconds=1.0,
                )
                for k, loss in enumerate(losses, 1)
            )
        )

    concerns = Concerns(Y, learning_rate=0.5)
    assert concerns.of_figures(history(1.0, 0.01, 0.2), 10) == []
    (found,) = concerns.of_figures(history(1.0, 0.01, 45.0), 10)
    assert (found.kind, found.given) == ("exploding", "a loss of 45, 45 times that of the first epoch")
    assert concerns.of_figures(history(1.0, 0.01, 45.0, 50.0), 10) == []


def test_an_accuracy_that_guessing_explains() -> None:
    noise = torch.randint(0, 2, (60,), generator=torch.Generator().manual_seed(1))
    assert told(network(10.0), y=noise, epochs=33, learning_rate=1e-6) == []
    found = told(network(10.0), y=noise, epochs=35, learning_rate=1e-6)
    assert [concern.kind for concern in found] == ["chance"]
    assert found[0].epoch == 34
    share = float(noise.bincount().max()) / 60
    assert f"is right in {100 * share:.1f} %" in found[0].given


def test_where_nobody_listens_they_are_warnings() -> None:
    with pytest.warns(TrainingWarning, match=r"layer 1 \(LIF\): no spike"):
        Trainer(Recipe(epochs=1, batch_size=20)).fit(network(1e-3), encoder=steady, train=(X, Y))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        told(network(1e-3))


def test_looking_changes_no_number(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same weights as without a look at any layer: the hooks only read."""
    nets = [network(10.0), network(10.0)]
    told(nets[0])
    monkeypatch.setattr(run, "spiking_layers", lambda net: {})
    told(nets[1])
    for a, b in zip(nets[0].parameters(), nets[1].parameters(), strict=True):
        assert torch.equal(a, b)


@pytest.mark.parametrize("scale", [1e-4, 1e4])
def test_weights_are_scaled_into_the_range(scale: float) -> None:
    net = network(scale)
    sequence = steady(X, seed=0)
    before = net[0].weight.clone()
    scales = scale_to_activity(net, sequence, low=0.05, high=0.15)
    torch.testing.assert_close(net[0].weight, scales["1"] * before, rtol=0, atol=0)
    out = net[1](net[0](sequence))[0]
    assert 0.05 <= float(out.detach().mean()) <= 0.15
    assert net.training
    assert scale_to_activity(net, sequence, low=0.05, high=0.15) == {"1": 1.0}


def test_what_no_scale_helps_is_refused_and_put_back() -> None:
    net = network(1.0)
    before = net[0].weight.clone()
    with pytest.raises(errors.ParameterError, match=r"scale_to_activity, 1: .*0 spikes of a neuron"):
        scale_to_activity(net, torch.zeros(20, 5, 6))
    assert torch.equal(net[0].weight, before)
    with pytest.raises(errors.ParameterError, match="no module with weights before it"):
        scale_to_activity(nn.Sequential(neurons.LIF(6, dt=1.0)), torch.zeros(20, 5, 6))
    with pytest.raises(errors.ParameterError, match="0 < low < high <= 1"):
        scale_to_activity(net, torch.zeros(20, 5, 6), low=0.5, high=0.1)


def test_a_learning_rate_is_found_and_nothing_is_changed() -> None:
    net = network(10.0)
    before = [p.clone() for p in net.parameters()]
    found = find_learning_rate(net, encoder=steady, train=(X, Y), recipe=Recipe(batch_size=20), batches=60)
    assert 1e-5 < found.suggested < 1.0
    assert len(found.rates) == len(found.losses) <= 60
    assert all(torch.equal(a, b) for a, b in zip(before, net.parameters(), strict=True))
    again = find_learning_rate(net, encoder=steady, train=(X, Y), recipe=Recipe(batch_size=20), batches=60)
    assert again == found
    history = Trainer(Recipe(epochs=15, batch_size=20, learning_rate=found.suggested), callbacks=[Told()]).fit(
        net, encoder=steady, train=(X, Y)
    )
    assert history[-1].loss < 0.7 * history[0].loss
    with pytest.raises(errors.ParameterError, match="0 < lowest < highest"):
        find_learning_rate(net, encoder=steady, train=(X, Y), lowest=1.0, highest=0.1)


def test_the_binomial_tail() -> None:
    assert above(0, 10, 0.3) == pytest.approx(1.0)
    assert above(10, 10, 0.5) == pytest.approx(2.0**-10)
    assert above(5, 9, 0.5) == pytest.approx(0.5)
