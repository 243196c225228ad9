"""(b) The distribution of the potential behind tdBN, and the window that follows from it, beside a simulation."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import torch
from matplotlib.figure import Figure
from torch import Tensor

from rheobase.neurons import DQIF
from rheobase.plot import Picture, Style, Table
from rheobase.plot.style import WIDTH, dress, few_ticks, legend, new_figure
from rheobase.reproduce.dqif import theory as dqif
from rheobase.reproduce.dqif.networks import LAM, RECONSTRUCTED
from rheobase.reproduce.job import Job
from rheobase.reproduce.paper import Finding, Part

BLOCK = 100_000  # samples at a time
MOMENTS = ("form", "a", "u1", "u2", "step", "mean", "simulated mean", "spread", "simulated spread", "rate",
           "simulated rate", "gradient energy")  # fmt: skip
WINDOWS = (
    "form",
    "a",
    "u1",
    "u2",
    "window: spread in step 2",
    "least error with N samples",
    "mean over density",
    "twice the window: mean over density",
    "window 1: mean over density",
)
DENSITY = 0.05  # width around the threshold over which the density is counted


def run(job: Job) -> Finding:
    rows: list[tuple[Any, ...]] = []
    windows: list[tuple[Any, ...]] = []
    curves: dict[str, dict[str, Any]] = {}
    for form in LAM:
        for k, (a, u1, u2) in enumerate(job["cells"]):
            cell: dict[str, Any] = {"a": a, "u1": u1, "u2": u2, "lam": LAM[form]}
            clamp = form == "euler"
            found = dqif.membrane_moments(**cell, steps=job["steps"], clamp=clamp)
            energy = dqif.gradient_energy(found, **cell, clamp=clamp)
            seen = job.unit(f"{form}-{k}", lambda f=form, c=cell: simulated(job, f, c), cell=cell, **_sizes(job))
            for step in (2, job["steps"]):
                at = step - 1
                pairs = [(float(one[at]), float(seen[name][at])) for one, name in zip(found, NAMES, strict=True)]
                rows.append((form, a, u1, u2, step, *[x for pair in pairs for x in pair], float(energy[at])))
            window = float(dqif.window(found))
            best = float(dqif.window(found, samples=job["averaged"]))
            windows.append(
                (
                    form,
                    a,
                    u1,
                    u2,
                    window,
                    best if math.isfinite(best) else None,
                    *(float(seen["height"][j]) for j in range(3)),
                )
            )
            if k == 0:
                curves[form] = {"closure": found, "seen": seen}
    text = f"{RECONSTRUCTED} {_apart(rows, job['steps'])}"
    averaged, samples = job["averaged"], job["samples"]
    return Finding(
        text,
        tables=[
            Table(
                "Moments of the potential",
                MOMENTS,
                rows,
                f"Before the reset, input N(0, 1), threshold 1, {samples} samples; 'euler' cut at its vertex. "
                "Gradient energy: by which a step back in time multiplies the mean square of a gradient.",
            ),
            Table(
                "Window",
                WINDOWS,
                windows,
                f"N = {averaged}. The last columns are the mean of a rectangular surrogate over the simulated "
                "density of the potential at the threshold, in step 2: 1 is a surrogate without bias.",
            ),
        ],
        pictures=[
            Picture(
                "Moments over time",
                "Lines: formula. Points: simulation. The cell of the paper's figure.",
                text,
                lambda style: _draw(curves, job["steps"], style),
            )
        ],
    )


NAMES = ("mean", "std", "rate")


def _apart(rows: Sequence[tuple[Any, ...]], steps: int) -> str:
    """By how much formula and simulation differ at most, in the second step and the last."""
    said: list[str] = []
    for step in dict.fromkeys((2, steps)):
        worst = [max(abs(row[k] - row[k + 1]) for row in rows if row[4] == step) for k in (5, 7, 9)]
        said.append(f"{worst[0]:.4f}, {worst[1]:.4f} and {worst[2]:.4f} in step {step}")
    return (
        f"Mean, spread and rate differ from the simulation by at most {'; '.join(said)}. The window is taken from step "
        "2; later steps take the potential behind a reset as Gaussian."
    )


def _sizes(job: Job) -> dict[str, Any]:
    return {name: job[name] for name in ("samples", "steps")}


def simulated(job: Job, form: str, cell: dict[str, Any]) -> dict[str, Tensor]:
    """Moments of the potential of the compiled cell under normal input; `height`: bias of the surrogate in step 2."""
    steps, count = job["steps"], job["samples"]
    neuron = DQIF(1, form=form, **{name: cell[name] for name in ("a", "u1", "u2")})
    generator = torch.Generator().manual_seed(job.seed)
    sums = torch.zeros(3, steps, dtype=torch.float64)
    near = torch.zeros(4, dtype=torch.float64)
    widths = _widths(form, cell)
    for done in range(0, count, BLOCK):
        x = torch.randn(steps, min(BLOCK, count - done), 1, generator=generator)
        spikes, _, rec = neuron(x, record=("v.pre",))
        u = rec.v_pre.double()
        sums += torch.stack([u.sum((1, 2)), u.square().sum((1, 2)), spikes.double().sum((1, 2))])
        distance = (u[1] - 1.0).abs()
        near += torch.stack([(distance < 0.5 * w).double().sum() / w for w in (DENSITY, *widths)])
    mean, square, rate = sums / count
    return {"mean": mean, "std": (square - mean**2).sqrt(), "rate": rate, "height": near[1:] / near[0]}


def _widths(form: str, cell: dict[str, Any]) -> tuple[float, float, float]:
    s = float(dqif.window(dqif.membrane_moments(**cell, steps=2, clamp=form == "euler")))
    return s, 2.0 * s, 1.0


def _draw(curves: dict[str, dict[str, Any]], steps: int, style: Style) -> Figure:
    figure = new_figure(WIDTH, 2.8, style)
    time = range(1, steps + 1)
    for ax, (k, name) in zip(figure.subplots(1, 3), enumerate(NAMES), strict=True):
        dress(ax, style, x="step", y={"std": "spread"}.get(name, name), grid="y")
        few_ticks(ax, x=5, whole=True)
        for colour, (form, one) in zip(style.colours, curves.items(), strict=False):
            ax.plot(time, one["closure"][k], color=colour, lw=1.4, label=form)
            ax.plot(time, one["seen"][name], "o", ms=3.5, mfc="none", color=colour)
    legend(figure.axes[0], style)
    return figure


PART = Part(
    "potential",
    "Potential and window",
    "moments of the potential and the window, beside a simulation",
    run,
    settings={
        "cells": [[0.25, 0.0, 0.5], [0.1, 0.0, 0.5], [0.5, 0.0, 0.5], [0.5, 0.0, 1.0]],
        "steps": 8,
        "samples": 1_000_000,
        "averaged": 100_000,
    },
    quick={"cells": [[0.25, 0.0, 0.5]], "samples": 20_000},
)
