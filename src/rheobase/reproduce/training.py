"""One training of one network on one task: the unit that most parts of most papers are made of."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import torch
from torch import Tensor, nn

from rheobase.data import Dataset, Encoder
from rheobase.jobs import store
from rheobase.learning import Callback, Evaluation, Recipe, Trainer, count_parameters
from rheobase.learning.training.random_state import seeded
from rheobase.learning.training.run import LAST
from rheobase.reproduce.job import Job

M = TypeVar("M", bound=nn.Module)


@dataclass(frozen=True)
class Task:
    """Data, and how they become sequences: `encoder`, and `training` where samples are changed while training."""

    data: Dataset
    encoder: Encoder
    training: Encoder | None = None

    @property
    def classes(self) -> int:
        """How many classes there are."""
        return len(self.data.classes)


def trained(
    job: Job,
    name: str,
    make: Callable[[], nn.Module],
    on: Task,
    recipe: Recipe,
    *,
    settings: Mapping[str, Any],
    weights: bool = False,
    callbacks: Callable[[nn.Module], Sequence[Callback]] = lambda net: (),
) -> Mapping[str, Any]:
    """Train on the whole train split and test once; a unit of the job, whose result holds the weights where asked.

    `make()` returns the network, whose initial weights follow from the seed of the recipe; `callbacks(net)` returns the
    callbacks of its training. `settings` must state all that decides the numbers: a change redoes the unit.
    """

    def work() -> dict[str, Any]:
        net = fresh(make, recipe.seed)
        # of these settings alone: what was half done with others is left, and not gone on with
        folder = job.folder(f"{name}-{store.key({'seed': job.seed, **settings})[:8]}")
        return _train(job, name, folder, net, on, recipe, weights, callbacks(net))

    return job.unit(name, work, **settings)


def _train(
    job: Job,
    name: str,
    folder: Path,
    net: nn.Module,
    on: Task,
    recipe: Recipe,
    weights: bool,
    callbacks: Sequence[Callback],
) -> dict[str, Any]:
    trainer = Trainer(recipe, folder=folder, callbacks=[job.training(name), *callbacks], accelerator="cpu")
    history = trainer.fit(
        net,
        encoder=on.training or on.encoder,
        train=(on.data.x_train, on.data.y_train),
        resume=(folder / LAST).exists(),
    )
    found = examined(trainer, net, on)
    held = {f"weights/{k}": v for k, v in net.state_dict().items()} if weights else {}
    return {
        "accuracy": 100 * found.accuracy,
        "train_accuracy": 100 * history[-1].accuracy,
        "loss": history[-1].loss,
        "seconds_per_epoch": statistics.median(epoch.seconds for epoch in history),
        "parameters": count_parameters(net),
        "spikes": dict(found.spikes),
        "tested": found.samples,
        "samples": len(on.data.x_train),
        **held,
    }


def fresh(make: Callable[[], M], seed: int) -> M:
    """The network before training; its weights follow from the seed."""
    with seeded(seed, torch.device("cpu")):
        return make()


def restored(make: Callable[[], nn.Module], result: Mapping[str, Any]) -> nn.Module:
    """The trained network of a unit, from a result of `trained(..., weights=True)`."""
    net = fresh(make, 0)
    held = {k.removeprefix("weights/"): torch.as_tensor(v) for k, v in result.items() if k.startswith("weights/")}
    net.load_state_dict(held)
    return net


def examined(trainer: Trainer, net: nn.Module, on: Task, x: Tensor | None = None) -> Evaluation:
    """One pass over the test split, or over another version of its inputs."""
    return trainer.test(net, encoder=on.encoder, test=(on.data.x_test if x is None else x, on.data.y_test))
