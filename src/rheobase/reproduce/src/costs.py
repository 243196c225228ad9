"""(f) What a network costs: spikes, operations and parameters, beside a GRU and an LSTM of equal size."""

from __future__ import annotations

from typing import Any

from rheobase import neurons
from rheobase.energy.step_operations import update
from rheobase.plot.table import number
from rheobase.reproduce.findings import ranked
from rheobase.reproduce.job import Job
from rheobase.reproduce.paper import Finding, Part
from rheobase.reproduce.scores import SCORES, Scores, scored, seeds
from rheobase.reproduce.seeds import Seeds, mean_spikes
from rheobase.reproduce.src.networks import CELLS_PER_CLASS
from rheobase.reproduce.src.training import images, task, trained
from rheobase.reproduce.training import Task

GATES = {"GRU": 3, "LSTM": 4}
COLUMNS = (
    "cell", "cells", "parameters", "spikes per cell", "input spikes", "additions per sample",
    "multiplications per sample", *SCORES,
)  # fmt: skip


def run(job: Job) -> Finding:
    on = task(job, job["data"], steps=job["steps"], gain=job["gain"], limit=job["limit"])
    entering = _input_spikes(on)
    rows: list[tuple[Any, ...]] = []
    scores: dict[str, Scores] = {}
    counts: list[str] = []
    kept = Seeds()
    for kind in job["kinds"]:
        choice = {
            "hidden": [], "epochs": job["epochs"], "batch": job["batch"], "lr": job["lr"][kind], "steps": job["steps"],
            "gain": job["gain"], "limit": job["limit"], "data": job["data"],
        }  # fmt: skip
        got = [trained(job, f"{kind.lower()}-seed-{seed}", kind, on, choice, seed) for seed in job["seeds"]]
        scores[kind] = Scores.of(got, on.classes)
        cells = CELLS_PER_CLASS * on.classes
        additions, products = operations(kind, on.data.input_size, cells, on.classes, job["steps"], entering)
        counts.append(f"{kind} {number(additions, 3)} and {number(products, 3)}")
        rows.append((kind, cells, got[0]["parameters"], mean_spikes(got), entering, additions, products,
                     *scores[kind].cells))  # fmt: skip
        for seed, result in zip(job["seeds"], got, strict=True):
            kept.add({"cell": kind}, seed, result)
    caption = (
        f"{job['data']}, {job['steps']} steps, {len(on.data.x_train)} training samples, {job['epochs']} epochs. "
        "Counted for one sample, inference: a spike costs one addition at each cell it reaches; the cell's own update "
        f"costs what the graph of its equations holds (a tanh or sigmoid is taken as {FUNCTION} multiplications); GRU "
        "and LSTM multiply by whole weight matrices, but a spike at their input needs additions alone."
    )
    text = f"Additions and multiplications for a sample: {', '.join(counts)}. Test accuracy: {ranked(scores)}"
    return Finding(text, tables=[scored("Costs", COLUMNS, rows, caption)], seeds=kept.table())


def _input_spikes(on: Task) -> float:
    """Spikes that enter the network in one test sample, the mean over 100 samples."""
    x = on.data.x_test[:100]
    return float(on.encoder(x, seed=0).float().sum()) / len(x)


FUNCTION = 8  # multiplications that stand for a tanh or a sigmoid
CELLS = {"SRC": neurons.SRC(1), "LIF": neurons.LIF(1, dt=1.0)}


def operations(kind: str, inputs: int, cells: int, classes: int, steps: int, entering: float) -> tuple[float, float]:
    """Additions and multiplications for one sample.

    >>> operations("LIF", 784, 100, 10, 200, entering=1000.0)[0] > 1000 * 100
    True
    """
    synapses = entering * cells
    if kind in GATES:
        gates = GATES[kind]
        recurrent = steps * gates * cells * cells
        pointwise = steps * cells * (gates * FUNCTION + 3)
        return gates * synapses + recurrent, recurrent + pointwise + steps * cells * classes
    one = update(CELLS[kind])
    return synapses + steps * cells * one.sums, float(steps * cells * (one.products + FUNCTION * one.functions))


PART = Part(
    "costs", "Costs beside GRU and LSTM", "spikes, operations and parameters of networks of equal size", run,
    settings={
        "data": "mnist", "limit": 10000, "steps": 220, "gain": 0.25, "kinds": ["SRC", "LIF", "GRU", "LSTM"],
        "epochs": 4, "batch": 128, "seeds": [0],
        "lr": {"SRC": 0.01, "LIF": 0.003, "GRU": 0.002, "LSTM": 0.002},
    },
    quick={"limit": 200, "steps": 60, "gain": 1.0, "epochs": 1},
    needs=("mnist",),
    reduced=lambda used: f"{images(used)}, {seeds(len(used['seeds']))}.",
    minutes=8,
)  # fmt: skip
