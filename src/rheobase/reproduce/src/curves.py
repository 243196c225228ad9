"""The pictures of part (a)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from rheobase.plot.style import TICK, Style, dress, few_ticks, legend, new_figure
from rheobase.reproduce.src import theory

WIDE = 7.2  # inches
_ROWS = (("x", "input x"), ("h", "h"), ("h_s", "h_s"), ("out", "output"))


def sequence(shown: Mapping[str, Any], biases: Sequence[float], style: Style) -> Figure:
    """A column for each bias: input, h, h_s and output over time."""
    figure = new_figure(WIDE, 4.6, style)
    axes = figure.subplots(len(_ROWS), len(biases), sharex=True, sharey="row", squeeze=False)
    time = np.arange(1, len(shown["spikes"]) + 1)
    given = time[shown["spikes"] > 0]
    for column, bias in enumerate(biases):
        for row, (name, label) in enumerate(_ROWS):
            ax = dress(axes[row, column], style, y=label if column == 0 else "")
            colour = style.muted if name == "x" else style.colours[row - 1]
            ax.plot(time, shown[name][:, column], color=colour, lw=1.1)
            if name == "x":
                ax.plot(given, np.full(len(given), -0.35), "|", ms=5, mew=0.8, color=style.ink)
            if name == "h":
                ax.axhline(0.5, color=style.grid, lw=0.8, zorder=0)
            few_ticks(ax, x=3, y=3)
        axes[0, column].set_title(f"b_h = {bias:g}", loc="left", fontsize=9, color=style.ink, fontweight="bold")
        axes[-1, column].set_xlabel("time (steps)", fontsize=TICK, color=style.muted)
    axes[0, 0].set_xlim(0, len(time))
    figure.align_ylabels(axes[:, 0])
    return figure


def rates(rate: Mapping[str, Any], biases: Sequence[float], points: Mapping[str, float], style: Style) -> Figure:
    """Rate over x, a curve for each bias."""
    figure = new_figure(WIDE, 3.0, style)
    ax = dress(figure.subplots(), style, x="constant input x", y="spikes per step", grid="y")
    predicted = theory.neimark_sacker().drive
    for k, (bias, curve) in enumerate(zip(biases, rate["rates"], strict=True)):
        colour = style.colours[k % len(style.colours)]
        ax.plot(rate["x"], curve, color=colour, lw=1.6, label=f"b_h = {bias:g}")
        for at, line in ((predicted - bias, "--"), (points["output"] - bias, ":")):
            if 0.0 < at < 3.0:
                ax.axvline(at, color=colour, lw=1.0, ls=line, zorder=1)
    ax.set_xlim(0.0, 3.0)
    ax.set_ylim(bottom=0.0)
    legend(ax, style, loc="upper left", bbox_to_anchor=(1.0, 1.0))
    return figure


def bifurcation(branch: Mapping[str, Any], points: Mapping[str, float], style: Style) -> Figure:
    """Extremes of h over x + b_h, and periods below."""
    figure = new_figure(WIDE, 4.8, style)
    top, bottom = figure.subplots(2, 1, sharex=True, height_ratios=(3, 2))
    dress(top, style, y="h", grid="y")
    dress(bottom, style, x="x + b_h", y="period (steps)", grid="y")
    drive, first, second = branch["drive"], style.colours[0], style.colours[1]
    stable = drive < points["loss"]
    top.plot(drive[stable], branch["fixed"][stable], color=style.muted, lw=1.4, label="fixed point, stable")
    top.plot(drive[~stable], branch["fixed"][~stable], color=style.muted, lw=1.2, ls="--", label="unstable")
    for name, label in (("high", "extremes of h"), ("low", None)):
        top.plot(drive[~stable], branch[name][~stable], ".", ms=3, color=first, label=label)
    top.set_ylim(-1.08, 1.22)
    _thresholds(top, points, style)
    turning = [theory.oscillation_angle(float(h)) for h in branch["fixed"]]
    predicted = [2 * np.pi / angle if angle else np.nan for angle in turning]
    bottom.plot(drive, predicted, color=style.muted, lw=1.4, label="angle of the Jacobian")
    bottom.plot(drive[::6], branch["small"][::6], "o", ms=3.5, mfc="none", color=second, label="small deviation")
    bottom.plot(drive, branch["large"], ".", ms=3, color=first, label="oscillation")
    bottom.set_ylim(8.0, 26.0)
    for ax in (top, bottom):
        for at in (points["loss"], points["output"], points["spikes"]):
            ax.axvline(at, color=style.grid, lw=1.0, zorder=0)
        legend(ax, style, loc="upper left", ncols=3 if ax is bottom else 1)
    bottom.set_xlim(float(drive[0]), float(drive[-1]))
    return figure


def _thresholds(ax: Axes, points: Mapping[str, float], style: Style) -> None:
    """A word at each threshold, above the curves; the last two lie close together."""
    words = (("loss", "oscillation", "right"), ("output", "output", "right"), ("spikes", "spikes", "left"))
    for name, word, side in words:
        shift = -3 if side == "right" else 3
        ax.annotate(
            f"{word}\n{points[name]:.3f}",
            (points[name], 1.2),
            xytext=(shift, 0),
            textcoords="offset points",
            ha=side,
            va="top",
            fontsize=TICK,
            color=style.ink,
        )
