"""A batch for a trained network, as it saw them in training."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor

from rheobase.data import Watch
from rheobase.errors import DataError
from rheobase.learning.training.samples import Coded, Samples
from rheobase.runs.model import Model

DENSITY = 0.05  # of random events: the share of pixels that see one in a frame


class Batch(NamedTuple):
    """A batch, coded, and where it is from, in words."""

    coded: Coded
    source: str


def batch_of(
    model: Model, size: int | None = None, *, data_dir: str | Path | None = None, watch: Watch | None = None
) -> Batch:
    """`size` samples, by default as many as in a batch of the training, coded with the run's seed.

    They are the first test samples of the run's data; where those are missing, random ones of the same shape, which
    `source` says: how a network spikes on them is not how it spikes on its data.
    """
    size = model.settings.batch if size is None else size
    try:
        data = replace(model.settings, limit=size).load_data(data_dir, watch=watch)
    except DataError as error:
        return Batch(_random(model, size), f"random samples of the shape of {model.task.name} ({error.given})")
    encoder = model.settings.encode(model.task)
    samples = Samples.of("test", (data.x_test, data.y_test), encoder)
    few = min(size, len(samples))
    coded = samples.encoded(encoder, torch.arange(few), model.settings.seed)
    return Batch(coded, f"the first {few} test samples of {data.name}")


def _random(model: Model, size: int) -> Coded:
    task, generator = model.task, torch.Generator().manual_seed(model.settings.seed)
    target = torch.arange(size) % len(task.classes)
    if task.duration_ms is not None:
        frames = torch.rand(model.settings.steps, size, *task.sample_shape, generator=generator)
        return Coded((frames < DENSITY).float(), target, None)
    encoder, x = model.encoder(), _values(model, size, generator)
    return Samples.of("test", (x, target), encoder).encoded(encoder, torch.arange(size), model.settings.seed)


def _values(model: Model, size: int, generator: torch.Generator) -> Tensor:
    task = model.task
    if task.scaling is None or task.longest is None:
        return torch.rand(size, *task.sample_shape, generator=generator)
    mean, std = torch.tensor(task.scaling.mean), torch.tensor(task.scaling.std)
    return mean + std * torch.randn(size, task.longest, *task.sample_shape, generator=generator)
