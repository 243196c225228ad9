"""(e) Robustness to noise in the input, against LIF of the same size: trained on clean images, tested on noisy ones."""

from __future__ import annotations

from typing import Any

import torch
from matplotlib.figure import Figure
from torch import Tensor

from rheobase.learning import Recipe, Trainer
from rheobase.plot import Picture, Style, Table
from rheobase.plot.style import WIDTH, dress, legend, new_figure
from rheobase.reproduce.job import Job
from rheobase.reproduce.paper import Finding, Part
from rheobase.reproduce.src.training import restored, task, trained
from rheobase.reproduce.training import Task, examined, mean_and_spread

NOISES = ("gaussian", "salt and pepper")
Lines = dict[str, dict[str, list[tuple[float, float, float]]]]


def run(job: Job) -> Finding:
    on = task(job, job["data"], steps=job["steps"], gain=job["gain"], limit=job["limit"])
    lines: Lines = {noise: {} for noise in NOISES}
    rows: list[tuple[Any, ...]] = []
    for kind in job["kinds"]:
        choice = {
            "hidden": job["hidden"], "epochs": job["epochs"], "batch": job["batch"], "lr": job["lr"][kind],
            "steps": job["steps"], "gain": job["gain"], "limit": job["limit"], "data": job["data"],
        }  # fmt: skip
        made = [
            trained(job, f"{kind.lower()}-seed-{seed}", kind, on, choice, seed, weights=True) for seed in job["seeds"]
        ]
        for noise in NOISES:
            for amount in job["amounts"]:
                got = [
                    _accuracy(job, kind, on, choice, result, noise, amount, seed)
                    for seed, result in zip(job["seeds"], made, strict=True)
                ]
                mean, spread = mean_and_spread(got)
                lines[noise].setdefault(kind, []).append((amount, mean, spread))
                rows.append((kind, noise, amount, mean, spread))
    table = Table(
        "Accuracy under noise", ("cell", "noise", "amount", "test accuracy (%)", "standard deviation"), rows,
        "Gaussian: standard deviation added to pixels in [0, 1], cut to [0, 1]. Salt and pepper: share of the pixels "
        f"set to 0 or 1. {len(on.data.x_train)} training samples, seeds {job['seeds']}.",
    )  # fmt: skip
    most = max(job["amounts"])
    said = [
        f"{noise} {most:g}: " + ", ".join(f"{kind} {line[-1][1]:.1f} %" for kind, line in by.items())
        for noise, by in lines.items()
    ]
    text = "At the most noise, " + "; ".join(said) + "."
    picture = Picture(
        "Accuracy under noise", "Mean and standard deviation over seeds.", text, lambda s: _draw(lines, s)
    )
    return Finding(text, tables=[table], pictures=[picture])


def _accuracy(
    job: Job, kind: str, on: Task, choice: dict[str, Any], result: dict[str, Any], noise: str, amount: float, seed: int
) -> float:
    """Test accuracy (%) of a trained network on noisy images; a unit of the job."""

    def work() -> dict[str, float]:
        net = restored(kind, on, choice["hidden"], result)
        trainer = Trainer(Recipe(loss="last", batch_size=256), accelerator="cpu")
        return {"accuracy": 100 * examined(trainer, net, on, noisy(on.data.x_test, noise, amount, seed)).accuracy}

    name = f"{kind.lower()}-{noise.replace(' ', '-')}-{amount:g}-seed-{seed}"
    return float(job.unit(name, work, **choice, kind=kind, noise=noise, amount=amount, training_seed=seed)["accuracy"])


def noisy(x: Tensor, noise: str, amount: float, seed: int) -> Tensor:
    """Images in [0, 1] with noise of one kind; the same for the same seed.

    >>> x = torch.full((1, 1000), 0.5)
    >>> round(float((noisy(x, "salt and pepper", 0.2, seed=0) != 0.5).float().mean()), 1)
    0.2
    """
    generator = torch.Generator().manual_seed(seed)
    if noise == "gaussian":
        return (x + amount * torch.randn(x.shape, generator=generator)).clamp(0, 1)
    hit = torch.rand(x.shape, generator=generator)
    return torch.where(hit < 0.5 * amount, 0.0, torch.where(hit < amount, 1.0, x))


def _draw(lines: Lines, style: Style) -> Figure:
    figure = new_figure(WIDTH, 2.9, style)
    axes = figure.subplots(1, len(lines), sharey=True)
    for ax, (noise, by) in zip(axes, lines.items(), strict=True):
        dress(ax, style, title=noise, x="amount", grid="y")
        for k, (kind, line) in enumerate(by.items()):
            amounts, means, spreads = zip(*line, strict=True)
            ax.errorbar(amounts, means, yerr=spreads, marker="o", ms=4, lw=1.6, capsize=3, color=style.colours[k],
                        label=kind)  # fmt: skip
        ax.set_ylim(0, 102)
    axes[0].set_ylabel("test accuracy (%)", fontsize=9, color=style.muted)
    legend(axes[0], style, loc="lower left")
    return figure


PART = Part(
    "robustness", "Robustness to input noise", "SRC and LIF trained on clean images, tested on noisy ones", run,
    settings={
        "data": "mnist", "limit": 20000, "steps": 30, "gain": 1.0, "hidden": [128], "kinds": ["SRC", "LIF"],
        "epochs": 6, "batch": 64, "lr": {"SRC": 0.003, "LIF": 0.003}, "seeds": [0, 1, 2],
        "amounts": [0.0, 0.1, 0.2, 0.3, 0.4, 0.5],
    },
    quick={"limit": 200, "epochs": 1, "seeds": [0], "amounts": [0.0, 0.3]},
    needs=("mnist",),
    reduced="20,000 of the 60,000 training images.",
    minutes=5,
)  # fmt: skip
