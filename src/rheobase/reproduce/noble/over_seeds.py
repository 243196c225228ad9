"""All trainings of a part, with every seed, and the row of each on each test."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from rheobase.reproduce.job import Job
from rheobase.reproduce.noble.stand_ins import trained
from rheobase.reproduce.noble.tables import FIGURES
from rheobase.reproduce.noble.traces import Family
from rheobase.reproduce.record import slug
from rheobase.reproduce.seeds import Seeds


def over_seeds(
    job: Job, on: Family, choices: Mapping[str, Mapping[str, Any]], parts: Iterable[str], called: str = "prediction"
) -> tuple[dict[str, list[Mapping[str, Any]]], Seeds]:
    """The results of each choice, one for each seed (its own ones, or those of the job), and a row for each test."""
    found, kept = dict[str, list[Mapping[str, Any]]](), Seeds()
    for name, choice in choices.items():
        seeds = choice.get("seeds", job["seeds"])
        found[name] = [trained(job, f"{slug(name)}-seed-{seed}", on, choice, seed) for seed in seeds]
        for seed, one in zip(seeds, found[name], strict=True):
            for part in parts:
                figures = {title: one[part][key] for title, key in FIGURES.items()}
                kept.put({called: name, "test": part, "seed": seed, **figures, "epoch": one["epoch"]})
    return found, kept
