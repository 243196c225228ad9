"""How the trainings of this paper's parts were set: on held-out images."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rheobase.reproduce.dqif import accuracy
from rheobase.reproduce.dqif.training import task, trained
from rheobase.reproduce.job import Job
from rheobase.reproduce.paper import Finding, Search
from rheobase.reproduce.search import searched


def run(job: Job) -> Finding:
    def train(name: str, network: str, choice: dict[str, Any], seed: int) -> tuple[Mapping[str, Any], int]:
        on = task(
            job, choice["data"], steps=choice["steps"], limit=choice["limit"], crop=choice["crop"], cut=choice["cut"]
        )
        return trained(job, name, choice["kind"], on, choice, seed), on.classes

    return searched(job, train)


def _of(name: str, kind: str) -> dict[str, Any]:
    return {**accuracy.PART.settings["tasks"][name], "kind": kind}


_CHANGES = [{"crop": 0, "cut": 0}, {"crop": 2, "cut": 0}, {"crop": 2, "cut": 8}]
_KINDS = ("DQIF, factored", "DQIF, euler", "LIF", "PLIF")
_FASHION = {"lr": [0.005, 0.015, 0.045]}
_CIFAR = {"lr": [0.0015, 0.005, 0.015]}

SEARCHES = (
    Search(
        "fashion", "Fashion-MNIST", "learning rate of each cell, share of the mean in TET, epochs", run,
        sets=("accuracy", "mismatch"), needs=("fashion_mnist",), minutes=9,
        settings={"held_out": 0.2, "seeds": [0, 1], "networks": {
            kind: {"base": _of("fashion", kind), "short": {"limit": 3000},
                   "tried": {**_FASHION, "lam": [0.001, 0.05], "epochs": [4, 7, 12]} if k == 0 else _FASHION}
            for k, kind in enumerate(_KINDS)
        }},
        quick={"seeds": [0], "networks": {"LIF": {
            "base": _of("fashion", "LIF"), "short": {"limit": 200, "epochs": 1}, "tried": {"lr": [0.015]},
        }}},
    ),
    Search(
        "cifar", "Part of CIFAR-10", "learning rate of each cell, changes of the images", run, sets=("accuracy",),
        needs=("cifar10_subset",), minutes=11,
        settings={"held_out": 0.2, "seeds": [0, 1], "networks": {
            kind: {"base": _of("cifar", kind), "tried": {**_CIFAR, "crop": _CHANGES} if k == 0 else _CIFAR}
            for k, kind in enumerate(_KINDS)
        }},
        quick={"seeds": [0], "networks": {"LIF": {
            "base": _of("cifar", "LIF"), "short": {"limit": 200, "epochs": 1}, "tried": {"lr": [0.005]},
        }}},
    ),
)  # fmt: skip
