"""How the classifiers of this paper's part were set: on held-out images of the training part."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rheobase.reproduce.job import Job
from rheobase.reproduce.paper import Finding, Search
from rheobase.reproduce.search import searched
from rheobase.reproduce.truenorth import classifiers
from rheobase.reproduce.truenorth.networks import task, trained


def run(job: Job) -> Finding:
    def train(name: str, network: str, choice: dict[str, Any], seed: int) -> tuple[Mapping[str, Any], int]:
        on = task(job, choice)
        return trained(job, name, on, choice, seed), on.classes

    return searched(job, train)


def _of(name: str, variant: str) -> dict[str, Any]:
    return classifiers.variant_of(classifiers.PART.settings["networks"][name], variant)


def _tried(name: str, variant: str, short: dict[str, Any], **tried: list[Any]) -> dict[str, Any]:
    return {"base": _of(name, variant), "short": short, "tried": tried}


_SHORT = {"limit": 10000, "epochs": 3}
_LR = [0.001, 0.002, 0.005]
WHOLE, FLOAT = classifiers.WHOLE, classifiers.FLOAT

SEARCHES = (
    Search(
        "classifiers", "Classifiers", "threshold, levels and learning rate of the networks on the chip", run,
        sets=("classifiers",), needs=("mnist",), minutes=10,
        settings={"held_out": 0.2, "seeds": [0], "networks": {
            "digits, whole numbers": _tried("digits", WHOLE, {}, v_threshold=[2, 4, 8], whole=[1, 2], lr=_LR,
                                            steepness=[1.0, 2.0, 4.0], per_row=[True, False]),
            "digits, full precision": _tried("digits", FLOAT, {}, lr=_LR, steepness=[1.0, 2.0, 4.0]),
            "mnist, whole numbers": _tried("mnist", WHOLE, _SHORT, v_threshold=[2, 4, 8], step_of=["largest", "mean"],
                                           lr=[0.002, 0.005]),
            "mnist, full precision": _tried("mnist", FLOAT, _SHORT, lr=_LR),
        }},
        quick={"seeds": [0], "networks": {"digits, whole numbers": {
            "base": _of("digits", WHOLE), "short": {"limit": 200, "epochs": 1, "hidden": [64]},
            "tried": {"v_threshold": [4, 8]},
        }}},
    ),
)  # fmt: skip
