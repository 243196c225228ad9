"""(f) Approximation of a function: error against neurons for both kinds of networks, and after a conversion."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import torch
from matplotlib.figure import Figure
from matplotlib.ticker import NullFormatter
from torch import Tensor
from torch import nn as torch_nn

from rheobase import neurons, nn
from rheobase.core import Neuron
from rheobase.equivalence import OneShot, to_multi_spike, to_single_spike
from rheobase.learning.random_state import seeded
from rheobase.plot import Picture, Style, Table
from rheobase.plot.style import dress, legend, new_figure
from rheobase.reproduce.job import Job
from rheobase.reproduce.paper import Finding, Part

POINTS = 512  # of x in [0, 1)
FINE = 2.0**-16  # of weights, so that sums are exact
COLUMNS = ("network", "neurons", "error", "converted to", "neurons then", "neurons x", "error then",
           "largest difference of outputs")  # fmt: skip
KINDS = {"multi": "multi-spike", "single": "single-spike"}


def target(x: Tensor) -> Tensor:
    """The function that is approximated: smooth, with a kink."""
    return torch.sin(2.0 * math.pi * x) * torch.exp(-x) + (x - 0.7).abs()


def run(job: Job) -> Finding:
    found = {kind: [_unit(job, kind, n) for n in job["neurons"][kind]] for kind in KINDS}
    rows = [
        (KINDS[kind], r["neurons"], r["error"], KINDS["single" if kind == "multi" else "multi"], r["after"],
         r["after"] / r["neurons"], r["error_after"], r["difference"])
        for kind, line in found.items()
        for r in line
    ]  # fmt: skip
    worst = max(r["difference"] for line in found.values() for r in line)
    factors = {kind: line[0]["after"] / line[0]["neurons"] for kind, line in found.items()}
    text = (
        f"A converted network has the error of the one it comes from (largest difference of outputs {worst:g}), with "
        f"{factors['multi']:g} times the neurons from multi- to single-spike, and {factors['single']:g} times from "
        "single- to multi-spike: on axes that are stretched by these factors the curves are one."
    )
    note = (
        f"Root mean square over {POINTS} points. Neurons have random gains and offsets, the input is a constant "
        f"current for {job['steps']} steps, the readout is fitted by least squares; medians over seeds {job['seeds']}."
    )
    return Finding(
        text,
        tables=[Table("Approximation of a function", COLUMNS, rows, note)],
        pictures=[Picture("Error against neurons", "Left: as they are. Right: after rescaling by the cost.", text,
                          lambda style: _drawn(found, factors, style))],
    )  # fmt: skip


def _unit(job: Job, kind: str, n: int) -> Mapping[str, Any]:
    shared = {name: job[name] for name in ("steps", "spikes", "seeds")}
    return job.unit(f"{kind}-{n}", lambda: _fitted(job, kind, n), kind=kind, n=n, **shared)


@torch.no_grad()
def _fitted(job: Job, kind: str, n: int) -> Mapping[str, Any]:
    """Networks of n neurons, fitted and converted; the one with the median error."""
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
        found.append({
            "neurons": n, "after": certificate.neurons_after, "error": _error(out, wanted),
            "error_after": _error(converted, wanted), "difference": float((out - converted).abs().max()),
        })  # fmt: skip
    return sorted(found, key=lambda one: one["error"])[len(found) // 2]


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


def _drawn(found: Mapping[str, list[Mapping[str, Any]]], factors: Mapping[str, float], style: Style) -> Figure:
    figure = new_figure(7.2, 3.2, style)
    left, right = figure.subplots(1, 2, sharey=True)
    for ax, stretched in ((left, False), (right, True)):
        dress(ax, style, x="neurons, rescaled by the cost" if stretched else "neurons", y="" if stretched else "error",
              grid="y")  # fmt: skip
        for k, (kind, line) in enumerate(found.items()):
            colour, other = style.colours[k], KINDS["single" if kind == "multi" else "multi"]
            scale = factors[kind] if stretched else 1.0
            ax.plot([scale * r["neurons"] for r in line], [r["error"] for r in line], "-", lw=1.4, color=colour,
                    label=KINDS[kind])  # fmt: skip
            ax.plot([r["after"] for r in line], [r["error_after"] for r in line], "o", ms=4, mfc="none", color=colour,
                    label=f"as {other}")  # fmt: skip
        ax.set_xscale("log", base=2)
        ax.set_yscale("log")
        ax.yaxis.set_minor_formatter(NullFormatter())
    legend(left, style, loc="lower left")
    return figure


PART = Part(
    "approximation", "Approximation", "error of a function against the number of neurons, before and after", run,
    settings={
        "steps": 32, "spikes": 8, "seeds": [0, 1, 2, 3, 4],
        "neurons": {"multi": [1, 2, 4, 8, 16, 32, 64], "single": [4, 8, 16, 32, 64, 128]},
    },
    quick={"seeds": [0], "neurons": {"multi": [2, 4, 8], "single": [4, 8, 16]}},
)  # fmt: skip
