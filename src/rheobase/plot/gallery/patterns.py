"""A sheet of firing patterns: one panel for each named parameter set, under the protocol of its source."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from rheobase.core.declaration.describe import display, labelled
from rheobase.current_clamp import Response, membrane
from rheobase.plot.gallery.traces import spiking_curve, thinned
from rheobase.plot.style import LABEL, TICK, Style, dress, few_ticks, new_figure
from rheobase.plot.time_axis import Clock

COLUMNS, PANEL = 4, (2.1, 1.75)  # inches


def patterns(runs: Mapping[str, Response], *, style: Style) -> Figure:
    """Small multiples: the membrane, with the current below it, its spikes counted."""
    columns = min(COLUMNS, max(2, len(runs)))
    rows = math.ceil(len(runs) / columns)
    figure = new_figure(PANEL[0] * columns, PANEL[1] * rows, style)
    axes = figure.subplots(rows, columns, squeeze=False)
    for k, ax in enumerate(axes.flat):
        if k >= len(runs):
            ax.set_axis_off()
    for ax, (name, run) in zip(axes.flat, runs.items(), strict=False):
        _panel(ax, name.replace("_", " "), run, style)
    first = next(iter(runs.values()))
    kind, potential = type(first.neuron), membrane(first.neuron)
    axis = f"{labelled(potential, kind.states[potential].unit)}, and below it the input"
    figure.supylabel(
        axis if rows > 1 else labelled(potential, kind.states[potential].unit), fontsize=LABEL, color=style.muted
    )
    return figure


def _panel(ax: Axes, title: str, run: Response, style: Style) -> None:
    clock, kind = Clock(run.dt), type(run.neuron)
    time, values = spiking_curve(run, membrane(run.neuron))
    dress(ax, style)
    ax.set_title(title, loc="left", fontsize=TICK, color=style.ink, fontweight="bold", pad=3)
    ax.plot(*thinned(time, values, 1500), color=style.colours[0], lw=0.9)
    low, high = float(np.nanmin(values)), float(np.nanmax(values))
    span = (high - low) or 1.0
    current = run.current.numpy()
    bottom, top = float(current.min()), float(current.max())
    # the current takes the lowest fifth of the panel
    share = (current - bottom) / ((top - bottom) or 1.0)
    ax.plot(
        *_steps(*thinned(clock.edges(len(current))[:-1], low + span * (0.2 * share - 0.36), 1500)),
        color=style.muted,
        lw=0.9,
    )
    if _unseen(run):
        at = clock.after(len(current))[run.spikes.numpy()]
        ax.plot(at, np.full(run.count, high + 0.12 * span), "|", ms=4, mew=0.8, color=style.ink)
        high += 0.2 * span
    ax.set_ylim(low - 0.42 * span, high + 0.06 * span)
    ax.set_xlim(0, clock.step * len(current))
    few_ticks(ax, y=3)
    ax.set_yticks([tick for tick in ax.get_yticks() if low - 0.02 * span <= tick <= high + 0.02 * span])
    ax.set_xticks([])
    ax.tick_params(labelsize=TICK - 1.5)
    spikes = f"{run.count} {'spike' if run.count == 1 else 'spikes'}"
    level = f"{_short(bottom)} to {_short(top)}" if top > bottom else _short(top)
    level = f"{level} {display(kind.input_unit)}".rstrip()
    ax.set_xlabel(
        f"{clock.step * len(current):g} {clock.unit}, {level}, {spikes}", fontsize=TICK - 1.5, color=style.muted
    )


def _unseen(run: Response) -> bool:
    """Whether the membrane does not show the spikes: it crosses a threshold and is not reset."""
    name, at = membrane(run.neuron), run.spikes
    spiking = getattr(run.neuron, "crossing", False) or run.neuron.graded
    return bool(at.any()) and not spiking and bool((run.before[name][at] == run.states[name][at]).all())


def _steps(time: np.ndarray, values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    return np.repeat(time, 2)[1:], np.repeat(values, 2)[:-1]


def _short(value: float) -> str:
    return f"{value:.3g}".replace("-", "\N{MINUS SIGN}")
