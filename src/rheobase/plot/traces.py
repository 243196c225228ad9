"""Traces of a few cells, membrane potentials say, with their spikes."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from torch import Tensor

from rheobase.errors import ParameterError, ShapeError
from rheobase.plot.style import LIGHT, TICK, WIDTH, Style, dress, few_ticks, mark_spikes, new_figure
from rheobase.plot.time_axis import Clock, array, ends, spike_array

MOST = 16  # strips of a figure


def traces(
    values: Tensor,
    spikes: Tensor | None = None,
    names: Sequence[str] | None = None,
    *,
    y: str = "v",
    dt: float | None,
    style: Style = LIGHT,
) -> Figure:
    """One strip per cell: its trace, and a triangle above it at each of its spikes, where they are given.

    Shapes: values and spikes (time, cells), spikes 0 or 1; `y` names the quantity with its unit; dt in ms, or None
    where time is in steps.

    Raises: `ShapeError` for other shapes, `DTypeError`, `InputError` for spikes that are neither 0 nor 1,
    `ParameterError` for a dt that is none and for more cells than can be told apart.

    >>> import torch
    >>> from rheobase import neurons
    >>> spikes, _, rec = neurons.LIF(3, dt=1.0)(torch.rand(100, 1, 3) * 3, record=("v",))
    >>> figure = traces(rec.v[:, 0], spikes[:, 0], dt=1.0)
    >>> len(figure.axes)
    3
    """
    traced = array("traces", "values", values, ("time", "cells"))
    fired = np.zeros_like(traced) if spikes is None else spike_array("traces", "spikes", spikes, ("time", "cells"))
    cells = traced.shape[1]
    names = [f"cell {k}" for k in range(cells)] if names is None else names
    if fired.shape != traced.shape or len(names) != cells:
        given = f"values {traced.shape}, spikes {fired.shape} and {len(names)} names"
        raise ShapeError("traces", given, "one shape, and a name for each cell", "spikes mark the same steps")
    if cells > MOST:
        raise ParameterError("traces", f"{cells} cells", f"at most {MOST}, a strip each", "choose some: values[:, :8]")
    clock = Clock.checked("traces", dt)
    figure, axes = strips(traced, clock, y=y, style=style)
    low, high = ends(traced)
    time = clock.after(len(traced))
    for k, (ax, name) in enumerate(zip(axes, names, strict=True)):
        ax.plot(time, traced[:, k], color=style.colours[0], lw=1.3)
        count = int(fired[:, k].sum())
        count_text = "" if spikes is None else f"\n{count} {'spike' if count == 1 else 'spikes'}"
        if spikes is not None:
            mark_spikes(ax, time[fired[:, k] > 0], low, high, style.colours[1])
        ax.text(1.01, 0.5, f"{name}{count_text}", transform=ax.transAxes, va="center", fontsize=TICK, color=style.ink)
    return figure


def strips(values: np.ndarray, clock: Clock, *, y: str, style: Style) -> tuple[Figure, list[Axes]]:
    """An empty strip for each cell of values (time, cells), one above the other, over one time axis."""
    cells = values.shape[1]
    figure = new_figure(WIDTH, 0.7 + 0.85 * cells, style)
    axes = list(figure.subplots(cells, 1, sharex=True, sharey=True, squeeze=False)[:, 0])
    for ax in axes:
        dress(ax, style)
        few_ticks(ax, y=3)
    axes[-1].set_xlabel(clock.label)
    axes[-1].set_xlim(0, len(values) * clock.step)
    figure.supylabel(y, fontsize=9, color=style.muted)
    return figure, axes
