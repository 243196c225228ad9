"""The trainings of this paper's parts: spoken digits, or the Heidelberg digits, in frames."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import nn

from rheobase.data import EventFrames
from rheobase.data.event_dataset import EventDataset
from rheobase.errors import DataError
from rheobase.learning import Callback, MeanSoftmaxCrossEntropy, Recipe
from rheobase.learning.training.delay_annealing import Annealing
from rheobase.reproduce import training
from rheobase.reproduce.delays.networks import network
from rheobase.reproduce.job import Job
from rheobase.reproduce.training import Task

NARROW = 0.5  # steps: the width of a kernel before it becomes one tap
NETWORK = ("hidden", "cell", "place", "taps", "start", "learn", "scaled", "dropout")


def task(job: Job, choice: Mapping[str, Any]) -> Task:
    """Events in frames, neighbouring units counted together.

    `choice` has data, steps, step_ms, channels, limit, and may have `left_out`, who is tested on instead of trained on.
    """
    name = choice["data"]
    data = job.load(name, limit=choice["limit"])
    if not isinstance(data, EventDataset):
        raise DataError(name, f"{type(data).__name__}", "events", "give spoken_digits or shd")
    if "left_out" in choice:
        data = data.leave_out(choice["left_out"])
    frames = EventFrames(choice["steps"], bin_ms=choice["step_ms"], channels=choice["channels"])
    return Task(data, frames)


def trained(job: Job, name: str, on: Task, choice: Mapping[str, Any], seed: int) -> Mapping[str, Any]:
    """A unit: `choice` has epochs, batch, lr, what made the task, and arguments of `network`."""
    recipe = Recipe(
        epochs=choice["epochs"],
        batch_size=choice["batch"],
        learning_rate=choice["lr"],
        schedule="cosine",
        loss=MeanSoftmaxCrossEntropy(),
        seed=seed,
    )
    given = {k: choice[k] for k in NETWORK if k in choice}

    def narrowing(net: nn.Module) -> list[Callback]:
        # nothing to narrow where no delay has a position
        return [Annealing(net, start=choice["taps"] / 2, end=NARROW)] if choice.get("taps") else []

    return training.trained(
        job,
        name,
        lambda: network(choice["channels"], classes=on.classes, **given),
        on,
        recipe,
        settings={**choice, "training_seed": seed},
        callbacks=narrowing,
    )
