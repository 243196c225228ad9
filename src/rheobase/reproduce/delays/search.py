"""How the trainings of this paper's parts were set: on speakers held out of the training part."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rheobase.reproduce.delays.networks import CELLS
from rheobase.reproduce.delays.sweep import SETTINGS, SHARED
from rheobase.reproduce.delays.training import task, trained
from rheobase.reproduce.job import Job
from rheobase.reproduce.paper import Finding, Search
from rheobase.reproduce.search import searched

HELD_OUT = ["george", "theo"]
PARTS = ("history", "longer", "kinds", "parametrisations", "cells", "speakers")


def run(job: Job) -> Finding:
    def train(name: str, network: str, choice: dict[str, Any], seed: int) -> tuple[Mapping[str, Any], int]:
        on = task(job, choice)
        return trained(job, name, on, choice, seed), on.classes

    return searched(job, train)


def _of(cell: str, taps: int) -> dict[str, Any]:
    shared = {k: SETTINGS[k] for k in SHARED}
    return {**shared, "hidden": 64, "taps": taps, "cell": cell, "place": "states"}


_STEPS = [{"steps": 25, "step_ms": 40.0}, {"steps": 50, "step_ms": 20.0}, {"steps": 100, "step_ms": 10.0}]

SEARCHES = (
    Search(
        "training", "Training", "learning rate, steps, epochs and dropout of 2 x 64 cells", run, sets=PARTS,
        needs=("spoken_digits|fsdd_cochlea_spikes",), minutes=10,
        settings={"held_out": HELD_OUT, "seeds": [0, 1], "networks": {
            "AdLIF, 25 taps": {"base": _of("AdLIF", 25), "tried": {
                "lr": [0.003, 0.01, 0.03], "steps": _STEPS, "epochs": [10, 20, 40], "dropout": [0.0, 0.2, 0.4],
            }},
            "AdLIF, no taps": {"base": _of("AdLIF", 0), "tried": {
                "lr": [0.003, 0.01, 0.03], "steps": _STEPS, "epochs": [10, 20, 40],
            }},
            **{f"{cell}, 25 taps": {"base": _of(cell, 25), "tried": {"lr": [0.003, 0.01, 0.03]}}
               for cell in CELLS if cell != "AdLIF"},
        }},
        quick={"seeds": [0], "networks": {"AdLIF, 5 taps": {
            "base": _of("AdLIF", 25), "short": {"hidden": 16, "taps": 5, "limit": 100, "epochs": 1},
            "tried": {"lr": [0.01, 0.03]},
        }}},
    ),
)  # fmt: skip
