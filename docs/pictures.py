"""The README's picture: one cell of each of six kinds under a step of current, drawn by the library itself.

python docs/pictures.py
"""

from __future__ import annotations

from pathlib import Path

import torch

from rheobase import Neuron, neurons
from rheobase.plot.style import LIGHT, dress, few_ticks, new_figure, save

STEPS, ON, OFF = 240, 30, 190
CELLS: tuple[tuple[str, Neuron, str, float], ...] = (
    ("LIF, leaky", neurons.LIF(1, dt=1.0), "v", 1.6),
    ("CubaLIF, synaptic current", neurons.CubaLIF(1, dt=1.0), "v", 1.6),
    ("AdLIF, adaptive", neurons.AdLIF(1, b=0.6), "v", 5.0),
    ("Resonate-and-fire", neurons.ResonateAndFire(1, dt=0.5, damping=-0.03), "v", 0.175),
    ("BRC, bistable", neurons.BRC(1), "h", 0.5),
    ("SRC, a spiking recurrent cell", neurons.SRC(1), "h", 0.3),
)


def main() -> None:
    style = LIGHT
    figure = new_figure(9.0, 4.2, style)
    axes = figure.subplots(2, 3, sharex=True).flat
    for k, (ax, (title, neuron, state, amplitude)) in enumerate(zip(axes, CELLS, strict=True)):
        current = torch.zeros(STEPS, 1, 1)
        current[ON:OFF] = amplitude
        with torch.no_grad():
            out, _, rec = neuron(current, record=(state,))
        v = rec[0][:, 0, 0]
        dress(ax, style, title=title, x="step" if k > 2 else "", y=state)
        ax.axvspan(ON, OFF, color=style.grid, alpha=0.55, lw=0)
        ax.plot(v, color=style.colours[k % len(style.colours)], lw=1.3)
        top, bottom = v.max().item(), v.min().item()
        if not neuron.graded:
            at = out[:, 0, 0].nonzero()[:, 0]
            ax.plot(at, [top + 0.12 * (top - bottom)] * len(at), "v", ms=4, color=style.ink)
        ax.set_ylim(bottom - 0.08 * (top - bottom), top + 0.25 * (top - bottom))
        ax.set_xlim(0, STEPS)
        few_ticks(ax, x=5, y=4)
    save(figure, Path(__file__).parent / "img" / "neurons.png")


if __name__ == "__main__":
    main()
