"""`rheobase train --find-lr` and `--start-activity`: offered by name, kept in the run, never applied in silence."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from rheobase import load
from rheobase.cli.training import job
from rheobase.learning import Trainer, find_learning_rate, scale_to_activity, spikes_per_neuron, spiking_layers
from rheobase.learning.layers import watched
from tests.cli.test_train import TINY, read, same, weights

pytestmark = pytest.mark.usefixtures("no_pictures")
WORDS = ("train", "--neuron", "LIF", *TINY, "--hidden", "12,12", "--batch", 20)


def test_find_lr_suggests_and_trains_nothing(run) -> None:
    result = run(*WORDS, "--find-lr", "--json", "lr.json")
    assert result.exit_code == 0, result.stderr
    assert not Path("runs").exists()
    content = read("lr.json")
    assert len(content["rates"]) == len(content["losses"])
    assert f"{content['suggested']:g} suggested" in result.stdout
    assert f"Nothing was trained. With it: the same command and --lr {content['suggested']:g}" in result.stdout


def test_find_lr_with_a_rate_trains_with_that_and_keeps_the_search(run) -> None:
    run(*WORDS, "--lr", 0.002, "--name", "plain")
    result = run(*WORDS, "--find-lr", "--lr", 0.002, "--name", "both")
    assert result.exit_code == 0, result.stderr
    assert same(weights("runs/plain"), weights("runs/both")), "the search leaves no trace in the numbers"
    kept = read("runs/both/config.json")["notes"]["find_lr"]
    assert kept == read("runs/both/result.json")["find_lr"]
    assert f"{kept['suggested']:g} suggested, 0.002 taken" in Path("runs/both/report.html").read_text()
    assert "find_lr" not in read("runs/plain/config.json")["notes"]
    assert load("runs/both").settings.lr == 0.002


def test_it_is_the_search_of_the_library(run) -> None:
    run(*WORDS, "--find-lr", "--json", "lr.json")
    run(*WORDS, "--name", "one")
    settings, data = load("runs/one").settings, load("runs/one").load_data()
    train, encoder = job.training_samples(settings, data)
    net = job.started(settings, data).net
    found = find_learning_rate(net, encoder=encoder, train=train, recipe=settings.recipe())
    assert list(found.losses) == read("lr.json")["losses"]


def activity(net, x) -> dict[str, float]:
    layers = spiking_layers(net)
    with torch.no_grad(), watched(net.eval(), layers) as watch:
        net(x)
    return {name: float(spikes_per_neuron(out, False).mean()) / len(out) for name, out in watch.outs.items()}


@pytest.mark.parametrize(("given", "low", "high"), [("0.1", 0.08, 0.125), ("0.02:0.2", 0.02, 0.2)])
def test_a_start_with_that_activity(run, monkeypatch, given: str, low: float, high: float) -> None:
    starts: list[torch.nn.Module] = []
    fit = Trainer.fit

    def watched_fit(self, net, **words):
        found = activity(net, words["encoder"](words["train"][0][:20], seed=0))
        starts.append(found)
        return fit(self, net, **words)

    monkeypatch.setattr(Trainer, "fit", watched_fit)
    result = run(*WORDS, "--start-activity", given, "--name", "a")
    assert result.exit_code == 0, result.stderr
    (found,) = starts
    # of another code of the batch than it was scaled with
    assert all(0.8 * low < share < 1.25 * high for share in found.values()), found
    notes = read("runs/a/config.json")["notes"]
    assert notes["settings"]["start_activity"] == given
    assert set(notes["start_scales"]) == {"2", "4"}
    page = Path("runs/a/report.html").read_text()
    assert "scaled until every layer spikes" in page
    assert f"--start-activity {given}" in page, "the command that makes it again"
    run(*WORDS, "--start-activity", given, "--name", "b")
    assert same(weights("runs/a"), weights("runs/b"))


def test_without_the_option_the_weights_are_as_they_are_drawn(run) -> None:
    run(*WORDS, "--name", "a")
    settings, data = load("runs/a").settings, load("runs/a").load_data()
    assert settings.start_activity is None
    assert job.started(settings, data).scales is None
    assert "start_scales" not in read("runs/a/config.json")["notes"]


def test_a_resumed_run_keeps_what_was_said_of_its_start(run, monkeypatch) -> None:
    from tests.cli.test_resume import CtrlC

    words = (*WORDS, "--start-activity", "0.1", "--find-lr", "--lr", 0.01)
    run(*words, "--name", "whole")
    with monkeypatch.context() as patch:
        patch.setattr(job, "progress", lambda epochs: CtrlC(3))
        assert run(*words, "--name", "cut").exit_code == 130
    assert run("train", "--resume", "runs/cut").exit_code == 0
    assert same(weights("runs/whole"), weights("runs/cut"))
    one, other = (read(f"runs/{name}/result.json") for name in ("whole", "cut"))
    for key in ("start_scales", "find_lr", "test"):
        assert one[key] == other[key], key
    assert one["start_scales"] is not None


@pytest.mark.parametrize("given", ["2", "0", "-0.1", "0.2:0.1", "half", "nan", "0.1:", ":0.1"])
def test_a_share_that_is_none(refused, given: str) -> None:
    line = refused(*WORDS, f"--start-activity={given}")
    assert "--start-activity" in line
    assert "--start-activity 0.02:0.2" in line
    assert not Path("runs").exists()


def test_a_layer_that_cannot_be_brought_there(refused) -> None:
    line = refused(*WORDS, "--start-activity", "0.10001:0.10002")
    assert "scale_to_activity, 2" in line
    assert not Path("runs").exists()


def test_resume_takes_no_search(refused, run) -> None:
    run(*WORDS, "--name", "a")
    assert "--find-lr" in refused("train", "--resume", "runs/a", "--find-lr")


def test_steps_after_the_end_of_a_sample_do_not_count() -> None:
    from rheobase import neurons, nn

    torch.manual_seed(0)
    net = nn.Sequential(nn.Linear(3, 8), neurons.LIF(8, dt=1.0))
    x = torch.rand(40, 4, 3)
    x[10:] = 0.0
    scales = scale_to_activity(net, x, low=0.1, high=0.12, lengths=torch.full((4,), 10))
    assert scales["1"] > 1
    assert 0.1 <= activity(net, x[:10])["1"] <= 0.12
