"""A Fourier operator and a causal neuron that learned the same traces, beside what they have to beat."""

from __future__ import annotations

import itertools
import statistics
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from matplotlib.figure import Figure

from rheobase.learning.fitting.features import check_features
from rheobase.operator.fourier import library
from rheobase.plot import Picture, Style, Table
from rheobase.plot.style import LABEL, WIDTH, dress, legend_below, new_figure
from rheobase.reproduce.job import Job
from rheobase.reproduce.noble import other_stimuli
from rheobase.reproduce.noble.figures import FEATURES, figures
from rheobase.reproduce.noble.over_seeds import over_seeds
from rheobase.reproduce.noble.point_neurons import predictions
from rheobase.reproduce.noble.settings import HELD_OUT, PROTOCOL, SHORT_PROTOCOL
from rheobase.reproduce.noble.stand_ins import (
    BASELINES,
    CONVOLUTIONAL,
    NEURON,
    OPERATOR,
    PIECE,
    SHOWN,
    baselines,
    chosen,
    counted,
    restored,
)
from rheobase.reproduce.noble.tables import COLUMNS, COST, mean_of, number, row_of
from rheobase.reproduce.noble.traces import CODES, FOLDER, Family, family
from rheobase.reproduce.paper import Finding, Part

LAST = 150.0  # ms of the step that are drawn
PARTS = ("unseen amplitudes", "unseen models", "fitted models")
CAPTIONS = {
    "unseen amplitudes": "Training models under amplitudes that no training trace has.",
    "unseen models": "Models that were held out; a model without a code of its own has the mean of those of all.",
    "fitted models": "Some of the training models, to each of which point neurons were fitted, one by one.",
}


def run(job: Job) -> Finding:
    check_features(tuple(FEATURES.values()))  # which may be missing, as the operator: said before traces are made
    if any(choice["kind"] == OPERATOR for choice in job["trained"].values()):
        library()
    on = family(job)
    floor = baselines(job, on)
    found, kept = over_seeds(job, on, job["trained"], on.parts())
    text = _said(job, found, floor)
    caption = _caption(job, on)
    name = next((name for name, choice in job["trained"].items() if choice["kind"] == NEURON), None)
    others = list[Table]()
    if name is not None and on.fitted:
        note = f"{name}, first seed, trained on steps alone; the {len(on.fitted)} models of 'Fitted models'."
        cell = other_stimuli.answered(job, on, on.fitted)
        rows = other_stimuli.tried(job, on, cell, on.fitted, *restored(on, job["trained"][name], found[name][0]))
        others.append(Table("Other currents", other_stimuli.COLUMNS, rows, note))
    return Finding(
        text,
        tables=[
            Table(part.capitalize(), COLUMNS, _rows(job, on, part, found, floor), f"{CAPTIONS[part]} {caption}")
            for part in on.parts()
        ]
        + others,
        pictures=[
            Picture(
                "Traces",
                f"First model of each test, near {SHOWN:g} nA, end of the step; first seed.",
                text,
                lambda style: _traces(on, found, style),
            ),
            Picture(
                "Spikes against current",
                "Each point is a sample; first seed.",
                text,
                lambda style: _counts(on, found, style),
            ),
            Picture(
                "Learning curves",
                "Objectives on validation traces, spikes told; first seed.",
                text,
                lambda style: _curves(on, job, found, style),
            ),
        ],
        quoted=[_published()],
        seeds=kept.table(),
    )


def _rows(
    job: Job, on: Family, part: str, found: Mapping[str, list[Mapping[str, Any]]], floor: Mapping[str, Any]
) -> list[tuple[Any, ...]]:
    rows: list[tuple[Any, ...]] = [
        (name, None, None, *row_of([floor[f"{name}, {part}"]]), None, None, floor["cost"].get(name))
        for name in BASELINES
    ]
    if part == "fitted models":
        truth = on.windows(on.parts()[part], torch.zeros(len(on.models.names), 1))
        for kind in job["point_neurons"]["kinds"]:
            made, units = predictions(job, on, kind)
            each = [figures(made, truth, on, shaped=False)]
            seconds, cost = (statistics.fmean(unit[name] for unit in units) for name in ("seconds", "cost"))
            rows.append((f"{kind}, one for each", None, 1, *row_of(each), units[0]["parameters"], seconds, cost))
    for name, results in found.items():
        each = [one[part] for one in results]
        seconds = statistics.median(one["seconds"] for one in results)
        cost = statistics.median(one["cost"] for one in each)
        code = job["trained"][name]["code"]
        rows.append((name, code, len(each), *row_of(each), results[0]["parameters"], seconds, cost))
    return rows


def _said(job: Job, found: Mapping[str, list[Mapping[str, Any]]], floor: Mapping[str, Any]) -> str:
    said = list[str]()
    for part in PARTS[:2]:
        scored = [
            f"{name} {mean_of(results, part, 'gamma')} (mean-subtracted error {mean_of(results, part, 'subtracted')} %)"
            for name, results in found.items()
        ]
        near, silent = floor[f"nearest training model, {part}"], floor[f"never fires, {part}"]
        said.append(
            f"{part.capitalize()}, Gamma at 4 ms, mean of seeds: {'; '.join(scored)}; nearest training "
            f"model {number(near['gamma'])} ({number(near['subtracted'])} %); never fires {number(silent['gamma'])} "
            f"({number(silent['subtracted'])} %)."
        )
    return " ".join(said)


def _caption(job: Job, on: Family) -> str:
    p = on.protocol
    each = "; ".join(f"{name}: {_training(one)}" for name, one in job["trained"].items())
    return (
        f"{len(on.train)} training traces of {len(on.training)} models, windows of {p.window * p.sample:.4g} ms at "
        f"{p.sample:g} ms; {len(on.test)} test traces, {len(on.held_out)} models held out. Codes are scaled by "
        f"the training models, checkpoints chosen on {len(on.validation)} further traces of them, and the neuron "
        f"calibrated on the training traces (the network on the {len(on.validation)}). {each}. "
        "The row of the solver is what the sampling costs. Missed: the cell fires, the prediction does not; invented: "
        "the other way. Features are of eFEL, mean relative errors over samples in which both have them. "
        f"{COST} of the cell: processor time of one thread, {PIECE} windows at once; it includes no training."
    )


def _training(one: Mapping[str, Any]) -> str:
    sizes = {
        OPERATOR: ("modes", "hidden", "layers"),
        NEURON: ("hidden",),
        CONVOLUTIONAL: ("channels", "layers", "width"),
    }[one["kind"]]
    free = f" and {one['free']} with its own spikes" if one.get("free") else ""
    size = ", ".join(f"{name} {one[name]}" for name in sizes)
    return f"{one['epochs']} epochs{free}, Adam at {one['lr']:g} on a cosine, batches of {one['batch']}, {size}"


def _published() -> Table:
    """Tables 1 and 2 of the paper, and its section 4.2."""
    columns = ("models", "code", "voltage error (%)", "spike count error (%)", "AP1 width error (%)")
    rows = [
        ("50 trained on", "s_thr, I_thr (section 4.2)", 2.18, 3.0, 32.8),
        ("50 trained on", "s_thr, I_thr (table 1)", 1.92, 3.1, 27.0),
        ("50 trained on", "s_thr", 2.83, 4.9, 233.0),
        ("50 trained on", "I_thr", 2.73, 4.4, 107.0),
        ("50 trained on", "none", 12.1, None, None),
        ("10 held out", "s_thr, I_thr (table 2)", 11.7, 9.2, 350.0),
    ]
    note = "Samples in which only one of prediction and cell fires are left out of them. Without a code it never fires."
    return Table("Published errors", columns, rows, note)


def _traces(on: Family, found: Mapping[str, list[Mapping[str, Any]]], style: Style) -> Figure:
    figure = new_figure(WIDTH, 4.2, style)
    axes = figure.subplots(2, 1, sharex=True)
    p = on.protocol
    time = np.arange(p.window) * p.sample
    _, features = on.code(CODES[0])
    for ax, part in zip(axes, PARTS[:2], strict=True):
        traces = on.parts()[part]
        k = chosen(traces)
        truth = on.windows(traces, features)
        name = on.models.names[int(traces.model[k])]
        dress(ax, style, title=f"{part}: {name}, {1000 * float(traces.amplitude[k]):.0f} pA", y="potential (mV)")
        ax.plot(time, truth.v[:, k].numpy(), color=style.muted, lw=1.8, label="cell")
        for colour, (label, results) in zip(style.colours, found.items(), strict=False):
            ax.plot(time, results[0][f"v, {part}"], color=colour, lw=0.8, label=label)
        # its end, since what drifts has drifted there
        ax.set_xlim(max(0.0, p.early + p.duration - LAST), p.early + p.duration + 0.25 * LAST)
    axes[-1].set_xlabel("time (ms)", fontsize=LABEL, color=style.muted)
    legend_below(figure, axes[0], style, columns=3)
    return figure


def _counts(on: Family, found: Mapping[str, list[Mapping[str, Any]]], style: Style) -> Figure:
    figure = new_figure(WIDTH, 3.0, style)
    axes = figure.subplots(1, 2, sharey=True)
    _, features = on.code(CODES[0])
    for ax, part in zip(axes, PARTS[:2], strict=True):
        traces = on.parts()[part]
        dress(ax, style, title=part, x="current (pA)", y="spikes" if ax is axes[0] else "", grid="y")
        current = 1000.0 * traces.amplitude.numpy()
        ax.plot(
            current,
            counted(on.windows(traces, features).trains),
            "o",
            ms=5,
            mfc="none",
            color=style.muted,
            label="cell",
        )
        for colour, (label, results) in zip(style.colours, found.items(), strict=False):
            ax.plot(current, results[0][f"counts, {part}"], ".", ms=3, color=colour, label=label)
    legend_below(figure, axes[0], style, columns=3)
    return figure


def _curves(on: Family, job: Job, found: Mapping[str, list[Mapping[str, Any]]], style: Style) -> Figure:
    figure = new_figure(WIDTH, 3.0, style)
    ax = figure.subplots()
    dress(ax, style, x="traces seen (1000)", y="objective, validation", grid="y")
    for colour, (name, results) in zip(itertools.cycle(style.colours), found.items(), strict=False):
        losses = results[0]["loss"]
        seen = len(on.train) // job["trained"][name]["batch"] * job["trained"][name]["batch"]
        thousands = [1e-3 * seen * (k + 1) for k in range(len(losses))]
        ax.semilogy(thousands, losses, ".-", ms=3, color=colour, lw=1.0, label=name)
    legend_below(figure, ax, style, columns=3)
    return figure


def _smaller(used: Mapping[str, Any]) -> str:
    p = used["protocol"]
    net = next(one for one in used["trained"].values() if one["kind"] == OPERATOR)
    count = used["chunks"] * used["stimuli"] * min(used["models"], 50)
    return (
        f"The paper trains 1,803,001 parameters (256 modes, 24 channels, 12 layers) on 75,600 traces of 515 ms at 0.06 "
        f"ms for 300 epochs; here it is {net['modes']} modes, {net['hidden']} channels, {net['layers']} layers, "
        f"{count:,} traces with a step of {p['duration']:g} ms at {p['keep'] * p['dt']:g} ms, {net['epochs']} epochs, "
        "a cosine in place of a plateau, and one start of the window for each batch."
    )


_OPERATOR = {"kind": OPERATOR, "code": CODES[0], "modes": 256, "hidden": 24, "layers": 4, "batch": 16, "lr": 0.004}
_NEURON = {"kind": NEURON, "code": CODES[0], "hidden": 16, "batch": 16, "lr": 0.01}
_CONVOLUTIONAL = {
    "kind": CONVOLUTIONAL,
    "code": CODES[0],
    "channels": 24,
    "layers": 6,
    "width": 4,
    "stride": 4,
    "batch": 16,
    "lr": 0.002,
}
_POINT = {
    "kinds": ["GLIF3", "AdEx"],
    "sweeps": 10,
    "restarts": 24,
    "forced": 60,
    "free": 5,
    "generations": 150,
    "population": 64,
}

PART = Part(
    "comparison",
    "Unseen amplitudes and models",
    "a Fourier operator and a causal neuron beside what they must beat",
    run,
    settings={
        "seeds": [0, 1],
        "held_out": HELD_OUT,
        "models": 50,
        "protocol": PROTOCOL,
        "chunks": 5,
        "stimuli": 8,
        "validation": 2,
        "tested": 12,
        "fitted": [0, 20, 41],
        "point_neurons": _POINT,
        "trained": {
            "causal neuron": {**_NEURON, "epochs": 24, "free": 20},
            "causal neuron, conductances": {**_NEURON, "code": CODES[1], "epochs": 24, "free": 20},
            "causal neuron, its own codes": {**_NEURON, "code": "its own", "epochs": 24, "free": 20},
            "Fourier operator": {**_OPERATOR, "epochs": 2, "seeds": [0]},
            "convolutional network": {**_CONVOLUTIONAL, "epochs": 3, "seeds": [0]},
        },
    },
    # what has to be beaten is beaten in `between`, which has most of the time of a quick run
    quick={
        "seeds": [0],
        "models": 12,
        "held_out": HELD_OUT[:4],
        "protocol": SHORT_PROTOCOL,
        "chunks": 3,
        "stimuli": 8,
        "validation": 4,
        "tested": 6,
        "fitted": [0],
        "point_neurons": {**_POINT, "kinds": ["GLIF3"], "generations": 40, "free": 0},
        "trained": {
            "causal neuron": {**_NEURON, "epochs": 30, "free": 10},
            "Fourier operator": {**_OPERATOR, "modes": 128, "hidden": 16, "epochs": 4},
        },
    },
    needs=(FOLDER,),
    minutes=50,
    reduced=_smaller,
)
