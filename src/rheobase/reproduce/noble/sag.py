"""Fine-tuning on the sag of hyperpolarised traces: what it gains there, and what it loses on all currents."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from rheobase.learning.fitting.features import check_features
from rheobase.operator.fourier import library
from rheobase.operator.sag import PUBLISHED
from rheobase.plot import Picture, Style, Table
from rheobase.plot.style import LABEL, WIDTH, dress, legend_below, log_ticks, new_figure
from rheobase.reproduce.job import Job
from rheobase.reproduce.noble.figures import FEATURES
from rheobase.reproduce.noble.fine_tuning import (
    ALL,
    AMPLITUDES,
    BEFORE,
    BELOW,
    GAMMA,
    MEAN,
    MISSED,
    MODELS,
    NEAR,
    SAG,
    SAG_L2,
    SAG_MV,
    SEEN,
    SHOWN,
    SUBTRACTED,
    VOLTAGE,
    WHEN,
    chosen,
    floor,
    tuned,
)
from rheobase.reproduce.noble.settings import HELD_OUT, PROTOCOL, SHORT_PROTOCOL
from rheobase.reproduce.noble.stand_ins import OPERATOR, trained
from rheobase.reproduce.noble.tables import number
from rheobase.reproduce.noble.traces import CODES, FOLDER, Family, family, hyperpolarising
from rheobase.reproduce.paper import Finding, Part
from rheobase.reproduce.seeds import Seeds

OF_BELOW, OF_ALL = (VOLTAGE, SUBTRACTED, SAG, SAG_L2, SAG_MV, WHEN), (VOLTAGE, SUBTRACTED, GAMMA, MISSED)
EACH = "error of each seed (%)"  # of the sag; of the voltage where all currents are
TITLE = "Steps below 0, "
CAPTIONS = {
    SEEN: "What was fine-tuned on; it is no test.",
    AMPLITUDES: "Training models under amplitudes that no training trace has.",
    MODELS: "Models that were held out.",
}

Results = Mapping[str, list[Mapping[str, Any]]]


def run(job: Job) -> Finding:
    check_features(tuple(FEATURES.values()))  # which may be missing, as the operator: said before traces are made
    if job["network"]["kind"] == OPERATOR:
        library()
    on = family(job)
    below = hyperpolarising(job, on)
    low = floor(job, on, below)
    found: dict[str, list[Mapping[str, Any]]] = {BEFORE: [], **{name: [] for name in job["tuned"]}}
    for seed in job["seeds"]:
        network = {**job["network"], "weights": True}
        before = trained(job, f"before-seed-{seed}", on, network, seed)
        found[BEFORE].append(tuned(job, BEFORE, on, below, before, None, seed))
        for name, choice in job["tuned"].items():
            found[name].append(tuned(job, name, on, below, before, choice, seed))
    text = _said(job, found, low)
    return Finding(
        text,
        tables=[
            *(
                Table(
                    TITLE + part,
                    ("prediction", "sag weight", "seeds", *OF_BELOW, EACH, "of samples"),
                    _rows(job, part, OF_BELOW, found, low),
                    f"{CAPTIONS[part]} {_caption(job, on, below)}",
                )
                for part in BELOW
            ),
            *(
                Table(
                    part.capitalize(),
                    ("prediction", "sag weight", "seeds", *OF_ALL, EACH, "of samples"),
                    _rows(job, part, OF_ALL, found, low),
                    "The other side: steps of the whole range, of which fine-tuning saw those below 0 alone. "
                    "Missed: the cell fires, the prediction does not.",
                )
                for part in ALL
            ),
            _trainings(job, below, found),
        ],
        pictures=[
            Picture(
                "A held-out model",
                f"First held-out model, near {1000 * SHOWN:g} pA; first seed.",
                text,
                lambda style: _traces(below, found, style),
            ),
            Picture(
                "Sag and voltage",
                "Each point is a seed. Left: what fine-tuning is for; right: what it costs.",
                text,
                lambda style: _scatter(found, low, style),
            ),
        ],
        quoted=[_published()],
        seeds=_seeds(job, found).table(),
    )


def _rows(job: Job, part: str, columns: Iterable[str], found: Results, low: Mapping[str, Any]) -> list[tuple[Any, ...]]:
    rows = list[tuple[Any, ...]]()
    for name in (MEAN, NEAR):
        one = low.get(f"{name}, {part}")
        if one is not None:
            rows.append((name, None, None, *(one[column] for column in columns), None, one["samples"]))
    for name, results in found.items():
        each = [one[part] for one in results]
        error = SAG_L2 if part in BELOW else VOLTAGE
        spread = ", ".join(number(one[error]) for one in each) if len(each) > 1 else None
        means = [_mean(one[column] for one in each) for column in columns]
        rows.append((name, _weight(job, name), len(each), *means, spread, each[0]["samples"]))
    return rows


def _mean(values: Iterable[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return statistics.fmean(known) if known else None


def _weight(job: Job, name: str) -> float | None:
    return None if name == BEFORE else job["tuned"][name]["weight"]


def _said(job: Job, found: Results, low: Mapping[str, Any]) -> str:
    said = list[str]()
    for part in (AMPLITUDES, MODELS):
        scored = "; ".join(
            f"{name} {_shown(results, part, SAG_L2)} ({_shown(results, part, SAG_MV)} mV)"
            for name, results in found.items()
        )
        near, mean = (low[f"{name}, {part}"] for name in (NEAR, MEAN))
        said.append(
            f"{part.capitalize()}, steps below 0, relative error of the sag, % (and mean error; means of seeds): "
            f"{scored}; {NEAR} {number(near[SAG_L2])} ({number(near[SAG_MV])} mV), {MEAN} {number(mean[SAG_L2])} "
            f"({number(mean[SAG_MV])} mV)."
        )
    late = "; ".join(f"{name} {_shown(results, AMPLITUDES, WHEN)}" for name, results in found.items())
    near = low[f"{NEAR}, {AMPLITUDES}"][WHEN]
    said.append(f"The minimum under unseen amplitudes is off by, ms (mean): {late}; {NEAR} {number(near)}.")
    voltages = (
        "; ".join(f"{name} {_shown(results, part, VOLTAGE)}" for name, results in found.items())
        for part in (AMPLITUDES, ALL[0])
    )
    below, whole = voltages
    said.append(f"Voltage error under unseen amplitudes below 0, %: {below}. Under all currents: {whole}.")
    return " ".join(said)


def _shown(results: list[Mapping[str, Any]], part: str, error: str) -> str:
    return number(_mean(one[part][error] for one in results))


def _caption(job: Job, on: Family, below: Family) -> str:
    p, net, one = on.protocol, job["network"], next(iter(job["tuned"].values()))
    return (
        f"Trained before: {net['epochs']} epochs of {len(on.train)} traces of {len(on.training)} models under all "
        f"currents, Adam at {net['lr']:g}. Fine-tuned by the same loop: {one['epochs']} epochs of {len(below.train)} "
        f"traces with steps of {1000 * below.protocol.amplitudes[0]:g} to 0 pA, evenly drawn, Adam at {one['lr']:g}; "
        f"both on a cosine, batches of {net['batch']}, gradients cut at a norm of 1; checkpoints by the objective on "
        f"{len(below.validation)} further traces of training models. The objective has the relative error of order 4 "
        f"(mean over the batch) and the sag weight times the error of the sag; the published weight, 25 beside a sum "
        f"over batches of 64, is {PUBLISHED:.2g} here. Windows of {p.window * p.sample:.4g} ms at {p.sample:g} ms. "
        "Sag: the mean over the last tenth of the step, less the minimum in it, as eFEL has it. Its error is the mean "
        "of |sag - true| / true over traces, as published, which traces near 0 pA rule, whose sag is hundredths of a "
        "mV; the relative error of order 2 over all traces; and the mean of |sag - true|. A ripple at the right depth "
        "has no such error: the last one is of the time of the minimum, the mean over traces. "
        f"{MEAN.capitalize()}: of the 8 training traces nearest in amplitude, whatever their "
        f"model; {NEAR}: by the code, simulated under the same step."
    )


def _trainings(job: Job, below: Family, found: Results) -> Table:
    rows = list[tuple[Any, ...]]()
    for name, results in found.items():
        epochs = job["network"]["epochs"] if name == BEFORE else job["tuned"][name]["epochs"]
        best, cpu = ([one[key] for one in results] for key in ("epoch", "cpu"))
        shown = ", ".join(str(epoch) for epoch in best)
        rows.append((name, results[0]["parameters"], epochs, shown, statistics.fmean(cpu) / 60.0))
    columns = ("training", "parameters", "epochs", "best epoch of each seed", "CPU minutes")
    return Table("Trainings", columns, rows, "Processor time of one thread, mean of seeds.")


def _seeds(job: Job, found: Results) -> Seeds:
    kept = Seeds()
    for name, results in found.items():
        for seed, one in zip(job["seeds"], results, strict=True):
            for part in (*BELOW, *ALL):
                row = {name: one[part][name] for name in dict.fromkeys((*OF_BELOW, *OF_ALL)) if name in one[part]}
                kept.put({"prediction": name, "test": part, "seed": seed, **row, "epoch": one["epoch"]})
    return kept


def _published() -> Table:
    """Table 3 of the paper."""
    columns = ("weight in the paper", "after epochs of fine-tuning", VOLTAGE, SAG)
    rows = [
        (None, 0, 0.14, 69.6),
        (0, 100, 0.064, 22.2),
        (0, 200, 0.041, 20.3),
        (0, 300, 0.043, 19.2),
        (25, 100, 0.055, 13.2),
        (25, 200, 0.047, 12.2),
        (25, 300, 0.035, 9.6),
    ]
    note = (
        "Table 3: 1,803,001 parameters, 19,600 traces with amplitudes below 0, training models, one seed. What "
        "becomes of currents above 0 and of held-out models is not in it."
    )
    return Table("Published errors of fine-tuning", columns, rows, note)


def _traces(below: Family, found: Results, style: Style) -> Figure:
    traces, p = below.parts()[MODELS], below.protocol
    _, features = below.code(CODES[0])
    k = chosen(traces)
    truth = below.windows(traces, features).v[:, k].numpy()
    time = np.arange(p.window) * p.sample
    figure = new_figure(WIDTH, 3.0, style)
    ax = figure.subplots()
    name, amplitude = below.models.names[int(traces.model[k])], 1000 * float(traces.amplitude[k])
    dress(ax, style, title=f"{name}, {amplitude:.0f} pA", y="potential (mV)")
    ax.set_xlabel("time (ms)", fontsize=LABEL, color=style.muted)
    ax.plot(time, truth, color=style.muted, lw=2.0, label="cell")
    for colour, (label, results) in zip(style.colours, found.items(), strict=False):
        ax.plot(time, results[0]["v"], color=colour, lw=0.9, label=label)
    legend_below(figure, ax, style, columns=3)
    return figure


def _scatter(found: Results, low: Mapping[str, Any], style: Style) -> Figure:
    figure = new_figure(WIDTH, 3.2, style)
    axes = figure.subplots(1, 2, sharey=True)
    for ax, part, title in zip(axes, (AMPLITUDES, ALL[0]), ("steps below 0", "all currents"), strict=True):
        label_y = SAG_L2 if ax is axes[0] else ""
        dress(ax, style, title=title, x=VOLTAGE, y=label_y, grid="both")
        for mark, colour, (name, results) in zip("os^Dv", style.colours, found.items(), strict=False):
            points = [(one[part][VOLTAGE], one[AMPLITUDES][SAG_L2]) for one in results]
            ax.loglog(*zip(*points, strict=True), mark, ms=5, color=colour, label=name)
        near = low[f"{NEAR}, {AMPLITUDES}"][SAG_L2]
        ax.axhline(near, color=style.muted, lw=1.0, ls="--", label=NEAR)
        log_ticks(ax, x=True, y=True)
    legend_below(figure, axes[0], style, columns=2)
    return figure


def _smaller(used: Mapping[str, Any]) -> str:
    net, p, one = used["network"], used["protocol"], next(iter(used["tuned"].values()))
    count, more = (of["chunks"] * of["stimuli"] * min(used["models"], 50) for of in (used, used["hyperpolarising"]))
    return (
        f"The paper fine-tunes 1,803,001 parameters, which saw 22.7 million samples and fire, on 19,600 traces for 300 "
        f"epochs (5.9 million samples); here it is {net['modes']} modes, {net['hidden']} channels, {net['layers']} "
        f"layers, which saw {count * net['epochs']:,} samples and do not fire, and {more:,} traces for {one['epochs']} "
        f"epochs, with a step of {p['duration']:g} ms at {p['keep'] * p['dt']:g} ms."
    )


_TUNED = {"batch": 16, "lr": 0.004, "epochs": 8}  # of three rates the best on validation traces
_WEIGHTS = {
    "fine-tuned without the sag": 0.0,
    "with the sag, published weight": PUBLISHED,
    "with the sag, 64 times that": 25.0,
}

PART = Part(
    "sag",
    "Fine-tuning on the sag",
    "the Fourier operator, trained once more on hyperpolarised traces with the error of their sag",
    run,
    settings={
        "seeds": [0, 1],
        "held_out": HELD_OUT,
        "models": 50,
        "protocol": PROTOCOL,
        "chunks": 3,
        "stimuli": 8,
        "validation": 2,
        "tested": 12,
        "fitted": [],
        "hyperpolarising": {"chunks": 2, "stimuli": 8, "validation": 2, "tested": 6},
        "network": {
            "kind": OPERATOR,
            "code": CODES[0],
            "modes": 128,
            "hidden": 8,
            "layers": 2,
            "batch": 16,
            "lr": 0.004,
            "epochs": 3,
        },
        "tuned": {name: {**_TUNED, "weight": weight} for name, weight in _WEIGHTS.items()},
    },
    quick={
        "models": 12,
        "held_out": HELD_OUT[:4],
        "protocol": SHORT_PROTOCOL,
        "chunks": 1,
        "tested": 6,
        "validation": 4,
        "seeds": [0],
        "hyperpolarising": {"chunks": 1, "stimuli": 8, "validation": 4, "tested": 4},
        "tuned": {name: {**_TUNED, "weight": weight, "epochs": 3} for name, weight in _WEIGHTS.items()},
    },
    needs=(FOLDER,),
    minutes=30,
    reduced=_smaller,
)
