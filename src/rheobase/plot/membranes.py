"""Membrane potentials of a few cells, with their spikes."""

from __future__ import annotations

from collections.abc import Sequence

from matplotlib.figure import Figure
from torch import Tensor

from rheobase.errors import ShapeError
from rheobase.plot.style import LIGHT, TICK, WIDTH, Style, dress, few_ticks, mark_spikes, new_figure
from rheobase.plot.time_axis import Clock, array


def membranes(
    traces: Tensor, spikes: Tensor, names: Sequence[str], *, y: str, dt: float | None, style: Style = LIGHT
) -> Figure:
    """One strip per cell: its trace, and a triangle above it at each of its spikes.

    Shapes: traces and spikes (time, cells), spikes 0 or 1; `y` names the quantity with its unit.

    Raises: `ShapeError` for other shapes.
    """
    values = array("membranes", "traces", traces, ("time", "cells"))
    fired = array("membranes", "spikes", spikes, ("time", "cells"))
    if fired.shape != values.shape or len(names) != values.shape[1]:
        given = f"traces {values.shape}, spikes {fired.shape} and {len(names)} names"
        raise ShapeError("membranes", given, "one shape, and a name for each cell", "spikes mark the same steps")
    cells = values.shape[1]
    figure = new_figure(WIDTH, 0.7 + 0.85 * cells, style)
    axes = figure.subplots(cells, 1, sharex=True, sharey=True, squeeze=False)[:, 0]
    clock = Clock(dt)
    time = clock.after(len(values))
    low, high = float(values.min()), float(values.max())
    for k, (ax, name) in enumerate(zip(axes, names, strict=True)):
        dress(ax, style)
        count = int(fired[:, k].sum())
        at = time[fired[:, k] > 0]
        ax.plot(time, values[:, k], color=style.colours[0], lw=1.3)
        mark_spikes(ax, at, low, high, style.colours[1])
        label = f"{name}\n{count} {'spike' if count == 1 else 'spikes'}"
        ax.text(1.01, 0.5, label, transform=ax.transAxes, va="center", fontsize=TICK, color=style.ink)
        few_ticks(ax, y=3)
    axes[-1].set_xlabel(clock.label)
    axes[-1].set_xlim(0, float(time[-1]))
    figure.supylabel(y, fontsize=9, color=style.muted)
    return figure
