"""One training of one network on one task: the unit that most parts of this paper are made of."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from rheobase.data import Dataset, Encoder, EventFrames, Rate, Shifted
from rheobase.data.events import EventDataset
from rheobase.learning import Evaluation, LastCrossEntropy, Recipe, Trainer, count_parameters
from rheobase.learning.random_state import seeded
from rheobase.learning.run import LAST
from rheobase.reproduce.job import Job
from rheobase.reproduce.src.networks import GATED, network

WARM = 3.0  # temperature of the loss over the group readout, whose outputs are sums over many steps
SILENT = 1 / 11  # of the steps of a rate code: 20 of 220, as in the authors' encoder


@dataclass(frozen=True)
class Task:
    """Data, and how they become sequences."""

    data: Dataset
    encoder: Encoder

    @property
    def inputs(self) -> int:
        """Numbers in one step of a sequence."""
        return self.data.input_size

    @property
    def classes(self) -> int:
        """How many classes there are."""
        return len(self.data.classes)


def task(job: Job, name: str, *, steps: int, gain: float, limit: int | None) -> Task:
    """A data set with the rate code (images), or binned events: one spike for each pixel, polarity and bin."""
    data = job.load(name, limit=limit)
    if isinstance(data, EventDataset):
        frames = EventFrames(data.events, steps, bin_ms=data.duration_ms / steps, binary=True)
        return Task(data, frames)
    return Task(data, Rate(steps, gain=gain, silent=round(SILENT * steps), dtype=torch.bfloat16))


def trained(
    job: Job, name: str, kind: str, on: Task, choice: Mapping[str, Any], seed: int, *, weights: bool = False
) -> dict[str, Any]:
    """Train on the whole train split and test once; a unit of the job, whose result holds the weights where asked.

    `choice` has hidden, epochs, batch, lr, and what made the task, so that a change redoes the unit; it may have
    `shift` (images and recordings move by up to so many pixels while training), `temperature` (of the loss over a
    group readout) and `clip` (the largest norm of the gradient).
    """
    settings = {**choice, "kind": kind, "training_seed": seed}
    return job.unit(name, lambda: _train(job, name, kind, on, choice, seed, weights), **settings)


def _train(
    job: Job, name: str, kind: str, on: Task, choice: Mapping[str, Any], seed: int, weights: bool
) -> dict[str, Any]:
    net = fresh(kind, on, choice["hidden"], seed)
    temperature = 1.0 if kind in GATED else choice.get("temperature", WARM)
    recipe = Recipe(
        epochs=choice["epochs"], batch_size=choice["batch"], learning_rate=choice["lr"], schedule="cosine",
        loss=LastCrossEntropy(temperature=temperature), clip_norm=choice.get("clip"), seed=seed,
    )  # fmt: skip
    shift = choice.get("shift", 0)
    encoder = Shifted(on.encoder, shift) if shift else on.encoder
    folder = job.folder(name)
    trainer = Trainer(recipe, folder=folder, callbacks=[job.training(name)], accelerator="cpu")
    history = trainer.fit(
        net, encoder=encoder, train=(on.data.x_train, on.data.y_train), resume=(folder / LAST).exists()
    )
    found = examined(trainer, net, on)
    held = {f"weights/{k}": v for k, v in net.state_dict().items()} if weights else {}
    return {
        "accuracy": 100 * found.accuracy, "train_accuracy": 100 * history[-1].accuracy, "loss": history[-1].loss,
        "seconds_per_epoch": statistics.median(epoch.seconds for epoch in history),
        "parameters": count_parameters(net), "spikes": dict(found.spikes), "tested": found.samples,
        "samples": len(on.data.x_train), **held,
    }  # fmt: skip


def fresh(kind: str, on: Task, hidden: Sequence[int], seed: int) -> nn.Module:
    """The network before training; its weights follow from the seed."""
    with seeded(seed, torch.device("cpu")):
        return network(kind, on.inputs, hidden, on.classes)


def restored(kind: str, on: Task, hidden: Sequence[int], result: Mapping[str, Any]) -> nn.Module:
    """The network of a unit's result with weights."""
    net = fresh(kind, on, hidden, 0)
    held = {k.removeprefix("weights/"): torch.as_tensor(v) for k, v in result.items() if k.startswith("weights/")}
    net.load_state_dict(held)
    return net


def examined(trainer: Trainer, net: nn.Module, on: Task, x: Tensor | None = None) -> Evaluation:
    """One pass over the test split, or over another version of its inputs."""
    return trainer.test(net, encoder=on.encoder, test=(on.data.x_test if x is None else x, on.data.y_test))


def mean_and_spread(values: Sequence[float]) -> tuple[float, float]:
    """Mean and standard deviation over seeds (0 for one).

    >>> mean_and_spread([1.0, 3.0])
    (2.0, 1.4142135623730951)
    """
    return statistics.fmean(values), statistics.stdev(values) if len(values) > 1 else 0.0
