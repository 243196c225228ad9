"""The pictures of part (b) that are of this paper alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from rheobase.plot.style import TICK, Style, dress, few_ticks, legend, new_figure
from rheobase.reproduce.src.examples import Example
from rheobase.reproduce.src.features import SPIKE
from rheobase.reproduce.src.labels import LABELS

WIDE = 7.2  # inches
# in the order of the labels: pale where nothing leaves the cell, blue for a regular train, warm for unequal ones
_LIGHT = (
    "#f3f3f0",
    "#b9dcc6",
    "#5fae84",
    "#a8d5f2",
    "#0072b2",
    "#8d6fc4",
    "#d55e00",
    "#8f2d3f",
    "#5c6068",
    "#e69f00",
    "#f4d94a",
)
_DARK = (
    "#2a2d34",
    "#3d6b50",
    "#5fae84",
    "#2e6f96",
    "#56b4e9",
    "#a98be0",
    "#ee7a2b",
    "#c4516a",
    "#a3a8b0",
    "#e69f00",
    "#f4d94a",
)


def colours(style: Style) -> tuple[str, ...]:
    """One for each label."""
    return _DARK if style.name == "dark" else _LIGHT


def examples(chosen: Sequence[Example], style: Style) -> Figure:
    """A strip of h for each example."""
    figure = new_figure(WIDE, 0.6 + 0.62 * len(chosen), style)
    axes = figure.subplots(len(chosen), 1, sharex=True, sharey=True, squeeze=False)[:, 0]
    for ax, example in zip(axes, chosen, strict=True):
        dress(ax, style)
        colour = colours(style)[LABELS.index(example.label)]
        time = np.arange(1, len(example.step) + 1)
        ax.axvspan(1.012 * len(time), 1.03 * len(time), color=colour, clip_on=False, lw=0)
        ax.axhline(SPIKE, color=style.grid, lw=0.8, zorder=0)
        if example.kick is not None:
            ax.plot(time, example.kick, color=style.colours[1], lw=1.1)
        ax.plot(time, example.step, color=style.colours[0], lw=1.1)
        ax.text(
            1.04,
            0.5,
            example.label.replace(": ", ":\n"),
            transform=ax.transAxes,
            va="center",
            fontsize=TICK,
            color=style.ink,
        )
        few_ticks(ax, y=3)
    axes[0].set_ylim(-1.1, 1.1)
    axes[-1].set_xlim(0, len(chosen[0].step))
    axes[-1].set_xlabel("time from the step (steps)", fontsize=TICK, color=style.muted)
    figure.supylabel("h", fontsize=9, color=style.muted)
    return figure


def beginning(found: Mapping[str, Any], style: Style) -> Figure:
    """Onsets over r, and the frequencies at the onset of spikes."""
    figure = new_figure(WIDE, 3.2, style)
    left, right = figure.subplots(1, 2)
    dress(left, style, title="Onset", x="r", y="x + b_h", grid="y")
    dress(right, style, title="Frequency", x="r", y="per step", grid="y")
    r, first, second = found["r"], style.colours[0], style.colours[1]
    left.plot(r, found["predicted"], color=style.muted, lw=1.4, label="oscillation, predicted")
    left.plot(r, found["moves"], "o", ms=3.5, mfc="none", color=first, label="oscillation")
    left.plot(r, found["spikes"], "o", ms=3.5, color=second, label="spikes")
    right.plot(r, 1 / found["period"], color=style.muted, lw=1.4, label="oscillation, predicted")
    right.plot(r, found["cycles"], "o", ms=3.5, mfc="none", color=first, label="cycles at the onset of spikes")
    right.plot(r, found["rate"], "o", ms=3.5, color=second, label="spikes at their onset")
    right.plot(r, found["rate_further"], "-", lw=1.2, color=second, label="spikes 0.5 above")
    right.set_ylim(bottom=0.0)
    for ax in (left, right):
        legend(ax, style, loc="upper center", bbox_to_anchor=(0.5, -0.2))
    return figure
