"""The cells beside each other on one kind of data: accuracy, and what a sample costs, in one table."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from matplotlib.figure import Figure

from rheobase.learning.operations import ACCUMULATE, MULTIPLY_ACCUMULATE
from rheobase.plot import Picture, Style, Table
from rheobase.plot.style import WIDTH, dress, legend, new_figure
from rheobase.reproduce.cs_gru.costs import summed
from rheobase.reproduce.cs_gru.inputs import task
from rheobase.reproduce.cs_gru.training import trained
from rheobase.reproduce.job import Job
from rheobase.reproduce.paper import Finding
from rheobase.reproduce.record import slug
from rheobase.reproduce.training import mean_and_spread

SHARED = ("data", "steps", "limit", "batch", "counted")
COLUMNS = (
    "network", "test accuracy (%)", "standard deviation", "seeds", "epochs", "train accuracy (%)", "spikes in",
    "spikes", "ACs", "MACs of synapses", "MACs of cells", "functions", "energy (uJ)", "parameters",
    "seconds per epoch",
)  # fmt: skip
ENERGY = (
    f"Energy: {1e12 * ACCUMULATE:.1f} pJ for an accumulate (AC), {1e12 * MULTIPLY_ACCUMULATE:.1f} pJ for a "
    "multiply-accumulate (MAC), 32-bit floats at 45 nm (Horowitz, 2014); the paper does not use these numbers, it "
    "counts spikes. Neither memory nor functions (sigmoid, tanh) are in it."
)


def brief(networks: Mapping[str, Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    """The networks of a quick run: one epoch and one seed each, and none that takes the mean over all of space.

    >>> brief({"a": {"grid": 7, "epochs": 6, "seeds": [0, 1]}, "b": {"grid": 1}})
    {'a': {'grid': 7, 'epochs': 1, 'seeds': [0]}}
    """
    return {name: {**one, "epochs": 1, "seeds": [0]} for name, one in networks.items() if one.get("grid") != 1}


@dataclass(frozen=True)
class Entry:
    """A network, and the means over its seeds."""

    name: str
    accuracy: float
    spread: float
    costs: Mapping[str, float]
    row: tuple[Any, ...]


def entries(job: Job) -> list[Entry]:
    """Every network of the part's setting `networks`, trained with each of its seeds."""
    on, read = task(job, job["data"], steps=job["steps"], limit=job["limit"])
    found: list[Entry] = []
    for name, one in job["networks"].items():
        choice = {**{k: job[k] for k in SHARED}, **{k: v for k, v in one.items() if k != "seeds"}}
        got = [trained(job, f"{slug(name)}-seed-{seed}", on, read, choice, seed) for seed in one["seeds"]]
        found.append(_entry(name, choice, got))
    return found


def _entry(name: str, choice: Mapping[str, Any], got: Sequence[tuple[dict[str, Any], dict[str, Any]]]) -> Entry:
    mean, spread = mean_and_spread([result["accuracy"] for result, _ in got])
    train, _ = mean_and_spread([result["train_accuracy"] for result, _ in got])
    costs = {k: statistics.fmean(each[k] for _, each in got) for k in got[0][1]}
    row = (
        name, mean, spread, len(got), choice["epochs"], train, costs["spikes_in"], costs["spikes"],
        costs["accumulates"], costs["multiply_accumulates"], costs["updates"], costs["functions"],
        1e6 * costs["energy"], got[0][0]["parameters"], statistics.median(r["seconds_per_epoch"] for r, _ in got),
    )  # fmt: skip
    return Entry(name, mean, spread, costs, row)


def finding(job: Job, title: str, caption: str, published: Sequence[tuple[str, str, str]]) -> Finding:
    """The table, the picture, and the published numbers beside ours.

    `published`: what the paper claims, its value, and the name of the network of ours that stands beside it.
    """
    found = entries(job)
    by_name = {one.name: one for one in found}
    tables = [Table(title, COLUMNS, [one.row for one in found], f"{_said(job)} {caption} {ENERGY}")]
    rows = [(claim, value, _beside(by_name, claim, ours)) for claim, value, ours in published]
    tables.append(Table(f"{title}, published", ("claim", "paper", "here"), rows, PUBLISHED))
    text = f"{_best(found)} {_gate(by_name)}".strip()
    picture = Picture(
        f"{title}, accuracy and energy", "Each network at the energy of its arithmetic; bars are standard deviations "
        "over seeds.", text, lambda style: _draw(found, style),
    )  # fmt: skip
    return Finding(text, tables=tables, pictures=[picture])


PUBLISHED = (
    "Of the paper, only numbers whose source could be read stand here: its abstract, and a summary of it for the "
    "spikes. Exact results on N-TIDIGITS, SHD, DVS Gesture and CIFAR10-DVS, spike counts and the number of runs were "
    "not found. Its energy is not given."
)
FEWER_SPIKES = "fewer spikes than SpikGRU"


def _beside(found: Mapping[str, Entry], claim: str, ours: str) -> str:
    if ours not in found:
        return "not run"
    one = found[ours]
    if claim == FEWER_SPIKES:
        other = found.get("SpikGRU")
        if other is None or not other.costs["spikes"]:
            return "not run"
        ratio = one.costs["spikes"] / other.costs["spikes"]
        said = f"{100 * (1 - ratio):.0f} %" if ratio <= 1 else f"{ratio:.1f} times as many, of more cells"
        return f"{said} ({ours}), and see ACs and MACs"
    return f"{one.accuracy:.2f} % ({ours})"


def _best(found: Sequence[Entry]) -> str:
    best = max(found, key=lambda one: one.accuracy)
    least = min(found, key=lambda one: one.costs["energy"])
    return (
        f"Most accurate: {best.name}, {best.accuracy:.2f} %. Least arithmetic: {least.name}, "
        f"{1e6 * least.costs['energy']:.3g} uJ, {least.accuracy:.2f} %."
    )


def _gate(found: Mapping[str, Entry]) -> str:
    """What the update gate that reads the current costs, beside the one that reads spikes."""
    said = []
    for name, spikes in found.items():
        current = found.get(name.replace(", z reads spikes", ""))
        if current is None or current is spikes:
            continue
        (_, _, more, _), (_, _, fewer, _) = summed(dict(current.costs)), summed(dict(spikes.costs))
        said.append(
            f"{current.name}: an update gate that reads spikes takes {fewer:.3g} multiply-accumulates in place of "
            f"{more:.3g}, and changes the accuracy by {spikes.accuracy - current.accuracy:+.2f} points."
        )
    return " ".join(said)


def _said(job: Job) -> str:
    steps = f"{job['steps']} steps" if job["steps"] is not None else "as many steps as in the paper"
    sizes = "; ".join(f"{name}: {_size(one)}, lr {one['lr']:g}" for name, one in job["networks"].items())
    return (
        f"{job['data']}, {steps}, batches of {job['batch']}, Adam on a cosine schedule; operations of one sample, the "
        f"mean over {job['counted']} of the test samples, inference. {sizes}."
    )


def _size(one: Mapping[str, Any]) -> str:
    grid = one.get("grid", 1)
    if "stride" not in one:
        return f"{one['channels']} cells"
    means = "mean over all of space" if grid == 1 else f"means over a grid of {grid} x {grid}"
    return f"{one['channels']} channels, stride {one['stride']}, {means}"


def _draw(found: Sequence[Entry], style: Style) -> Figure:
    figure = new_figure(WIDTH, 3.2, style)
    ax = dress(figure.subplots(), style, x="energy of one sample's arithmetic (uJ)", y="test accuracy (%)", grid="both")
    ax.set_xscale("log")
    for k, one in enumerate(found):
        turn, colour = divmod(k, len(style.colours))
        ax.errorbar(
            1e6 * one.costs["energy"], one.accuracy, yerr=one.spread, marker="os^"[turn % 3], ms=5, capsize=3,
            linestyle="none", color=style.colours[colour], label=one.name,
        )  # fmt: skip
    ax.margins(x=0.1, y=0.15)
    legend(ax, style, loc="upper left", bbox_to_anchor=(1.0, 1.0))
    return figure
