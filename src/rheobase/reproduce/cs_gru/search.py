"""How the trainings of this paper's parts were set: on held-out images, and a speaker held out of the training part."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rheobase.reproduce.cs_gru import mnist, speech
from rheobase.reproduce.cs_gru.comparison import SHARED
from rheobase.reproduce.cs_gru.inputs import task
from rheobase.reproduce.cs_gru.training import learned
from rheobase.reproduce.job import Job
from rheobase.reproduce.paper import Finding, Part, Search
from rheobase.reproduce.search import searched


def run(job: Job) -> Finding:
    def train(name: str, network: str, choice: dict[str, Any], seed: int) -> tuple[Mapping[str, Any], int]:
        on, read = task(job, choice["data"], steps=choice["steps"], limit=choice["limit"])
        return learned(job, name, on, read, choice, seed), on.classes

    return searched(job, train)


def _of(part: Part, name: str) -> dict[str, Any]:
    one = part.settings["networks"][name]
    return {**{k: part.settings[k] for k in SHARED if k != "counted"}, **{k: v for k, v in one.items() if k != "seeds"}}


def _networks(part: Part, tried: dict[str, dict[str, list[Any]]], **of_all: Any) -> dict[str, Any]:
    return {name: {"base": _of(part, name), "tried": values, **of_all} for name, values in tried.items()}


_RATES = [0.001, 0.003, 0.01, 0.03]

SEARCHES = (
    Search(
        "mnist", "MNIST", "learning rate, starts and grid of CS-GRU; learning rate and gain of the others", run,
        sets=("mnist",), needs=("mnist",), minutes=10,
        settings={"held_out": 0.2, "seeds": [0], "networks": {
            **_networks(mnist.PART, {
                "CS-GRU, grid": {"lr": _RATES, "start": [2.5, 10.0, 40.0], "gain": [1.0, 2.0, 4.0], "grid": [1, 7, 14]},
                "CS-GRU, z reads spikes, grid": {"lr": _RATES},
                "ConvGRU, grid": {"lr": _RATES},
                "ConvLIF, grid": {"lr": _RATES, "gain": [1.0, 3.0, 6.0]},
            }, short={"limit": 1500, "epochs": 3}),
            **_networks(mnist.PART, {"SpikGRU": {"lr": _RATES}, "Cuba-LIF": {"lr": _RATES}}, short={"limit": 3000}),
        }},
        quick={"networks": _networks(
            mnist.PART, {"ConvLIF, grid": {"lr": [0.01]}}, short={"limit": 100, "epochs": 1, "channels": 4},
        )},
    ),
    Search(
        "speech", "Spoken digits", "the same on a held-out speaker", run, sets=("speech",),
        needs=("spoken_digits|fsdd_cochlea_spikes",), minutes=20,
        settings={"held_out": ["theo"], "seeds": [0], "networks": _networks(speech.PART, {
            "CS-GRU, grid": {"lr": [0.003, 0.01, 0.03], "start": [0.5, 2.5, 10.0], "gain": [1.0, 3.0, 6.0],
                             "grid": [1, 5]},
            "CS-GRU, z reads spikes, grid": {"lr": [0.003, 0.01, 0.03]},
            "ConvGRU, grid": {"lr": [0.001, 0.003, 0.01]},
            "ConvLIF, grid": {"lr": [0.003, 0.01, 0.03], "gain": [2.0, 5.0, 10.0]},
            "SpikGRU": {"lr": [0.001, 0.003, 0.01]},
            "Cuba-LIF": {"lr": [0.001, 0.003, 0.01]},
        }, short={"limit": 900, "epochs": 6})},
        quick={"networks": _networks(
            speech.PART, {"ConvLIF, grid": {"lr": [0.01]}}, short={"limit": 100, "epochs": 1, "channels": 4},
        )},
    ),
)  # fmt: skip
