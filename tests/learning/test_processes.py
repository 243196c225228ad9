"""Two processes on one machine: the same result as one, and a resumed run with the same bits."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest
import torch
from torch import nn

from rheobase import neurons
from rheobase import nn as layers
from rheobase.errors import CheckpointError, ParameterError
from rheobase.learning import Callback, History, Trainer, TrainingInterrupted, load_checkpoint, load_weights
from rheobase.learning.training.evaluate import evaluate
from rheobase.learning.training.samples import Samples
from tests.learning.stubs import CLASSES, FEATURES, InterruptAt, Net, NoisyRepeat, recipe, samples

# 23 samples in batches of 4 leave a last batch of 3, which two processes share unevenly
TRAIN, VALIDATION, TEST = samples(23), samples(9, seed=1), samples(13, seed=2)
HOW = recipe(epochs=2, batch_size=4)


def plain() -> Net:
    """Without what looks at a batch as a whole or draws random numbers: then two processes do what one does."""
    net = Net()
    net.norm, net.drop = nn.Identity(), nn.Dropout(0.0)
    return net


def spiking() -> layers.Sequential:
    torch.manual_seed(0)
    return layers.Sequential(
        nn.Linear(FEATURES, 10),
        neurons.LIF(10, dt=1.0, tau_mem=3.0, v_threshold=0.3, learn=("tau_mem",)),
        nn.Linear(10, CLASSES),
        neurons.LI(CLASSES, dt=1.0),
    )


def fit(trainer: Trainer, net: nn.Module, **how) -> History:
    return trainer.fit(net, **({"encoder": NoisyRepeat()} | how), train=TRAIN, validation=VALIDATION)


def assert_close(net: nn.Module, history: History, other: nn.Module, expected: History) -> None:
    for a, b in zip(net.parameters(), other.parameters(), strict=True):
        torch.testing.assert_close(a, b, rtol=1e-4, atol=1e-6)
    assert [e.accuracy for e in history] == [e.accuracy for e in expected]
    assert [e.validation_accuracy for e in history] == [e.validation_accuracy for e in expected]
    assert [e.loss for e in history] == pytest.approx([e.loss for e in expected], rel=1e-4)
    assert [e.validation_loss for e in history] == pytest.approx([e.validation_loss for e in expected], rel=1e-4)


class SeedSeen(NoisyRepeat):
    """Keeps the seed of torch's generator during the run."""

    def __call__(self, x, *, seed, index=None):
        self.seed = torch.initial_seed()
        return super().__call__(x, seed=seed, index=index)


class FirstProcessOnly(Callback):
    def on_batch(self, record) -> None:
        assert os.environ["LOCAL_RANK"] == "0"


def work(rank: int, port: int, folder: str) -> None:
    os.environ |= {
        "LOCAL_RANK": str(rank),
        "NODE_RANK": "0",
        "WORLD_SIZE": "2",
        "OMP_NUM_THREADS": "1",
        "MASTER_ADDR": "127.0.0.1",
        "MASTER_PORT": str(port),
    }
    two = dict(accelerator="cpu", devices=2, strategy="ddp")
    results: dict[str, object] = {}

    net = plain()
    trainer = Trainer(HOW, callbacks=[FirstProcessOnly()], **two)
    results["plain"] = (fit(trainer, net), net.state_dict())
    net = spiking()
    results["spiking"] = (fit(trainer, net), net.state_dict())
    assert trainer.is_first_process == (rank == 0)
    results["test"] = trainer.test(net, encoder=NoisyRepeat(), test=TEST)

    def on(name: str, *callbacks: Callback) -> Trainer:
        return Trainer(HOW, folder=Path(folder) / name, callbacks=callbacks, **two)

    results["whole"] = fit(on("whole"), Net(), encoder=(encoder := SeedSeen()))
    results["seed"] = encoder.seed
    fit(on("stopped"), Net(), stop_after=3)
    fit(on("stopped"), Net(seed=rank), resume=True)
    # the callback runs in the first process only, and both stop
    try:
        fit(on("interrupted", InterruptAt(2, 2)), Net())
    except TrainingInterrupted as stop:
        results["stop"] = (stop.epoch, stop.batch)
    fit(on("interrupted"), Net(seed=rank), resume=True)
    torch.save(results, f"{folder}/results-{rank}.pt")
    torch.distributed.destroy_process_group()


def free_port() -> int:
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


@pytest.fixture(scope="module")
def two(tmp_path_factory) -> tuple[Path, list[dict]]:
    folder = tmp_path_factory.mktemp("two")
    torch.multiprocessing.spawn(work, args=(free_port(), str(folder)), nprocs=2)
    return folder, [torch.load(folder / f"results-{rank}.pt", weights_only=False) for rank in range(2)]


@pytest.mark.parametrize(("kind", "build"), [("plain", plain), ("spiking", spiking)])
def test_two_processes_do_what_one_does(two, kind: str, build) -> None:
    _, (first, second) = two
    net, other = build(), build()
    trainer = Trainer(HOW, accelerator="cpu")
    expected = fit(trainer, net)
    history, weights = first[kind]
    other.load_state_dict(weights)
    assert_close(other, history, net, expected)
    assert all(torch.equal(t, weights[k]) for k, t in second[kind][1].items())


def test_two_processes_share_a_test(two) -> None:
    _, (first, second) = two
    net = spiking()
    net.load_state_dict(first["spiking"][1])
    alone = Trainer(HOW, accelerator="cpu").test(net, encoder=NoisyRepeat(), test=TEST)
    found = first["test"]
    assert found.samples == 13
    assert torch.equal(found.confusion, alone.confusion)
    assert found.loss == pytest.approx(alone.loss, rel=1e-6)
    assert found.spikes == pytest.approx(alone.spikes)
    assert found.spikes == second["test"].spikes


@pytest.mark.parametrize("broken", ["stopped", "interrupted"])
def test_two_processes_resume_to_the_same_bits(two, broken: str) -> None:
    folder, (first, second) = two
    assert first["stop"] == second["stop"] == (2, 2)
    (tensors, facts), (expected, facts_expected) = (
        load_checkpoint(folder / n / "last.json") for n in (broken, "whole")
    )
    assert tensors.keys() == expected.keys()
    assert {"random.0.cpu", "random.1.cpu"} <= tensors.keys()
    assert all(torch.equal(t, expected[k]) for k, t in tensors.items())
    for e in (*facts["position"]["history"], *facts_expected["position"]["history"]):
        del e["seconds"]
    assert facts == facts_expected
    assert facts["run"]["processes"] == 2


def test_each_process_has_random_numbers_of_its_own(two) -> None:
    _, (first, second) = two
    assert first["seed"] != second["seed"]


def test_validation_is_that_of_the_network_that_is_saved(two) -> None:
    """The means of a batch norm differ between processes; those of the first one count."""
    folder, (first, _) = two
    net = Net()
    load_weights(folder / "whole" / "best.json", net)
    trainer = Trainer(HOW, accelerator="cpu")
    split = Samples("validation", *VALIDATION)
    found = evaluate(trainer._fabric, net, NoisyRepeat(), split, HOW.criterion, batch_size=4, seed=HOW.seed)
    assert found.loss == pytest.approx(first["whole"].best.validation_loss, rel=1e-6)
    assert found.accuracy == first["whole"].best.validation_accuracy


def test_one_process_does_not_resume_two(two) -> None:
    folder, _ = two
    with pytest.raises(CheckpointError, match=r"processes = 1.*expected 2"):
        fit(Trainer(HOW, folder=folder / "whole", accelerator="cpu"), Net(), resume=True)


def test_spawned_processes_bring_the_result_back() -> None:
    net, other = plain(), plain()
    history = fit(Trainer(HOW, accelerator="cpu", devices=2, strategy="ddp_spawn"), net)
    expected = fit(Trainer(HOW, accelerator="cpu"), other)
    assert history.finished
    assert_close(net, history, other, expected)


def test_a_batch_too_small_to_share() -> None:
    from rheobase.learning.training.sampler import Sampler

    with pytest.raises(ParameterError, match="batch_size 1 for 2 processes"):
        Sampler(samples=5, batch_size=1, seed=0, world=2)
