"""(c) Accuracy of the paper's network on MNIST, Fashion-MNIST and N-MNIST, over several seeds."""

from __future__ import annotations

import statistics
from collections.abc import Mapping
from typing import Any

from rheobase.reproduce.findings import ranked
from rheobase.reproduce.job import Job
from rheobase.reproduce.paper import Finding, Part
from rheobase.reproduce.record import slug
from rheobase.reproduce.scores import SCORES, Scores, scored
from rheobase.reproduce.seeds import Seeds, mean_spikes
from rheobase.reproduce.src.networks import GATED
from rheobase.reproduce.src.training import task, trained

COLUMNS = (
    "data",
    "network",
    "steps",
    "epochs",
    "train samples",
    "test samples",
    *SCORES,
    "spikes per cell",
    "parameters",
    "seconds per epoch",
)


def run(job: Job) -> Finding:
    rows: list[tuple[Any, ...]] = []
    scores: dict[str, dict[str, Scores]] = {}
    uneven: list[str] = []
    kept = Seeds()
    pairs = [(name, kind) for name, one in job["networks"].items() for kind in one["kinds"]]
    # all are asked for before one is looked at, so that a cluster does them side by side
    for (_, kind), (choice, classes, found) in [(pair, _trained(job, *pair)) for pair in pairs]:
        cells = [*choice["hidden"], 100] if kind not in GATED else [(choice["hidden"] or [100])[-1]]
        network = f"{kind} {'-'.join(map(str, cells))}"
        one, first = Scores.of(found, classes), found[0]
        scores.setdefault(choice["data"], {})[network] = one
        spikes = mean_spikes(found, cells)
        if isinstance(spikes, str):
            uneven.append(f"{choice['data']}, {network} ({spikes})")
        rows.append(
            (
                choice["data"],
                network,
                choice["steps"],
                choice["epochs"],
                first["samples"],
                first["tested"],
                *one.cells,
                spikes,
                first["parameters"],
                statistics.median(r["seconds_per_epoch"] for r in found),
            )
        )
        for seed, result in zip(job["seeds"], found, strict=True):
            kept.add({"data": choice["data"], "network": network}, seed, result)
    said = " ".join(f"{data}: {ranked(each)}" for data, each in scores.items())
    whole = "the whole train split" if job["limit"] is None else f"at most {job['limit']} training samples"
    return Finding(
        f"{said} All weights follow from the seeds {job['seeds']}; every network was trained on {whole} for a fixed "
        "number of epochs and tested once."
        + (f" Spikes per cell differ between seeds: {'; '.join(uneven)}." if uneven else ""),
        tables=[scored("Test accuracy", COLUMNS, rows, "Spikes per cell: of a sample, the mean over all cells.")],
        seeds=kept.table(),
    )


def _trained(job: Job, name: str, kind: str) -> tuple[dict[str, Any], int, list[Mapping[str, Any]]]:
    choice = choice_of(job["networks"][name], kind, job["limit"])
    on = task(job, choice["data"], steps=choice["steps"], gain=choice["gain"], limit=job["limit"])
    found = [trained(job, f"{name}-{slug(kind)}-seed-{seed}", kind, on, choice, seed) for seed in job["seeds"]]
    return choice, on.classes, found


def choice_of(one: Mapping[str, Any], kind: str, limit: int | None) -> dict[str, Any]:
    """How a kind of network is trained on a task: what all kinds share, and what is the kind's own."""
    shared = {k: v for k, v in one.items() if k not in ("kinds", "own")}
    return {**shared, "limit": limit, **one.get("own", {}).get(kind, {})}


# what is tried beside these values: rheobase reproduce src --search
_COMMON = {"gain": 0.25, "batch": 256, "kinds": ["SRC"]}

PART = Part(
    "accuracy",
    "Accuracy",
    "MNIST, Fashion-MNIST and N-MNIST, mean and deviation over seeds",
    run,
    settings={
        "seeds": [0, 1, 2],
        "limit": None,
        "networks": {
            "mnist": {
                **_COMMON,
                "data": "mnist",
                "hidden": [],
                "steps": 220,
                "epochs": 25,
                "lr": 0.01,
                "batch": 128,
                "shift": 1,
            },
            "mnist-512-512": {
                **_COMMON,
                "data": "mnist",
                "hidden": [512, 512],
                "steps": 24,
                "gain": 1.0,
                "epochs": 18,
                "lr": 0.004,
                "batch": 128,
                "shift": 1,
            },
            "fashion": {
                **_COMMON,
                "data": "fashion_mnist",
                "hidden": [512],
                "steps": 64,
                "gain": 1.0,
                "epochs": 10,
                "lr": 0.004,
                "batch": 128,
                "temperature": 4.0,
                "b_h": -5.0,
                "kinds": ["SRC, normalised"],
            },
            # a network for each cell; the search has others beside it
            "nmnist": {
                **_COMMON,
                "data": "nmnist",
                "hidden": [],
                "steps": 100,
                "epochs": 60,
                "batch": 16,
                "shift": 2,
                "lr": 0.003,
                "kinds": ["SRC", "LIF", "GRU"],
                "own": {
                    "SRC": {"hidden": [512], "lr": 0.006, "temperature": 6.0},
                    "GRU": {"hidden": [128], "lr": 0.002},
                },
            },
            # and LIF in the network of SRC
            "nmnist-512": {
                **_COMMON,
                "data": "nmnist",
                "hidden": [512],
                "steps": 100,
                "epochs": 60,
                "batch": 16,
                "shift": 2,
                "lr": 0.003,
                "kinds": ["LIF"],
            },
        },
    },
    quick={
        "seeds": [0],
        "limit": 300,
        "networks": {
            "mnist": {
                **_COMMON,
                "data": "mnist",
                "hidden": [],
                "steps": 60,
                "gain": 1.0,
                "epochs": 2,
                "lr": 0.01,
                "batch": 32,
            },
            "nmnist": {
                **_COMMON,
                "data": "nmnist",
                "hidden": [],
                "steps": 30,
                "epochs": 2,
                "batch": 32,
                "lr": 0.003,
                "kinds": ["SRC", "LIF", "GRU"],
            },
        },
    },
    needs=("mnist", "fashion_mnist", "nmnist|nmnist_small"),
    minutes=120,
)
