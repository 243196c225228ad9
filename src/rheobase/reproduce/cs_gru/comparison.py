"""The cells beside each other on one kind of data: accuracy, and what a sample costs, in one table."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

from matplotlib.figure import Figure

from rheobase.energy import ACCUMULATE, MULTIPLY_ACCUMULATE, Operations
from rheobase.plot import Picture, Style, Table
from rheobase.plot.style import TICK, WIDTH, dress, log_ticks, new_figure
from rheobase.plot.table import number
from rheobase.reproduce.cs_gru.costs import summed
from rheobase.reproduce.cs_gru.inputs import INPUTS, task
from rheobase.reproduce.cs_gru.networks import DENSE
from rheobase.reproduce.cs_gru.training import trained
from rheobase.reproduce.findings import gains, ranked
from rheobase.reproduce.job import Job
from rheobase.reproduce.paper import Again, Finding
from rheobase.reproduce.record import slug
from rheobase.reproduce.scores import SCORE, SCORES, Scores, over_seeds, scored, seeds
from rheobase.reproduce.seeds import LAYER, TRAINED, Seeds

Made = Mapping[str, Sequence[tuple[Mapping[str, Any], Mapping[str, float]]]]  # results and counts, by seed
COUNTS = tuple(sorted(one.name for one in fields(Operations)))
SHARED = ("data", "steps", "limit", "batch", "counted")
COLUMNS = (
    "network", *SCORES, "epochs", "train accuracy (%)", "spikes in", "spikes", "ACs", "MACs of synapses",
    "products of cells", "sums of cells", "functions", "energy (uJ)", "parameters", "seconds per epoch",
)  # fmt: skip
SIZES = (
    "network",
    "cells",
    "channels",
    "stride",
    "means over",
    "start of the readout",
    "gain of the input",
    "learning rate",
    "epochs",
)
ENERGY = (
    f"Energy: {1e12 * ACCUMULATE:.1f} pJ for an accumulate (AC), {1e12 * MULTIPLY_ACCUMULATE:.1f} pJ for a "
    "multiply-accumulate (MAC), 32-bit floats at 45 nm (Horowitz, 2014), a function (sigmoid, tanh) as 8 of these; "
    "sums of cells have those of biases in them. The paper does not use these numbers, it counts spikes. Memory is "
    "not in it. Seconds per epoch are those of the run, whatever else the machine did."
)


def brief(networks: Mapping[str, Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    """The networks of a quick run: one epoch and one seed each, and none that takes the mean over all of space.

    >>> brief({"a": {"grid": 7, "epochs": 6, "seeds": [0, 1]}, "b": {"grid": 1}})
    {'a': {'grid': 7, 'epochs': 1, 'seeds': [0]}}
    """
    return {name: {**one, "epochs": 1, "seeds": [0]} for name, one in networks.items() if one.get("grid") != 1}


@dataclass(frozen=True)
class Comparison:
    """What a part calls its table, and says below it; `published`: a claim, its value, which network of ours has it."""

    title: str
    caption: str
    published: Sequence[tuple[str, str, str]]


@dataclass(frozen=True)
class Entry:
    """A network, its accuracies, and the means of what a sample costs over its seeds."""

    name: str
    choice: Mapping[str, Any]
    cells: int
    scores: Scores
    costs: Mapping[str, float]
    row: tuple[Any, ...]

    @property
    def title(self) -> str:
        """Its name and how long it was trained, without which its accuracy says little."""
        epochs = self.choice["epochs"]
        return f"{self.name} ({epochs} {'epoch' if epochs == 1 else 'epochs'})"


def compared(job: Job, about: Comparison) -> Finding:
    """Train every network of the part's setting `networks` with each of its seeds."""
    on, read = task(job, job["data"], steps=job["steps"], limit=job["limit"])
    # all are asked for before one is looked at, so that a cluster does them side by side
    found = {
        name: [trained(job, f"{slug(name)}-seed-{seed}", on, read, choice, seed) for seed in seeds_of(job, name)]
        for name, choice in choices(job.settings).items()
    }
    return finding(about, job.settings, found, on.classes)


def again(about: Comparison) -> Again:
    """The finding from what a run stored, counts of operations among it."""
    return lambda held, rows: finding(
        about, held.settings, stored(held.settings, rows), INPUTS[held.settings["data"]].classes
    )


def stored(settings: Mapping[str, Any], rows: Sequence[Mapping[str, Any]]) -> Made:
    """The results and counts of a run by the rows of its seeds.csv. Raises: `LookupError` where one is missing."""
    found = dict[tuple[Any, Any], tuple[dict[str, Any], dict[str, float]]]()
    for each in rows:
        row = {name: value for name, value in each.items() if value is not None}
        result = {"accuracy": row[SCORE], **{key: row[name] for name, key in TRAINED.items()}}
        result["spikes"] = {name: value for name, value in row.items() if name.startswith(LAYER)}
        found[row["network"], row["seed"]] = result, {k: row[k] for k in COUNTS if k in row}
    return {name: [found[name, seed] for seed in seeds_of(settings, name)] for name in settings["networks"]}


def priced(counts: Mapping[str, float]) -> dict[str, float]:
    """The counts of a sample by the names of `Operations`, and the joules that they are taken to cost by now.

    Raises: `KeyError` without the counts that the joules come from.

    >>> counts = dict(accumulates=1e3, multiply_accumulates=0.0, updates=0.0, functions=0.0, sums=1e3)
    >>> round(1e9 * priced(counts)["energy"], 2)
    1.8
    """
    known = {k: float(counts[k]) for k in COUNTS if k in counts}
    needed = {k: known[k] for k in ("accumulates", "multiply_accumulates", "updates", "functions", "sums")}
    return dict(sorted({**known, "energy": Operations(**needed).energy()}.items()))


def choices(settings: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """All that decides a network and its training, but for the seed."""
    shared = {k: settings[k] for k in SHARED}
    return {
        name: {**shared, **{k: v for k, v in one.items() if k != "seeds"}} for name, one in settings["networks"].items()
    }


def seeds_of(settings: Any, name: str) -> list[int]:
    """The seeds of a network."""
    return settings["networks"][name]["seeds"]


def cells_of(choice: Mapping[str, Any], image: tuple[int, int, int]) -> int:
    """The number of cells of a network without a front.

    >>> cells_of({"kind": "CS-GRU", "channels": 16, "stride": 2}, (1, 28, 28))
    3136
    """
    if choice["kind"] in DENSE:
        return choice["channels"]
    high, wide = ((n - 1) // choice["stride"] + 1 for n in image[1:])
    return choice["channels"] * high * wide


def _entry(
    name: str,
    choice: Mapping[str, Any],
    got: Sequence[tuple[Mapping[str, Any], Mapping[str, Any]]],
    cells: int,
    classes: int,
) -> Entry:
    scores = Scores.of((result for result, _ in got), classes)
    train = statistics.fmean(result["train_accuracy"] for result, _ in got)
    costs = {k: statistics.fmean(each[k] for _, each in got) for k in got[0][1]}
    spikes = over_seeds([each["spikes"] for _, each in got])
    row = (
        name, *scores.cells, choice["epochs"], train, costs["spikes_in"], spikes, costs["accumulates"],
        costs["multiply_accumulates"], costs["updates"], costs["sums"], costs["functions"], 1e6 * costs["energy"],
        got[0][0]["parameters"], statistics.median(r["seconds_per_epoch"] for r, _ in got),
    )  # fmt: skip
    return Entry(name, choice, cells, scores, costs, row)


def finding(about: Comparison, settings: Mapping[str, Any], got: Made, classes: int) -> Finding:
    """The table, the picture, and the published numbers beside ours. Energies are computed here, from the counts."""
    kept, found = Seeds(), list[Entry]()
    for name, choice in choices(settings).items():
        each = [(result, priced(counts)) for result, counts in got[name]]
        for seed, (result, costs) in zip(seeds_of(settings, name), each, strict=True):
            kept.add({"network": name}, seed, result, {**costs, "epochs": choice["epochs"]})
        found.append(_entry(name, choice, each, cells_of(choice, INPUTS[settings["data"]].image), classes))
    title, by_name = about.title, {one.name: one for one in found}
    tables = [
        scored(title, COLUMNS, [one.row for one in found], f"{_said(settings)} {about.caption} {ENERGY}"),
        Table(f"{title}, networks", SIZES, [_size(one) for one in found]),
    ]
    rows = [(claim, value, _beside(by_name, claim, ours)) for claim, value, ours in about.published]
    tables.append(Table(f"{title}, published", ("claim", "paper", "here"), rows, PUBLISHED))
    text = f"{ranked({one.title: one.scores for one in found})} {_least(found)} {_gate(by_name)}".strip()
    picture = Picture(
        f"{title}, accuracy and energy",
        "Each network at the energy of its arithmetic; a mark for every seed. Hollow: the mean over all of space.",
        text,
        lambda style: _draw(found, style),
    )
    return Finding(text, tables=tables, pictures=[picture], seeds=kept.table())


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
    about = f"{ours}, {one.choice['epochs']} epochs, {seeds(one.scores.n)}"
    if claim == FEWER_SPIKES:
        other = found.get("SpikGRU")
        if other is None or not other.costs["spikes"]:
            return "not run"
        ratio = one.costs["spikes"] / other.costs["spikes"]
        said = f"{100 * (1 - ratio):.0f} %" if ratio <= 1 else f"{ratio:.1f} times as many"
        return f"{said} ({about}; {one.cells:,} cells, SpikGRU {other.cells:,}); see ACs and MACs"
    return f"{one.scores.said()} ({about})"


def _least(found: Sequence[Entry]) -> str:
    able = [one for one in found if one.scores.learnt]
    if not able:
        return ""
    least = min(able, key=lambda one: one.costs["energy"])
    return f"Least arithmetic of those above chance: {least.name}, {number(1e6 * least.costs['energy'], 3)} uJ."


def _gate(found: Mapping[str, Entry]) -> str:
    """What the update gate that reads the current costs, beside the one that reads spikes."""
    said: list[str] = []
    for name, spikes in found.items():
        current = found.get(name.replace(", z reads spikes", ""))
        if current is None or current is spikes:
            continue
        (_, _, more, _), (_, _, fewer, _) = summed(dict(current.costs)), summed(dict(spikes.costs))
        counts = f"{number(fewer, 3)} multiply-accumulates in place of {number(more, 3)}"
        change = gains({"its accuracy": (current.scores, spikes.scores)})
        said.append(f"{current.name}: an update gate that reads spikes takes {counts}; in points, {change}.")
    return " ".join(said)


def _said(used: Mapping[str, Any]) -> str:
    steps = f"{used['steps']} steps" if used["steps"] is not None else "as many steps as in the paper"
    return (
        f"{used['data']}, {steps}, batches of {used['batch']}, Adam on a cosine schedule; operations of one sample, "
        f"the mean over {used['counted']} of the test samples, inference."
    )


def _size(one: Entry) -> tuple[Any, ...]:
    held, grid = one.choice, one.choice.get("grid", 1)
    dense = held["kind"] in DENSE
    means = "-" if dense else "all of space" if grid == 1 else f"a grid of {grid} x {grid}"
    return (
        one.name,
        one.cells,
        None if dense else held["channels"],
        held.get("stride"),
        means,
        held.get("start"),
        held.get("gain"),
        held["lr"],
        held["epochs"],
    )


def smaller(used: Mapping[str, Any], *, channels: int, epochs: int) -> str:
    """What of the networks in force is smaller than in the paper, which has so many channels and epochs."""
    networks = list(used["networks"].values())
    conv = [one for one in networks if "stride" in one]
    said = [f"{_range(one['channels'] for one in conv)} channels (the paper: {channels})"] if conv else []
    said += [f"stride {_range(one['stride'] for one in conv)} (1)"] if conv else []
    length = _range(one["epochs"] for one in networks)
    counts = sorted({len(one["seeds"]) for one in networks})
    said += [
        f"{length} {'epoch' if length == '1' else 'epochs'} ({epochs})",
        " or ".join(seeds(n) for n in counts),
    ]
    return ", ".join(said)


def _range(values: Iterable[int]) -> str:
    held = sorted(set(values))
    return " or ".join(map(str, held)) if len(held) < 3 else f"{held[0]} to {held[-1]}"


def _draw(found: Sequence[Entry], style: Style) -> Figure:
    figure = new_figure(WIDTH, 4.2, style)
    ax = dress(figure.subplots(), style, x="energy of one sample's arithmetic (uJ)", y="test accuracy (%)", grid="both")
    ax.set_xscale("log")
    kinds = list(dict.fromkeys(one.choice["kind"] for one in found))
    for one in found:
        colour = style.colours[kinds.index(one.choice["kind"]) % len(style.colours)]
        hollow = one.choice["kind"] not in DENSE and one.choice.get("grid", 1) == 1
        # a hollow mark stands on top of the others, which would hide it
        ax.plot(
            [1e6 * one.costs["energy"]] * one.scores.n,
            one.scores.values,
            "o",
            ms=6 if hollow else 5,
            mew=1.3,
            color=colour,
            mfc=style.background if hollow else colour,
            zorder=4 if hollow else 3,
            label=one.title,
        )
    ax.margins(x=0.1, y=0.15)
    log_ticks(ax, x=True)
    figure.legend(loc="outside lower left", ncols=2, frameon=False, fontsize=TICK, labelcolor=style.ink)
    return figure
