"""The trainings of this paper's parts: its kinds of network, with the rate code or binned events."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import nn

from rheobase.data import EventFrames, Rate, Shifted
from rheobase.data.event_dataset import EventDataset
from rheobase.learning import LastCrossEntropy, Recipe
from rheobase.reproduce import training
from rheobase.reproduce.job import Job
from rheobase.reproduce.src.networks import GATED, network
from rheobase.reproduce.training import Task

WARM = 3.0  # temperature of the loss over the group readout, whose outputs are sums over many steps
SILENT = 1 / 11  # of the steps of a rate code: 20 of 220, as in the authors' encoder


def task(job: Job, name: str, *, steps: int, gain: float, limit: int | None) -> Task:
    """A data set with the rate code (images), or binned events: one spike for each pixel, polarity and bin."""
    data = job.load(name, limit=limit)
    if isinstance(data, EventDataset):
        return Task(data, EventFrames(steps, bin_ms=data.duration_ms / steps, binary=True))
    return Task(data, Rate(steps, gain=gain, silent=round(SILENT * steps), dtype=torch.bfloat16))


def images(used: Mapping[str, Any]) -> str:
    """How many training samples a part sees, in words.

    >>> images({"limit": 20000, "data": "mnist"})
    'At most 20,000 of the training samples of mnist'
    """
    if used["limit"] is None:
        return f"All training samples of {used['data']}"
    return f"At most {used['limit']:,} of the training samples of {used['data']}"


def trained(
    job: Job, name: str, kind: str, on: Task, choice: Mapping[str, Any], seed: int, *, weights: bool = False
) -> Mapping[str, Any]:
    """A unit: `choice` has hidden, epochs, batch, lr, and what made the task.

    It may have `shift` (images and recordings move by up to so many pixels while training), `temperature` (of the loss
    over a group readout), `clip` (the largest norm of the gradient) and `b_h` (where the bias of SRC starts).
    """
    temperature = 1.0 if kind in GATED else choice.get("temperature", WARM)
    recipe = Recipe(
        epochs=choice["epochs"],
        batch_size=choice["batch"],
        learning_rate=choice["lr"],
        schedule="cosine",
        loss=LastCrossEntropy(temperature=temperature),
        clip_norm=choice.get("clip"),
        seed=seed,
    )
    if choice.get("shift"):
        on = dataclasses.replace(on, training=Shifted(on.encoder, choice["shift"]))
    settings = {**choice, "kind": kind, "training_seed": seed}

    def make() -> nn.Module:
        return _made(kind, on, choice["hidden"], choice.get("b_h"))

    return training.trained(job, name, make, on, recipe, weights=weights, settings=settings)


def restored(kind: str, on: Task, hidden: Sequence[int], result: Mapping[str, Any]) -> nn.Module:
    """The network of a unit's result with weights."""
    return training.restored(lambda: _made(kind, on, hidden), result)


def _made(kind: str, on: Task, hidden: Sequence[int], b_h: float | None = None) -> nn.Module:
    return network(kind, on.data.input_size, hidden, on.classes, b_h=b_h)
