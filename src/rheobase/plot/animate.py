"""Activity that moves: spikes or traces as they come, step by step."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Literal

import numpy as np
from matplotlib.animation import FuncAnimation
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from torch import Tensor

from rheobase.checks import is_number
from rheobase.errors import ParameterError, ShapeError
from rheobase.plot.raster import Panel, raster
from rheobase.plot.style import LIGHT, TICK, Style
from rheobase.plot.time_axis import Clock, array, ends, spike_array
from rheobase.plot.traces import MOST, strips

Kind = Literal["spikes", "traces"]
Update = Callable[[float], None]
MOST_FRAMES, DPI = 1200, 110


class Movie(FuncAnimation):
    """An animation of matplotlib that plays in a notebook; `plot.save` writes it to a file."""

    fps: float
    frames: int

    def __del__(self) -> None:
        """Nothing: matplotlib warns of an animation that nobody looked at, which is no fault."""

    def _repr_html_(self) -> str:
        return self.to_jshtml(fps=max(1, round(self.fps)))


def animate(
    values: Tensor,
    *,
    dt: float | None,
    kind: Kind = "spikes",
    window: float | None = None,
    seconds: float = 6.0,
    fps: float = 20.0,
    y: str = "",
    style: Style = LIGHT,
) -> Movie:
    """A raster ("spikes") or the traces of a few cells ("traces") as they come, as an animation of matplotlib.

    It lasts `seconds`, with `fps` pictures in each; `window` shows only the last so many ms (steps where dt is None).
    `plot.save` writes it as GIF, as MP4 (where matplotlib finds ffmpeg) or as HTML; in a notebook it plays.

    Shapes: values (time, cells), for a raster 0 or 1; dt in ms, or None where time is in steps.

    Raises: `ShapeError` for other shapes; `DTypeError`; `InputError` for spikes that are neither 0 nor 1;
    `ParameterError` for an unknown kind, a number that is none, too many frames, or more traces than can be told apart.

    >>> import torch
    >>> movie = animate(torch.eye(8), dt=1.0, seconds=0.5, fps=4)
    >>> movie.frames
    2
    """
    clock = Clock.checked("animate", dt)
    for name, given in (("seconds", seconds), ("fps", fps), ("window", window)):
        if given is not None and not is_number(given, above=0):
            raise ParameterError("animate", f"{name} = {given!r}", "a number above 0", "leave it out")
    frames = max(1, round(seconds * fps))
    if frames > MOST_FRAMES:
        given = f"{seconds:g} s of {fps:g} pictures, {frames:,} in all"
        raise ParameterError("animate", given, f"at most {MOST_FRAMES:,}", "fewer seconds, or fps=10")
    if kind == "spikes":
        figure, update, end = _raster(values, clock, y, style)
    elif kind == "traces":
        figure, update, end = _traces(values, clock, y, style)
    else:
        raise ParameterError("animate", f"kind {kind!r}", "'spikes' or 'traces'", "kind='traces' for potentials")
    return _movie(figure, update, end, window=window, frames=frames, fps=fps)


def _movie(figure: Figure, update: Update, end: float, *, window: float | None, frames: int, fps: float) -> Movie:
    # the layout stands before the first frame: it would tremble, and take most of the time
    figure.set_dpi(DPI)
    figure.draw_without_rendering()
    figure.set_layout_engine("none")
    last: Axes = figure.axes[-1]

    def draw(frame: int) -> list[Axes]:
        now = end * (frame + 1) / frames
        if window is not None:
            right = max(now, window)
            last.set_xlim(right - window, right)
        update(now)
        return figure.axes

    movie = Movie(figure, draw, init_func=lambda: None, frames=frames, interval=1000.0 / fps)  # pyright: ignore[reportArgumentType]
    movie.fps, movie.frames = fps, frames
    return movie


def _raster(values: Tensor, clock: Clock, y: str, style: Style) -> tuple[Figure, Update, float]:
    spikes = spike_array("animate", "values", values, ("time", "cells"))
    figure = raster([Panel("", values, "spikes", y or "cell")], dt=clock.dt, style=style)
    figure.set_size_inches(figure.get_figwidth(), 2.6)
    (ax,) = figure.axes
    (ticks,) = ax.lines
    (cursor,) = ax.plot([0, 0], [0, 1], color=style.muted, lw=0.8, transform=ax.get_xaxis_transform())
    time, cells = ticks.get_data()
    time, cells = np.asarray(time), np.asarray(cells)

    def update(now: float) -> None:
        shown = time <= now + 1e-9
        ticks.set_data(time[shown], cells[shown])
        cursor.set_xdata([now, now])

    return figure, update, len(spikes) * clock.step


def _traces(values: Tensor, clock: Clock, y: str, style: Style) -> tuple[Figure, Update, float]:
    held = array("animate", "values", values, ("time", "cells"))
    if held.shape[1] > MOST:
        given = f"{held.shape[1]} cells"
        raise ParameterError("animate", given, f"at most {MOST}, a strip each", "choose some: values[:, :8]")
    if not np.isfinite(held).any():
        raise ShapeError("animate", "no finite value", "a trace to draw", "check the run: the potential diverged")
    figure, axes = strips(held, clock, y=y or "v", style=style)
    low, high = ends(held)
    room = 0.06 * (high - low or 1.0)
    axes[0].set_ylim(low - room, high + room)
    time = clock.after(len(held))
    lines = [ax.plot([], [], color=style.colours[0], lw=1.3)[0] for ax in axes]
    dots = [ax.plot([], [], "o", ms=4, color=style.colours[1])[0] for ax in axes]
    for k, ax in enumerate(axes):
        ax.text(1.01, 0.5, f"cell {k}", transform=ax.transAxes, va="center", fontsize=TICK, color=style.ink)

    def update(now: float) -> None:
        upto = max(1, math.floor(now / clock.step + 1e-9))
        for k, (line, dot) in enumerate(zip(lines, dots, strict=True)):
            line.set_data(time[:upto], held[:upto, k])
            dot.set_data(time[upto - 1 : upto], held[upto - 1 : upto, k])

    return figure, update, len(held) * clock.step
