"""(c) Accuracy and operations on spoken digits, as spikes of a model cochlea."""

from __future__ import annotations

from rheobase.reproduce.cs_gru.comparison import FEWER_SPIKES, Comparison, again, brief, compared, smaller
from rheobase.reproduce.job import Job
from rheobase.reproduce.paper import Finding, Part

CAPTION = (
    "700 units as 7 maps of 10 x 10 for the convolutional cells, as the paper folds those of SHD, which these "
    "recordings stand in for. Trained on the train split and tested once, on other recordings of the same speakers."
)


ABOUT = Comparison(
    "Spoken digits",
    CAPTION,
    (
        ("test accuracy on sequential tasks (N-TIDIGITS, SHD)", "> 90 %", "CS-GRU"),
        ("test accuracy on sequential tasks (N-TIDIGITS, SHD)", "> 90 %", "CS-GRU, grid"),
        (FEWER_SPIKES, "about 69 %", "CS-GRU"),
        (FEWER_SPIKES, "about 69 %", "CS-GRU, grid"),
    ),
)


def run(job: Job) -> Finding:
    return compared(job, ABOUT)


_GRID = {"channels": 16, "stride": 2, "grid": 5, "start": 2.5, "gain": 3.0, "epochs": 12, "lr": 0.01}
_DENSE = {"channels": 128, "epochs": 20, "lr": 0.003, "seeds": [0, 1, 2]}
_NETWORKS = {
    "CS-GRU, grid": {**_GRID, "kind": "CS-GRU", "seeds": [0, 1, 2]},
    "CS-GRU, z reads spikes, grid": {**_GRID, "kind": "CS-GRU, z reads spikes", "seeds": [0, 1, 2]},
    "ConvGRU, grid": {**_GRID, "kind": "ConvGRU", "lr": 0.003, "seeds": [0]},
    "ConvLIF, grid": {**_GRID, "kind": "ConvLIF", "gain": 5.0, "seeds": [0, 1, 2]},
    "CS-GRU": {**_GRID, "kind": "CS-GRU", "grid": 1, "seeds": [0]},
    "SpikGRU": {**_DENSE, "kind": "SpikGRU"},
    "Cuba-LIF": {**_DENSE, "kind": "Cuba-LIF"},
}

PART = Part(
    "speech",
    "Spoken digits",
    "the same on spoken digits: recordings of a cochlea, folded into images",
    run,
    again=again(ABOUT),
    settings={
        "data": "spoken_digits",
        "steps": 50,
        "limit": None,
        "batch": 32,
        "counted": 250,
        "networks": _NETWORKS,
    },
    quick={"limit": 100, "counted": 20, "networks": brief(_NETWORKS)},
    needs=("spoken_digits|fsdd_cochlea_spikes",),
    reduced=lambda used: (
        f"Other recordings than the paper's, in {used['steps']} steps (125 of 8 ms); "
        f"{smaller(used, channels=128, epochs=300)}, the stride in place of a convolution over time; rows named grid "
        "keep the places of a grid apart where the paper takes their mean."
    ),
    minutes=8,
)
