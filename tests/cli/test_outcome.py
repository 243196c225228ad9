from __future__ import annotations

import pytest
import torch

from rheobase.cli.training import job
from rheobase.cli.training.activity import Layer, activity
from rheobase.cli.training.pictures import pictures
from rheobase.core import Neuron
from rheobase.learning import count_spikes
from rheobase.plot import LIGHT
from tests.cli.test_network import DATA, settings


@pytest.fixture(scope="module")
def outcome(tmp_path_factory):
    chosen = settings(neuron="IF", hidden=(20, 5), epochs=3, steps=40, device="cpu", seed=4)
    return job.run(chosen, DATA, tmp_path_factory.mktemp("run"), job.started(chosen, DATA))


def test_the_network_starts_from_its_seed(monkeypatch):
    seen = []
    monkeypatch.setattr(job, "build", lambda *_: seen.append(float(torch.rand(1))) or exec_stop())
    for seed in (0, 0, 1):
        with pytest.raises(KeyboardInterrupt):
            job.started(settings(seed=seed, device="cpu"), DATA)
    assert seen[0] == seen[1] != seen[2]


def exec_stop():
    raise KeyboardInterrupt


def test_predictions_are_those_that_were_counted(outcome):
    assert len(outcome.predicted) == len(DATA.y_test)
    assert float((outcome.predicted == DATA.y_test).double().mean()) == outcome.test.accuracy


def test_spikes_are_a_mean_over_neurons_not_layers(outcome):
    per_layer = list(outcome.test.spikes.values())
    assert min(per_layer) > 0
    assert per_layer[0] != pytest.approx(per_layer[1])
    assert outcome.spikes_per_neuron == pytest.approx((20 * per_layer[0] + 5 * per_layer[1]) / 25)


def test_the_activity_shown_is_that_of_the_network(outcome):
    seen = activity(outcome, index=2)
    x, y = outcome.validation
    sequence = outcome.settings.encode(DATA)(x[2:3], seed=outcome.settings.seed)
    outs = outcome.net.outputs(sequence)
    assert torch.equal(seen.sequence, sequence.flatten(2)[:, 0])
    assert torch.equal(seen.readout, outs[-1][:, 0])
    assert [torch.equal(layer.out, out[:, 0]) for layer, out in zip(seen.layers, (outs[2], outs[4]), strict=True)] == [
        True,
        True,
    ]
    assert seen.true == int(y[2])
    assert any(layer.spikes.any() for layer in seen.layers)
    for layer in seen.layers:
        assert int(layer.spikes.sum()) == int(count_spikes(layer.out[:, None], layer.cells.graded))


def test_the_busiest_cells_are_chosen():
    from rheobase import neurons

    out = torch.zeros(10, 6)
    for cell, count in enumerate([1, 5, 0, 3, 4, 2]):
        out[:count, cell] = 1.0
    cells: Neuron = neurons.LIF(6, dt=1.0)
    assert Layer(cells, out, out).busiest().tolist() == [1, 3, 4, 5]


def test_the_report_shows_what_was_misread(outcome):
    wrong = outcome.predicted != DATA.y_test
    shown = pictures(outcome)[-1]
    assert shown.title == "What it got wrong"
    assert f"of the {int(wrong.sum())} test samples" in shown.caption
    figure = shown.draw(LIGHT)
    first = int(wrong.nonzero()[0])
    assert figure.axes[0].get_title() == f"{int(DATA.y_test[first])} read as {int(outcome.predicted[first])}"
    assert torch.equal(torch.as_tensor(figure.axes[0].images[0].get_array().data), DATA.x_test[first])
