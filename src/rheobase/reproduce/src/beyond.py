"""Beyond the paper: lateral weights, learned dynamics, and what few bits and straight lines cost."""

from __future__ import annotations

import statistics
from collections.abc import Mapping
from typing import Any

from rheobase.learning import Recipe, Trainer
from rheobase.nn import quantised
from rheobase.plot import Table
from rheobase.reproduce.findings import ranked
from rheobase.reproduce.job import Job
from rheobase.reproduce.paper import Finding, Part
from rheobase.reproduce.record import slug
from rheobase.reproduce.scores import SCORE, SCORES, Scores, scored, seeds
from rheobase.reproduce.seeds import Seeds
from rheobase.reproduce.src.networks import CELLS_PER_CLASS
from rheobase.reproduce.src.training import images, restored, task, trained
from rheobase.reproduce.training import Task, examined

# Published for the FPGA (arXiv 2605.10679): steps, bits, accuracy on 10,000 MNIST test images.
PUBLISHED = ((220, "fixed point", 96.31), (55, "5-bit weights", 93.32), (44, "4-bit weights", 92.89))
WHOLE = "32 (float)"  # of a weight that is not rounded


def run(job: Job) -> Finding:
    own, hard = job["steps"], ("SRC", "SRC, for hardware")
    pairs = [(kind, own) for kind in job["kinds"]] + [(kind, n) for n in job["hardware_steps"] for kind in hard]
    made = {pair: _all_seeds(job, *pair) for pair in dict.fromkeys(pairs)}
    # all are asked for before one is looked at, so that a cluster does them side by side
    rounded = {
        (kind, steps, bits): [
            _rounded(job, kind, steps, bits, seed, one)
            for seed, one in zip(job["seeds"], made[kind, steps], strict=True)
        ]
        for steps in job["hardware_steps"]
        for kind in hard
        for bits in job["bits"]
    }
    on = _task(job, _choice(job, own))
    whole = {pair: Scores.of(found, on.classes) for pair, found in made.items()}
    variants = [(kind, *whole[kind, own].cells, made[kind, own][0]["parameters"]) for kind in job["kinds"]]
    kept = Seeds()
    for (kind, steps), found in made.items():
        for seed, one in zip(job["seeds"], found, strict=True):
            kept.add({"cell": kind, "steps": steps, "bits of a weight": WHOLE}, seed, one)
    rows: list[tuple[Any, ...]] = []
    lost: dict[int, list[str]] = {bits: [] for bits in job["bits"]}
    for steps in job["hardware_steps"]:
        for kind in hard:
            found = made[kind, steps]
            rows.append((steps, kind, WHOLE, *whole[kind, steps].cells))
            for bits in job["bits"]:
                got = tuple(float(each["accuracy"]) for each in rounded[kind, steps, bits])
                rows.append((steps, kind, bits, *Scores(got, on.classes, found[0]["tested"]).cells))
                change = statistics.fmean(x - y for x, y in zip(got, whole[kind, steps].values, strict=True))
                lost[bits].append(f"{change:+.2f} ({kind}, {steps} steps)")
                for seed, value in zip(job["seeds"], got, strict=True):
                    kept.put({"cell": kind, "steps": steps, "bits of a weight": bits, "seed": seed, SCORE: value})
    fewest = min(job["bits"])
    cells = CELLS_PER_CLASS * on.classes
    note = (
        f"{job['data']}, {on.data.input_size}-{cells}, {job['epochs']} epochs, seeds {job['seeds']}; weights are "
        "rounded after training, and not trained again."
    )
    return Finding(
        f"Variants of the cell, {job['steps']} steps: {ranked({kind: whole[kind, own] for kind in job['kinds']})} "
        f"Rounding the weights of a trained network to {fewest} bits changes its accuracy by, in points: "
        f"{', '.join(lost[fewest])}.",
        tables=[
            scored("Variants of the cell", ("cell", *SCORES, "parameters"), variants, f"{note} {job['steps']} steps."),
            scored("Few bits and straight lines", ("steps", "cell", "bits of a weight", *SCORES), rows, note),
        ],
        quoted=[
            Table(
                "Published for an FPGA",
                ("steps", "weights", "test accuracy (%)"),
                list(PUBLISHED),
                "arXiv 2605.10679; not measured here.",
            ),
        ],
        seeds=kept.table(),
    )


def _choice(job: Job, steps: int) -> dict[str, Any]:
    gain = job["gain"] * job["steps"] / steps  # the same number of spikes in fewer steps
    return {
        "hidden": [],
        "epochs": job["epochs"],
        "batch": job["batch"],
        "lr": job["lr"],
        "steps": steps,
        "gain": min(1.0, gain),
        "limit": job["limit"],
        "data": job["data"],
    }


def _task(job: Job, choice: dict[str, Any]) -> Task:
    return task(job, job["data"], steps=choice["steps"], gain=choice["gain"], limit=choice["limit"])


def _all_seeds(job: Job, kind: str, steps: int) -> list[Mapping[str, Any]]:
    choice = _choice(job, steps)
    on = _task(job, choice)
    return [trained(job, _name(kind, steps, seed), kind, on, choice, seed, weights=True) for seed in job["seeds"]]


def _rounded(job: Job, kind: str, steps: int, bits: int, seed: int, result: Mapping[str, Any]) -> Mapping[str, Any]:
    choice = _choice(job, steps)

    def work() -> dict[str, float]:
        on = _task(job, choice)
        net = quantised(restored(kind, on, [], result), bits)
        trainer = Trainer(Recipe(loss="last", batch_size=256), accelerator="cpu")
        return {"accuracy": 100 * examined(trainer, net, on).accuracy}

    name = f"{_name(kind, steps, seed)}-{bits}-bits"
    return job.unit(name, work, **choice, kind=kind, bits=bits, training_seed=seed)


def _name(kind: str, steps: int, seed: int) -> str:
    return f"{slug(kind)}-{steps}-seed-{seed}"


PART = Part(
    "beyond",
    "Beyond the paper",
    "lateral weights, learned r, r_s and z_s, few bits, a tanh of lines",
    run,
    settings={
        "data": "mnist",
        "limit": 20000,
        "steps": 220,
        "gain": 0.25,
        "epochs": 6,
        "batch": 256,
        "lr": 0.01,
        "seeds": [0],
        "kinds": ["SRC", "SRC, lateral", "SRC, all learned", "SRC, for hardware"],
        "hardware_steps": [220, 55, 44],
        "bits": [8, 5, 4],
    },
    quick={"limit": 200, "steps": 60, "gain": 1.0, "epochs": 1, "hardware_steps": [60], "bits": [5]},
    needs=("mnist",),
    reduced=lambda used: f"{images(used)}, {seeds(len(used['seeds']))}.",
    minutes=15,
)
