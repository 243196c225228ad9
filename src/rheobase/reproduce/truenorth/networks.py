"""The classifiers of this paper's parts, in full precision and in whole numbers, and how they are trained."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from typing import Any, cast

from torch import nn as torch_nn

from rheobase import chip, neurons, nn, surrogates
from rheobase.data import Dataset, Thermometer
from rheobase.learning import Recipe, SumCrossEntropy
from rheobase.reproduce import training
from rheobase.reproduce.job import Job
from rheobase.reproduce.training import Task

GIVEN = ("whole", "v_threshold", "inputs", "steepness", "per_row", "step_of")  # arguments of `chip.prepared`
STEEPNESS = 2.0  # of the surrogate, where a choice names none: in thresholds


def task(job: Job, choice: Mapping[str, Any]) -> Task:
    """Images as spikes of a thermometer code."""
    return Task(job.load(choice["data"], limit=choice["limit"]), Thermometer(choice["steps"]))


def network(data: Dataset, choice: Mapping[str, Any]) -> nn.Sequential:
    """IF neurons in layers as narrow as cores, whose last neurons vote for the classes.

    `whole` None: full precision, a threshold of 1. Else weights from -whole to whole and the threshold `v_threshold`.
    """
    classes, sizes = len(data.classes), [data.input_size, *choice["hidden"], choice["votes"] * len(data.classes)]
    layers = list[torch_nn.Module]()
    for before, after in pairwise(sizes):
        cells = neurons.IF(after, dt=1.0, surrogate=surrogates.ATan(choice.get("steepness", STEEPNESS)))
        layers += [nn.Linear(before, after, bias=False), cells]
    readout = nn.GroupReadout(sizes[-1], classes=classes, inhibition=0.0, decay=0.0)
    plain, shape = nn.Sequential(nn.Flatten(), *layers, readout), tuple(data.sample_shape)
    if choice["whole"] is None:
        return cast(nn.Sequential, chip.confined(plain, shape, inputs=choice["inputs"]))
    given = {name: choice[name] for name in GIVEN if name in choice}
    return chip.prepared(plain, **given, shape=shape)


def recipe(choice: Mapping[str, Any], seed: int) -> Recipe:
    """How a choice is trained, and which class an output means."""
    return Recipe(
        epochs=choice["epochs"],
        batch_size=choice["batch"],
        learning_rate=choice["lr"],
        schedule="cosine",
        seed=seed,
        loss=SumCrossEntropy(temperature=choice["temperature"]),
    )


def trained(
    job: Job, name: str, on: Task, choice: Mapping[str, Any], seed: int, *, weights: bool = False
) -> Mapping[str, Any]:
    """A unit: `choice` has what makes the network and the task, and epochs, batch, lr and temperature."""
    settings = {**choice, "training_seed": seed}
    return training.trained(
        job, name, lambda: network(on.data, choice), on, recipe(choice, seed), settings=settings, weights=weights
    )
