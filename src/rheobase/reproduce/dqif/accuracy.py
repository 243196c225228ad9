"""(d) Accuracy of DQIF, LIF and PLIF under one recipe: Fashion-MNIST and a small part of CIFAR-10."""

from __future__ import annotations

import statistics
from collections.abc import Mapping
from typing import Any

from matplotlib.figure import Figure

from rheobase.plot import Picture, Style
from rheobase.plot.style import WIDTH, dress, new_figure
from rheobase.reproduce.dqif.networks import RECONSTRUCTED, formula
from rheobase.reproduce.dqif.training import task, trained
from rheobase.reproduce.findings import ranked
from rheobase.reproduce.job import Job
from rheobase.reproduce.paper import Finding, Part
from rheobase.reproduce.record import slug
from rheobase.reproduce.scores import SCORES, Scores, scored
from rheobase.reproduce.seeds import Seeds, mean_spikes

COLUMNS = (
    "data",
    "cell",
    "window",
    "epochs",
    "train samples",
    "test samples",
    *SCORES,
    "train accuracy (%)",
    "spikes per cell, mean of layers",
    "parameters",
    "seconds per epoch",
)


def run(job: Job) -> Finding:
    rows: list[tuple[Any, ...]] = []
    scores: dict[str, dict[str, Scores]] = {}
    trained_on: dict[str, int] = {}
    kept = Seeds()
    # all are asked for before one is looked at, so that a cluster does them side by side
    for choice, classes, by_kind in [_trained(job, name) for name in job["tasks"]]:
        for kind, found in by_kind.items():
            one, first = Scores.of(found, classes), found[0]
            scores.setdefault(choice["data"], {})[kind] = one
            trained_on[choice["data"]] = first["samples"]
            rows.append(
                (
                    choice["data"],
                    kind,
                    round(formula(kind), 3),
                    choice["epochs"],
                    first["samples"],
                    first["tested"],
                    *one.cells,
                    statistics.fmean(one["train_accuracy"] for one in found),
                    mean_spikes(found),
                    first["parameters"],
                    statistics.median(one["seconds_per_epoch"] for one in found),
                )
            )
            for seed, result in zip(job["seeds"], found, strict=True):
                kept.add({"data": choice["data"], "cell": kind}, seed, result)
    said = " ".join(f"{name}: {ranked(by)}" for name, by in scores.items())
    few = [f"{n:,} training images of {name}" for name, n in trained_on.items()]
    text = f"{RECONSTRUCTED} {said} {' and '.join(few)} say nothing about the paper's 96.86 % on CIFAR-10."
    return Finding(
        text,
        tables=[scored("Test accuracy", COLUMNS, rows, _caption(job))],
        pictures=[Picture("Test accuracy", "Each point is a seed.", text, lambda style: _draw(scores, style))],
        seeds=kept.table(),
    )


def _trained(job: Job, name: str) -> tuple[dict[str, Any], int, dict[str, list[Mapping[str, Any]]]]:
    """A task's choice and classes, and for each kind of cell the results of all seeds."""
    choice = job["tasks"][name]
    on = task(job, choice["data"], steps=choice["steps"], limit=choice["limit"], crop=choice["crop"], cut=choice["cut"])
    return (
        choice,
        on.classes,
        {
            kind: [trained(job, f"{name}-{slug(kind)}-seed-{seed}", kind, on, choice, seed) for seed in job["seeds"]]
            for kind in job["kinds"]
        },
    )


def _caption(job: Job) -> str:
    each = [
        f"{one['data']}: channels {'-'.join(map(str, one['plan']))} times {one['width']:g}, {one['steps']} steps, "
        f"AdamW at {one['lr']:g}, batches of {one['batch']}, TET with lam = {one['lam']:g}, {_changes(one)}"
        for one in job["tasks"].values()
    ]
    return (
        "One recipe for all cells; every network was trained for a fixed number of epochs and tested once. Deviations "
        f"are those over seeds {job['seeds']}. " + ". ".join(each) + "."
    )


def _changes(one: dict[str, Any]) -> str:
    """What is done to images while training, in words."""
    if not one["crop"] and not one["cut"]:
        return "images as they are"
    return f"images cropped by up to {one['crop']} pixels, mirrored, a square of {one['cut']} pixels cut out"


def _draw(scores: dict[str, dict[str, Scores]], style: Style) -> Figure:
    figure = new_figure(WIDTH, 2.6, style)
    axes = figure.subplots(1, len(scores), sharey=True, squeeze=False)[0]
    for ax, (name, by) in zip(axes, scores.items(), strict=True):
        dress(ax, style, title=name, x="test accuracy (%)", grid="x")
        for k, (kind, one) in enumerate(by.items()):
            colour = style.colours[0 if kind.startswith("DQIF") else 1]
            ax.plot(one.values, [k] * one.n, "o", ms=5, mfc="none", color=colour)
        ax.set_yticks(range(len(by)), list(by))
    axes[0].invert_yaxis()
    return figure


def _smaller(one: dict[str, Any]) -> str:
    sizes = ", ".join(f"{one['width'] * n:g}" for n in one["plan"] if n != "pool")
    images = "all training images" if one["limit"] is None else f"at most {one['limit']:,} training images"
    return f"{one['data']}, {images}, convolutions of {sizes} channels, {one['steps']} steps, {one['epochs']} epochs"


_COMMON = {
    "steps": 4,
    "plan": [32, "pool", 64, "pool", 128, "pool"],
    "width": 0.25,
    "batch": 64,
    "decay": 0.01,
    "loss": "tet",
    "lam": 0.001,
}
_FASHION = {**_COMMON, "data": "fashion_mnist", "lr": 0.015, "limit": 5000, "epochs": 7, "crop": 0, "cut": 0}
_CIFAR = {**_COMMON, "data": "cifar10_subset", "lr": 0.005, "limit": None, "epochs": 7, "crop": 2, "cut": 8}

PART = Part(
    "accuracy",
    "Accuracy",
    "DQIF in both forms, LIF and PLIF under one recipe, over seeds",
    run,
    settings={
        "seeds": [0, 1, 2],
        "kinds": ["DQIF, factored", "DQIF, euler", "DQIF, factored, learned", "DQIF, euler, learned", "LIF", "PLIF"],
        "tasks": {"fashion": _FASHION, "cifar": _CIFAR},
    },
    quick={
        "seeds": [0],
        "kinds": ["DQIF, factored", "LIF"],
        "tasks": {
            "fashion": {**_FASHION, "limit": 500, "epochs": 3},
            "cifar": {**_CIFAR, "limit": 500, "epochs": 3},
        },
    },
    needs=("fashion_mnist", "cifar10_subset"),
    minutes=13,
    reduced=lambda used: (
        "The paper trains ResNet-19 and VGGSNN on whole data sets for hundreds of epochs; here: "
        + "; ".join(_smaller(one) for one in used["tasks"].values())
        + "."
    ),
)
