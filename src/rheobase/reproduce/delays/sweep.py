"""What the parts of this paper share: trainings of some choices over all seeds, and a line for each in a table."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from rheobase.reproduce.delays.training import task, trained
from rheobase.reproduce.job import Job
from rheobase.reproduce.record import slug
from rheobase.reproduce.training import mean_and_spread

SHARED = ("data", "steps", "step_ms", "channels", "epochs", "batch", "lr", "dropout", "limit")
SETTINGS: dict[str, Any] = {
    "data": "spoken_digits", "steps": 50, "step_ms": 20.0, "channels": 140, "epochs": 20, "batch": 64, "lr": 0.01,
    "dropout": 0.2, "limit": None, "seeds": [0, 1, 2],
}  # fmt: skip
QUICK: dict[str, Any] = {"epochs": 1, "limit": 100, "seeds": [0]}
COLUMNS = ("test accuracy (%)", "standard deviation", "train accuracy (%)", "parameters", "spikes per cell",
           "seconds per epoch")  # fmt: skip


@dataclass(frozen=True)
class Line:
    """A choice and what came of it, over the seeds."""

    mean: float
    spread: float
    parameters: int
    cells: tuple[Any, ...]


def line(job: Job, name: str, choice: Mapping[str, Any], left_out: str | None = None) -> Line:
    """Train a choice with every seed of the part."""
    whole = {**{k: job[k] for k in SHARED}, **choice}
    if left_out is not None:
        whole["left_out"] = left_out
    on = task(job, whole)
    found = [trained(job, f"{slug(name)}-seed-{seed}", on, whole, seed) for seed in job["seeds"]]
    mean, spread = mean_and_spread([one["accuracy"] for one in found])
    train, _ = mean_and_spread([one["train_accuracy"] for one in found])
    first = found[0]
    spikes = list(first["spikes"].values())
    cells = (mean, spread, train, first["parameters"], sum(spikes) / max(len(spikes), 1), first["seconds_per_epoch"])
    return Line(mean, spread, first["parameters"], cells)


def said(job: Job) -> str:
    """What all rows of a table share, in words."""
    return (
        f"{job['data']}, {job['steps']} steps of {job['step_ms']:g} ms, {job['channels']} channels, {job['epochs']} "
        f"epochs, batches of {job['batch']}, seeds {job['seeds']}. Learning rate, steps and epochs were chosen for "
        "adLIF with 25 taps on speakers held out of the training part and are the same for all; each network was "
        "tested once."
    )
