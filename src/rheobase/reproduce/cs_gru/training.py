"""The trainings of this paper's parts: a network of one kind on one kind of data, and what it costs when trained."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import nn

from rheobase.learning import MaxCrossEntropy, Recipe
from rheobase.reproduce import training
from rheobase.reproduce.cs_gru.costs import counted
from rheobase.reproduce.cs_gru.inputs import Input
from rheobase.reproduce.cs_gru.networks import network
from rheobase.reproduce.job import Job
from rheobase.reproduce.training import Task

NETWORK = ("channels", "stride", "grid", "start", "gain")


def trained(
    job: Job, name: str, on: Task, read: Input, choice: Mapping[str, Any], seed: int
) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
    """Two units: what came of a training, and the operations of the trained network on `choice["counted"]` samples."""
    result = learned(job, name, on, read, choice, seed, weights=True)

    def count() -> dict[str, float]:
        return counted(training.restored(lambda: _made(on, read, choice), result), on, choice["counted"])

    return result, job.unit(f"{name}-operations", count, **choice, training_seed=seed)


def learned(
    job: Job, name: str, on: Task, read: Input, choice: Mapping[str, Any], seed: int, *, weights: bool = False
) -> Mapping[str, Any]:
    """A unit: `choice` has kind, epochs, batch, lr, what made the task, and arguments of `network`.

    The score of a class is its largest output over time.
    """
    recipe = Recipe(
        epochs=choice["epochs"],
        batch_size=choice["batch"],
        learning_rate=choice["lr"],
        schedule="cosine",
        loss=MaxCrossEntropy(),
        seed=seed,
    )
    settings = {**choice, "training_seed": seed}
    return training.trained(job, name, lambda: _made(on, read, choice), on, recipe, settings=settings, weights=weights)


def _made(on: Task, read: Input, choice: Mapping[str, Any]) -> nn.Module:
    given = {k: choice[k] for k in NETWORK if k in choice}
    return network(choice["kind"], read.image, on.classes, front=read.front, **given)
