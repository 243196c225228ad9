"""A population of cells: traces of some of its runs, and how often each model fires under each stimulus."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from rheobase.cells import Population
from rheobase.plot.style import LABEL, LIGHT, TICK, TITLE, WIDTH, Style, dress, few_ticks, new_figure

ROWS, COLUMNS = 3, 3  # of the traces
LETTERS = 20  # of a name
POINTS = 2000  # of a trace


def population(found: Population, name: str | None = None, *, style: Style = LIGHT) -> Figure:
    """Traces of three models under three stimuli at most, and the f-I curves of all models; `name` is what is shown.

    Where stimuli do not differ in their largest current, a map of models and stimuli stands for the curves. Runs that
    are not done, and what left the numbers, stay empty.
    """
    shown = found.record[0] if name is None else name
    models, stimuli = _spread(len(found.models), ROWS), _spread(len(found.stimuli), COLUMNS)
    figure = new_figure(WIDTH, 3.0 + 0.95 * len(models), style)
    above, below = figure.subfigures(2, 1, squeeze=False, height_ratios=(0.5 + 0.95 * len(models), 2.5))[:, 0]
    for part in (above, below):
        part.set_facecolor(style.background)
    axes = above.subplots(len(models), len(stimuli), sharex=True, sharey=True, squeeze=False)
    _traces(axes, found, shown, models, stimuli, style)
    above.suptitle(_title(found), x=0.01, ha="left", fontsize=TITLE, fontweight="bold", color=style.ink)
    above.supylabel(f"{shown} ({found.traces(shown).attrs['units']})", fontsize=LABEL, color=style.muted)
    peaks = _peaks(found.current)
    ax = below.subplots()
    if len(set(peaks.tolist())) == len(peaks) > 1:
        _curves(ax, peaks, found.rates, style)
    else:
        _map(below, ax, found.rates, style)
    return figure


def _spread(count: int, most: int) -> list[int]:
    """At most so many numbers below `count`, the first and the last among them."""
    return sorted({round(at) for at in np.linspace(0, count - 1, min(count, most))})


def _title(found: Population) -> str:
    models, stimuli = len(found.models), len(found.stimuli)
    many = f"{models} {'model' if models == 1 else 'models'}, {stimuli} {'stimulus' if stimuli == 1 else 'stimuli'}"
    return many if found.complete else f"{many}, unfinished"


def _traces(axes: Any, found: Population, name: str, models: list[int], stimuli: list[int], style: Style) -> None:
    array, time = found.traces(name), found.time
    for row, m in enumerate(models):
        for column, s in enumerate(stimuli):
            ax = axes[row, column]
            dress(ax, style)
            values = array[m, s]
            # of a state, that of its first compartment
            values = values if values.ndim == 1 else values[0]
            every = max(1, len(values) // POINTS)
            ax.plot(*_envelope(time, values, every), lw=0.8, color=style.colours[0])
            few_ticks(ax, x=3, y=3)
            if row == 0:
                ax.set_title(_short(found.stimuli[s]), fontsize=TICK, color=style.ink)
            if column == len(stimuli) - 1:
                label = _short(Path(found.models[m]).stem)
                ax.text(1.02, 0.5, label, transform=ax.transAxes, va="center", fontsize=TICK, color=style.ink)
    for ax in axes[-1]:
        ax.set_xlabel("time (ms)", fontsize=LABEL, color=style.muted)
        ax.set_xlim(0, found.t_stop)


def _envelope(time: np.ndarray, values: np.ndarray, every: int) -> tuple[np.ndarray, np.ndarray]:
    """Least and largest of each stretch, in their order: no spike gets lost between points."""
    if every == 1:
        return time, values
    count = len(values) // every
    block = values[: count * every].reshape(count, every)
    ends = np.sort(np.stack([block.argmin(1), block.argmax(1)], 1), axis=1)
    at = (ends + np.arange(count)[:, None] * every).ravel()
    return time[at], values[at]


def _short(name: str) -> str:
    return name if len(name) <= LETTERS else f"{name[: LETTERS - 1]}\u2026"


def _peaks(current: np.ndarray) -> np.ndarray:
    """The value farthest from 0 of each stimulus, nA."""
    return current[np.arange(len(current)), np.abs(current).argmax(1)]


def _curves(ax: Axes, peaks: np.ndarray, rates: np.ndarray, style: Style) -> None:
    order = np.argsort(peaks)
    dress(ax, style, x="largest current of a stimulus (nA)", y="rate (Hz)", grid="y")
    many = len(rates) > 1
    for k, row in enumerate(rates):
        label = "each model" if many and k == 0 else None
        ax.plot(peaks[order], row[order], "-", lw=0.8, color=style.muted, alpha=0.5 if many else 1.0, label=label)
    if np.isfinite(rates).all():
        middle = np.median(rates, axis=0)
        ax.plot(
            peaks[order], middle[order], "o-", lw=1.6, ms=4, color=style.colours[1], label="median" if many else None
        )
    few_ticks(ax, x=6, y=5)
    if many:
        ax.legend(frameon=False, fontsize=TICK, labelcolor=style.ink, loc="upper left")


def _map(figure: Any, ax: Axes, rates: np.ndarray, style: Style) -> None:
    dress(ax, style, x="stimulus", y="model")
    shades = "viridis" if style.name == "dark" else "viridis_r"
    image = ax.imshow(np.ma.masked_invalid(rates), aspect="auto", cmap=shades, origin="lower")
    few_ticks(ax, x=8, y=6, whole=True)
    bar = figure.colorbar(image, ax=ax, pad=0.02)
    bar.set_label("rate (Hz)", fontsize=LABEL, color=style.muted)
    bar.ax.tick_params(labelsize=TICK, colors=style.muted, length=3)
    bar.outline.set_visible(False)
