"""How models are told apart: the causal neuron with each code, after the ablation of the paper (table 1)."""

from __future__ import annotations

import statistics
from collections.abc import Mapping
from typing import Any

from matplotlib.figure import Figure

from rheobase.learning.fitting.features import check_features
from rheobase.plot import Picture, Style, Table
from rheobase.plot.style import WIDTH, dress, legend, new_figure
from rheobase.reproduce.job import Job
from rheobase.reproduce.noble.between import MIXTURES
from rheobase.reproduce.noble.figures import FEATURES
from rheobase.reproduce.noble.over_seeds import over_seeds
from rheobase.reproduce.noble.settings import HELD_OUT, PROTOCOL, SHORT_PROTOCOL
from rheobase.reproduce.noble.stand_ins import NEURON
from rheobase.reproduce.noble.tables import COLUMNS, mean_of, row_of
from rheobase.reproduce.noble.traces import CODES, FOLDER, RESPONSE, Family, family
from rheobase.reproduce.paper import Finding, Part

PARTS = ("unseen amplitudes", "unseen models")
SHOWN = ("none", "s_thr", "I_thr", "s_thr, I_thr", "conductances", "its own", RESPONSE)


def run(job: Job) -> Finding:
    check_features(tuple(FEATURES.values()))
    on = family(job)
    codes = {code: {**job["network"], "code": code} for code in job["codes"]}
    found, kept = over_seeds(job, on, codes, PARTS, "code")
    said = [
        f"{part.capitalize()}, Gamma at 4 ms by code: "
        + "; ".join(f"{code} {mean_of(results, part, 'gamma')}" for code, results in found.items())
        for part in PARTS
    ]
    text, caption = f"{'. '.join(said)}.", _caption(job, on)
    return Finding(
        text,
        tables=[Table(part.capitalize(), COLUMNS, _rows(part, found), caption) for part in PARTS],
        pictures=[Picture("Gamma by code", "Each point is a seed.", text, lambda style: _drawn(found, style))],
        seeds=kept.table(),
    )


def _rows(part: str, found: Mapping[str, list[Mapping[str, Any]]]) -> list[tuple[Any, ...]]:
    return [
        (
            "causal neuron",
            code,
            len(results),
            *row_of([one[part] for one in results]),
            results[0]["parameters"],
            statistics.median(one["seconds"] for one in results),
            statistics.median(one[part]["cost"] for one in results),
        )
        for code, results in found.items()
    ]


def _caption(job: Job, on: Family) -> str:
    net = job["network"]
    return (
        f"Learned from {len(on.train)} traces of {len(on.training)} published models, {net['epochs']} epochs with the "
        f"spikes told and {net['free']} with its own, batches of {net['batch']}, Adam at {net['lr']:g} on a cosine: "
        "smaller than in the other parts. Its own: a learned code for each training model, of which others have the "
        "mean. Without a code all models have one neuron."
    )


def _drawn(found: Mapping[str, list[Mapping[str, Any]]], style: Style) -> Figure:
    figure = new_figure(WIDTH, 2.6, style)
    ax = figure.subplots()
    dress(ax, style, y="Gamma at 4 ms", grid="y")
    for shift, colour, part in zip((-0.08, 0.08), style.colours, PARTS, strict=False):
        for k, results in enumerate(found.values()):
            gammas = [one[part]["gamma"] for one in results]
            label = part if k == 0 else None
            ax.plot([k + shift] * len(gammas), gammas, "o", ms=4, color=colour, label=label)
    ax.set_xticks(range(len(found)), [code.replace(", ", ",\n").replace(" to ", "\nto ") for code in found])
    ax.set_ylim(0, 1)
    legend(ax, style)
    return figure


PART = Part(
    "ablation",
    "How models are told apart",
    "the causal neuron without a code, and with six kinds of it",
    run,
    settings={
        "seeds": [0],
        "held_out": HELD_OUT,
        "models": 50,
        "protocol": PROTOCOL,
        "chunks": 2,
        "stimuli": 8,
        "validation": 2,
        "tested": 12,
        "fitted": [],
        "mixed": MIXTURES,
        "codes": list(SHOWN),
        "network": {"kind": NEURON, "hidden": 16, "batch": 16, "lr": 0.01, "epochs": 10, "free": 12},
    },
    quick={
        "models": 12,
        "held_out": HELD_OUT[:4],
        "protocol": SHORT_PROTOCOL,
        "chunks": 1,
        "tested": 6,
        "validation": 4,
        "codes": [CODES[0], "none"],
        "mixed": None,
        "network": {"kind": NEURON, "hidden": 16, "batch": 16, "lr": 0.01, "epochs": 12, "free": 6},
    },
    needs=(FOLDER,),
    minutes=12,
    reduced="The paper's ablation learns from 75,600 traces for 300 epochs, and has other codes: no learned one, no "
    "conductances and no responses to steps, but the depth of the hyperpolarisation behind a spike.",
)
