"""(d) Depth: stacks of SRC, with and without the detached recurrence, against LIF with a surrogate, same budget."""

from __future__ import annotations

import statistics
from collections.abc import Mapping
from typing import Any

from matplotlib.figure import Figure

from rheobase.plot import Picture, Style
from rheobase.plot.seeds import EVERY_SEED, seed_line
from rheobase.plot.style import WIDTH, dress, legend, log_ticks, new_figure
from rheobase.reproduce.findings import ranked
from rheobase.reproduce.job import Job
from rheobase.reproduce.paper import Finding, Part
from rheobase.reproduce.record import slug
from rheobase.reproduce.scores import SCORES, Scores, scored, seeds
from rheobase.reproduce.seeds import Seeds
from rheobase.reproduce.src.training import images, task, trained
from rheobase.reproduce.training import Task

Lines = dict[str, list[tuple[int, Scores]]]


def run(job: Job) -> Finding:
    on = task(job, job["data"], steps=job["steps"], gain=job["gain"], limit=job["limit"])
    found: Lines = {}
    rows: list[tuple[Any, ...]] = []
    kept = Seeds()
    made = {(kind, depth): _all_seeds(job, on, kind, depth) for kind in job["kinds"] for depth in job["depths"]}
    for (kind, depth), got in made.items():
        one = Scores.of(got, on.classes)
        found.setdefault(kind, []).append((depth, one))
        train = statistics.fmean(r["train_accuracy"] for r in got)
        times = statistics.median(r["seconds_per_epoch"] for r in got)
        rows.append((kind, depth, *one.cells, train, got[0]["parameters"], times))
        for seed, result in zip(job["seeds"], got, strict=True):
            kept.add({"cell": kind, "hidden layers": depth}, seed, result)
    table = scored(
        "Accuracy against depth",
        ("cell", "hidden layers", *SCORES, "train accuracy (%)", "parameters", "seconds per epoch"),
        rows,
        f"{job['data']}, {len(on.data.x_train)} training and {len(on.data.x_test)} test samples, {job['steps']} steps, "
        f"hidden layers of {job['width']} cells, {job['epochs']} epochs, seeds {job['seeds']}.",
    )
    text = " ".join(_said(depth, found) for depth in dict.fromkeys((min(job["depths"]), max(job["depths"]))))
    picture = Picture(
        "Accuracy against depth",
        f"{EVERY_SEED} What is wrong, on a logarithmic axis: lower is better. The dotted line is chance.",
        text,
        lambda style: _draw(found, style),
    )
    return Finding(text, tables=[table], pictures=[picture], seeds=kept.table())


def _all_seeds(job: Job, on: Task, kind: str, depth: int) -> list[Mapping[str, Any]]:
    choice = {
        "hidden": [job["width"]] * depth,
        "epochs": job["epochs"],
        "batch": job["batch"],
        "lr": job["lr"][kind],
        "steps": job["steps"],
        "gain": job["gain"],
        "limit": job["limit"],
        "data": job["data"],
        "clip": job["clip"],
    }
    return [trained(job, f"{slug(kind)}-{depth}-seed-{seed}", kind, on, choice, seed) for seed in job["seeds"]]


def _said(depth: int, found: Lines) -> str:
    layers = "one hidden layer" if depth == 1 else f"{depth} hidden layers"
    return f"With {layers}: {ranked({kind: dict(line)[depth] for kind, line in found.items()})}"


def _draw(found: Lines, style: Style) -> Figure:
    figure = new_figure(WIDTH, 3.4, style)
    ax = dress(figure.subplots(), style, x="hidden layers", y="wrong in the test (%)", grid="y")
    for k, (kind, line) in enumerate(found.items()):
        depths, scores = zip(*line, strict=True)
        # nothing wrong has no place on this axis: half a sample
        wrong = [[max(100.0 - value, 50.0 / one.tested) for value in one.values] for one in scores]
        seed_line(ax, depths, wrong, colour=style.colours[k], label=kind)
    ax.axhline(100.0 - next(iter(found.values()))[0][1].chance, color=style.muted, lw=0.8, ls=":")
    ax.set_yscale("log")
    log_ticks(ax, y=True)
    ax.set_xticks(sorted({depth for line in found.values() for depth, _ in line}))
    legend(ax, style, loc="center left", bbox_to_anchor=(1.0, 0.5))
    return figure


PART = Part(
    "depth",
    "Depth",
    "stacks of up to ten hidden layers: SRC, SRC without detach, LIF with a surrogate",
    run,
    settings={
        "data": "mnist",
        "limit": 20000,
        "steps": 30,
        "gain": 1.0,
        "width": 128,
        "depths": [1, 2, 5, 10],
        "kinds": ["SRC", "SRC, no detach", "LIF"],
        "epochs": 8,
        "batch": 64,
        "clip": 1.0,
        "seeds": [0, 1],
        "lr": {"SRC": 0.003, "SRC, no detach": 0.003, "LIF": 0.003},
    },
    quick={"limit": 200, "depths": [1, 2], "epochs": 1, "seeds": [0], "width": 32},
    needs=("mnist",),
    reduced=lambda used: f"{images(used)}, hidden layers of {used['width']} cells, {seeds(len(used['seeds']))}.",
    minutes=30,
)
