"""Data and fit in one picture, sweep by sweep."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from rheobase.cli.fitting.job import Fitted
from rheobase.learning import Recording
from rheobase.plot import Picture, Style
from rheobase.plot.style import TICK, WIDTH, dress, few_ticks, new_figure

AT_ONCE = 5  # sweeps in a picture
POINTS = 3000  # of a trace: more than a picture has pixels


def best_sweep(fitted: Fitted) -> int:
    """The sweep to show first: that with the median number of spikes, among those held out if there are any.

    Without any spike that in which the potential moves most.
    """
    counts = [len(times) for times in fitted.recording.spike_times()]
    held = [(counts[k], k) for k in fitted.fit.split.held if counts[k]]
    spiking = sorted(held or [(count, k) for k, count in enumerate(counts) if count])
    if not spiking:
        return int(fitted.recording.v.std(1).argmax())
    return spiking[len(spiking) // 2][1]


def opening(fitted: Fitted) -> Picture:
    """The one picture with which the page begins."""
    k = best_sweep(fitted)
    return Picture(
        "Data and fit", _caption(fitted, [k]), _alt(fitted, [k]), lambda style: overlay(fitted, [k], style, height=2.6)
    )


def all_sweeps(fitted: Fitted) -> list[Picture]:
    """All sweeps, a few in a picture."""
    count = len(fitted.recording.v)
    groups = [list(range(first, min(first + AT_ONCE, count))) for first in range(0, count, AT_ONCE)]

    def picture(which: list[int]) -> Picture:
        first, last = fitted.number(which[0]), fitted.number(which[-1])
        many = f"Sweeps {first} to {last}" if len(which) > 1 else f"Sweep {first}"
        caption, alt = _caption(fitted, which), _alt(fitted, which)
        return Picture(many, caption, alt, lambda style: overlay(fitted, which, style, height=1.5))

    return [picture(which) for which in groups]


def overlay(fitted: Fitted, which: Sequence[int], style: Style, *, height: float) -> Figure:
    """Potentials of data and model over each other, their spikes as ticks above, the current below."""
    return overlay_of([(fitted, k, "") for k in which], style, height=height)


def overlay_of(rows: Sequence[tuple[Fitted, int, str]], style: Style, *, height: float) -> Figure:
    """The same of a sweep of a fit in each row, with a word that stands before it."""
    figure = new_figure(WIDTH, 0.5 + (height + 0.35) * len(rows), style)
    axes = figure.subplots(2 * len(rows), 1, sharex=True, squeeze=False, height_ratios=[height, 0.35] * len(rows))
    for row, (fitted, k, word) in enumerate(rows):
        _potential(axes[2 * row, 0], fitted, k, word, style, legend=row == 0)
        _current(axes[2 * row + 1, 0], fitted, k, style)
    axes[-1, 0].set_xlabel("time (ms)", fontsize=9, color=style.muted)
    return figure


def _potential(ax: Axes, fitted: Fitted, k: int, word: str, style: Style, *, legend: bool) -> None:
    recording = fitted.recording
    data, model = style.ink, style.colours[1]
    v = recording.v[k].numpy()
    low, high = _ends(fitted)
    span = max(high - low, 1.0)
    dress(ax, style)
    ax.plot(*_thin(v, recording), color=data, lw=0.7, label="data")
    if fitted.v is not None:
        seen = np.clip(fitted.v[k].numpy(), low - 0.1 * span, high)
        ax.plot(*_thin(seen, recording), color=model, lw=0.9, label="fit")
    for spikes, colour, place in ((recording.spikes()[k], data, 1.17), (fitted.spikes[k], model, 1.05)):
        at = spikes.nonzero()[:, 0].numpy() * recording.dt + recording.start
        ax.vlines(at, low + place * span, low + (place + 0.09) * span, color=colour, lw=1.0)
    ax.set_ylim(low - 0.05 * span, high + 0.3 * span)
    ax.set_ylabel("mV", fontsize=TICK, color=style.muted)
    few_ticks(ax, y=4)
    held = ", held out" if k in fitted.fit.split.held else ""
    recorded, own = int(recording.spikes()[k].sum()), int(fitted.spikes[k].sum())
    counts = f"{word}{', ' if word else ''}sweep {fitted.number(k)}{held}: {recorded} spikes, fit {own}"
    ax.text(0.0, 1.01, counts, transform=ax.transAxes, fontsize=TICK, color=style.ink, va="bottom")
    if legend:
        lines = ax.get_lines()
        ax.legend(
            lines,
            [str(line.get_label()) for line in lines],
            frameon=False,
            fontsize=TICK,
            labelcolor=style.ink,
            ncols=2,
            loc="lower right",
            bbox_to_anchor=(1.0, 0.98),
            borderaxespad=0.0,
            handlelength=1.4,
        )


def _ends(fitted: Fitted) -> tuple[float, float]:
    """The potentials between which all is drawn: those of the data, in which a fit has no peaks of its own to show.

    Where neither has a spike, also those of the fit, up to as far again: cut off, it would look as if it stood still.
    """
    recording, v = fitted.recording, fitted.v
    low, high = float(recording.v.min()), float(recording.v.max())
    if v is None or bool(recording.spikes().any()) or bool(fitted.spikes.any()):
        return low, high
    span = max(high - low, 1.0)
    return max(min(low, float(v.min())), low - span), min(max(high, float(v.max())), high + span)


def _current(ax: Axes, fitted: Fitted, k: int, style: Style) -> None:
    recording = fitted.recording
    dress(ax, style)
    ax.plot(*_thin(recording.current[k].numpy(), recording), color=style.muted, lw=0.8)
    ends = float(recording.current.min()), float(recording.current.max())
    ax.set_ylim(ends[0] - 0.1 * (ends[1] - ends[0]) - 1.0, ends[1] + 0.1 * (ends[1] - ends[0]) + 1.0)
    ax.set_ylabel("pA", fontsize=TICK, color=style.muted)
    few_ticks(ax, y=2)


def _thin(values: np.ndarray, recording: Recording) -> tuple[np.ndarray, np.ndarray]:
    """Times and values with at most so many points, where each pair has the extremes of its stretch: spikes stay."""
    dt, start = recording.dt, recording.start
    time = np.arange(len(values)) * dt + start
    every = len(values) // (POINTS // 2)
    if every < 2:
        return time, values
    whole = len(values) // every * every
    blocks = values[:whole].reshape(-1, every)
    ends = np.sort(np.stack([blocks.argmin(1), blocks.argmax(1)], 1), 1) + np.arange(0, whole, every)[:, None]
    return time[ends.ravel()], values[ends.ravel()]


def _caption(fitted: Fitted, which: Sequence[int]) -> str:
    name = fitted.name
    curves = "Recorded potential, and that of the fit" if fitted.v is not None else "Recorded potential"
    many = "each sweep" if len(which) > 1 else "the sweep"
    return f"{curves} ({name}, run from rest); above, spikes of data and fit; below {many}, the injected current."


def _alt(fitted: Fitted, which: Sequence[int]) -> str:
    recorded, own = (x.sum(1).int().tolist() for x in (fitted.recording.spikes(), fitted.spikes))
    counts = [f"sweep {fitted.number(k)} with {recorded[k]} spikes, the fit with {own[k]}" for k in which]
    return f"Potential over time of data and fit: {'; '.join(counts)}."
