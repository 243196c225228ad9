"""How the trainings of this paper's parts were set: settings beside others, on held-out training data."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rheobase.neurons import SRC
from rheobase.reproduce.job import Job
from rheobase.reproduce.paper import Finding, Search
from rheobase.reproduce.search import searched
from rheobase.reproduce.src import accuracy, beyond, costs, depth, robustness
from rheobase.reproduce.src.networks import GATED
from rheobase.reproduce.src.training import WARM, task, trained


def run(job: Job) -> Finding:
    def train(name: str, network: str, choice: dict[str, Any], seed: int) -> tuple[Mapping[str, Any], int]:
        on = task(job, choice["data"], steps=choice["steps"], gain=choice["gain"], limit=choice["limit"])
        return trained(job, name, choice["kind"], on, choice, seed), on.classes

    return searched(job, train)


def _of_accuracy(name: str, kind: str) -> dict[str, Any]:
    one = accuracy.PART.settings["networks"][name]
    unsaid = {"temperature": WARM, "b_h": SRC.params["b_h"].default} if kind.startswith("SRC") else {}
    return {"kind": kind, **unsaid, **accuracy.choice_of(one, kind, accuracy.PART.settings["limit"])}


def _of(part: Mapping[str, Any], kind: str, *names: str, **more: Any) -> dict[str, Any]:
    """The choice of a part whose kinds of cell differ in the learning rate alone."""
    shared = {k: part[k] for k in ("data", "steps", "gain", "limit", "epochs", "batch", *names)}
    return {"kind": kind, **shared, "lr": part["lr"][kind] if isinstance(part["lr"], Mapping) else part["lr"], **more}


def _networks(found: Mapping[str, dict[str, Any]], **of_all: Any) -> dict[str, Any]:
    return {name: {"base": base, **of_all} for name, base in found.items()}


_RATES = {"lr": [0.001, 0.003, 0.01, 0.03]}
_GATED = {"lr": [0.001, 0.002, 0.004]}
_DEPTH, _ROBUSTNESS, _COSTS, _BEYOND = (part.PART.settings for part in (depth, robustness, costs, beyond))
_TWO = {
    "networks": {
        "SRC": {
            "base": _of(_DEPTH, "SRC", hidden=[16], clip=1.0),
            "short": {"limit": 200, "epochs": 1},
            "tried": {"lr": [0.003, 0.01]},
        }
    },
    "seeds": [0],
}

SEARCHES = (
    Search(
        "mnist", "MNIST", "learning rate, epochs, shift, temperature and b_h of both networks of SRC", run,
        sets=("accuracy",), needs=("mnist",), minutes=10,
        settings={"held_out": 0.2, "seeds": [0, 1], "networks": {
            "784-100": {
                "base": _of_accuracy("mnist", "SRC"), "short": {"limit": 5000, "epochs": 5},
                "tried": {"lr": [0.003, 0.01, 0.03], "epochs": [2, 5, 10], "shift": [0, 1, 2],
                          "temperature": [1.0, 3.0, 9.0], "b_h": [-6.0, -5.0, -4.5]},
            },
            "784-512-512-100": {
                "base": _of_accuracy("mnist-512-512", "SRC"), "short": {"limit": 5000, "epochs": 5},
                "tried": {"lr": [0.002, 0.004, 0.008], "steps": [12, 24, 48], "shift": [0, 1, 2]},
            },
        }},
        quick=_TWO,
    ),
    Search(
        "fashion", "Fashion-MNIST", "cell, learning rate, steps, temperature and b_h", run, sets=("accuracy",),
        needs=("fashion_mnist",), minutes=10,
        settings={"held_out": 0.2, "seeds": [0], "networks": {
            "784-512-100": {
                "base": _of_accuracy("fashion", "SRC, normalised"), "short": {"limit": 4000, "epochs": 4},
                "tried": {"kind": ["SRC", "SRC, normalised"], "lr": [0.002, 0.004, 0.008], "steps": [32, 64],
                          "temperature": [2.0, 4.0, 8.0], "b_h": [-6.0, -5.0, -4.5]},
            },
        }},
        quick={"networks": {"784-512-100": {
            "base": _of_accuracy("fashion", "SRC, normalised"),
            "short": {"limit": 200, "epochs": 1, "hidden": [16]}, "tried": {"lr": [0.004]},
        }}},
    ),
    Search(
        "nmnist", "N-MNIST", "learning rate, hidden cells, shift and temperature of SRC, LIF and GRU", run,
        sets=("accuracy",), needs=("nmnist|nmnist_small",), minutes=15,
        settings={"held_out": 0.2, "seeds": [0], "networks": {
            "SRC": {
                "base": _of_accuracy("nmnist", "SRC"), "short": {"epochs": 10},
                "tried": {"lr": [0.003, 0.006, 0.012], "hidden": [[], [128], [512]], "shift": [0, 2, 4],
                          "temperature": [3.0, 6.0, 12.0]},
            },
            "LIF": {
                "base": _of_accuracy("nmnist", "LIF"), "short": {"epochs": 10},
                "tried": {"lr": [0.001, 0.003, 0.01], "hidden": [[], [512]], "shift": [0, 2, 4]},
            },
            "GRU": {
                "base": _of_accuracy("nmnist", "GRU"), "short": {"epochs": 10},
                "tried": {"lr": [0.001, 0.002, 0.004], "hidden": [[64], [128], [256]]},
            },
        }},
        quick={"networks": {"LIF": {
            "base": _of_accuracy("nmnist", "LIF"), "short": {"limit": 100, "epochs": 1}, "tried": {"lr": [0.003]},
        }}},
    ),
    Search(
        "rates", "Learning rates of the smaller parts", "one for each cell of depth, robustness, costs and beyond", run,
        sets=("depth", "robustness", "costs", "beyond"), needs=("mnist",), minutes=15,
        settings={"held_out": 0.2, "seeds": [0, 1], "networks": {
            **_networks(
                {f"depth, {kind}": _of(_DEPTH, kind, "clip", hidden=[_DEPTH["width"]] * 2) for kind in _DEPTH["kinds"]},
                short={"limit": 2500}, tried=_RATES,
            ),
            **_networks(
                {f"robustness, {kind}": _of(_ROBUSTNESS, kind, "hidden") for kind in _ROBUSTNESS["kinds"]},
                short={"limit": 2500}, tried=_RATES,
            ),
            **_networks(
                {f"costs, {kind}": _of(_COSTS, kind, hidden=[]) for kind in _COSTS["kinds"] if kind not in GATED},
                short={"limit": 1250}, tried=_RATES,
            ),
            **_networks(
                {f"costs, {kind}": _of(_COSTS, kind, hidden=[]) for kind in _COSTS["kinds"] if kind in GATED},
                short={"limit": 1250}, tried=_GATED,
            ),
            **_networks(
                {f"beyond, {kind}": _of(_BEYOND, kind, hidden=[]) for kind in _BEYOND["kinds"]},
                short={"limit": 2500}, tried=_RATES,
            ),
        }},
        quick=_TWO,
    ),
)  # fmt: skip
