"""(b) Accuracy and operations on MNIST, an image in ten steps of the rate code."""

from __future__ import annotations

from rheobase.reproduce.cs_gru.comparison import FEWER_SPIKES, Comparison, again, brief, compared, smaller
from rheobase.reproduce.job import Job
from rheobase.reproduce.paper import Finding, Part

CAPTION = (
    "Trained on the train split and tested once. Dense cells (SpikGRU, Cuba-LIF) have no space: they read all pixels."
)


ABOUT = Comparison(
    "MNIST",
    CAPTION,
    (
        ("test accuracy", "99.31 %", "CS-GRU"),
        ("test accuracy", "99.31 %", "CS-GRU, grid"),
        (FEWER_SPIKES, "about 69 %", "CS-GRU"),
        (FEWER_SPIKES, "about 69 %", "CS-GRU, grid"),
    ),
)


def run(job: Job) -> Finding:
    return compared(job, ABOUT)


_GRID = {"channels": 16, "stride": 2, "grid": 7, "start": 10.0, "gain": 2.0, "lr": 0.01, "epochs": 6, "seeds": [0]}
_MEAN = {**_GRID, "grid": 1, "gain": 1.0, "epochs": 2}
_DENSE = {"channels": 128, "lr": 0.003, "epochs": 5, "seeds": [0, 1, 2]}
_NETWORKS = {
    "CS-GRU, grid": {**_GRID, "kind": "CS-GRU"},
    "CS-GRU, z reads spikes, grid": {**_GRID, "kind": "CS-GRU, z reads spikes"},
    "ConvGRU, grid": {**_GRID, "kind": "ConvGRU", "lr": 0.003, "epochs": 2},
    "ConvLIF, grid": {**_GRID, "kind": "ConvLIF", "gain": 3.0, "seeds": [0, 1, 2]},
    "CS-GRU": {**_MEAN, "kind": "CS-GRU"},
    "SpikGRU": {**_DENSE, "kind": "SpikGRU"},
    "Cuba-LIF": {**_DENSE, "kind": "Cuba-LIF"},
}

PART = Part(
    "mnist",
    "MNIST",
    "accuracy, spikes, accumulates, multiply-accumulates and energy of six cells on MNIST",
    run,
    again=again(ABOUT),
    settings={
        "data": "mnist",
        "steps": 10,
        "limit": None,
        "batch": 32,
        "counted": 1000,
        "networks": _NETWORKS,
    },
    quick={"limit": 300, "counted": 20, "networks": brief(_NETWORKS)},
    needs=("mnist",),
    reduced=lambda used: (
        f"{smaller(used, channels=128, epochs=300)}, a larger start of the weights of the input and "
        "of the readout, a learning rate on a cosine; rows named grid take means over the fields of a grid in place of "
        "the mean over all of space."
    ),
    minutes=35,
)
