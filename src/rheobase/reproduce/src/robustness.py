"""(e) Robustness to noise in the input, against LIF of the same size: trained on clean images, tested on noisy ones."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from matplotlib.figure import Figure
from torch import Tensor

from rheobase.learning import Recipe, Trainer
from rheobase.plot import Picture, Style
from rheobase.plot.seeds import EVERY_SEED, seed_line
from rheobase.plot.style import WIDTH, dress, legend, new_figure
from rheobase.reproduce.findings import ranked
from rheobase.reproduce.job import Job
from rheobase.reproduce.paper import Finding, Part
from rheobase.reproduce.scores import SCORE, SCORES, Scores, scored
from rheobase.reproduce.seeds import Seeds
from rheobase.reproduce.src.training import images, restored, task, trained
from rheobase.reproduce.training import Task, examined

NOISES = ("gaussian", "salt and pepper")
Lines = dict[str, dict[str, list[tuple[float, Scores]]]]


def run(job: Job) -> Finding:
    on = task(job, job["data"], steps=job["steps"], gain=job["gain"], limit=job["limit"])
    lines: Lines = {noise: {} for noise in NOISES}
    rows: list[tuple[Any, ...]] = []
    kept = Seeds()
    # all are asked for before one is looked at, so that a cluster does them side by side
    made = {kind: _all_seeds(job, on, kind) for kind in job["kinds"]}
    noisily = {
        (kind, noise, amount): [
            _under_noise(job, kind, on, result, noise, amount, seed)
            for seed, result in zip(job["seeds"], made[kind], strict=True)
        ]
        for kind in job["kinds"]
        for noise in NOISES
        for amount in job["amounts"]
    }
    for (kind, noise, amount), found in noisily.items():
        got = tuple(float(each["accuracy"]) for each in found)
        one = Scores(got, on.classes, made[kind][0]["tested"])
        lines[noise].setdefault(kind, []).append((amount, one))
        rows.append((kind, noise, amount, *one.cells))
        for seed, value in zip(job["seeds"], got, strict=True):
            kept.put({"cell": kind, "noise": noise, "amount": amount, "seed": seed, SCORE: value})
    table = scored(
        "Accuracy under noise",
        ("cell", "noise", "amount", *SCORES),
        rows,
        "Gaussian: standard deviation added to pixels in [0, 1], cut to [0, 1]. Salt and pepper: share of the pixels "
        f"set to 0 or 1. {len(on.data.x_train)} training samples, seeds {job['seeds']}.",
    )
    clean, most = (chosen(job["amounts"]) for chosen in (min, max))
    said = [f"{noise} {amount:g}, {ranked(_at(amount, by))}" for noise, by in lines.items() for amount in (clean, most)]
    text = f"Least and most noise: {' '.join(dict.fromkeys(said))}"
    picture = Picture(
        "Accuracy under noise",
        f"{EVERY_SEED} Below: by how much {job['kinds'][0]} is the better, seed by seed.",
        text,
        lambda s: _draw(lines, s),
    )
    return Finding(text, tables=[table], pictures=[picture], seeds=kept.table())


def _at(amount: float, by: dict[str, list[tuple[float, Scores]]]) -> dict[str, Scores]:
    return {kind: dict(line)[amount] for kind, line in by.items()}


def _choice(job: Job, kind: str) -> dict[str, Any]:
    return {
        "hidden": job["hidden"],
        "epochs": job["epochs"],
        "batch": job["batch"],
        "lr": job["lr"][kind],
        "steps": job["steps"],
        "gain": job["gain"],
        "limit": job["limit"],
        "data": job["data"],
    }


def _all_seeds(job: Job, on: Task, kind: str) -> list[Mapping[str, Any]]:
    choice = _choice(job, kind)
    return [trained(job, f"{kind.lower()}-seed-{seed}", kind, on, choice, seed, weights=True) for seed in job["seeds"]]


def _under_noise(
    job: Job, kind: str, on: Task, result: Mapping[str, Any], noise: str, amount: float, seed: int
) -> Mapping[str, Any]:
    """Test accuracy (%) of a trained network on noisy images; a unit of the job."""
    choice = _choice(job, kind)

    def work() -> dict[str, float]:
        net = restored(kind, on, choice["hidden"], result)
        trainer = Trainer(Recipe(loss="last", batch_size=256), accelerator="cpu")
        return {"accuracy": 100 * examined(trainer, net, on, noisy(on.data.x_test, noise, amount, seed)).accuracy}

    name = f"{kind.lower()}-{noise.replace(' ', '-')}-{amount:g}-seed-{seed}"
    return job.unit(name, work, **choice, kind=kind, noise=noise, amount=amount, training_seed=seed)


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
    figure = new_figure(WIDTH, 4.6, style)
    axes = figure.subplots(2, len(lines), sharex=True, sharey="row", squeeze=False, height_ratios=(3, 2))
    for column, (noise, by) in enumerate(lines.items()):
        top, bottom = axes[:, column]
        dress(top, style, title=noise, grid="y")
        dress(bottom, style, x="amount", grid="y")
        first, *others = by
        for k, (kind, line) in enumerate(by.items()):
            amounts, scores = zip(*line, strict=True)
            seed_line(top, amounts, [one.values for one in scores], colour=style.colours[k], label=kind)
        for k, kind in enumerate(others, start=1):
            amounts, pairs = zip(*((a, (mine, dict(by[kind])[a])) for a, mine in by[first]), strict=True)
            apart = [[x - y for x, y in zip(one.values, other.values, strict=True)] for one, other in pairs]
            colour = style.ink if len(others) == 1 else style.colours[k]
            seed_line(bottom, amounts, apart, colour=colour, label=f"{first} less {kind}")
        bottom.axhline(0.0, color=style.muted, lw=0.8, ls=":")
    axes[0, 0].set_ylabel("test accuracy (%)", fontsize=9, color=style.muted)
    axes[1, 0].set_ylabel("difference (points)", fontsize=9, color=style.muted)
    legend(axes[0, 0], style, loc="lower left")
    legend(axes[1, 0], style, loc="upper left")
    figure.align_ylabels(axes[:, 0])
    return figure


PART = Part(
    "robustness",
    "Robustness to input noise",
    "SRC and LIF trained on clean images, tested on noisy ones",
    run,
    settings={
        "data": "mnist",
        "limit": 20000,
        "steps": 30,
        "gain": 1.0,
        "hidden": [128],
        "kinds": ["SRC", "LIF"],
        "epochs": 6,
        "batch": 64,
        "lr": {"SRC": 0.003, "LIF": 0.003},
        "seeds": [0, 1, 2],
        "amounts": [0.0, 0.1, 0.2, 0.3, 0.4, 0.5],
    },
    quick={"limit": 200, "epochs": 1, "seeds": [0], "amounts": [0.0, 0.3]},
    needs=("mnist",),
    reduced=lambda used: f"{images(used)}.",
    minutes=5,
)
