"""(d) What a conversion costs in neurons and synapses, beside the bounds."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from rheobase import neurons
from rheobase.equivalence import OneShot, to_multi_spike, to_single_spike
from rheobase.equivalence.squarefree import bound, count
from rheobase.plot import Picture, Style, Table
from rheobase.plot.style import WIDTH, dress, legend, new_figure
from rheobase.reproduce.equivalence.networks import Choice, made, sequence
from rheobase.reproduce.job import Job
from rheobase.reproduce.paper import Finding, Part

FORWARD = (
    "steps",
    "most spikes N",
    "neurons",
    "one-shot neurons",
    "bound N n",
    "synapses",
    "of them after",
    "bound N^2",
)
BACK = ("N", "neurons for each", "Q(N) / N", "bound alpha")


def run(job: Job) -> Finding:
    forward = [_forward(job, steps) for steps in job["steps"]]
    back = [_back(n) for n in job["multiples"]]
    text = said(forward, back)
    rows = [
        (
            f["steps"],
            f["most"],
            f["before"],
            f["after"],
            f["bound"],
            f["synapses"],
            f["synapses_after"],
            f["most"] ** 2 * f["synapses"] + f["lateral"],
        )
        for f in forward
    ]
    note = (
        "Random feedforward integrators with delays. The bound: every synapse N^2 times, and for each neuron "
        "N (N - 1) / 2 lateral ones and N - 1 gates."
    )
    return Finding(
        text,
        tables=[
            Table("Cost of single spikes", FORWARD, rows, note),
            Table("Cost of spike cancellation", BACK, back, "Q(N) is the number of square-free numbers up to N."),
        ],
        pictures=[
            Picture(
                "Cost against maximum spikes",
                "Neurons for each neuron, both ways.",
                text,
                lambda style: _drawn(forward, job["multiples"], style),
            ),
            Picture(
                "Share of square-free numbers",
                "Q(N) / N, the paper's bound and 6/pi^2.",
                ", ".join(f"{q:.3f} for N = {n}" for n, _, q, _ in back),
                lambda style: _share(job["multiples"], style),
            ),
        ],
    )


def said(forward: Sequence[Mapping[str, Any]], back: Sequence[tuple[int, int, float, float]]) -> str:
    """The cost of both ways, and whether it keeps to the bounds."""
    factors = [f["after"] / f["before"] for f in forward]
    over = sum(f["after"] > f["bound"] for f in forward)
    above = sum(share > most for _, _, share, most in back)
    wrong = sum(f["mismatches"] for f in forward)
    n, neurons, share, _ = back[-1]
    return (
        f"To single spikes, between {min(factors):.3g} and {max(factors):.3g} neurons for each, {over} of "
        f"{len(forward)} networks above the bound of N copies, {wrong} mismatches. To multiple spikes, one neuron for "
        f"every square-free number up to N: {neurons} of {n}, a share of {share:.4f} beside its limit 6/pi^2 = "
        f"{6 / math.pi**2:.4f}; {above} of {len(back)} shares are above the bound."
    )


def _forward(job: Job, steps: int) -> Mapping[str, Any]:
    choice = Choice("feedforward", True, 1.0, True)

    def work() -> Mapping[str, Any]:
        net = made(choice, job.seed)
        x = sequence(choice, steps, job["samples"], job.seed)
        _, found = to_single_spike(net, inputs=x)
        most = max(found.max_spikes)
        return {
            "steps": steps,
            "most": most,
            "before": found.neurons_before,
            "after": found.neurons_after,
            "bound": found.neurons_bound,
            "synapses": found.synapses_before,
            "synapses_after": found.synapses_after,
            "lateral": found.neurons_before * (most * (most - 1) // 2 + most - 1),
            "mismatches": found.mismatches,
        }

    return job.unit(f"steps-{steps}", work, steps=steps, samples=job["samples"], seed=job.seed)


def _back(n: int) -> tuple[int, int, float, float]:
    _, found = to_multi_spike(OneShot(neurons.IF(1, dt=1.0)), horizon=1, largest=float(n))
    return n, found.neurons_after, found.neurons_after / n, bound(n)


def _drawn(forward: Sequence[Mapping[str, Any]], multiples: Sequence[int], style: Style) -> Figure:
    figure = new_figure(WIDTH, 3.2, style)
    ax = dress(figure.subplots(), style, x="maximum spikes N", y="neurons for each neuron", grid="y")
    n = np.arange(1, max(*multiples, *(f["most"] for f in forward)) + 1)
    first, second = style.colours[:2]
    ax.plot(n, n, color=first, lw=1.2, ls="--", label="bound N")
    ax.plot(
        [f["most"] for f in forward],
        [f["after"] / f["before"] for f in forward],
        "o",
        ms=5,
        color=first,
        label="multi- to single-spike: copies",
    )
    ax.plot(n, [k * bound(int(k)) for k in n], color=second, lw=1.2, ls="--", label="bound alpha N")
    ax.plot(n, [count(int(k)) for k in n], ".", ms=4, color=second, label="single- to multi-spike: square-free")
    legend(ax, style, loc="upper left")
    return figure


def _share(multiples: Sequence[int], style: Style) -> Figure:
    figure = new_figure(WIDTH, 2.8, style)
    ax = dress(figure.subplots(), style, x="N", y="share", grid="y")
    n = np.arange(1, max(multiples) + 1)
    ax.plot(n, [count(int(k)) / k for k in n], ".-", ms=4, color=style.colours[0], lw=0.8, label="Q(N) / N")
    ax.plot(n, [bound(int(k)) for k in n], ".-", ms=4, color=style.colours[1], lw=0.8, label="bound alpha")
    ax.axhline(6 / np.pi**2, color=style.muted, lw=1.0, ls=":", label="6/pi^2")
    ax.set_ylim(0.5, 1.05)
    legend(ax, style, loc="upper right", ncols=3)
    return figure


PART = Part(
    "cost",
    "Cost",
    "neurons and synapses of both conversions against the most spikes of a neuron",
    run,
    settings={"steps": [2, 4, 8, 16, 32, 64], "samples": 16, "multiples": [1, 2, 4, 8, 16, 32, 64]},
    quick={"steps": [2, 4, 8], "samples": 4},
)
