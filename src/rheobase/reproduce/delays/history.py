"""(a) The length of the history against the size of the network: do small networks gain most, as the paper claims?"""

from __future__ import annotations

from typing import Any

from matplotlib.figure import Figure

from rheobase.plot import Picture, Style, Table
from rheobase.plot.style import WIDTH, dress, legend, new_figure
from rheobase.reproduce.delays.sweep import COLUMNS, QUICK, SETTINGS, Line, line, said
from rheobase.reproduce.job import Job
from rheobase.reproduce.paper import Finding, Part


def run(job: Job) -> Finding:
    found: dict[int, list[tuple[int, Line]]] = {}
    for hidden in job["hidden"]:
        for taps in job["taps"]:
            choice = {"hidden": hidden, "taps": taps, "cell": "AdLIF", "place": "states"}
            found.setdefault(hidden, []).append((taps, line(job, f"{hidden}-taps-{taps}", choice)))
    rows: list[tuple[Any, ...]] = [(h, n, *one.cells) for h, lines in found.items() for n, one in lines]
    gains = {h: max(lines[1:], key=lambda pair: pair[1].mean)[1].mean - lines[0][1].mean for h, lines in found.items()}
    text = "The best history over none, in points: " + ", ".join(f"{h} cells {g:+.1f}" for h, g in gains.items()) + "."
    return Finding(
        text,
        tables=[Table("Length of the history", ("cells per layer", "taps", *COLUMNS), rows, said(job))],
        pictures=[Picture("Length of the history", "Mean over seeds; bars are standard deviations.", text,
                          lambda style: _draw(found, job["step_ms"], style))],
    )  # fmt: skip


def _draw(found: dict[int, list[tuple[int, Line]]], step_ms: float, style: Style) -> Figure:
    figure = new_figure(WIDTH, 3.0, style)
    ax = dress(figure.subplots(), style, x=f"taps (steps of {step_ms:g} ms)", y="test accuracy (%)", grid="y")
    for k, (hidden, lines) in enumerate(found.items()):
        taps, means, spreads = zip(*((n, one.mean, one.spread) for n, one in lines), strict=True)
        ax.errorbar(taps, means, yerr=spreads, marker="o", ms=4, lw=1.6, capsize=3, color=style.colours[k],
                    label=f"2 x {hidden} cells")  # fmt: skip
    legend(ax, style, loc="lower right")
    return figure


PART = Part(
    "history", "Length of the history", "adLIF networks of several sizes with histories of several lengths", run,
    settings={**SETTINGS, "hidden": [16, 32, 64, 128], "taps": [0, 5, 10, 25]},
    quick={**QUICK, "hidden": [16], "taps": [0, 5]},
    needs=("spoken_digits|fsdd_cochlea_spikes",),
    minutes=10,
)  # fmt: skip
