"""(f) Approximation of a function: error against neurons for both kinds of networks, and after a conversion."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from matplotlib.figure import Figure
from torch import Tensor
from torch import nn as torch_nn

from rheobase import neurons, nn
from rheobase.core import Neuron
from rheobase.equivalence import OneShot, to_multi_spike, to_single_spike
from rheobase.learning.training.random_state import seeded
from rheobase.plot import Picture, Style, Table
from rheobase.plot.style import TICK, dress, log_ticks, new_figure
from rheobase.reproduce.job import Job
from rheobase.reproduce.paper import Finding, Part
from rheobase.reproduce.seeds import Seeds

POINTS = 512  # of x in [0, 1)
FINE = 2.0**-16  # of weights, so that sums are exact
COLUMNS = (
    "network",
    "neurons",
    "error",
    "converted to",
    "neurons then",
    "neurons x",
    "error then",
    "largest difference of outputs",
)
KINDS = {"multi": "multi-spike", "single": "single-spike"}


def target(x: Tensor) -> Tensor:
    """The function that is approximated: smooth, with a kink."""
    return torch.sin(2.0 * math.pi * x) * torch.exp(-x) + (x - 0.7).abs()


def run(job: Job) -> Finding:
    kept = Seeds()
    found: dict[str, list[Mapping[str, Any]]] = {}
    worst = 0.0
    for kind in KINDS:
        for n in job["neurons"][kind]:
            seeds = _unit(job, kind, n)
            for seed, one in zip(job["seeds"], seeds, strict=True):
                kept.put({"network": KINDS[kind], "seed": seed, **one})
            worst = max(worst, *(one["difference"] for one in seeds))
            found.setdefault(kind, []).append(sorted(seeds, key=lambda one: one["error"])[len(seeds) // 2])
    rows = [
        (
            KINDS[kind],
            r["neurons"],
            r["error"],
            KINDS["single" if kind == "multi" else "multi"],
            r["after"],
            r["after"] / r["neurons"],
            r["error_after"],
            r["difference"],
        )
        for kind, line in found.items()
        for r in line
    ]
    text = said(found, worst)
    note = (
        f"Root mean square over {POINTS} points. Neurons have random gains and offsets, the input is a constant "
        f"current for {job['steps']} steps, the readout is fitted by least squares; the network of the median error of "
        f"seeds {job['seeds']}."
    )
    return Finding(
        text,
        tables=[Table("Approximation of a function", COLUMNS, rows, note)],
        pictures=[
            Picture(
                "Error against neurons",
                "Lines: networks as they were fitted. Circles: the same, converted. "
                "Right: the lines moved by the cost of a conversion.",
                text,
                lambda style: _drawn(found, style),
            )
        ],
        seeds=kept.table(),
    )


def said(found: Mapping[str, Sequence[Mapping[str, Any]]], worst: float) -> str:
    """What conversions cost and change, and how near the curves of both kinds lie, the cost taken into account."""
    costs = []
    for kind, line in found.items():
        factors = sorted({one["after"] / one["neurons"] for one in line})
        times = f"{factors[0]:g}" if len(factors) == 1 else f"{factors[0]:.3g} to {factors[-1]:.3g}"
        costs.append(
            f"{times} times the neurons from {KINDS[kind]} to {KINDS['single' if kind == 'multi' else 'multi']}"
        )
    lines = {kind: [(one["neurons"], one["error"]) for one in line] for kind, line in found.items()}
    moved = {kind: [(one["after"], one["error"]) for one in line] for kind, line in found.items()}
    before, after = (factor_between(*curves.values()) for curves in (lines, moved))
    text = f"Converted: {', '.join(costs)}; outputs differ by {worst:g} at most."
    if before is None or after is None:
        return text
    return (
        f"{text} As fitted, the errors of both kinds at one number of neurons lie within a factor of {before:.2g}; "
        f"moved by these costs, within {after:.2g}."
    )


def factor_between(first: Sequence[tuple[float, float]], second: Sequence[tuple[float, float]]) -> float | None:
    """The largest ratio of two curves (x, y) where both reach, by straight lines on logarithmic axes; None for nowhere.

    >>> round(factor_between([(1.0, 8.0), (4.0, 2.0)], [(2.0, 4.0), (8.0, 2.0)]), 3)
    1.414
    """
    (x1, y1), (x2, y2) = (np.log(np.array(curve)).T for curve in (first, second))
    at = np.union1d(x1, x2)
    at = at[(at >= max(x1[0], x2[0])) & (at <= min(x1[-1], x2[-1]))]
    if not len(at):
        return None
    return float(np.exp(np.abs(np.interp(at, x1, y1) - np.interp(at, x2, y2)).max()))


def _unit(job: Job, kind: str, n: int) -> list[dict[str, Any]]:
    shared = {name: job[name] for name in ("steps", "spikes", "seeds")}
    return job.unit(f"{kind}-{n}", lambda: {"seeds": _fitted(job, kind, n)}, kind=kind, n=n, **shared)["seeds"]


@torch.no_grad()
def _fitted(job: Job, kind: str, n: int) -> list[dict[str, Any]]:
    """Networks of n neurons, one for each seed, fitted and converted."""
    x = torch.arange(POINTS, dtype=torch.float64) / POINTS
    wanted = target(x)
    sequence = x.expand(job["steps"], POINTS).unsqueeze(2)
    found: list[dict[str, Any]] = []
    for seed in job["seeds"]:
        with seeded(1000 * job.seed + seed, torch.device("cpu")):
            net = made(kind, n, job["steps"], job["spikes"])
        _fit(net, sequence, wanted)
        if kind == "multi":
            wide, certificate = to_single_spike(net, max_spikes=job["spikes"], inputs=sequence)
        else:
            wide, certificate = to_multi_spike(net, how="moebius", horizon=job["steps"], largest=float(job["spikes"]))
        out, converted = net(sequence)[0][-1, :, 0], wide(sequence)[0][-1, :, 0]
        found.append(
            {
                "neurons": n,
                "after": certificate.neurons_after,
                "error": _error(out, wanted),
                "error_after": _error(converted, wanted),
                "difference": float((out - converted).abs().max()),
            }
        )
    return found


def made(kind: str, n: int, steps: int, spikes: int) -> nn.Sequential:
    """n neurons whose free potential after `steps` steps is gain (x - start) + 1, with a gain of either sign.

    Each begins to spike at a start of its own, and none passes more than `spikes` thresholds for an x in [0, 1).
    """
    start, share = torch.rand(2, n, dtype=torch.float64)
    sign = torch.where(torch.rand(n) < 0.5, -1.0, 1.0).double()
    reach = torch.where(sign > 0, 1.0 - start, start).clamp(min=0.2)
    gain = sign * spikes * (0.5 + 0.5 * share) / reach
    offset = 1.0 - gain * start
    linear = torch_nn.Linear(1, n, dtype=torch.float64)
    linear.weight.copy_(_fine(gain[:, None] / steps))
    linear.bias.copy_(_fine(offset / steps))
    cells: Neuron = neurons.IF(n, dt=1.0).double()
    readout = torch_nn.Linear(n, 1, dtype=torch.float64)
    counting = neurons.LeakySum(1, decay=1.0).double()
    return nn.Sequential(linear, OneShot(cells) if kind == "single" else cells, readout, counting)


def _fit(net: nn.Sequential, sequence: Tensor, wanted: Tensor) -> None:
    """Least squares of the target on the spike counts; the bias acts in every step."""
    steps = len(sequence)
    counts = net.outputs(sequence)[1].sum(0)
    features = torch.cat([counts, torch.full((len(counts), 1), float(steps), dtype=counts.dtype)], 1)
    ridge = 1e-6 * len(counts) * torch.eye(features.shape[1], dtype=counts.dtype)
    weights = torch.linalg.solve(features.T @ features + ridge, features.T @ wanted)
    readout: Any = net[2]
    readout.weight.copy_(_fine(weights[None, :-1]))
    readout.bias.copy_(_fine(weights[-1:]))


def _fine(x: Tensor) -> Tensor:
    return torch.round(x / FINE) * FINE


def _error(out: Tensor, wanted: Tensor) -> float:
    return float((out - wanted).square().mean().sqrt())


def _drawn(found: Mapping[str, Sequence[Mapping[str, Any]]], style: Style) -> Figure:
    figure = new_figure(7.2, 3.4, style)
    left, right = figure.subplots(1, 2, sharey=True)
    for ax, moved in ((left, False), (right, True)):
        dress(ax, style, x="neurons, moved by the cost" if moved else "neurons", y="" if moved else "error", grid="y")
        for k, (kind, line) in enumerate(found.items()):
            colour, other = style.colours[k], KINDS["single" if kind == "multi" else "multi"]
            at = [r["after" if moved else "neurons"] for r in line]
            ax.plot(at, [r["error"] for r in line], "-", lw=1.4, color=colour, label=KINDS[kind])
            ax.plot(
                [r["after"] for r in line],
                [r["error_after"] for r in line],
                "o",
                ms=4,
                mfc="none",
                color=colour,
                label=f"{KINDS[kind]}, converted to {other}",
            )
        ax.set_xscale("log")
        ax.set_yscale("log")
        log_ticks(ax, x=True)
    log_ticks(left, y=True)
    figure.legend(
        *left.get_legend_handles_labels(),
        loc="outside lower center",
        ncols=2,
        frameon=False,
        fontsize=TICK,
        labelcolor=style.ink,
    )
    return figure


PART = Part(
    "approximation",
    "Approximation",
    "error of a function against the number of neurons, before and after",
    run,
    settings={
        "steps": 32,
        "spikes": 8,
        "seeds": [0, 1, 2, 3, 4],
        "neurons": {"multi": [1, 2, 4, 8, 16, 32, 64], "single": [4, 8, 16, 32, 64, 128]},
    },
    quick={"seeds": [0], "neurons": {"multi": [2, 4, 8], "single": [4, 8, 16]}},
    revision=2,
)
