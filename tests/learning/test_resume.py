"""A run with a break ends in the same bits as a run without one, wherever the break is."""

from __future__ import annotations

import json
import os
import signal
import threading
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch

from rheobase import neurons, surrogates
from rheobase import nn as layers
from rheobase.core import integrators
from rheobase.data import Rate
from rheobase.errors import CheckpointError
from rheobase.learning import (
    Callback,
    History,
    RateBand,
    Trainer,
    TrainingInterrupted,
    load_checkpoint,
    save_checkpoint,
)
from rheobase.learning.training.samples import Samples
from tests.learning.stubs import CLASSES, FEATURES, InterruptAt, Net, NoisyRepeat, recipe, same_bits, samples

TRAIN, VALIDATION = samples(30), samples(15, seed=1)
BATCHES = 4  # of 8, 8, 8 and 6 samples


def fit(net, folder: Path | None, *, encoder=None, resume=False, stop_after=None, how=None, **options) -> History:
    trainer = Trainer(how or recipe(), folder=folder, accelerator="cpu", **options)
    return trainer.fit(
        net, encoder=encoder or NoisyRepeat(), train=TRAIN, validation=VALIDATION, resume=resume, stop_after=stop_after
    )


def figures(history: History) -> list[dict]:
    return [asdict(replace(e, seconds=0.0)) for e in history]


def last(folder: Path) -> tuple[dict[str, torch.Tensor], dict]:
    tensors, facts = load_checkpoint(folder / "last.json")
    facts["position"]["history"] = [e | {"seconds": 0.0} for e in facts["position"]["history"]]
    return tensors, facts


@pytest.fixture(scope="module")
def whole(tmp_path_factory) -> tuple[Net, History, Path]:
    folder = tmp_path_factory.mktemp("whole")
    net = Net()
    return net, fit(net, folder), folder


def assert_same(net: torch.nn.Module, history: History, folder: Path, whole) -> None:
    """Best weights, history, and every tensor of the last checkpoint: weights, optimiser, random state."""
    assert history.finished
    assert figures(history) == figures(whole[1])
    assert same_bits(net, whole[0])
    (tensors, facts), (tensors_whole, facts_whole) = last(folder), last(whole[2])
    assert facts == facts_whole
    assert tensors.keys() == tensors_whole.keys()
    assert all(torch.equal(t, tensors_whole[k]) for k, t in tensors.items())
    assert any(k.startswith("optimiser.") for k in tensors)
    assert "random.0.cpu" in tensors


@pytest.mark.parametrize("stop", range(1, 3 * BATCHES))
def test_stop_after_any_number_of_batches(stop: int, tmp_path: Path, whole) -> None:
    history = fit(Net(), tmp_path, stop_after=stop)
    assert not history.finished
    assert len(history) == (stop - 1) // BATCHES
    net = Net(seed=1)  # whatever it holds, the checkpoint counts
    torch.rand(3)
    assert_same(net, fit(net, tmp_path, resume=True), tmp_path, whole)


def test_many_breaks(tmp_path: Path, whole) -> None:
    history = fit(Net(), tmp_path, stop_after=1)
    for _ in range(3 * BATCHES - 2):
        history = fit(Net(), tmp_path, stop_after=1, resume=True)
    assert not history.finished
    net = Net()
    assert_same(net, fit(net, tmp_path, resume=True), tmp_path, whole)


@pytest.mark.parametrize(("epoch", "batch"), [(1, 1), (2, 3), (2, BATCHES), (2, None), (3, BATCHES), (3, None)])
def test_interrupt_in_a_callback(epoch: int, batch: int | None, tmp_path: Path, whole) -> None:
    look = InterruptAt(epoch, batch)
    with pytest.raises(TrainingInterrupted, match="resume=True") as caught:
        fit(Net(), tmp_path, callbacks=[look])
    assert caught.value.checkpoint == tmp_path / "last.json"
    assert look.ended == 1
    assert (caught.value.epoch, caught.value.batch) == ((epoch, batch) if batch else (epoch + 1, 0))
    net = Net()
    assert_same(net, fit(net, tmp_path, resume=True), tmp_path, whole)


class SignalAt(Callback):
    def __init__(self, step: int):
        self.step = step

    def on_batch(self, record) -> None:
        if record.step == self.step:
            os.kill(os.getpid(), signal.SIGINT)


class SignalInside(NoisyRepeat):
    """Ctrl-C while a batch is being encoded."""

    def __call__(self, x, *, seed, index=None):
        out = super().__call__(x, seed=seed, index=index)
        if self.calls == 7:
            os.kill(os.getpid(), signal.SIGINT)
        return out


@pytest.mark.parametrize("where", ["callback", "batch"])
def test_a_real_signal_waits_for_the_end_of_the_batch(where: str, tmp_path: Path, whole) -> None:
    handler = signal.getsignal(signal.SIGINT)
    how = {"callbacks": [SignalAt(6)]} if where == "callback" else {"encoder": SignalInside()}
    with pytest.raises(TrainingInterrupted) as caught:
        fit(Net(), tmp_path, **how)
    # a trial, 4 batches of training and 2 of validation make the seventh encoding the last of the first validation
    assert (caught.value.epoch, caught.value.batch) == ((2, 2) if where == "callback" else (1, 4))
    assert signal.getsignal(signal.SIGINT) is handler
    net = Net()
    assert_same(net, fit(net, tmp_path, resume=True), tmp_path, whole)


def test_an_interrupt_inside_a_batch_falls_back_on_the_last_checkpoint(tmp_path: Path, whole) -> None:
    # encodings: a trial, 4 + 2 in the first epoch, so the ninth is the second batch of the second epoch
    with pytest.raises(TrainingInterrupted) as caught:
        fit(Net(), tmp_path, encoder=NoisyRepeat(fail_at=9))
    assert (caught.value.epoch, caught.value.batch) == (2, 0)
    net = Net()
    assert_same(net, fit(net, tmp_path, resume=True), tmp_path, whole)


def test_an_interrupt_before_anything_is_saved(tmp_path: Path) -> None:
    with pytest.raises(TrainingInterrupted, match="nothing was saved") as caught:
        fit(Net(), tmp_path, encoder=NoisyRepeat(fail_at=2))
    assert caught.value.checkpoint is None
    with pytest.raises(TrainingInterrupted, match="nothing was saved"):
        fit(Net(), None, callbacks=[InterruptAt(1, 2)])


def test_a_second_signal_acts_at_once(tmp_path: Path) -> None:
    class Twice(NoisyRepeat):
        def __call__(self, x, *, seed, index=None):
            if self.calls == 9:
                os.kill(os.getpid(), signal.SIGINT)
                os.kill(os.getpid(), signal.SIGINT)
            return super().__call__(x, seed=seed, index=index)

    with pytest.raises(TrainingInterrupted) as caught:
        fit(Net(), tmp_path, encoder=Twice())
    assert (caught.value.epoch, caught.value.batch) == (2, 0)


def test_outside_the_main_thread(tmp_path: Path, whole) -> None:
    found: list[History] = []
    net = Net()
    thread = threading.Thread(target=lambda: found.append(fit(net, tmp_path)))
    thread.start()
    thread.join()
    assert_same(net, found[0], tmp_path, whole)


def test_checkpoints_inside_an_epoch(tmp_path: Path, whole) -> None:
    with pytest.raises(TrainingInterrupted) as caught:
        fit(Net(), tmp_path, encoder=NoisyRepeat(fail_at=11), checkpoint_every=3)
    assert (caught.value.epoch, caught.value.batch) == (2, 3)
    net = Net()
    assert_same(net, fit(net, tmp_path, resume=True, checkpoint_every=2), tmp_path, whole)


def test_a_finished_run_resumes_to_itself(tmp_path: Path, whole) -> None:
    fit(Net(), tmp_path)
    net, encoder = Net(), NoisyRepeat()
    assert_same(net, fit(net, tmp_path, resume=True, encoder=encoder), tmp_path, whole)
    assert encoder.calls == 1  # the trial by which the encoder is known


def test_a_constant_schedule_may_go_on_longer(tmp_path: Path) -> None:
    how = recipe(schedule="constant")
    short, long = tmp_path / "short", tmp_path / "long"
    net = Net()
    history = fit(net, long, how=replace(how, epochs=5))
    fit(Net(), short, how=how)
    other = Net()
    assert figures(fit(other, short, how=replace(how, epochs=5), resume=True)) == figures(history)
    assert same_bits(net, other)


def test_early_stop_and_rates_resume_too(tmp_path: Path) -> None:
    how = recipe(schedule="constant", epochs=30, patience=2, rates=RateBand(low=0.1, high=0.3, strength=3.0))
    net, other = Net(), Net()
    history = fit(net, tmp_path / "whole", how=how)
    assert len(history) < 30
    assert history.stale == 2
    assert history.best.epoch == len(history) - 2
    fit(Net(), tmp_path / "broken", how=how, stop_after=4 * len(history) - 5)
    assert figures(fit(other, tmp_path / "broken", how=how, resume=True)) == figures(history)
    assert same_bits(net, other)


# the recurrent layer is silent at first
@pytest.mark.filterwarnings("ignore::rheobase.learning.TrainingWarning")
def test_a_network_of_neurons(tmp_path: Path) -> None:
    def build() -> layers.Sequential:
        torch.manual_seed(0)
        return layers.Sequential(
            torch.nn.Linear(FEATURES, 10),
            neurons.LIF(10, dt=1.0, tau_mem=3.0, v_threshold=0.3, learn=("tau_mem",)),
            layers.Dropout(0.2),
            layers.Recurrent(neurons.AdLIF(10)),
            torch.nn.Linear(10, CLASSES),
            neurons.LI(CLASSES, dt=1.0),
        )

    net, other = build(), build()
    history = fit(net, tmp_path / "whole")
    fit(build(), tmp_path / "broken", stop_after=6)
    assert figures(fit(other, tmp_path / "broken", resume=True)) == figures(history)
    assert same_bits(net, other)


# --- what is refused ---------------------------------------------------------------------------------------
def test_a_folder_holds_one_run(tmp_path: Path) -> None:
    fit(Net(), tmp_path, stop_after=2)
    before = (tmp_path / "last.json").read_bytes()
    with pytest.raises(CheckpointError, match=r"already holds a run.*resume=True"):
        fit(Net(), tmp_path)
    assert (tmp_path / "last.json").read_bytes() == before


def test_nothing_to_resume(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="No such file"):
        fit(Net(), tmp_path, resume=True)
    with pytest.raises(CheckpointError, match="without a folder"):
        fit(Net(), None, resume=True)


@pytest.mark.parametrize(
    ("change", "text"),
    [
        (dict(learning_rate=0.03), "recipe.learning_rate = 0.03; expected 0.02"),
        (dict(loss="max"), "recipe.loss.name = 'MaxCrossEntropy'"),
        (dict(epochs=4), "recipe.epochs = 4; expected 3"),
        (dict(seed=4, batch_size=4), r"recipe.batch_size = 4 \(and also recipe.seed\)"),
        (dict(rates=RateBand()), "recipe.rates"),
    ],
)
def test_another_recipe(change: dict, text: str, tmp_path: Path) -> None:
    fit(Net(), tmp_path, stop_after=2)
    with pytest.raises(CheckpointError, match=text):
        fit(Net(), tmp_path, how=recipe(**change), resume=True)


def test_other_data_threads_or_network(tmp_path: Path) -> None:
    fit(Net(), tmp_path, stop_after=2)
    trainer = Trainer(recipe(), folder=tmp_path, accelerator="cpu")
    x, y = TRAIN
    changed = x.clone()
    changed[3, 2] += 1e-6
    with pytest.raises(CheckpointError, match=r"train\.x\.crc32"):
        trainer.fit(Net(), encoder=NoisyRepeat(), train=(changed, y), validation=VALIDATION, resume=True)
    with pytest.raises(CheckpointError, match="validation"):
        trainer.fit(Net(), encoder=NoisyRepeat(), train=TRAIN, resume=True)
    threads = torch.get_num_threads()
    torch.set_num_threads(threads + 1)
    try:
        with pytest.raises(CheckpointError, match=f"threads = {threads + 1}; expected {threads}.*set_num_threads"):
            fit(Net(), tmp_path, resume=True)
    finally:
        torch.set_num_threads(threads)
    with pytest.raises(CheckpointError, match=r"network\.first\.out_features = '9' .*; expected '12'"):
        fit(Net(hidden=9), tmp_path, resume=True)
    fit(Net(), tmp_path, resume=True)


def repeating(factor: float):
    """A function of one name, whatever it does."""

    def encode(x, *, seed, index=None):
        return (factor * x).expand(5, *x.shape)

    return encode


class Louder:
    """Known by the name of its class: `repr` says nothing of its factor."""

    def __init__(self, factor: float):
        self.factor = factor

    def __call__(self, x, *, seed, index=None):
        return (self.factor * x).expand(5, *x.shape)


@pytest.mark.parametrize("of", [repeating, Louder, lambda factor: partial(repeating(factor))])
def test_another_encoder_of_the_same_name(of, tmp_path: Path) -> None:
    fit(Net(), tmp_path, encoder=of(1.0), stop_after=2)
    with pytest.raises(CheckpointError, match=r"encoded\.sums = .*give the encoder as it was"):
        fit(Net(), tmp_path, encoder=of(1.001), resume=True)
    assert fit(Net(), tmp_path, encoder=of(1.0), resume=True).finished


def test_a_trial_of_an_encoder_sees_order_and_moves_no_random_state() -> None:
    train = Samples("train", *TRAIN)
    random = torch.get_rng_state()
    ahead = train.trial(lambda x, *, seed, index=None: torch.rand(5, *x.shape).cumsum(0))
    back = train.trial(lambda x, *, seed, index=None: torch.rand(5, *x.shape).cumsum(0).flip(0))
    again = train.trial(lambda x, *, seed, index=None: torch.rand(5, *x.shape).cumsum(0))
    assert torch.equal(torch.get_rng_state(), random)
    assert ahead == again
    assert ahead is not None
    assert back is not None
    assert ahead["shape"] == back["shape"] == [5, FEATURES]
    assert all(abs(one - other) > 1e-3 * abs(one) for one, other in zip(ahead["sums"], back["sums"], strict=True))
    assert train.trial(Rate(steps=5)) is None


def test_runs_of_before_do_not_say_what_an_encoder_makes(tmp_path: Path) -> None:
    fit(Net(), tmp_path, encoder=repeating(1.0), stop_after=2)
    tensors, facts = load_checkpoint(tmp_path / "last.json")
    assert facts["run"].pop("encoded")["shape"] == [5, FEATURES]
    save_checkpoint(tmp_path / "last.json", tensors, facts)
    assert fit(Net(), tmp_path, encoder=repeating(1.0), resume=True).finished


def chosen(**choices: Any) -> layers.Sequential:
    """A network of which a state dict holds no choice that is made here."""
    made = {"dt": 1.0, "p": 0.2, "factor": 2.0, "self_connections": False, "width": 3.0} | choices
    own = {name: made[name] for name in ("surrogate", "integrator", "detach_reset") if name in made}
    torch.manual_seed(0)
    return layers.Sequential(
        torch.nn.Linear(FEATURES, 8),
        layers.Scale(made["factor"]),
        neurons.LIF(8, dt=made["dt"], tau_mem=3.0, learn=("tau_mem",), **own),
        layers.Dropout(made["p"]),
        layers.Recurrent(neurons.LIF(8, dt=made["dt"]), self_connections=made["self_connections"]),
        layers.AxonalDelay(8, taps=5, width=made["width"]),
        torch.nn.Linear(8, CLASSES),
    )


@pytest.mark.filterwarnings("ignore::rheobase.learning.training.concern.TrainingWarning")
def test_a_network_of_other_choices_is_none_of_the_run(tmp_path: Path) -> None:
    fit(chosen(), tmp_path, stop_after=2)
    for change, said in (
        ({"dt": 0.5}, r"network\.2\.dt = '0\.5' \(and also network\.4\.neuron\.dt\); expected '1\.0'"),
        ({"p": 0.7}, r"network\.3\.p = '0\.7'; expected '0\.2'"),
        ({"factor": 5.0}, r"network\.1\.factor = '5\.0'"),
        ({"surrogate": surrogates.ATan(9.0)}, r"network\.2\.surrogate = 'ATan\(alpha=9\.0\)'"),
        ({"integrator": integrators.Euler()}, r"network\.2\.integrator = 'Euler\(\)'"),
        ({"detach_reset": True}, r"network\.2\.detach_reset = 'True'; .* build the network as it was"),
        ({"self_connections": True}, r"network\.4\.self_connections = 'True'"),
    ):
        with pytest.raises(CheckpointError, match=said):
            fit(chosen(**change), tmp_path, resume=True)
    # a net that has been used, and one whose tensors are others, are of the run: the checkpoint counts
    net = chosen(width=1.0)
    net(torch.rand(5, 2, FEATURES))
    assert fit(net.eval(), tmp_path, resume=True).finished


def test_runs_of_before_say_nothing_of_the_network(tmp_path: Path) -> None:
    fit(Net(), tmp_path, stop_after=2)
    tensors, facts = load_checkpoint(tmp_path / "last.json")
    del facts["run"]["network"]
    save_checkpoint(tmp_path / "last.json", tensors, facts)
    assert fit(Net(), tmp_path, resume=True).finished


def test_the_callers_random_numbers_are_left_alone(tmp_path: Path) -> None:
    torch.manual_seed(12345)
    before = torch.get_rng_state()
    fit(Net(), tmp_path, stop_after=2)
    fit(Net(), tmp_path, resume=True)
    assert torch.equal(before, torch.get_rng_state())


def test_the_configuration_stands_beside_it(tmp_path: Path) -> None:
    fit(Net(), tmp_path, stop_after=1, notes={"neuron": "stub"})
    config = json.loads((tmp_path / "config.json").read_text())
    assert config["recipe"]["learning_rate"] == 0.02
    assert config["encoder"] == "NoisyRepeat()"
    assert config["train"]["x"]["shape"] == [30, 6]
    assert config["notes"] == {"neuron": "stub"}
    assert config["threads"] == torch.get_num_threads()
    assert config["processes"] == 1
