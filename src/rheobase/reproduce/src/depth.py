"""(d) Depth: stacks of SRC, with and without the detached recurrence, against LIF with a surrogate, same budget."""

from __future__ import annotations

from typing import Any

from matplotlib.figure import Figure

from rheobase.plot import Picture, Style, Table
from rheobase.plot.style import WIDTH, dress, legend, new_figure
from rheobase.reproduce.job import Job
from rheobase.reproduce.paper import Finding, Part
from rheobase.reproduce.record import slug
from rheobase.reproduce.src.training import task, trained
from rheobase.reproduce.training import mean_and_spread

CHANCE = 10.0


def run(job: Job) -> Finding:
    on = task(job, job["data"], steps=job["steps"], gain=job["gain"], limit=job["limit"])
    found: dict[str, list[tuple[int, float, float]]] = {}
    rows: list[tuple[Any, ...]] = []
    for kind in job["kinds"]:
        for depth in job["depths"]:
            choice = {
                "hidden": [job["width"]] * depth, "epochs": job["epochs"], "batch": job["batch"], "lr": job["lr"][kind],
                "steps": job["steps"], "gain": job["gain"], "limit": job["limit"], "data": job["data"],
                "clip": job["clip"],
            }  # fmt: skip
            got = [trained(job, f"{slug(kind)}-{depth}-seed-{seed}", kind, on, choice, seed) for seed in job["seeds"]]
            mean, spread = mean_and_spread([one["accuracy"] for one in got])
            found.setdefault(kind, []).append((depth, mean, spread))
            train, _ = mean_and_spread([one["train_accuracy"] for one in got])
            rows.append((kind, depth, mean, spread, train, got[0]["parameters"], got[0]["seconds_per_epoch"]))
    table = Table(
        "Accuracy against depth",
        ("cell", "hidden layers", "test accuracy (%)", "standard deviation", "train accuracy (%)", "parameters",
         "seconds per epoch"),
        rows,
        f"{job['data']}, {len(on.data.x_train)} training and {len(on.data.x_test)} test samples, {job['steps']} steps, "
        f"hidden layers of {job['width']} cells, {job['epochs']} epochs, seeds {job['seeds']}. Learning rates: of "
        "0.001, 0.003 and 0.01 the best for each cell with two hidden layers on 2,000 of the training images.",
    )  # fmt: skip
    deepest = max(job["depths"])
    at = {kind: next(mean for depth, mean, _ in line if depth == deepest) for kind, line in found.items()}
    text = f"With {deepest} hidden layers: " + ", ".join(f"{kind} {mean:.1f} %" for kind, mean in at.items()) + "."
    picture = Picture(
        "Accuracy against depth", "Mean over seeds; bars are standard deviations; the line at the bottom is chance.",
        text, lambda style: _draw(found, style),
    )  # fmt: skip
    return Finding(text, tables=[table], pictures=[picture])


def _draw(found: dict[str, list[tuple[int, float, float]]], style: Style) -> Figure:
    figure = new_figure(WIDTH, 3.2, style)
    ax = dress(figure.subplots(), style, x="hidden layers", y="test accuracy (%)", grid="y")
    for k, (kind, line) in enumerate(found.items()):
        depths, means, spreads = zip(*line, strict=True)
        ax.errorbar(
            depths, means, yerr=spreads, marker="o", ms=4, lw=1.6, capsize=3, color=style.colours[k], label=kind
        )
    ax.axhline(CHANCE, color=style.muted, lw=0.8, ls=":")
    ax.set_ylim(0, 102)
    ax.set_xticks(sorted({depth for line in found.values() for depth, _, _ in line}))
    legend(ax, style, loc="center left")
    return figure


PART = Part(
    "depth", "Depth", "stacks of up to ten hidden layers: SRC, SRC without detach, LIF with a surrogate", run,
    settings={
        "data": "mnist", "limit": 20000, "steps": 30, "gain": 1.0, "width": 128, "depths": [1, 2, 5, 10],
        "kinds": ["SRC", "SRC, no detach", "LIF"], "epochs": 8, "batch": 64, "clip": 1.0, "seeds": [0, 1],
        "lr": {"SRC": 0.003, "SRC, no detach": 0.003, "LIF": 0.003},
    },
    quick={"limit": 200, "depths": [1, 2], "epochs": 1, "seeds": [0], "width": 32},
    needs=("mnist",),
    reduced="20,000 of the 60,000 training images, hidden layers of 128 cells, two seeds.",
    minutes=30,
)  # fmt: skip
