"""Causal neurons that learned from models mixed of the training models, told by their responses to short steps."""

from __future__ import annotations

import statistics
from collections.abc import Mapping
from typing import Any

import torch
from matplotlib.figure import Figure

from rheobase.errors import ParameterError
from rheobase.learning.fitting.features import check_features
from rheobase.plot import Picture, Style, Table
from rheobase.plot.style import WIDTH, dress, legend_below, log_ticks, new_figure
from rheobase.reproduce.job import Job
from rheobase.reproduce.noble import other_stimuli
from rheobase.reproduce.noble.figures import FEATURES
from rheobase.reproduce.noble.material import MIXED, PUBLISHED, VARIED, material
from rheobase.reproduce.noble.neighbours import NEAR, NEAREST, SILENT, floor
from rheobase.reproduce.noble.over_seeds import over_seeds
from rheobase.reproduce.noble.settings import HELD_OUT, PROTOCOL
from rheobase.reproduce.noble.spread import COLUMNS as SPREAD
from rheobase.reproduce.noble.spread import spread
from rheobase.reproduce.noble.stand_ins import NEURON, restored
from rheobase.reproduce.noble.tables import COLUMNS, mean_of, number, row_of
from rheobase.reproduce.noble.traces import FOLDER, RESPONSE, WIDER, Between, Family, family
from rheobase.reproduce.paper import Finding, Part

PARTS = ("unseen amplitudes", "unseen models", "mixed models")
CAPTIONS = {
    "unseen amplitudes": "Training models under amplitudes that no training trace has.",
    "unseen models": "Published models that were held out: neither learned from, nor mixed, nor chosen by.",
    "mixed models": "Further mixed models, as an interpolation between the training models.",
}
GAMMA = "Gamma at 4 ms"
SHOWN = 8.0  # %: what is further off is drawn at this end
SPREAD_CAPTION = (
    "Over the models under one current: the standard deviation of the logarithm of the mean interval, and the "
    "correlation of what is left without the mean over models. First seed."
)
SAMPLES = "traces seen (1000)"


def run(job: Job) -> Finding:
    check_features(tuple(FEATURES.values()))
    on = family(job)
    if on.between is None:
        raise ParameterError("noble", "no setting mixed", "how many models to mix", "take the part's own settings")
    low = floor(job, on, on.between)
    found, kept = over_seeds(job, on, job["trained"], on.parts())
    text, caption = _said(on, found, low), _caption(job, on, on.between)
    return Finding(
        text,
        tables=[
            *(
                Table(part.capitalize(), COLUMNS, _rows(job, part, found, low), f"{CAPTIONS[part]} {caption}")
                for part in PARTS
            ),
            _sizes(job, on, found),
            *(
                Table(f"Spread over {part}", SPREAD, _spreads(on, part, found, low), SPREAD_CAPTION)
                for part in PARTS[1:]
            ),
            _others(job, on, found),
        ],
        pictures=[
            Picture(
                "Intervals of unseen models",
                "Errors of the mean interval, those beyond "
                f"{SHOWN:g} % at the edge; each point is a held-out model under one current; first seed.",
                text,
                lambda style: _intervals(found, low, style),
            ),
            Picture(
                "Number of models",
                "Published and mixed ones that were learned from; each point is a seed.",
                text,
                lambda style: _by_size(job, on, found, low, style),
            ),
        ],
        seeds=kept.table(),
    )


def _rows(
    job: Job, part: str, found: Mapping[str, list[Mapping[str, Any]]], low: Mapping[str, Any]
) -> list[tuple[Any, ...]]:
    rows: list[tuple[Any, ...]] = [
        (name, None if name == SILENT else RESPONSE, None, *row_of([low[f"{name}, {part}"]]), None, None, None)
        for name in (SILENT, NEAR, NEAREST)
    ]
    for name, results in found.items():
        seconds = statistics.median(one["seconds"] for one in results)
        cost = statistics.median(one[part]["cost"] for one in results)
        each = [one[part] for one in results]
        code = job["trained"][name]["code"]
        rows.append((name, code, len(each), *row_of(each), results[0]["parameters"], seconds, cost))
    return rows


def _said(on: Family, found: Mapping[str, list[Mapping[str, Any]]], low: Mapping[str, Any]) -> str:
    said = list[str]()
    for part in PARTS[:2]:
        scored = "; ".join(f"{name} {mean_of(results, part, 'gamma')}" for name, results in found.items())
        near, nearest = (number(low[f"{name}, {part}"]["gamma"]) for name in (NEAR, NEAREST))
        said.append(
            f"{part.capitalize()}, Gamma at 4 ms, mean of seeds: {scored}; the nearest training model by the same "
            f"responses {near}, the nearest of all models, mixed ones included, {nearest}."
        )
    return " ".join(said)


def _caption(job: Job, on: Family, between: Between) -> str:
    chosen, p = job["mixed"], on.protocol
    steps = ", ".join(f"{1000 * x:g}" for x in chosen["told"])
    epochs = "; ".join(f"{name}: {one['epochs']} and {one['free']}" for name, one in job["trained"].items())
    rounds = " or ".join(str(k) for k in dict.fromkeys(one.get("refined", 0) for one in job["trained"].values()))
    drawn = sum(chosen[name] for name in ("validation", "test", "models"))
    count = len(between.steps.model.unique())
    return (
        f"{chosen['candidates']:,} models were mixed from the {len(on.training)} training models, each parameter "
        f"between those of two of them and moved by {chosen['jitter']:g} of the difference of two more; those whose "
        f"response to {1000 * chosen['screened']:g} pA is like that of the training models, within "
        f"{chosen['slack']:g} of its range, were kept in their order, and of the first {drawn:,} of them those whose "
        f"code is, within {WIDER:g} of its range: {count} to learn from ({len(between.steps)} traces of steps), "
        f"{len(between.validation.model.unique())} to choose the checkpoint by and "
        f"{len(between.test.model.unique())} to test. The code '{RESPONSE}' is the potential at rest, and the delay, "
        f"the first and the mean interval under steps of {steps} pA for {chosen['told_ms']:g} ms, simulated for every "
        f"model, the held-out ones too. Windows of {p.window * p.sample:.4g} ms at {p.sample:g} ms. Epochs, first with "
        f"the spikes told and then with its own: {epochs}; Adam on a cosine, then {rounds} rounds of Gauss-Newton on "
        "spike times, a recipe that was chosen on traces of training models, but after runs without them had been "
        "seen on held-out models. Nearest is by the code, over the training models, or these and the mixed ones "
        "learned from."
    )


def _sizes(job: Job, on: Family, found: Mapping[str, list[Mapping[str, Any]]]) -> Table:
    rows = list[tuple[Any, ...]]()
    for name, results in found.items():
        choice = job["trained"][name]
        traces = material(on, choice).train
        gammas = (statistics.fmean(one[part]["gamma"] for one in results) for part in PARTS)
        seen = len(traces) * (choice["epochs"] + choice["free"]) / 1000.0
        rows.append((name, choice["code"], len(traces.model.unique()), len(traces), seen, len(results), *gammas))
    columns = ("prediction", "code", "models", "traces", SAMPLES, "seeds", *(f"{GAMMA}, {part}" for part in PARTS))
    return Table("Number of models", columns, rows, "Those learned from; Gamma is the mean of seeds.")


def _spreads(
    on: Family, part: str, found: Mapping[str, list[Mapping[str, Any]]], low: Mapping[str, Any]
) -> list[tuple[Any, ...]]:
    cell = torch.as_tensor(low[f"intervals, cell, {part}"])
    made = {name: low[f"intervals, {name}, {part}"] for name in (NEAR, NEAREST)}
    made |= {name: results[0][f"intervals, {part}"] for name, results in found.items()}
    return [(name, *spread(on.parts()[part], cell, torch.as_tensor(one))) for name, one in made.items()]


def _others(job: Job, on: Family, found: Mapping[str, list[Mapping[str, Any]]]) -> Table:
    cell, rows = other_stimuli.answered(job, on, on.held_out), list[tuple[Any, ...]]()
    for name, results in found.items():
        net, features = restored(on, job["trained"][name], results[0])
        rows += [(name, *row) for row in other_stimuli.tried(job, on, cell, on.held_out, net, features)]
    note = (
        "Held-out models, first seed. Only those with all currents have learned from ramps, noise and levels; these "
        "here are other ones, fixed beforehand."
    )
    return Table("Other currents", ("prediction", *other_stimuli.COLUMNS), rows, note)


def _intervals(found: Mapping[str, list[Mapping[str, Any]]], low: Mapping[str, Any], style: Style) -> Figure:
    part = PARTS[1]
    cell = torch.as_tensor(low[f"intervals, cell, {part}"])
    shown = {NEAR: low[f"intervals, {NEAR}, {part}"], **{n: r[0][f"intervals, {part}"] for n, r in found.items()}}
    columns, lines = 2, -(-len(shown) // 2)
    figure = new_figure(WIDTH, 1.6 * lines + 0.4, style)
    axes = figure.subplots(lines, columns, sharex=True, sharey=True, squeeze=False).flatten()
    for ax, colour, (name, made) in zip(axes, [style.muted, *style.colours * len(shown)], shown.items(), strict=False):
        dress(
            ax,
            style,
            title=name.removeprefix("responses, "),
            x="mean interval of the cell (ms)",
            y="error (%)",
            grid="y",
        )
        error = 100.0 * (torch.as_tensor(made) - cell) / cell
        ax.plot(cell.numpy(), error.clamp(-SHOWN, SHOWN).numpy(), ".", ms=4, color=colour)
        ax.axhline(0.0, color=style.muted, lw=0.6)
        ax.set_ylim(-1.1 * SHOWN, 1.1 * SHOWN)
        ax.label_outer()
    for ax in axes[len(shown) :]:
        ax.set_visible(False)
        axes[len(shown) - columns].tick_params(labelbottom=True)
    return figure


def _by_size(
    job: Job, on: Family, found: Mapping[str, list[Mapping[str, Any]]], low: Mapping[str, Any], style: Style
) -> Figure:
    figure = new_figure(WIDTH, 3.0, style)
    axes = figure.subplots(1, len(PARTS), sharey=True)
    named = {VARIED: "learned from all currents", MIXED: "learned from steps"}
    for ax, part in zip(axes, PARTS, strict=True):
        dress(ax, style, title=part, x="models learned from", y=GAMMA if ax is axes[0] else "", grid="y")
        for colour, (source, label) in zip(style.colours, named.items(), strict=False):
            points = [
                (len(material(on, one).train.model.unique()), result[part]["gamma"])
                for name, one in job["trained"].items()
                if _kind(one) == source
                for result in found[name]
            ]
            if points:
                x, y = zip(*points, strict=True)
                ax.semilogx(x, y, "o", ms=4, color=colour, label=label)
        for name, dash in ((NEAR, ":"), (NEAREST, "--")):
            ax.axhline(low[f"{name}, {part}"]["gamma"], color=style.muted, lw=1.0, ls=dash, label=name)
        ax.set_ylim(0, 1)
        log_ticks(ax, x=True)
    legend_below(figure, axes[0], style)
    return figure


def _kind(choice: Mapping[str, Any]) -> str:
    return VARIED if choice.get("source") == VARIED else MIXED


def _smaller(used: Mapping[str, Any]) -> str:
    return (
        "The paper learns from 75,600 traces of 50 models; a code of responses, mixed models and other currents are "
        "not in it."
    )


MIXTURES = {
    "models": 1000,
    "candidates": 4000,
    "jitter": 0.15,
    "screened": 0.15,
    "slack": 0.25,
    "told": [0.03, 0.07, 0.15],
    "told_ms": 250.0,
    "stimuli": 4,
    "varied": 1,
    "validation": 60,
    "test": 40,
}
_NEURON = {
    "kind": NEURON,
    "code": RESPONSE,
    "hidden": 16,
    "batch": 16,
    "lr": 0.01,
    "calibrated": 800,
    "epochs": 7,
    "free": 12,
    "refined": 3,
}
# as many traces seen by those with fewer
_FEW, _SOME = {"epochs": 19, "free": 33}, {"epochs": 13, "free": 22}
_BETWEEN = "responses, mixed models"

PART = Part(
    "between",
    "Models between models",
    "a causal neuron told short responses, which learned from mixed models",
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
        "fitted": [],
        "mixed": MIXTURES,
        "trained": {
            _BETWEEN: {**_NEURON, "source": MIXED},
            f"{_BETWEEN}, all currents": {**_NEURON, "source": VARIED, "epochs": 6, "free": 10, "seeds": [0]},
            "responses, published models": {**_NEURON, **_FEW, "source": PUBLISHED},
            "responses, 220 mixed models": {**_NEURON, **_SOME, "source": MIXED, "mixed": 220, "seeds": [0]},
        },
    },
    # steps of 400 ms of all models: over shorter ones, or fewer models, the nearest model is right too often to tell
    quick={
        "chunks": 1,
        "validation": 1,
        "mixed": {**MIXTURES, "models": 4, "candidates": 32, "validation": 2, "test": 4, "varied": 0},
        "trained": {
            "responses, published models": {**_NEURON, "source": PUBLISHED, "epochs": 30, "free": 12, "refined": 2},
        },
    },
    needs=(FOLDER,),
    minutes=60,
    reduced=_smaller,
)
