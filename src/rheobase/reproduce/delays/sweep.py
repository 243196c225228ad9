"""What the parts of this paper share: trainings of some choices over all seeds, and a line for each in a table."""

from __future__ import annotations

import statistics
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from rheobase.reproduce.delays.training import task, trained
from rheobase.reproduce.job import Job
from rheobase.reproduce.record import slug
from rheobase.reproduce.scores import SCORES, Scores
from rheobase.reproduce.seeds import Seeds, mean_spikes

SHARED = ("data", "steps", "step_ms", "channels", "epochs", "batch", "lr", "dropout", "limit")
SETTINGS: dict[str, Any] = {
    "data": "spoken_digits",
    "steps": 50,
    "step_ms": 20.0,
    "channels": 140,
    "epochs": 20,
    "batch": 64,
    "lr": 0.01,
    "dropout": 0.2,
    "limit": None,
    "seeds": [0, 1, 2],
}
QUICK: dict[str, Any] = {"epochs": 1, "limit": 100, "seeds": [0]}
COLUMNS = (*SCORES, "train accuracy (%)", "parameters", "spikes per cell", "seconds per epoch")


@dataclass(frozen=True)
class Line:
    """A choice and what came of it, over the seeds; `cells` are those of `COLUMNS`."""

    scores: Scores
    parameters: int
    cells: tuple[Any, ...]


def line(
    job: Job, name: str, choice: Mapping[str, Any], kept: Seeds, about: Mapping[str, Any], left_out: str | None = None
) -> Line:
    """Train a choice with every seed of the part, and keep what each gave as `about` names the choice."""
    whole = {**{k: job[k] for k in SHARED}, **choice}
    if left_out is not None:
        whole["left_out"] = left_out
    on = task(job, whole)
    found = [trained(job, f"{slug(name)}-seed-{seed}", on, whole, seed) for seed in job["seeds"]]
    for seed, one in zip(job["seeds"], found, strict=True):
        kept.add(about, seed, one)
    scores = Scores.of(found, on.classes)
    train = statistics.fmean(one["train_accuracy"] for one in found)
    times = statistics.median(one["seconds_per_epoch"] for one in found)
    parameters = found[0]["parameters"]
    return Line(scores, parameters, (*scores.cells, train, parameters, mean_spikes(found), times))


def said(job: Job) -> str:
    """What all rows of a table share, in words."""
    return (
        f"{job['data']}, {job['steps']} steps of {job['step_ms']:g} ms, {job['channels']} channels, {job['epochs']} "
        f"epochs, learning rate {job['lr']:g}, batches of {job['batch']}, seeds {job['seeds']}: the same for all; each "
        "network was tested once."
    )
