"""(f) What a network costs: spikes, operations and parameters, beside a GRU and an LSTM of equal size."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from typing import Any

from rheobase.energy import Operations, account, constants
from rheobase.plot.table import number
from rheobase.reproduce.findings import ranked
from rheobase.reproduce.job import Job
from rheobase.reproduce.paper import Finding, Part
from rheobase.reproduce.scores import SCORES, Scores, scored, seeds
from rheobase.reproduce.seeds import Seeds, mean_spikes
from rheobase.reproduce.src.networks import CELLS_PER_CLASS
from rheobase.reproduce.src.training import images, restored, task, trained
from rheobase.reproduce.training import Task

COLUMNS = (
    "cell",
    "cells",
    "parameters",
    "spikes per cell",
    "input spikes",
    "additions per sample",
    "multiplications per sample",
    *SCORES,
)


def run(job: Job) -> Finding:
    on = task(job, job["data"], steps=job["steps"], gain=job["gain"], limit=job["limit"])
    rows: list[tuple[Any, ...]] = []
    scores: dict[str, Scores] = {}
    counts: list[str] = []
    kept = Seeds()
    for kind in job["kinds"]:
        choice = {
            "hidden": [],
            "epochs": job["epochs"],
            "batch": job["batch"],
            "lr": job["lr"][kind],
            "steps": job["steps"],
            "gain": job["gain"],
            "limit": job["limit"],
            "data": job["data"],
        }
        got = [
            trained(job, f"{kind.lower()}-seed-{seed}", kind, on, choice, seed, weights=True) for seed in job["seeds"]
        ]
        scores[kind] = Scores.of(got, on.classes)
        entering, additions, products = _operations(kind, on, got)
        counts.append(f"{kind} {number(additions, 3)} and {number(products, 3)}")
        cells = CELLS_PER_CLASS * on.classes
        rows.append(
            (kind, cells, got[0]["parameters"], mean_spikes(got), entering, additions, products, *scores[kind].cells)
        )
        for seed, result in zip(job["seeds"], got, strict=True):
            kept.add({"cell": kind}, seed, result)
    caption = (
        f"{job['data']}, {job['steps']} steps, {len(on.data.x_train)} training samples, {job['epochs']} epochs. "
        f"Counted for one sample, inference, the mean over {COUNTED}: a spike costs one addition at each cell it "
        "reaches; the cell's own update costs what the graph of its equations holds (a tanh or sigmoid is taken as "
        f"{FUNCTION} multiplications and additions); GRU and LSTM multiply by whole weight matrices, but a spike at "
        "their input needs additions alone. Readouts and biases are in it."
    )
    text = f"Additions and multiplications for a sample: {', '.join(counts)}. Test accuracy: {ranked(scores)}"
    return Finding(text, tables=[scored("Costs", COLUMNS, rows, caption)], seeds=kept.table())


FUNCTION = int(constants.FUNCTION.value.nominal)  # multiplications and additions that stand for a tanh or a sigmoid
COUNTED = 100  # test samples


def _operations(kind: str, on: Task, results: Sequence[Mapping[str, Any]]) -> tuple[float, float, float]:
    """Spikes that enter, additions and multiplications of one sample: means over test samples and seeds."""
    x = on.encoder(on.data.x_test[:COUNTED], seed=0).float()
    found = [account(restored(kind, on, [], result), x).total for result in results]
    return (
        statistics.fmean(one.spikes_in for one in found),
        statistics.fmean(additions(one) for one in found),
        statistics.fmean(multiplications(one) for one in found),
    )


def additions(found: Operations) -> float:
    """Those of synapses and of cells."""
    return found.accumulates + found.multiply_accumulates + found.sums + FUNCTION * found.functions


def multiplications(found: Operations) -> float:
    """Those of synapses and of cells."""
    return found.multiply_accumulates + found.updates + FUNCTION * found.functions


PART = Part(
    "costs",
    "Costs beside GRU and LSTM",
    "spikes, operations and parameters of networks of equal size",
    run,
    settings={
        "data": "mnist",
        "limit": 10000,
        "steps": 220,
        "gain": 0.25,
        "kinds": ["SRC", "LIF", "GRU", "LSTM"],
        "epochs": 4,
        "batch": 128,
        "seeds": [0],
        "lr": {"SRC": 0.01, "LIF": 0.003, "GRU": 0.002, "LSTM": 0.002},
    },
    quick={"limit": 200, "steps": 60, "gain": 1.0, "epochs": 1},
    needs=("mnist",),
    reduced=lambda used: f"{images(used)}, {seeds(len(used['seeds']))}.",
    minutes=8,
)
