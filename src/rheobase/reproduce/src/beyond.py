"""Beyond the paper: lateral weights, learned dynamics, and what few bits and straight lines cost."""

from __future__ import annotations

from typing import Any

from rheobase.learning import Recipe, Trainer
from rheobase.nn import quantised
from rheobase.plot import Table
from rheobase.reproduce.job import Job
from rheobase.reproduce.paper import Finding, Part
from rheobase.reproduce.record import slug
from rheobase.reproduce.src.training import restored, task, trained
from rheobase.reproduce.training import Task, examined, mean_and_spread

# Published for the FPGA (arXiv 2605.10679): steps, bits, accuracy on 10,000 MNIST test images.
PUBLISHED = ((220, "fixed point", 96.31), (55, "5-bit weights", 93.32), (44, "4-bit weights", 92.89))


def run(job: Job) -> Finding:
    own, hard = job["steps"], ("SRC", "SRC, for hardware")
    pairs = [(kind, own) for kind in job["kinds"]] + [(kind, n) for n in job["hardware_steps"] for kind in hard]
    made = {pair: _all_seeds(job, *pair) for pair in dict.fromkeys(pairs)}
    variants = [
        (kind, *mean_and_spread([one["accuracy"] for one in made[kind, own]]), made[kind, own][0]["parameters"])
        for kind in job["kinds"]
    ]
    rows: list[tuple[Any, ...]] = []
    for steps in job["hardware_steps"]:
        for kind in hard:
            found = made[kind, steps]
            rows.append((steps, kind, "32 (float)", *mean_and_spread([one["accuracy"] for one in found])))
            for bits in job["bits"]:
                got = [
                    _rounded(job, kind, steps, bits, seed, one) for seed, one in zip(job["seeds"], found, strict=True)
                ]
                rows.append((steps, kind, bits, *mean_and_spread(got)))
    note = f"784-100, {job['epochs']} epochs, seeds {job['seeds']}; weights rounded after training, none trained on."
    return Finding(
        "Variants of the cell on MNIST with 100 cells, and the accuracy that hardware's means cost.",
        tables=[
            Table(
                "Variants of the cell", ("cell", "test accuracy (%)", "standard deviation", "parameters"), variants,
                f"{note} {job['steps']} steps.",
            ),
            Table(
                "Few bits and straight lines",
                ("steps", "cell", "bits of a weight", "test accuracy (%)", "standard deviation"), rows, note,
            ),
            Table(
                "Published for an FPGA", ("steps", "weights", "test accuracy (%)"), list(PUBLISHED),
                "arXiv 2605.10679; not measured here.",
            ),
        ],
    )  # fmt: skip


def _choice(job: Job, steps: int) -> dict[str, Any]:
    gain = job["gain"] * job["steps"] / steps  # the same number of spikes in fewer steps
    return {
        "hidden": [], "epochs": job["epochs"], "batch": job["batch"], "lr": job["lr"], "steps": steps,
        "gain": min(1.0, gain), "limit": job["limit"], "data": job["data"],
    }  # fmt: skip


def _task(job: Job, choice: dict[str, Any]) -> Task:
    return task(job, job["data"], steps=choice["steps"], gain=choice["gain"], limit=choice["limit"])


def _all_seeds(job: Job, kind: str, steps: int) -> list[dict[str, Any]]:
    choice = _choice(job, steps)
    on = _task(job, choice)
    return [trained(job, _name(kind, steps, seed), kind, on, choice, seed, weights=True) for seed in job["seeds"]]


def _rounded(job: Job, kind: str, steps: int, bits: int, seed: int, result: dict[str, Any]) -> float:
    choice = _choice(job, steps)

    def work() -> dict[str, float]:
        on = _task(job, choice)
        net = quantised(restored(kind, on, [], result), bits)
        trainer = Trainer(Recipe(loss="last", batch_size=256), accelerator="cpu")
        return {"accuracy": 100 * examined(trainer, net, on).accuracy}

    name = f"{_name(kind, steps, seed)}-{bits}-bits"
    return float(job.unit(name, work, **choice, kind=kind, bits=bits, training_seed=seed)["accuracy"])


def _name(kind: str, steps: int, seed: int) -> str:
    return f"{slug(kind)}-{steps}-seed-{seed}"


PART = Part(
    "beyond", "Beyond the paper", "lateral weights, learned r, r_s and z_s, few bits, a tanh of lines", run,
    settings={
        "data": "mnist", "limit": 20000, "steps": 220, "gain": 0.25, "epochs": 6, "batch": 256, "lr": 0.01,
        "seeds": [0], "kinds": ["SRC", "SRC, lateral", "SRC, all learned", "SRC, for hardware"],
        "hardware_steps": [220, 55, 44], "bits": [8, 5, 4],
    },
    quick={"limit": 200, "steps": 60, "gain": 1.0, "epochs": 1, "hardware_steps": [60], "bits": [5]},
    needs=("mnist",),
    reduced="20,000 of the 60,000 training images, one seed.",
    minutes=15,
)  # fmt: skip
