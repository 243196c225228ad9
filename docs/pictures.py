"""Pictures that the library draws itself: the README's six cells under a step of current, those of pages, and how near
the schemes of cells come to dt -> 0 (from `benchmarks/results/schemes.json`).

python docs/pictures.py
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import torch

from rheobase import Neuron, channels, neurons
from rheobase.cells import Cell, Compartments, Section, Synapse
from rheobase.files import atomic_write
from rheobase.plot.style import LIGHT, TICK, WIDTH, dress, few_ticks, legend, log_ticks, new_figure, save
from rheobase.plot.vector import adaptive_svg
from rheobase.synapses import DoubleExponential, spike_trains

STOP, ON, OFF = 240.0, 30.0, 190.0  # ms, or steps for a cell that counts in steps
CELLS: tuple[tuple[str, Neuron, str, float], ...] = (
    ("LIF, leaky", neurons.LIF(1, dt=0.1), "v", 1.6),
    ("Izhikevich, bursting", neurons.Izhikevich.named("CH", 1, dt=0.1), "v", 10.0),
    ("AdEx, adapting", neurons.AdEx.named("adaptation", 1, dt=0.02), "v", 500.0),
    ("Hodgkin-Huxley", neurons.HodgkinHuxley(1, dt=0.02), "v", 8.0),
    ("Resonate-and-fire", neurons.ResonateAndFire(1, dt=0.1, damping=-0.03), "v", 0.175),
    ("SRC, a spiking recurrent cell", neurons.SRC(1), "h", 0.3),
)


def of_page(page: str) -> None:
    """The `figure` that the examples of a page draw."""
    names: dict[str, Any] = {}
    text = (Path(__file__).parent / f"{page}.md").read_text(encoding="utf-8")
    torch.manual_seed(0)  # a page need not say it, and its picture is the same each time
    exec(re.findall(r"```python\n(.*?)```", text, re.DOTALL)[0], names)
    save(names["figure"], Path(__file__).parent / "img" / f"{page}.png")


def of_readme() -> None:
    style = LIGHT
    figure = new_figure(9.0, 4.2, style)
    axes = figure.subplots(2, 3).flat
    for k, (ax, (title, neuron, state, amplitude)) in enumerate(zip(axes, CELLS, strict=True)):
        dt = 1.0 if neuron.dt is None else neuron.dt
        t = torch.arange(round(STOP / dt)) * dt
        current = (amplitude * ((t >= ON) & (t < OFF)).float()).view(-1, 1, 1)
        with torch.no_grad():
            out, _, rec = neuron(current, record=(state,))
        v = rec[0][:, 0, 0]
        label = f"{state} (mV)" if neuron.states[state].unit == "mV" else state
        dress(ax, style, title=title, x="step" if neuron.dt is None else "ms", y=label)
        ax.axvspan(ON, OFF, color=style.grid, alpha=0.55, lw=0)
        ax.plot(t, v, color=style.colours[k % len(style.colours)], lw=1.3)
        top, bottom = v.max().item(), v.min().item()
        if not neuron.graded:
            at = t[out[:, 0, 0].bool()]
            ax.plot(at, [top + 0.12 * (top - bottom)] * len(at), "v", ms=4, color=style.ink)
        ax.set_ylim(bottom - 0.08 * (top - bottom), top + 0.25 * (top - bottom))
        ax.set_xlim(0, STOP)
        few_ticks(ax, x=5, y=4)
    atomic_write(Path(__file__).parent / "img" / "neurons.svg", adaptive_svg(figure))


def of_synapses() -> None:
    """A fast and a slow synaptic potential on their way along a dendrite: over time, and their peaks."""
    style, dt, stop = LIGHT, 0.025, 80.0
    soma = Section("soma", length=20, diameter=20)
    dend = Section("dend", length=600, diameter=(2.5, 1.0), parent=soma)
    tree = Compartments.of([soma, dend], nseg=41)
    places = [f"dend({x:.6f})" for x in tree.x[tree.segments] if x > 0][41:]
    figure = new_figure(9.0, 3.2, style)
    over_time, along = figure.subplots(1, 2)
    for k, (title, tau) in enumerate((("fast (2 ms)", 2.0), ("slow (40 ms)", 40.0))):
        receptor = DoubleExponential(weight=3e-4, tau_rise=0.3, tau_decay=tau)
        leak = {kind: [channels.Pas(g=5e-5, e=-70.0)] for kind in ("soma", "dend")}
        cell = Cell(
            tree,
            leak,
            dt=dt,
            Ra=150.0,
            v_init=-70.0,
            inputs={"exc": Synapse("dend(0.95)", receptor)},
        )
        with torch.no_grad():
            _, _, rec = cell(spike_trains([5.0], t_stop=stop, dt=dt), record=("soma", *places))
        t = dt * torch.arange(1, len(rec["soma"]) + 1)
        if k == 0:
            shown = [places[38], places[30], places[22], places[12], "soma"]
            for place, share in zip(shown, (1.0, 0.8, 0.6, 0.45, 0.3), strict=True):
                far = tree.distance[tree.index(*_read(place))]
                label = "soma" if place == "soma" else f"{far:.0f} um"
                over_time.plot(t, rec[place][:, 0], color=style.colours[0], alpha=share, lw=1.4, label=label)
        peaks = [float(rec[place].max()) + 70.0 for place in ("soma", *places)]
        far = [0.0, *(tree.distance[tree.index(*_read(place))] for place in places)]
        along.plot(far, peaks, color=style.colours[k], lw=1.6, label=title)
    at = tree.distance[tree.index("dend", 0.95)]
    dress(over_time, style, title=f"a fast synapse at {at:.0f} um", x="ms", y="mV")
    dress(along, style, title="peak along the way to the soma", x="um from the soma", y="mV above rest")
    over_time.set_xlim(0, 40)
    along.set_xlim(0, 620)
    along.set_ylim(0, None)
    for ax in (over_time, along):
        few_ticks(ax, x=5, y=5)
        legend(ax, style)
    save(figure, Path(__file__).parent / "img" / "epsp.png")


def _read(place: str) -> tuple[str, float]:
    name, _, x = place.rstrip(")").partition("(")
    return name, float(x or 0.5)


def of_schemes() -> None:
    """Error by cost of the schemes, and NEURON's at 0.0025 ms."""
    found = json.loads((Path(__file__).parents[1] / "benchmarks" / "results" / "schemes.json").read_text("utf-8"))
    figure = new_figure(WIDTH, 3.6, LIGHT)
    ax = dress(
        figure.subplots(),
        LIGHT,
        title="The error of spike times, by what it costs",
        x="processor seconds for a second of one trace",
        y="largest error of a spike (ms)",
        grid="both",
    )
    for (name, steps), colour in zip(found["rows"].items(), LIGHT.colours, strict=False):
        shown = [(row["seconds"], max(row["ms"]), dt) for dt, row in steps.items() if None not in row["ms"]]
        ax.loglog([x for x, _, _ in shown], [y for _, y, _ in shown], "o-", color=colour, lw=1.3, ms=4, label=name)
        for x, y, dt in shown:
            ax.annotate(f"{dt} ms", (x, y), (4, 4), textcoords="offset points", fontsize=TICK - 1, color=colour)
    most = max(found["NEURON"]["0.0025"])
    ax.axhline(most, color=LIGHT.muted, lw=0.9, ls="--")
    ax.annotate(
        "NEURON at 0.0025 ms",
        (0.01, most),
        (0, 3),
        xycoords=("axes fraction", "data"),
        textcoords="offset points",
        fontsize=TICK,
        color=LIGHT.muted,
    )
    ax.set_xlim(right=1.3 * ax.get_xlim()[1])
    log_ticks(ax, x=True, y=True)
    ax.legend(fontsize=TICK, frameon=False, labelcolor=LIGHT.ink, loc="lower left")
    save(figure, Path(__file__).parent / "img" / "schemes.png")


def main() -> None:
    of_readme()
    of_synapses()
    of_schemes()
    of_page("morphology")
    of_page("energy")
    of_page("chip")
    of_page("deploy")
    of_page("mixed_signal")


if __name__ == "__main__":
    main()
