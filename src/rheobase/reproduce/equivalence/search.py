"""How the classifiers of this paper's part were set: on held-out images."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rheobase.reproduce.equivalence import classifier
from rheobase.reproduce.job import Job
from rheobase.reproduce.paper import Finding, Search
from rheobase.reproduce.search import searched


def run(job: Job) -> Finding:
    def train(name: str, network: str, choice: dict[str, Any], seed: int) -> tuple[Mapping[str, Any], int]:
        on = classifier.task(job, choice)
        return classifier.trained(job, name, on, choice, seed), on.classes

    return searched(job, train)


def _of(name: str) -> dict[str, Any]:
    return dict(classifier.PART.settings["networks"][name])


_DIGITS = {"lr": [0.002, 0.005, 0.01, 0.02], "epochs": [20, 40, 80]}
_MNIST = {"lr": [0.001, 0.003, 0.01, 0.03]}

SEARCHES = (
    Search(
        "classifier", "Classifiers", "learning rate and epochs of the networks that are converted", run,
        sets=("classifier",), needs=("mnist",), minutes=3,
        settings={"held_out": 0.2, "seeds": [0, 1], "networks": {
            "digits-if": {"base": _of("digits-if"), "tried": _DIGITS},
            "digits-lif": {"base": _of("digits-lif"), "tried": _DIGITS},
            "mnist-if": {"base": _of("mnist-if"), "short": {"limit": 10000}, "tried": _MNIST},
            "mnist-lif": {"base": _of("mnist-lif"), "short": {"limit": 10000}, "tried": _MNIST},
        }},
        quick={"seeds": [0], "networks": {"digits-lif": {
            "base": _of("digits-lif"), "short": {"limit": 100, "epochs": 2, "steps": 6}, "tried": {"lr": [0.01, 0.02]},
        }}},
    ),
)  # fmt: skip
