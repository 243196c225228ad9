"""(c) Gradient mismatch: the cosine between the surrogate's gradient and that of the smoothed loss, for each window."""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from matplotlib.figure import Figure
from torch import Tensor, nn

from rheobase.learning import MeanCrossEntropy
from rheobase.plot import Picture, Style
from rheobase.plot.seeds import EVERY_SEED, seed_line
from rheobase.plot.style import LABEL, WIDTH, dress, legend, new_figure
from rheobase.reproduce.dqif import training
from rheobase.reproduce.dqif.gradients import convolutions, differences, gradients, with_windows
from rheobase.reproduce.dqif.networks import RECONSTRUCTED, form, formula, layer_windows, step_windows
from rheobase.reproduce.findings import near_peak
from rheobase.reproduce.job import Job
from rheobase.reproduce.paper import Finding, Part
from rheobase.reproduce.record import slug
from rheobase.reproduce.scores import SEEDS, SPREAD, paired, scored
from rheobase.reproduce.seeds import Seeds
from rheobase.reproduce.training import Task, fresh, restored

RULES = ("1", "formula, step 2", "per step", "per layer")
STATES = ("before training", "after training")
SHARED = ("data", "limit", "steps", "plan", "width", "epochs", "batch", "lr", "decay", "loss", "lam")
MEASURE = ("images", "directions", "sigma", "scan")
COLUMNS = ("cell", "network", "noise", "window", "widths", "mean cosine", SPREAD, SEEDS)
PEAKS = (
    "cell",
    "network",
    "noise",
    "best window",
    "not told apart from",
    "its cosine",
    "cosine of the formula's",
    "formula's less best",
    "half of its 95 % interval",
)
Curves = dict[tuple[str, str, float], dict[str, list[float]]]  # of each window, the cosine of every seed


def run(job: Job) -> Finding:
    on = training.task(job, job["data"], steps=job["steps"], limit=job["limit"])
    choice = {name: job[name] for name in SHARED}
    layers = sum(one != "pool" for one in job["plan"])
    rows: list[tuple[Any, ...]] = []
    curves: Curves = {}
    kept = Seeds()
    for kind in job["kinds"]:
        found = {seed: _measured(job, kind, on, choice, seed) for seed in job["seeds"]}
        for state in STATES:
            for s, sigma in enumerate(job["sigma"]):
                windows = [*RULES, *(f"{w:g}" for w in job["scan"])]
                by_seed = {seed: torch.as_tensor(one[state])[s] for seed, one in found.items()}
                curve = curves[kind, state, sigma] = {
                    f"rule {name}" if k < len(RULES) else name: [float(one[k].mean()) for one in by_seed.values()]
                    for k, name in enumerate(windows)
                }
                for r, rule in enumerate(RULES):
                    cosines = torch.stack([one[r] for one in by_seed.values()])
                    values = curve[f"rule {rule}"]
                    widths = [one[f"widths, {state}"][rule] for one in found.values()]
                    rows.append(
                        (
                            kind,
                            state,
                            sigma,
                            rule,
                            _said(widths[0]),
                            statistics.fmean(values),
                            statistics.stdev(values) if len(values) > 1 else None,
                            len(values),
                            *cosines.mean(0).tolist(),
                        )
                    )
                for seed, one in by_seed.items():
                    for k, name in enumerate(windows):
                        kept.put(
                            {
                                "cell": kind,
                                "network": state,
                                "noise": sigma,
                                "seed": seed,
                                "window": name,
                                "mean cosine": float(one[k].mean()),
                                **{f"layer {n + 1}": float(value) for n, value in enumerate(one[k])},
                            }
                        )
    peaks = [_peak(*names, curve) for names, curve in curves.items()]
    text = (
        f"{RECONSTRUCTED} {told(peaks)} The loss is smoothed by normal noise in the weights of a layer, of so many "
        "times their spread."
    )
    said = (
        f"{job['data']}, {job['images']} training images, {job['steps']} steps, channels {_channels(job)}, "
        f"{job['directions']} random directions in the weights of each convolution, seeds {job['seeds']}; trained "
        f"{job['epochs']} epochs on {len(on.data.x_train)} images with the window of the formula. A cosine is the mean "
        "over layers; deviations are over seeds. Widths are those of the first seed."
    )
    apart = "Differences are of the same networks, seed by seed; half of the interval by Student's t over seeds."
    columns = (*COLUMNS, *(f"layer {k + 1}" for k in range(layers)))
    return Finding(
        text,
        tables=[
            scored("Gradient mismatch", columns, rows, said, digits=3),
            scored("Best of the windows scanned", PEAKS, peaks, apart, digits=3),
        ],
        pictures=[
            Picture(
                "Gradient mismatch",
                f"{EVERY_SEED} A cosine is the mean over layers. Dotted: the formula's window.",
                text,
                lambda style: _draw(job, curves, style),
            )
        ],
        seeds=kept.table(),
    )


def _peak(kind: str, state: str, sigma: float, curve: dict[str, list[float]]) -> tuple[Any, ...]:
    """A row of `PEAKS`: of the windows scanned, and the formula's beside the best of them."""
    scan = {name: values for name, values in curve.items() if not name.startswith("rule ")}
    top, near = near_peak(scan)
    rule = curve["rule formula, step 2"]
    gone, half = paired(scan[top], rule)
    return (
        kind,
        state,
        sigma,
        top,
        ", ".join(near),
        statistics.fmean(scan[top]),
        statistics.fmean(rule),
        gone,
        half if math.isfinite(half) else None,
    )


def told(peaks: Sequence[tuple[Any, ...]]) -> str:
    """In how many cases the window of the formula is told apart from the best of those scanned."""
    if any(row[-1] is None for row in peaks):
        return "One seed does not tell which window agrees best."
    worse, whole = sum(-row[-2] > row[-1] for row in peaks), len(peaks)
    return (
        f"In {worse} of {whole} cases (cell, network, noise) the cosine with the formula's window is told apart from, "
        "and below, the largest of the windows scanned."
    )


def _measured(job: Job, kind: str, on: Task, choice: dict[str, Any], seed: int) -> Mapping[str, Any]:
    """A unit: for both states, cosines (sigma, window, layer), the windows being those of the rules, then the scan."""
    name = f"{slug(kind)}-seed-{seed}"
    result = training.trained(job, f"{name}-trained", kind, on, choice, seed, weights=True)
    settings = {**choice, **{k: job[k] for k in MEASURE}, "kind": kind, "training_seed": seed}

    def work() -> dict[str, Any]:
        held: dict[str, Any] = {}
        nets = (
            fresh(lambda: training.made(kind, on.data, choice), seed),
            restored(lambda: training.made(kind, on.data, choice), result),
        )
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
                layer.weight,
                lambda: criterion(net(sequence)[0], y),
                directions=job["directions"],
                sigma=sigma,
                seed=1000 * seed + k,
                track=lambda items, k=k: job.track(items, f"layer {k + 1}"),
            )
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


def _draw(job: Job, curves: Curves, style: Style) -> Figure:
    figure = new_figure(WIDTH, 2.4 * len(job["kinds"]) + 0.4, style)
    axes = figure.subplots(len(job["kinds"]), len(STATES), sharex=True, sharey=True, squeeze=False)
    for row, kind in zip(axes, job["kinds"], strict=True):
        for ax, state in zip(row, STATES, strict=True):
            dress(ax, style, title=f"{kind}, {state}", grid="y")
            ax.title.set_fontsize(8.5)
            ax.axvline(formula(kind), color=style.muted, lw=1.0, ls=":")
            for colour, sigma in zip(style.colours, job["sigma"], strict=False):
                curve = curves[kind, state, sigma]
                values = [curve[f"{w:g}"] for w in job["scan"]]
                seed_line(ax, job["scan"], values, colour=colour, label=f"noise {sigma:g}")
            ax.set_xscale("log")
            ax.set_xticks(job["scan"], [f"{w:g}" for w in job["scan"]])
            ax.minorticks_off()
            # those between 0.5 and 2 stand too close for numbers side by side
            ax.tick_params(axis="x", labelrotation=60)
    for ax in axes[-1]:
        ax.set_xlabel("window", fontsize=LABEL, color=style.muted)
    figure.supylabel("cosine", fontsize=LABEL, color=style.muted)
    legend(axes[0, 0], style, loc="lower right")
    return figure


PART = Part(
    "mismatch",
    "Gradient mismatch",
    "cosine of the surrogate's gradient to that of the smoothed loss",
    run,
    settings={
        "data": "fashion_mnist",
        "limit": 3000,
        "steps": 4,
        "plan": ["pool", 8, 16, "pool", 16],
        "width": 1.0,
        "epochs": 4,
        "batch": 64,
        "lr": 0.015,
        "decay": 0.01,
        "loss": "tet",
        "lam": 0.001,
        "kinds": ["DQIF, factored", "DQIF, euler"],
        "seeds": [0, 1, 2],
        "images": 256,
        "directions": 48,
        "sigma": [0.1, 0.3],
        "scan": [0.125, 0.25, 0.5, 0.75, 1.0, 1.5, 2.0, 4.0],
    },
    quick={"limit": 200, "epochs": 1, "seeds": [0], "images": 32, "directions": 4, "scan": [0.5, 1.0, 2.0]},
    needs=("fashion_mnist",),
    minutes=6,
    reduced=lambda used: (
        "The paper shows no such measure that could be read; a small network, at most "
        f"{used['limit']:,} training images of {used['data']}, {used['directions']} random directions."
    ),
)
