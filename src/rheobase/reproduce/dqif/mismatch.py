"""(c) Gradient mismatch: the cosine between the surrogate's gradient and that of the smoothed loss, for each window."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from matplotlib.figure import Figure
from torch import Tensor, nn

from rheobase.learning import MeanCrossEntropy
from rheobase.plot import Picture, Style, Table
from rheobase.plot.style import WIDTH, dress, legend, new_figure
from rheobase.reproduce.dqif import training
from rheobase.reproduce.dqif.gradients import convolutions, differences, gradients, with_windows
from rheobase.reproduce.dqif.networks import RECONSTRUCTED, form, formula, layer_windows, step_windows
from rheobase.reproduce.job import Job
from rheobase.reproduce.paper import Finding, Part
from rheobase.reproduce.record import slug
from rheobase.reproduce.training import Task, fresh, mean_and_spread, restored

RULES = ("1", "formula, step 2", "per step", "per layer")
STATES = ("before training", "after training")
SHARED = ("data", "limit", "steps", "plan", "width", "epochs", "batch", "lr", "decay", "loss", "lam")
MEASURE = ("images", "directions", "sigma", "scan")
COLUMNS = ("cell", "network", "noise", "window", "widths", "mean cosine", "standard deviation")


def run(job: Job) -> Finding:
    on = training.task(job, job["data"], steps=job["steps"], limit=job["limit"])
    choice = {name: job[name] for name in SHARED}
    layers = sum(one != "pool" for one in job["plan"])
    rows: list[tuple[Any, ...]] = []
    curves: dict[tuple[str, str, float], list[float]] = {}
    for kind in job["kinds"]:
        found = {seed: _measured(job, kind, on, choice, seed) for seed in job["seeds"]}
        for state in STATES:
            for s, sigma in enumerate(job["sigma"]):
                for r, rule in enumerate(RULES):
                    # of each seed and layer
                    cosines = torch.stack([torch.as_tensor(one[state])[s, r] for one in found.values()])
                    mean, spread = mean_and_spread(cosines.mean(1).tolist())
                    widths = [one[f"widths, {state}"][rule] for one in found.values()]
                    rows.append((kind, state, sigma, rule, _said(widths[0]), mean, spread, *cosines.mean(0).tolist()))
                scanned = torch.stack([torch.as_tensor(one[state])[s, len(RULES) :] for one in found.values()])
                curves[kind, state, sigma] = scanned.mean((0, 2)).tolist()
    best = [max(range(len(curve)), key=curve.__getitem__) for curve in curves.values()]
    peaks = [
        f"{kind} {state}, noise {sigma:g}: {job['scan'][at]:g}"
        for (kind, state, sigma), at in zip(curves, best, strict=True)
    ]
    text = (
        f"{RECONSTRUCTED} Of the windows scanned, the cosine is largest at: {'; '.join(peaks)}. The loss is smoothed "
        "by normal noise in the weights of a layer, of so many times their spread."
    )
    said = (
        f"{job['data']}, {job['images']} training images, {job['steps']} steps, channels {_channels(job)}, "
        f"{job['directions']} random directions in the weights of each convolution, seeds {job['seeds']}; trained "
        f"{job['epochs']} epochs on {len(on.data.x_train)} images with the window of the formula. A cosine is the mean "
        "over layers; deviations are over seeds. Before training normalisations are as they start, so that 'per layer' "
        "is the formula's. Widths are those of the first seed."
    )
    columns = (*COLUMNS, *(f"layer {k + 1}" for k in range(layers)))
    return Finding(
        text,
        tables=[Table("Gradient mismatch", columns, rows, said, digits=3)],
        pictures=[Picture("Gradient mismatch", "Mean over layers and seeds. Dotted: the formula's window.", text,
                          lambda style: _draw(job, curves, style))],
    )  # fmt: skip


def _measured(job: Job, kind: str, on: Task, choice: dict[str, Any], seed: int) -> dict[str, Any]:
    """A unit: for both states, cosines (sigma, window, layer), the windows being those of the rules, then the scan."""
    name = f"{slug(kind)}-seed-{seed}"
    result = training.trained(job, f"{name}-trained", kind, on, choice, seed, weights=True)
    settings = {**choice, **{k: job[k] for k in MEASURE}, "kind": kind, "training_seed": seed}

    def work() -> dict[str, Any]:
        held: dict[str, Any] = {}
        nets = (fresh(lambda: training.made(kind, on.data, choice), seed),
                restored(lambda: training.made(kind, on.data, choice), result))  # fmt: skip
        for state, net in zip(STATES, nets, strict=True):
            rules = windows_by_rule(kind, net, job["steps"])
            held[f"widths, {state}"] = rules
            held[state] = cosines(job, net, on, list(rules.values()), seed)
        return held

    return job.unit(f"{name}-measured", work, **settings)


def windows_by_rule(kind: str, net: nn.Module, steps: int) -> dict[str, list[Any]]:
    """The windows of each layer under each of `RULES`; several for a layer: one for each step."""
    own = layer_windows(net)
    same = [1.0, formula(kind), step_windows(form(kind), steps)]
    return dict(zip(RULES, [*([w] * len(own) for w in same), own], strict=True))


def cosines(job: Job, net: nn.Module, on: Task, rules: Sequence[Sequence[Any]], seed: int) -> Tensor:
    """(sigma, window, layer): of the rules' windows, then of those scanned."""
    x, y = on.data.x_train[: job["images"]], on.data.y_train[: job["images"]]
    sequence, criterion = on.encoder(x, seed=seed), MeanCrossEntropy()
    # as it is trained: normalised by the statistics of these images
    net.train()
    layers = convolutions(net)
    scanned = [[w] * len(layers) for w in job["scan"]]
    predicted: list[list[Tensor]] = []
    for widths in (*rules, *scanned):
        twin = with_windows(net, widths)
        predicted.append(gradients(twin, lambda twin=twin: criterion(twin(sequence)[0], y)))
    held = torch.zeros(len(job["sigma"]), len(predicted), len(layers))
    for s, sigma in enumerate(job["sigma"]):
        for k, layer in enumerate(layers):
            seen = differences(
                layer.weight, lambda: criterion(net(sequence)[0], y), directions=job["directions"], sigma=sigma,
                seed=1000 * seed + k, track=lambda items, k=k: job.track(items, f"layer {k + 1}"),
            )  # fmt: skip
            held[s, :, k] = torch.tensor([seen.cosine(each[k]) for each in predicted])
    return held


def _channels(job: Job) -> str:
    return "-".join(str(one) for one in job["plan"])


def _said(widths: Sequence[Any]) -> str:
    """The windows of a rule, in words: one for all layers, one for each step, or one for each layer."""
    if isinstance(widths[0], Sequence):
        return "steps " + ", ".join(f"{w:.2f}" for w in widths[0])
    same = len(set(widths)) == 1
    return f"{widths[0]:.2f}" if same else "layers " + ", ".join(f"{w:.2f}" for w in widths)


def _draw(job: Job, curves: dict[tuple[str, str, float], list[float]], style: Style) -> Figure:
    figure = new_figure(WIDTH, 2.4 * len(job["kinds"]) + 0.4, style)
    axes = figure.subplots(len(job["kinds"]), len(STATES), sharex=True, sharey=True, squeeze=False)
    for row, kind in zip(axes, job["kinds"], strict=True):
        for ax, state in zip(row, STATES, strict=True):
            dress(ax, style, title=f"{kind}, {state}", x="window", y="cosine", grid="y")
            ax.title.set_fontsize(8.5)
            ax.axvline(formula(kind), color=style.muted, lw=1.0, ls=":")
            for colour, sigma in zip(style.colours, job["sigma"], strict=False):
                ax.plot(job["scan"], curves[kind, state, sigma], "-o", ms=3, lw=1.4, color=colour,
                        label=f"noise {sigma:g}")  # fmt: skip
            ax.set_xscale("log")
            ax.set_xticks(job["scan"], [f"{w:g}" for w in job["scan"]])
            ax.minorticks_off()
    legend(axes[0, 0], style, loc="lower left")
    return figure


PART = Part(
    "mismatch", "Gradient mismatch", "cosine of the surrogate's gradient to that of the smoothed loss", run,
    settings={
        "data": "fashion_mnist", "limit": 3000, "steps": 4, "plan": ["pool", 8, 16, "pool", 16], "width": 1.0,
        "epochs": 4, "batch": 64, "lr": 0.015, "decay": 0.01, "loss": "tet", "lam": 0.001,
        "kinds": ["DQIF, factored", "DQIF, euler"], "seeds": [0, 1, 2], "images": 256, "directions": 48,
        "sigma": [0.1, 0.3], "scan": [0.125, 0.25, 0.5, 0.75, 1.0, 1.5, 2.0, 4.0],
    },
    quick={"limit": 200, "epochs": 1, "seeds": [0], "images": 32, "directions": 4, "scan": [0.5, 1.0, 2.0]},
    needs=("fashion_mnist",),
    minutes=6,
    reduced="The paper shows no such measure that could be read; a small network, part of the train split of "
    "Fashion-MNIST, and few random directions.",
)  # fmt: skip
