"""The published powers of the chip, beside those of the model; and the model's power by rate and synapses."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from matplotlib.figure import Figure

from rheobase.energy import chips
from rheobase.energy.chips import Traffic
from rheobase.plot import Picture, Table
from rheobase.plot.style import WIDTH, Style, dress, few_ticks, legend, new_figure
from rheobase.reproduce.job import Job
from rheobase.reproduce.paper import Finding, Part

NEURONS = 1 << 20
# name, volts, Hz, synapses that a spike reaches, published power (mW), and where
POINTS: tuple[tuple[str, float, float, int, float, str], ...] = (
    ("fig. 17, left", 0.8, 11.58, 128, 68.0, "Akopyan et al. (2015)"),
    ("fig. 17, middle", 0.8, 20.07, 128, 71.0, "Akopyan et al. (2015)"),
    ("fig. 17, right", 0.8, 95.93, 128, 94.0, "Akopyan et al. (2015)"),
    ("energy of an event", 0.775, 20.0, 128, 72.0, "Merolla et al. (2014)"),
    ("benchmark", 0.75, 20.0, 128, 65.0, "Merolla et al. (2014)"),
    ("least", 0.70, 0.0, 128, 42.0, "Merolla et al. (2014)"),
    ("most", 1.05, 200.0, 256, 323.0, "Merolla et al. (2014)"),
)
FITTED = (0, 2)  # the ends of the line that the model is
NEAR = (0.775, 0.8)  # volts at which the model holds
COLUMNS = ("point", "volts", "rate (Hz)", "synapses", "published (mW)", "model (mW)", "difference (%)", "source")
TITLE = "Power of the chip"


def power(rate: float, synapses: int) -> float:
    """Milliwatts of a chip all of whose neurons fire at a rate (Hz) and reach so many synapses."""
    spikes = NEURONS * rate
    traffic = Traffic(1000, events=spikes * synapses, packets=spikes, spikes=spikes, cell_steps=1000.0 * NEURONS)
    return 1e3 * chips.TrueNorth().bill(traffic).power.nominal


def run(job: Job) -> Finding:
    return finding(job.settings)


def finding(settings: Mapping[str, Any]) -> Finding:
    """All of it is computed: nothing is counted before."""
    rows = list[tuple[Any, ...]]()
    for k, (name, volts, rate, synapses, known, source) in enumerate(POINTS):
        found = power(rate, synapses)
        label = f"{name} (fitted)" if k in FITTED else name
        rows.append((label, volts, rate, synapses, known, found, 100 * (found / known - 1), source))
    near = [row for row in rows if row[1] in NEAR]
    far = [row for row in rows if row[1] not in NEAR]
    worst = max(abs(row[6]) for row in near)
    text = (
        f"At 0.8 V and near it the model meets {len(near)} published powers within {worst:.1f} %, of which "
        f"{len(FITTED)} are the points that it was fitted to. At other voltages it is off by "
        f"{min(abs(row[6]) for row in far):.0f} to {max(abs(row[6]) for row in far):.0f} %, and says nothing there."
    )
    grid = [(rate, synapses, power(rate, synapses)) for synapses in settings["synapses"] for rate in settings["rates"]]
    note = (
        "The model is a line through two powers at 0.8 V. The paper measured 58 networks of rates and synapses; their "
        f"powers are in a figure alone, and {len(POINTS)} numbers are in the text."
    )
    tables = [
        Table(TITLE, COLUMNS, rows, note),
        Table("Power by rate and synapses", ("rate (Hz)", "synapses", "power (mW)"), grid, "Of the model, at 0.8 V."),
    ]
    picture = Picture(
        TITLE,
        "Lines: the model at 0.8 V, by how many synapses a spike reaches. Full dots: published powers at 0.775 and "
        "0.8 V; open dots: at other voltages, for which the model does not hold.",
        "power in milliwatts against the rate of all neurons, for several numbers of synapses, with published points",
        lambda style: _draw(grid, rows, style),
    )
    return Finding(text, tables=tables, pictures=[picture])


def _draw(grid: list[tuple[float, int, float]], rows: list[tuple[Any, ...]], style: Style) -> Figure:
    figure = new_figure(WIDTH, 3.4, style)
    ax = dress(figure.subplots(), style, x="rate of all neurons (Hz)", y="power (mW)", grid="both")
    many = sorted({synapses for _, synapses, _ in grid})
    for k, synapses in enumerate(many):
        line = [(rate, value) for rate, each, value in grid if each == synapses]
        colour = style.colours[k % len(style.colours)]
        ax.plot(*zip(*line, strict=True), color=colour, lw=1.3, label=f"{synapses} synapses")
    for near, face, said in ((True, style.ink, "published, 0.8 V"), (False, "none", "published, other voltages")):
        here = [(row[2], row[4]) for row in rows if (row[1] in NEAR) == near]
        ax.plot(*zip(*here, strict=True), "o", ms=5, mfc=face, mec=style.ink, label=said, ls="none")
    ax.set_ylim(bottom=0.0)
    few_ticks(ax, x=6, y=5)
    legend(ax, style, loc="upper left", bbox_to_anchor=(1.0, 1.0))
    return figure


PART = Part(
    "power",
    "Power",
    "published powers of the chip, and those of the model by rate and synapses",
    run,
    again=lambda held, rows: finding(held.settings),
    settings={"rates": [0.0, 10.0, 20.0, 50.0, 100.0, 150.0, 200.0], "synapses": [0, 64, 128, 192, 256]},
)
