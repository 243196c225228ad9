"""(a) The length of the history against the size of the network: do small networks gain most, as the paper claims?"""

from __future__ import annotations

import math
from typing import Any

from matplotlib.figure import Figure

from rheobase.plot import Picture, Style
from rheobase.plot.seeds import EVERY_SEED, seed_line
from rheobase.plot.style import WIDTH, dress, legend, new_figure
from rheobase.reproduce.delays.sweep import COLUMNS, QUICK, SETTINGS, line, said
from rheobase.reproduce.findings import gains
from rheobase.reproduce.job import Job
from rheobase.reproduce.paper import Finding, Part
from rheobase.reproduce.scores import Scores, scored, seeds, slope
from rheobase.reproduce.seeds import Seeds

Found = dict[int, dict[int, Scores]]


def run(job: Job) -> Finding:
    found: Found = {}
    rows: list[tuple[Any, ...]] = []
    kept = Seeds()
    for hidden in job["hidden"]:
        for taps in job["taps"]:
            choice = {"hidden": hidden, "taps": taps, "cell": "AdLIF", "place": "states"}
            one = line(job, f"{hidden}-taps-{taps}", choice, kept, {"cells per layer": hidden, "taps": taps})
            found.setdefault(hidden, {})[taps] = one.scores
            rows.append((hidden, taps, *one.cells))
    text = said_of(found)
    return Finding(
        text,
        tables=[scored("Length of the history", ("cells per layer", "taps", *COLUMNS), rows, said(job))],
        pictures=[
            Picture("Length of the history", EVERY_SEED, text, lambda style: _draw(found, job["step_ms"], style))
        ],
        seeds=kept.table(),
    )


def said_of(found: Found) -> str:
    """By how much the longest history is better than none, and whether small networks gain most."""
    none, longest = (chosen(next(iter(found.values()))) for chosen in (min, max))
    pairs = {f"{hidden} cells": (by[none], by[longest]) for hidden, by in found.items()}
    n = next(iter(pairs.values()))[0].n
    text = f"{longest} taps over {none}, in points ({seeds(n)}): {gains(pairs)}."
    each = [
        (math.log2(hidden), after - before)
        for hidden, by in found.items()
        for before, after in zip(by[none].values, by[longest].values, strict=True)
    ]
    learnt = all(one.learnt for pair in pairs.values() for one in pair)
    if len(found) < 3 or len(each) < 4 or not learnt:
        return text
    change, half = slope(*zip(*each, strict=True))
    told = "the gain changes" if abs(change) > half else "no change of the gain is told apart"
    return f"{text} With each doubling of the cells {told} ({change:+.1f} +- {half:.1f} points)."


def _draw(found: Found, step_ms: float, style: Style) -> Figure:
    figure = new_figure(WIDTH, 3.4, style)
    ax = dress(figure.subplots(), style, x=f"taps (steps of {step_ms:g} ms)", y="test accuracy (%)", grid="y")
    for k, (hidden, by) in enumerate(found.items()):
        values = [one.values for one in by.values()]
        seed_line(ax, list(by), values, colour=style.colours[k], label=f"2 x {hidden} cells")
    ax.set_xticks(sorted({taps for by in found.values() for taps in by}))
    legend(ax, style, loc="upper left", bbox_to_anchor=(1.0, 1.0))
    return figure


PART = Part(
    "history",
    "Length of the history",
    "adLIF networks of several sizes with histories of several lengths",
    run,
    settings={**SETTINGS, "hidden": [16, 32, 64, 128], "taps": [0, 5, 10, 25]},
    quick={**QUICK, "hidden": [16], "taps": [0, 5]},
    needs=("spoken_digits|fsdd_cochlea_spikes",),
    minutes=10,
)
