"""The trainings of this paper's parts: images as a constant current, changed by chance while training."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

from torch import nn

from rheobase.data import Cutout, Dataset, Direct, Encoder, Flipped, Shifted
from rheobase.learning import MeanCrossEntropy, Recipe, TemporalCrossEntropy
from rheobase.reproduce import training
from rheobase.reproduce.dqif.networks import images, network
from rheobase.reproduce.job import Job
from rheobase.reproduce.training import Task

NETWORK = ("plan", "width", "window")


def task(job: Job, name: str, *, steps: int, limit: int | None, crop: int = 0, cut: int = 0) -> Task:
    """Images at each of `steps`; while training cropped (by up to `crop` pixels), mirrored, a square of `cut` cut out.

    They are changed where crop or cut is given.
    """
    data = job.load(name, limit=limit)
    data = dataclasses.replace(data, x_train=images(data.x_train), x_test=images(data.x_test))
    return Task(data, Direct(steps), augmented(Direct(steps), crop, cut))


def augmented(encoder: Encoder, crop: int, cut: int) -> Encoder | None:
    """An encoder of changed images; None where nothing is to be changed."""
    if not crop and not cut:
        return None
    inner = Flipped(Cutout(encoder, cut) if cut else encoder)
    return Shifted(inner, crop) if crop else inner


def trained(
    job: Job, name: str, kind: str, on: Task, choice: Mapping[str, Any], seed: int, *, weights: bool = False
) -> Mapping[str, Any]:
    """A unit: `choice` has epochs, batch, lr, decay, lam of TET, what made the task, and arguments of `network`."""
    recipe = Recipe(
        epochs=choice["epochs"],
        batch_size=choice["batch"],
        learning_rate=choice["lr"],
        schedule="cosine",
        optimiser="adamw",
        weight_decay=choice["decay"],
        seed=seed,
        loss=TemporalCrossEntropy(lam=choice["lam"]) if choice["loss"] == "tet" else MeanCrossEntropy(),
    )
    settings = {**choice, "kind": kind, "training_seed": seed}
    return training.trained(
        job, name, lambda: made(kind, on.data, choice), on, recipe, settings=settings, weights=weights
    )


def made(kind: str, data: Dataset, choice: Mapping[str, Any]) -> nn.Module:
    """The network of a choice."""
    given = {k: choice[k] for k in NETWORK if k in choice}
    return network(kind, data.sample_shape, len(data.classes), **given)
