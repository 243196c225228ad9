"""(a) A cell at work, and how far back in time its gradient reaches."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from matplotlib.figure import Figure
from torch import Tensor

from rheobase.nn import CSGRU
from rheobase.plot import Picture, Style, Table
from rheobase.plot.style import WIDTH, dress, few_ticks, legend, log_ticks, new_figure
from rheobase.plot.table import number
from rheobase.reproduce.cs_gru.gates import traces
from rheobase.reproduce.cs_gru.networks import network
from rheobase.reproduce.job import Job
from rheobase.reproduce.paper import Finding, Part
from rheobase.reproduce.record import slug
from rheobase.reproduce.training import fresh

SHOWN = ("pixels", "lateral", "r", "z", "i", "v", "spikes")


def run(job: Job) -> Finding:
    side, steps = job["side"], job["steps"]
    shown = job.unit(
        "cell",
        lambda: at_work(side, job["channels"], steps, job["gain"], job.seed),
        side=side,
        channels=job["channels"],
        steps=steps,
        gain=job["gain"],
    )
    reach: dict[str, np.ndarray] = {}
    for kind in job.track(job["kinds"], "gradients"):
        got = job.unit(
            f"gradient-{slug(kind)}",
            lambda kind=kind: {"norm": gradient(job, kind)},
            kind=kind,
            side=side,
            steps=steps,
            channels=job["channels"],
            draws=job["draws"],
            rate=job["rate"],
            gain=job["gain"],
        )
        reach[kind] = got["norm"]
    rows = [(kind, *(float(norm[len(norm) - 1 - back]) for back in job["back"])) for kind, norm in reach.items()]
    columns = ("network", *(f"{back} step{'' if back == 1 else 's'} back" for back in job["back"]))
    text = (
        "A cell of CS-GRU at its start: r keeps or drops the current, z keeps the potential or takes the current up. "
        f"{_fires(shown)}"
    )
    reached = f"The gradient at earlier steps, {max(job['back'])} back: " + ", ".join(
        f"{kind} {number(float(norm[len(norm) - 1 - max(job['back'])]), 2)}" for kind, norm in reach.items()
    )
    draws = job["draws"]
    about = GRADIENT.format("one network" if draws == 1 else f"mean over {draws} networks")
    return Finding(
        text,
        tables=[Table("Gradient of the last step", columns, rows, about, digits=3)],
        pictures=[
            Picture(
                "A cell of CS-GRU",
                "The cell in the middle, with all that it reads: spikes of the pixels of its "
                "field, a row for each, and how many spikes of the last step reach it from the cells around. "
                "Dotted: the threshold.",
                text,
                lambda style: _draw_cell(shown, style),
            ),
            Picture("Gradient at earlier steps", about, f"{reached}.", lambda style: _draw_gradient(reach, style)),
        ],
    )


GRADIENT = (
    "Norm of the derivative of what all cells give in the last step, summed, by the input of an earlier one, over "
    "the largest of them; before training, on random spikes, {}. Cuba-LIF as it is here sees its input one step late."
)


def _fires(shown: Mapping[str, Any]) -> str:
    """When the cell fires, and when its input begins."""
    steps, fired = len(shown["v"]), np.flatnonzero(shown["spikes"])
    begins = np.flatnonzero(np.asarray(shown["pixels"]).any(1))
    if not len(fired):
        return f"It does not fire in {steps} steps."
    first = f", first in step {fired[0] + 1}" + (f"; its input begins in step {begins[0] + 1}" if len(begins) else "")
    return f"It fires {len(fired)} {'time' if len(fired) == 1 else 'times'} in {steps} steps{first}."


def at_work(side: int, channels: int, steps: int, gain: float, seed: int) -> dict[str, Tensor]:
    """Traces of the cell in the middle that fires most, under a bright pixel that is on for a while, then off."""
    layer = fresh(lambda: _gained(CSGRU(1, channels), gain), seed)
    generator = torch.Generator().manual_seed(seed)
    x = (torch.rand(steps, 1, 1, side, side, generator=generator) < 0.7).float()
    x[: steps // 6] = 0
    x[2 * steps // 3 :] = 0
    found, middle = traces(layer, x), side // 2
    around = (slice(middle - 1, middle + 2),) * 2
    most = int(found.spikes[:, 0, :, middle, middle].sum(0).argmax())
    # of all channels of the cells around, and of the cell's own place
    near = found.spikes[:, 0][(slice(None), slice(None), *around)].flatten(1).sum(1)
    return {
        "pixels": x[:, 0, 0][(slice(None), *around)].flatten(1),
        "lateral": torch.cat([torch.zeros(1), near[:-1]]),
        **{name: value[:, 0, most, middle, middle] for name, value in found._asdict().items()},
    }


def _gained(layer: CSGRU, gain: float) -> CSGRU:
    with torch.no_grad():
        layer.weight_i.mul_(gain)
    return layer


def gradient(job: Job, kind: str) -> Tensor:
    """For each step, the norm of the derivative by its input over the largest, (steps,)."""
    side, steps, total = job["side"], job["steps"], torch.zeros(job["steps"])
    for draw in range(job["draws"]):
        net = fresh(
            lambda: network(kind, (1, side, side), 2, channels=job["channels"], gain=job["gain"]), job.seed + draw
        )
        generator = torch.Generator().manual_seed(job.seed + draw)
        x = (torch.rand(steps, 1, 1, side, side, generator=generator) < job["rate"]).float().requires_grad_()
        out = x
        # up to the cells: behind them come the readout, and a mean over space that changes no ratio
        for layer in net.layers[:-2]:
            # a state comes with what a layer gives
            given = layer(out)
            out = given[0] if isinstance(given, tuple) else given
        (slope,) = torch.autograd.grad(out[-1].sum(), x)
        total += slope.flatten(1).norm(dim=1) / job["draws"]
    return total / total.amax()


def _draw_cell(shown: Mapping[str, Any], style: Style) -> Figure:
    figure = new_figure(WIDTH, 5.6, style)
    heights = [2 if name == "pixels" else 0.8 if name == "spikes" else 1.2 for name in SHOWN]
    axes = figure.subplots(len(SHOWN), 1, sharex=True, height_ratios=heights)
    time = np.arange(1, len(shown["v"]) + 1)
    for ax, name in zip(axes, SHOWN, strict=True):
        dress(ax, style, y=name)
        if name in ("pixels", "spikes"):
            given = np.asarray(shown[name]).reshape(len(time), -1)
            when, row = np.nonzero(given)
            colour, size = (style.muted, 4) if name == "pixels" else (style.colours[1], 9)
            ax.plot(time[when], row, "|", ms=size, mew=1.2, color=colour)
            ax.set_ylim(given.shape[1] - 0.5, -0.5)
            ax.set_yticks([])
            continue
        if name == "lateral":
            ax.bar(time, shown[name], width=0.8, color=style.muted)
        else:
            ax.plot(time, shown[name], color=style.colours[0], lw=1.4)
        if name in ("r", "z"):
            ax.set_ylim(0, 1)
        if name == "v":
            ax.axhline(1.0, color=style.muted, lw=0.8, ls=":")
        few_ticks(ax, y=3)
    axes[-1].set_xlabel("time (steps)", color=style.muted, fontsize=9)
    axes[-1].set_xlim(0, len(time) + 1)
    figure.align_ylabels(axes)
    return figure


def _draw_gradient(reach: Mapping[str, np.ndarray], style: Style) -> Figure:
    figure = new_figure(WIDTH, 3.4, style)
    ax = dress(figure.subplots(), style, x="steps before the last", y="gradient, largest = 1", grid="y")
    ax.set_yscale("log")
    for k, (kind, norm) in enumerate(reach.items()):
        back = np.arange(len(norm))[::-1]
        seen = norm > 0
        ax.plot(back[seen], norm[seen], color=style.colours[k % len(style.colours)], lw=1.5, label=kind)
    log_ticks(ax, y=True)
    legend(ax, style, loc="upper left", bbox_to_anchor=(1.0, 1.0))
    return figure


PART = Part(
    "cell",
    "The cell",
    "gates, current, potential and spikes of a cell; the gradient that reaches early steps",
    run,
    settings={
        "side": 9,
        "channels": 16,
        "steps": 60,
        "draws": 5,
        "rate": 0.3,
        "gain": 3.0,
        "back": [1, 5, 10, 20, 50],
        "kinds": ["CS-GRU", "CS-GRU, z reads spikes", "SpikGRU", "ConvGRU", "ConvLIF", "Cuba-LIF"],
    },
    quick={"steps": 30, "draws": 1, "back": [1, 5, 20]},
    revision=2,
)
